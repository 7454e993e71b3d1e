/* SPDX-License-Identifier: MIT
 * summary.c -- a model is asked for JSON and may answer anything; what cannot be read is left out, never
 * guessed. */
#include "modes/summary.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "modes/reply.h"

#define GUESS_CHARS_MIN 4
#define GUESS_CHARS_MAX 40

const char *summary_key(enum summary_list list)
{
    static const char *const keys[SUMMARY_LISTS] = {"bullets", "decisions", "actions", "risks", "nextSteps"};
    return keys[list];
}

static unsigned list_cap(enum summary_list list)
{
    return list == SUMMARY_BULLETS ? SUMMARY_BULLETS_MAX : SUMMARY_LIST_MAX;
}

void summary_done(struct summary *s)
{
    mem_free(s->title);
    for (int l = 0; l < SUMMARY_LISTS; l++) {
        for (unsigned i = 0; i < s->counts[l]; i++)
            mem_free(s->items[l][i]);
    }
    *s = (struct summary){0};
}

/* At most `chars` characters and `bytes` bytes, at a boundary. */
static struct slice clip(struct slice text, size_t chars, size_t bytes)
{
    size_t at = 0;
    while (chars-- && at < text.len) {
        size_t next = at;
        if (utf8_next(text, &next) < 0 || next > bytes)
            break;
        at = next;
    }
    return slice_sub(text, 0, at);
}

void summary_add(struct summary *s, enum summary_list list, struct slice text)
{
    text = clip(slice_trim(text), SIZE_MAX, SUMMARY_ITEM_BYTES);
    if (!text.len || !utf8_valid(text) || s->counts[list] >= list_cap(list))
        return;
    for (unsigned i = 0; i < s->counts[list]; i++) {
        if (slice_eq(slice_of(s->items[list][i]), text))
            return;
    }
    s->items[list][s->counts[list]++] = xslicedup(text);
}

static void read_list(struct summary *s, enum summary_list list, const struct json *v)
{
    if (json_is(v, JSON_STRING)) { /* one item where a list was asked for */
        summary_add(s, list, json_text(v));
        return;
    }
    if (!json_is(v, JSON_ARRAY))
        return;
    for (size_t i = 0; i < json_len(v); i++)
        summary_add(s, list, json_text(json_at(v, i)));
}

bool summary_read(struct summary *s, struct slice reply)
{
    auto_json struct json *j = NULL;
    if (!reply_object(&j, reply))
        return false;
    struct summary got = {0};
    struct slice title = clip(slice_trim(json_get_text(j, "title")), SUMMARY_TITLE_CHARS, SIZE_MAX);
    if (title.len)
        got.title = xslicedup(title);
    for (int l = 0; l < SUMMARY_LISTS; l++)
        read_list(&got, (enum summary_list)l, json_get(j, summary_key((enum summary_list)l)));
    bool is_usable = got.title != NULL;
    for (int l = 0; l < SUMMARY_LISTS; l++)
        is_usable = is_usable || got.counts[l];
    if (!is_usable)
        return false;
    got.duration_ms = s->duration_ms;
    summary_done(s);
    *s = got;
    return true;
}

void summary_clip(struct summary *s, size_t max_bytes)
{
    for (unsigned list = 0; list < SUMMARY_LISTS; list++) {
        for (unsigned i = 0; i < s->counts[list]; i++) {
            struct slice item = slice_of(s->items[list][i]);
            if (item.len > max_bytes)
                s->items[list][i][utf8_cut(item, max_bytes)] = '\0';
        }
    }
}

void summary_guess(struct summary *s, const struct slice *said, size_t count)
{
    /* The length that the longest SUMMARY_BULLETS_MAX of them reach. */
    size_t longest[SUMMARY_BULLETS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        size_t chars = utf8_chars(slice_trim(said[i]));
        for (size_t k = 0; k < COUNT(longest); k++) {
            if (chars > longest[k]) {
                memmove(&longest[k + 1], &longest[k], (COUNT(longest) - k - 1) * sizeof(longest[0]));
                longest[k] = chars;
                break;
            }
        }
    }
    size_t enough = longest[MIN(count ? count : 1, COUNT(longest)) - 1];
    for (size_t i = 0; i < count; i++) {
        struct slice text = slice_trim(said[i]);
        size_t chars = utf8_chars(text);
        if (chars >= enough && (chars >= GUESS_CHARS_MIN || count <= SUMMARY_BULLETS_MAX))
            summary_add(s, SUMMARY_BULLETS, clip(text, GUESS_CHARS_MAX, SUMMARY_ITEM_BYTES));
    }
    if (!s->counts[SUMMARY_BULLETS] && count)
        summary_add(s, SUMMARY_BULLETS, clip(slice_trim(said[0]), GUESS_CHARS_MAX, SUMMARY_ITEM_BYTES));
}

uint64_t summary_duration_ms(int64_t start_ms, int64_t last_segment_ms, int64_t now_ms, uint64_t min_ms)
{
    int64_t end_ms = MAX(last_segment_ms, now_ms);
    uint64_t ms = end_ms > start_ms ? (uint64_t)(end_ms - start_ms) : 0;
    return MAX(ms, min_ms);
}

void summary_clock(uint64_t duration_ms, char out[16])
{
    uint64_t s = MIN(duration_ms / 1000, (uint64_t)999 * 3600 + 3599);
    snprintf(out, 16, "%02u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}

void summary_write(const struct summary *s, const char *default_title, struct jw *w, const char *key)
{
    char clock[16];
    summary_clock(s->duration_ms, clock);
    jw_object_as(w, key);
    jw_cstr(w, "title", s->title ? s->title : default_title);
    jw_cstr(w, "duration", clock);
    for (int l = 0; l < SUMMARY_LISTS; l++) {
        jw_array_as(w, summary_key((enum summary_list)l));
        for (unsigned i = 0; i < s->counts[l]; i++)
            jw_cstr(w, NULL, s->items[l][i]);
        jw_end(w);
    }
    jw_end(w);
}
