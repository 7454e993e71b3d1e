/* SPDX-License-Identifier: MIT
 * sentences.c -- cuts and cleans a model's words for the voice.
 *
 * Cutting looks at raw text and needs to see one character behind a mark before it believes it ("3." may
 * become "3.14"). Cleaning works on the piece that was cut. Both are bounded by SENTENCE_BYTES_MAX. */
#include "dialogue/sentences.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "protocol/emotion.h"

static const char *const abbreviations[] = {
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "no", "inc", "ltd", "jr", "sr",
    "a.m", "p.m", "approx", "fig", "vol", "dept", "u.s", "u.k", "min", "max", "km", "mt", "rev", "gen", "col", "o.k",
};

void sentences_done(struct sentences *s)
{
    buf_done(&s->raw);
    *s = (struct sentences){ 0 };
}

void sentences_reset(struct sentences *s)
{
    buf_clear(&s->raw);
    *s = (struct sentences){ .raw = s->raw, .at_line_start = true };
}

void sentences_feed(struct sentences *s, struct slice text)
{
    if (!s->raw.len && !s->given)
        s->at_line_start = true;
    buf_put(&s->raw, text);
}

static bool is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(int32_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == 0x3000 || c == 0xA0;
}

/* Marks that end a sentence whatever follows. */
static bool is_full_end(int32_t c)
{
    return c == 0x3002 || c == 0xFF1F || c == 0xFF01 || c == 0xFF1B || c == 0x2026 || c == '?' || c == '!' ||
           c == ';';
}

/* Marks that end the first clause. The ASCII ones only before a space. */
static bool is_clause_end(int32_t c)
{
    return c == 0xFF0C || c == 0x3001 || c == 0xFF1A || c == 0xFF5E;
}

static bool is_closer(int32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 || c == 0x300D ||
           c == 0x300F || c == 0xFF09 || c == 0x3011 || c == 0x300B || c == '*' || c == '_';
}

/* Does the word before the dot at `dot` keep its dot: "Dr.", "e.g.", "J.", or the number of a list item? */
static bool dot_belongs_to_word(struct slice raw, size_t dot, bool at_line_start)
{
    size_t from = dot;
    while (from > 0 && (is_letter(raw.data[from - 1]) || raw.data[from - 1] == '.' || is_digit(raw.data[from - 1])))
        from--;
    struct slice word = slice_sub(raw, from, dot - from);
    if (!word.len)
        return false;
    if (is_digit(word.data[0])) {
        bool digits_only = true;
        for (size_t i = 0; i < word.len; i++)
            digits_only = digits_only && is_digit(word.data[i]);
        size_t line = from;
        while (line > 0 && is_space(raw.data[line - 1]))
            line--;
        bool begins_line = line == 0 ? at_line_start : raw.data[line - 1] == '\n';
        return digits_only && word.len <= 3 && begins_line;
    }
    if (word.len == 1) { /* an initial, but "so do I." and "25°C." end */
        char before = from > 0 ? raw.data[from - 1] : ' ';
        return word.data[0] >= 'A' && word.data[0] <= 'Z' && word.data[0] != 'I' &&
               (is_space(before) || before == '\n' || before == '(');
    }
    for (size_t i = 0; i < COUNT(abbreviations); i++) {
        if (slice_eq_nocase(word, slice_of(abbreviations[i])))
            return true;
    }
    return false;
}

/* Is the mark at `at` inside an address: does its word hold "://"? */
static bool in_url(struct slice raw, size_t at)
{
    size_t from = at;
    while (from > 0 && (unsigned char)raw.data[from - 1] > ' ' && (unsigned char)raw.data[from - 1] < 0x80)
        from--;
    return slice_contains(slice_sub(raw, from, at - from), SLICE("://"));
}

enum verdict { NO_CUT, CUT, WAIT };

/* Is there a place to cut behind the ASCII mark c that stands at `at`? */
static enum verdict judge_ascii(const struct sentences *s, size_t at, int32_t c, int32_t next, bool is_end)
{
    struct slice raw = buf_slice(&s->raw);
    if (next < 0 && !is_end)
        return WAIT;
    bool is_open = next < 0 || c == '~' || is_space(next) || next == '\n' || is_closer(next) ||
                   utf8_is_cjk((uint32_t)next);
    if (!is_open)
        return NO_CUT;
    if (c == '~')
        return s->given || next == '~' || (at > 0 && raw.data[at - 1] == '~') ? NO_CUT : CUT;
    if (c == '.')
        return dot_belongs_to_word(raw, at, s->at_line_start) && next >= 0 ? NO_CUT : CUT;
    return is_full_end(c) || s->given == 0 ? CUT : NO_CUT; /* , and : end the first clause only */
}

/* A quarter of the longest piece may follow a cut as closing marks; then the cut stands. */
static size_t take_closers(struct slice raw, size_t at, bool is_end, bool *wait)
{
    for (;;) {
        size_t next = at;
        int32_t c = utf8_next(raw, &next);
        if (c < 0) {
            *wait = !is_end;
            return at;
        }
        if (!is_closer(c) && !is_full_end(c) && c != '.')
            return at;
        at = next;
    }
}

/* Where the next piece ends; 0: not known yet. */
static size_t find_cut(struct sentences *s, bool is_end)
{
    struct slice raw = buf_slice(&s->raw);
    size_t at = s->scanned;
    for (;;) {
        size_t from = at;
        int32_t c = utf8_next(raw, &at);
        if (c < 0)
            return 0;
        if (c == '\n')
            return at;
        enum verdict v = NO_CUT;
        bool is_ascii_mark = c == '.' || c == ',' || c == ':' || c == '~';
        if (c < 0x80 && is_full_end(c) && in_url(raw, from))
            is_ascii_mark = true; /* "?a=b;c" */
        if (is_ascii_mark) {
            size_t peek = at;
            v = judge_ascii(s, from, c, utf8_next(raw, &peek), is_end);
        } else if (is_full_end(c) || (s->given == 0 && is_clause_end(c))) {
            v = CUT;
        }
        bool wait = v == WAIT;
        if (v == CUT) {
            bool is_clause = c == ',' || c == ':' || c == '~' || is_clause_end(c);
            size_t end = is_clause ? at : take_closers(raw, at, is_end, &wait);
            bool speakable = sentence_is_speakable(slice_sub(raw, 0, end));
            if (!wait && (speakable || s->in_code))
                return end;
        }
        if (wait) {
            s->scanned = from;
            return 0;
        }
        s->scanned = at;
    }
}

/* A run without an end: the last clause mark or space in the second half, else a character. */
static size_t forced_cut(struct slice raw)
{
    size_t limit = utf8_cut(raw, SENTENCE_BYTES_MAX), best = 0, space = 0;
    for (size_t at = 0; at < limit;) {
        int32_t c = utf8_next(raw, &at);
        if (at > limit)
            break;
        if (is_clause_end(c) || c == ',' || c == ':')
            best = at;
        else if (is_space(c))
            space = at;
    }
    if (best > limit / 2)
        return best;
    if (space > limit / 2)
        return space;
    return limit;
}

/* ---- parts that are not spoken: code blocks and thoughts --------------------- */

/* Handles <think> at the front of raw. True: look again (something was dropped); *stuck: need more text. */
static bool skip_thought(struct sentences *s, bool is_end, bool *stuck)
{
    static const struct slice open_tag = SLICE("<think>"), close_tag = SLICE("</think>");
    struct slice raw = buf_slice(&s->raw);
    if (s->in_thought) {
        char *end = raw.len ? memmem(raw.data, raw.len, close_tag.data, close_tag.len) : NULL;
        if (end) {
            buf_eat(&s->raw, (size_t)(end - raw.data) + close_tag.len);
            s->in_thought = false;
            s->scanned = 0;
            return true;
        }
        if (is_end)
            buf_clear(&s->raw);
        else if (raw.len > close_tag.len)
            buf_eat(&s->raw, raw.len - close_tag.len); /* a part of the tag may stand at the end */
        *stuck = true;
        return false;
    }
    size_t lead = raw.len - slice_trim(raw).len;
    while (lead > 0 && !(raw.data[lead] == '<'))
        lead--;
    struct slice rest = slice_sub(raw, lead, raw.len);
    if (slice_starts(rest, open_tag)) {
        buf_eat(&s->raw, lead + open_tag.len);
        s->in_thought = true;
        s->scanned = 0;
        return true;
    }
    *stuck = !is_end && rest.len && rest.len < open_tag.len && slice_starts(open_tag, rest);
    return false;
}

/* ---- cleaning --------------------- */

static bool is_rule_line(struct slice line)
{
    unsigned marks = 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.data[i];
        if (c == '-' || c == '*' || c == '_' || c == '=' || c == '|' || c == ':')
            marks++;
        else if (!is_space(c))
            return false;
    }
    return marks >= 3;
}

/* What stands at the front of a line and is not said: #, >, -, *, +, [ ]. */
static struct slice skip_line_marks(struct slice line)
{
    for (;;) {
        line = slice_trim(line);
        size_t n = 0;
        while (n < line.len && (line.data[n] == '#' || line.data[n] == '>'))
            n++;
        if (n) {
            line = slice_sub(line, n, line.len);
            continue;
        }
        bool is_bullet = line.len >= 2 && (line.data[0] == '-' || line.data[0] == '*' || line.data[0] == '+') &&
                         is_space(line.data[1]);
        if (slice_starts(line, SLICE("\xE2\x80\xA2"))) { /* bullet */
            line = slice_sub(line, 3, line.len);
            continue;
        }
        if (slice_starts(line, SLICE("[ ] ")) || slice_starts(line, SLICE("[x] "))) {
            line = slice_sub(line, 4, line.len);
            continue;
        }
        if (!is_bullet)
            return line;
        line = slice_sub(line, 2, line.len);
    }
}

/* "[text](url)" or "![text](url)" at `at`: puts the text, returns what was eaten; 0: no link. */
static size_t clean_link(struct buf *out, struct slice line, size_t at)
{
    size_t from = at + (line.data[at] == '!' ? 1 : 0);
    if (from >= line.len || line.data[from] != '[')
        return 0;
    const char *close = memchr(line.data + from, ']', line.len - from);
    if (!close)
        return 0;
    size_t end = (size_t)(close - line.data) + 1;
    if (end >= line.len || line.data[end] != '(')
        return 0;
    const char *paren = memchr(line.data + end, ')', line.len - end);
    if (!paren)
        return 0;
    buf_put(out, slice_sub(line, from + 1, end - from - 2));
    return (size_t)(paren - line.data) + 1 - at;
}

/* "https://host/path": only the host is said. */
static size_t clean_url(struct buf *out, struct slice rest)
{
    size_t scheme = slice_starts(rest, SLICE("https://")) ? 8 : slice_starts(rest, SLICE("http://")) ? 7 : 0;
    if (!scheme)
        return 0;
    size_t end = scheme, host_end = 0;
    while (end < rest.len && (unsigned char)rest.data[end] > ' ' && (unsigned char)rest.data[end] < 0x80 &&
           !strchr(",;<>\"'()", rest.data[end])) {
        if (!host_end && strchr("/?#", rest.data[end]))
            host_end = end;
        end++;
    }
    while (end > scheme && strchr(".!?", rest.data[end - 1])) /* the end of the sentence, not of the address */
        end--;
    host_end = host_end && host_end < end ? host_end : end;
    buf_put(out, slice_sub(rest, scheme, host_end - scheme));
    return end;
}

/* "<b>", "</p>", "<br/>": eaten whole. */
static size_t clean_tag(struct slice rest)
{
    if (rest.len < 3 || rest.data[0] != '<' || !(is_letter(rest.data[1]) || rest.data[1] == '/'))
        return 0;
    bool has_space = false, has_equals = false;
    for (size_t i = 1; i < rest.len && i < 200; i++) {
        char c = rest.data[i];
        if (c == '>')
            return has_space && !has_equals && rest.data[i - 1] != '/' ? 0 : i + 1;
        if (c == '<')
            return 0;
        has_space = has_space || is_space(c);
        has_equals = has_equals || c == '=';
    }
    return 0;
}

static bool in_word(struct slice line, size_t at)
{
    return at > 0 && at + 1 < line.len && (is_letter(line.data[at - 1]) || is_digit(line.data[at - 1])) &&
           (is_letter(line.data[at + 1]) || is_digit(line.data[at + 1]));
}

/* Is the star a sign between numbers (2 * 3, 2*3) and not an emphasis? */
static bool is_times(struct slice line, size_t at)
{
    size_t l = at, r = at + 1;
    while (l > 0 && line.data[l - 1] == ' ')
        l--;
    while (r < line.len && line.data[r] == ' ')
        r++;
    return l > 0 && r < line.len && is_digit(line.data[l - 1]) && is_digit(line.data[r]);
}

static void clean_line(struct buf *out, struct slice line)
{
    if (is_rule_line(line))
        return;
    line = skip_line_marks(line);
    for (size_t at = 0; at < line.len;) {
        char c = line.data[at];
        struct slice rest = slice_sub(line, at, line.len);
        size_t eaten = 0;
        if (c == '[' || c == '!')
            eaten = clean_link(out, line, at);
        else if (c == 'h')
            eaten = clean_url(out, rest);
        else if (c == '<')
            eaten = clean_tag(rest);
        if (eaten) {
            at += eaten;
            continue;
        }
        bool is_mark = c == '`' || (c == '*' && !is_times(line, at)) || (c == '_' && !in_word(line, at)) ||
                       (c == '~' && (slice_starts(rest, SLICE("~~")) || (at > 0 && line.data[at - 1] == '~')));
        if (c == '|')
            buf_put_byte(out, ' ');
        else if (!is_mark)
            buf_put_byte(out, c);
        at++;
    }
}

void sentence_clean(struct buf *out, struct slice text)
{
    auto_buf struct buf plain = { 0 };
    while (text.data) {
        struct slice line = slice_cut(&text, '\n');
        if (slice_starts(slice_trim(line), SLICE("```")))
            continue;
        size_t before = plain.len;
        clean_line(&plain, line);
        if (plain.len > before && text.len)
            buf_put_byte(&plain, ' ');
    }
    auto_buf struct buf stripped = { 0 };
    emotion_strip(&stripped, buf_slice(&plain));
    buf_put(out, slice_trim(buf_slice(&stripped)));
}

bool sentence_is_speakable(struct slice text)
{
    for (size_t at = 0;;) {
        int32_t c = utf8_next(text, &at);
        if (c < 0)
            return false;
        if (is_letter(c) || is_digit(c))
            return true;
        if (c > 0x7F && !utf8_is_emoji((uint32_t)c) && !utf8_is_punct((uint32_t)c) && c != 0x3000 &&
            c != 0xA0 && !(c >= 0x2000 && c <= 0x2BFF) && c != 0xFE0F && c != 0xFFFD)
            return true;
    }
}

/* ---- pieces --------------------- */

static size_t next_end(struct sentences *s, bool is_end)
{
    size_t end = find_cut(s, is_end);
    if (end > SENTENCE_BYTES_MAX || (!end && s->raw.len > SENTENCE_BYTES_MAX))
        end = forced_cut(buf_slice(&s->raw));
    if (!end && is_end)
        end = s->raw.len;
    return end;
}

bool sentences_next(struct sentences *s, bool is_end, struct buf *out)
{
    for (;;) {
        bool stuck = false;
        if (skip_thought(s, is_end, &stuck))
            continue;
        if (stuck)
            return false;
        size_t end = next_end(s, is_end);
        if (!end)
            return false;
        struct slice piece = slice_sub(buf_slice(&s->raw), 0, end);
        bool ends_line = piece.data[end - 1] == '\n';
        bool is_fence = s->at_line_start && slice_starts(slice_trim(piece), SLICE("```"));
        size_t before = out->len;
        if (is_fence)
            s->in_code = !s->in_code;
        else if (!s->in_code) {
            if (!s->emotion)
                s->emotion = emotion_in(piece);
            sentence_clean(out, piece);
        }
        buf_eat(&s->raw, end);
        s->scanned = 0;
        s->at_line_start = ends_line;
        if (out->len > before && sentence_is_speakable(slice_sub(buf_slice(out), before, out->len))) {
            s->given++;
            return true;
        }
        if (out->len > before)
            out->data[out->len = before] = 0;
    }
}
