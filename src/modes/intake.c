/* SPDX-License-Identifier: MIT
 * intake.c -- repeats are found by digest, so what was said is not kept twice in memory. */
#include "modes/intake.h"

#include <ctype.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/utf8.h"

void intake_init(struct intake *in, unsigned dedupe_ms)
{
    *in = (struct intake){.dedupe_ms = dedupe_ms};
}

void intake_done(struct intake *in)
{
    mem_free(in->seen);
    mem_free(in->terms);
    *in = (struct intake){0};
}

size_t intake_bytes(const struct intake *in)
{
    return (in->seen ? INTAKE_SEEN_MAX * sizeof(*in->seen) : 0) + in->term_count * sizeof(*in->terms);
}

static void copy_term(char out[INTAKE_TERM_BYTES], struct slice s)
{
    if (s.len)
        memcpy(out, s.data, s.len);
    out[s.len] = '\0';
}

bool intake_add_term(struct intake *in, struct slice from, struct slice to)
{
    if (!from.len || from.len >= INTAKE_TERM_BYTES || to.len >= INTAKE_TERM_BYTES)
        return false;
    for (size_t i = 0; i < in->term_count; i++) {
        if (slice_is(from, in->terms[i].from)) {
            copy_term(in->terms[i].to, to);
            return true;
        }
    }
    if (in->term_count == INTAKE_TERMS_MAX)
        return false;
    in->terms = xrealloc(in->terms, (in->term_count + 1) * sizeof(*in->terms));
    copy_term(in->terms[in->term_count].from, from);
    copy_term(in->terms[in->term_count].to, to);
    in->term_count++;
    return true;
}

void intake_clear_terms(struct intake *in)
{
    in->term_count = 0;
}

bool intake_message(struct intake *in, uint64_t now_ms)
{
    uint64_t *oldest = &in->message_ms[in->message_at];
    if (in->messages == INTAKE_MESSAGES_PER_S && now_ms - *oldest < 1000)
        return false;
    *oldest = now_ms;
    in->message_at = (in->message_at + 1) % INTAKE_MESSAGES_PER_S;
    in->messages = MIN(in->messages + 1, (unsigned)INTAKE_MESSAGES_PER_S);
    return true;
}

static bool is_space(int32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0xA0 || c == 0x3000 || c == 0x200B || c == 0xFEFF;
}

/* Chinese text is written without spaces, its punctuation too. */
static bool is_wide(int32_t c)
{
    return utf8_is_cjk((uint32_t)c) || (c >= 128 && utf8_is_punct((uint32_t)c));
}

static bool is_ascii_letter(struct slice text, size_t at)
{
    return at < text.len && isalnum((unsigned char)text.data[at]);
}

/* Does the term stand at `at`? ASCII terms only as whole words, without case. */
static bool term_stands(struct slice text, size_t at, const char *from)
{
    size_t len = strlen(from);
    if (at + len > text.len)
        return false;
    if ((unsigned char)from[0] >= 128)
        return memcmp(text.data + at, from, len) == 0;
    return slice_eq_nocase(slice_sub(text, at, len), slice_from(from, len)) &&
           (at == 0 || !is_ascii_letter(text, at - 1)) && !is_ascii_letter(text, at + len);
}

static void replace_terms(const struct intake *in, struct slice text, struct buf *out)
{
    for (size_t at = 0; at < text.len;) {
        const struct intake_term *best = NULL;
        for (size_t i = 0; i < in->term_count; i++) {
            const struct intake_term *t = &in->terms[i];
            if ((!best || strlen(t->from) > strlen(best->from)) && term_stands(text, at, t->from))
                best = t;
        }
        if (best) {
            buf_puts(out, best->to);
            at += strlen(best->from);
        } else {
            buf_put_byte(out, text.data[at++]);
        }
    }
}

static void collapse(struct slice text, struct buf *out)
{
    int32_t last = 0; /* the last character put; 0: none yet */
    bool is_spaced = false, has_letter = false;
    for (size_t at = 0;;) {
        size_t before = at;
        int32_t c = utf8_next(text, &at);
        if (c < 0)
            break;
        if (is_space(c)) {
            is_spaced = true;
            continue;
        }
        if (c < 32 || c == 127 || c == 0xFFFD)
            continue;
        bool is_punct = utf8_is_punct((uint32_t)c);
        if (is_punct && (c == last || (!last && c != '(' && c != '"')))
            continue; /* a run of one mark, or a mark before the first word */
        if (is_spaced && last && !(is_wide(last) && is_wide(c)) && !is_punct)
            buf_put_byte(out, ' ');
        buf_put(out, slice_sub(text, before, at - before));
        has_letter = has_letter || !is_punct;
        is_spaced = false;
        last = c;
    }
    if (!has_letter)
        buf_clear(out);
}

bool intake_clean(const struct intake *in, struct slice raw, struct buf *out)
{
    size_t kept = utf8_cut(raw, INTAKE_TEXT_BYTES);
    bool is_cut = kept < raw.len;
    buf_clear(out);
    raw = slice_sub(raw, 0, kept);
    if (!in->term_count) {
        collapse(raw, out);
        return is_cut;
    }
    auto_buf struct buf flat = {0};
    collapse(raw, &flat);
    replace_terms(in, buf_slice(&flat), out);
    if (out->len > INTAKE_TEXT_BYTES) {
        out->len = utf8_cut(buf_slice(out), INTAKE_TEXT_BYTES);
        out->data[out->len] = '\0';
        is_cut = true;
    }
    return is_cut;
}

/* Remembers; true: it was seen within the window. */
static bool was_seen(struct intake *in, uint64_t now_ms, struct slice text)
{
    uint8_t digest[32];
    struct intake_seen *oldest = NULL;
    sha256(text, digest);
    if (!in->seen)
        in->seen = xalloc(INTAKE_SEEN_MAX * sizeof(*in->seen));
    for (size_t i = 0; i < in->seen_count; i++) {
        struct intake_seen *s = &in->seen[i];
        if (memcmp(s->digest, digest, sizeof(s->digest)) == 0) {
            bool is_fresh = now_ms - s->last_ms < in->dedupe_ms;
            s->last_ms = now_ms;
            return is_fresh;
        }
        if (!oldest || s->last_ms < oldest->last_ms)
            oldest = s;
    }
    if (in->seen_count < INTAKE_SEEN_MAX)
        oldest = &in->seen[in->seen_count++];
    memcpy(oldest->digest, digest, sizeof(oldest->digest));
    oldest->last_ms = now_ms;
    return false;
}

enum intake_result intake_take(struct intake *in, uint64_t now_ms, struct slice cleaned)
{
    if (!cleaned.len)
        return INTAKE_EMPTY;
    if (in->pending >= INTAKE_PENDING_MAX)
        return INTAKE_FULL;
    if (in->dedupe_ms && was_seen(in, now_ms, cleaned))
        return INTAKE_REPEAT;
    in->pending++;
    return INTAKE_KEPT;
}

void intake_forget(struct intake *in, struct slice cleaned)
{
    uint8_t digest[32];
    sha256(cleaned, digest);
    for (size_t i = 0; i < in->seen_count; i++) {
        if (memcmp(in->seen[i].digest, digest, sizeof(in->seen[i].digest)) == 0) {
            in->seen[i] = in->seen[--in->seen_count];
            return;
        }
    }
}

void intake_merged(struct intake *in)
{
    in->pending = 0;
}

const char *intake_language(struct slice text)
{
    size_t cjk = 0, letters = 0;
    for (size_t at = 0;;) {
        int32_t c = utf8_next(text, &at);
        if (c < 0)
            break;
        cjk += utf8_is_cjk((uint32_t)c);
        letters += c >= 128 || isalpha(c);
    }
    return cjk && cjk * 3 >= letters ? "zh" : "en";
}
