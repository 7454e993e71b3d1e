/* SPDX-License-Identifier: MIT
 * fuzz_modes.c -- what modes read of people, programs and models: utterances that may be orders or messages, texts of
 * meetings, pages and controls, answers of a model. Whatever comes in, what goes out keeps its limits. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "base/utf8.h"
#include "modes/command.h"
#include "modes/insight.h"
#include "modes/intake.h"
#include "modes/page.h"
#include "modes/peer.h"
#include "modes/summary.h"
#include "modes/tell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void utterance(struct slice s)
{
    struct slice text = {0};
    const struct slice words[] = {SLICE("end it"), SLICE("结束")};
    assert(command_mode(s).kind <= COMMAND_LEAVE);
    assert(command_task(s).ordinal <= 9999);
    (void)command_finalizes(s, NULL, 0);
    (void)command_finalizes(s, words, COUNT(words));
    (void)command_ordinal(s);
    if (tell_read(s, "Ben", &text) || tell_read(s, "小明", &text))
        assert(text.len > 0 && text.data >= s.data && text.data + text.len <= s.data + s.len);
}

static void meeting_text(struct slice s)
{
    struct intake in;
    auto_buf struct buf out = {0};
    intake_init(&in, 60000);
    (void)intake_add_term(&in, SLICE("ben"), SLICE("Benjamin of the long name"));
    (void)intake_clean(&in, s, &out);
    assert(out.len <= INTAKE_TEXT_BYTES);
    (void)intake_take(&in, 1, buf_slice(&out));
    intake_done(&in);
}

static void answer(struct slice s)
{
    struct summary sum = {0};
    struct insight ins;
    auto_buf struct buf out = {0};
    struct jw w;
    (void)summary_read(&sum, s);
    summary_guess(&sum, &s, 1);
    jw_init(&w, &out);
    jw_object(&w);
    summary_write(&sum, "Minutes", &w, "summary");
    (void)peer_write_normalized(&w, "normalized", s, SLICE("original"));
    insight_init(&ins, 5, 6);
    (void)insight_read(&ins, s);
    insight_write(&ins, &w);
    jw_end(&w);
    auto_json struct json *j = NULL;
    assert(json_parse(&j, buf_slice(&out), &(struct json_limits){.nodes_max = 65536}) == OK);
    assert(json_len(json_get(json_get(j, "summary"), "bullets")) <= SUMMARY_BULLETS_MAX);
    summary_done(&sum);
    insight_done(&ins);
}

static void page(struct slice s)
{
    auto_json struct json *j = NULL;
    auto_buf struct buf drawn = {0}, control = {0};
    if (json_parse(&j, s, NULL))
        return;
    if (page_clean(&drawn, j, NULL, "1", 1) == PAGE_OK)
        assert(drawn.len <= PAGE_JSON_MAX_BYTES);
    (void)control_clean(&control, j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_from((const char *)data, size);
    utterance(s);
    if (utf8_valid(s)) { /* frames that are not were refused before */
        meeting_text(s);
        answer(s);
        page(s);
    }
    return 0;
}
