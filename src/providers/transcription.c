/* SPDX-License-Identifier: MIT
 * transcription.c -- {"text": ".."}, {"segments":[{"text"}]}, plain text; everything else is an error. */
#include "providers/transcription.h"

#include "base/json.h"
#include "base/utf8.h"
#include "providers/openai.h"

static const struct json_limits limits = { .depth_max = 16, .nodes_max = 50000 };

void transcription_read(struct slice body, int status, struct buf *out, struct err_note *note)
{
    auto_json struct json *root = NULL;
    struct slice text = slice_trim(body);
    if (!text.len)
        return;
    if (text.data[0] != '{') {
        if (text.data[0] == '<' || text.data[0] == '[' || !utf8_valid(text)) {
            openai_explain(note, status, text);
            note->err = ERR_PROTO;
        } else {
            buf_put(out, text);
        }
        return;
    }
    if (json_parse(&root, text, &limits) != OK || json_get(root, "error") || !json_is(root, JSON_OBJECT)) {
        openai_explain(note, status, text);
        note->err = json_get(root, "error") ? ERR_UPSTREAM : ERR_PROTO;
        return;
    }
    if (json_is(json_get(root, "text"), JSON_STRING)) {
        buf_put(out, slice_trim(json_get_text(root, "text")));
        return;
    }
    const struct json *segments = json_get(root, "segments");
    if (!json_is(segments, JSON_ARRAY)) {
        openai_explain(note, status, SLICE("{"));
        note->err = ERR_PROTO;
    }
    for (size_t i = 0; json_is(segments, JSON_ARRAY) && i < json_len(segments); i++)
        buf_put(out, json_get_text(json_at(segments, i), "text"));
}
