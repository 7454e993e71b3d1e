/* SPDX-License-Identifier: MIT
 * parser.c -- the head: our limits and line rules first, then llhttp (strict) over the whole head.
 *
 * The scanner sees each byte once as it comes, so limits bite at the first byte too many and a head
 * that comes byte by byte costs no more than one that comes whole. llhttp judges the grammar of the
 * complete head; what it lets pass and we do not (bare LF, a chunk of codings, differing repeats)
 * stands in check_*(). */
#include "http/parser.h"

#include <llhttp.h>

#include "base/mem.h"

#define EMPTY_LINES_MAX 4     /* before the request line; RFC 9112 2.2 wants at least one */
#define LENGTH_DIGITS_MAX 15

struct field {
    uint32_t name_at, name_len, value_at, value_len;
};

struct http_parser {
    struct http_limits limits;
    struct buf head;
    uint32_t begin, line_at; /* of the start line; of the line being read */
    uint32_t line_count, empty_lines;
    struct slice method, target;
    uint64_t content_length;
    int status;
    uint8_t minor;
    bool is_response, has_length, is_chunked, after_cr;
    uint32_t field_count;
    struct field fields[];
};

struct http_parser *http_parser_create(bool is_response, const struct http_limits *limits)
{
    struct http_parser *p = xalloc(sizeof(*p) + limits->headers_max * sizeof(struct field));
    p->limits = *limits;
    p->is_response = is_response;
    return p;
}

void http_parser_free(struct http_parser *p)
{
    if (!p)
        return;
    buf_done(&p->head);
    mem_free(p);
}

/* ---- characters ---- */

static bool is_token_char(unsigned char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char((unsigned char)s.data[i]))
            return false;
    return s.len > 0;
}

static bool is_field_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static struct slice trim_blanks(struct slice s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = slice_sub(s, 1, s.len);
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool http_percent_decode(struct buf *out, struct slice text, bool is_form)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
            bool is_good = high >= 0 && low >= 0 && high + low > 0;
            if (!is_good && !is_form)
                return false;
            if (is_good) {
                c = (char)(high << 4 | low);
                i += 2;
            }
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        (void)buf_put_byte(out, c);
    }
    return true;
}

/* ---- the complete head ---- */

static struct slice part(const struct http_parser *p, uint32_t at, uint32_t len)
{
    return (struct slice){ p->head.data + at, len };
}

static bool is_version(struct slice s, int *major, int *minor)
{
    if (s.len != 8 || memcmp(s.data, "HTTP/", 5) != 0 || s.data[6] != '.')
        return false;
    *major = s.data[5] - '0';
    *minor = s.data[7] - '0';
    return *major >= 0 && *major <= 9 && *minor >= 0 && *minor <= 9;
}

static int check_version(struct http_parser *p, struct slice version)
{
    int major, minor;
    if (!is_version(version, &major, &minor))
        return 400;
    if (major != 1 || minor > 1)
        return 505;
    p->minor = (uint8_t)minor;
    return 0;
}

/* Origin form, absolute form, or * for OPTIONS. */
static int check_target(const struct http_parser *p)
{
    struct slice t = p->target;
    for (size_t i = 0; i < t.len; i++)
        if (t.data[i] <= 0x20 || t.data[i] >= 0x7f || t.data[i] == '#')
            return 400;
    if (slice_is(t, "*"))
        return slice_is(p->method, "OPTIONS") ? 0 : 400;
    bool is_absolute = slice_eq_nocase(slice_sub(t, 0, 7), SLICE("http://")) ||
                       slice_eq_nocase(slice_sub(t, 0, 8), SLICE("https://"));
    if (t.len == 0 || (t.data[0] != '/' && !is_absolute))
        return 400;
    auto_buf struct buf decoded = { 0 };
    struct slice path = t;
    path = slice_cut(&path, '?');
    return http_percent_decode(&decoded, path, false) ? 0 : 400;
}

static int check_start_line(struct http_parser *p, struct slice line)
{
    if (p->is_response) {
        int64_t status;
        struct slice code = slice_sub(line, 9, 3);
        if (line.len < 12 || line.data[8] != ' ' || (line.len > 12 && line.data[12] != ' '))
            return 400;
        if (!slice_to_i64(code, &status) || status < 100 || status > 599)
            return 400;
        p->status = (int)status;
        return check_version(p, slice_sub(line, 0, 8));
    }
    struct slice rest = line;
    p->method = slice_cut(&rest, ' ');
    if (!rest.data)
        return 400;
    p->target = slice_cut(&rest, ' ');
    if (!rest.data || !is_token(p->method) || memchr(rest.data, ' ', rest.len))
        return 400;
    int refused = check_version(p, rest);
    if (refused)
        return refused;
    return slice_is(p->method, "CONNECT") ? 501 : check_target(p);
}

/* More than one, and not all the same. */
static bool differs(const struct http_parser *p, const char *name)
{
    struct slice first = { NULL, 0 }, n, v;
    for (size_t i = 0; i < p->field_count; i++) {
        http_parser_header(p, i, &n, &v);
        if (!slice_eq_nocase(n, slice_of(name)))
            continue;
        if (first.data && !slice_eq(first, v))
            return true;
        first = v;
    }
    return false;
}

static size_t count_of(const struct http_parser *p, const char *name, struct slice *last)
{
    size_t count = 0;
    struct slice n, v;
    for (size_t i = 0; i < p->field_count; i++) {
        http_parser_header(p, i, &n, &v);
        if (!slice_eq_nocase(n, slice_of(name)))
            continue;
        *last = v;
        count++;
    }
    return count;
}

static bool read_length(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > LENGTH_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

/* There is one way to say how long the body is. */
static int check_framing(struct http_parser *p)
{
    struct slice coding = { NULL, 0 }, length = coding;
    size_t codings = count_of(p, "transfer-encoding", &coding), lengths = count_of(p, "content-length", &length);
    if (codings > 1 || lengths > 1 || (codings && lengths))
        return 400;
    if (lengths) {
        p->has_length = true;
        if (!read_length(length, &p->content_length))
            return 400;
    }
    if (codings) {
        if (p->minor == 0)
            return 400;
        if (!slice_eq_nocase(coding, SLICE("chunked")))
            return 501;
        p->is_chunked = true;
    }
    return 0;
}

static int check_request_fields(const struct http_parser *p)
{
    static const char *const single[] = { "host", "authorization", "upgrade" };
    struct slice value;
    for (size_t i = 0; i < COUNT(single); i++)
        if (differs(p, single[i]))
            return 400;
    if (p->minor == 1 && count_of(p, "host", &value) == 0)
        return 400;
    if (http_parser_find(p, "expect", &value) && !slice_eq_nocase(value, SLICE("100-continue")))
        return 417;
    return 0;
}

static int ask_llhttp(const struct http_parser *p)
{
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    llhttp_init(&parser, p->is_response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    switch (llhttp_execute(&parser, p->head.data + p->begin, p->head.len - p->begin)) {
    case HPE_OK:
    case HPE_PAUSED_UPGRADE:
        return 0;
    case HPE_INVALID_METHOD:
        return 501;
    default:
        return 400;
    }
}

static int head_complete(struct http_parser *p)
{
    const char *start = p->head.data + p->begin;
    struct slice line = { start, (size_t)((const char *)memchr(start, '\r', p->head.len - p->begin) - start) };
    int refused = check_start_line(p, line);
    if (!refused)
        refused = check_framing(p);
    if (!refused && !p->is_response)
        refused = check_request_fields(p);
    if (!refused)
        refused = ask_llhttp(p);
    return refused ? refused : HTTP_HEAD_DONE;
}

/* ---- the scanner ---- */

static int header_line(struct http_parser *p, struct slice line)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (line.data[0] == ' ' || line.data[0] == '\t' || !colon)
        return 400;
    struct slice name = { line.data, (size_t)(colon - line.data) };
    struct slice value = trim_blanks(slice_sub(line, name.len + 1, line.len));
    if (!is_token(name) || !is_field_text(value))
        return 400;
    if (p->field_count == p->limits.headers_max)
        return 431;
    p->fields[p->field_count++] = (struct field){
        .name_at = (uint32_t)(name.data - p->head.data),
        .name_len = (uint32_t)name.len,
        .value_at = value.len ? (uint32_t)(value.data - p->head.data) : 0,
        .value_len = (uint32_t)value.len,
    };
    return HTTP_HEAD_MORE;
}

/* The line before the LF that is now the last byte of the head. */
static int end_of_line(struct http_parser *p)
{
    struct slice line = { p->head.data + p->line_at, p->head.len - p->line_at - 2 };
    int result = HTTP_HEAD_MORE;
    p->line_at = (uint32_t)p->head.len;
    if (p->line_count == 0 && line.len == 0) {
        p->begin = p->line_at;
        return ++p->empty_lines > EMPTY_LINES_MAX ? 400 : HTTP_HEAD_MORE;
    }
    if (p->line_count > 0)
        result = line.len == 0 ? head_complete(p) : header_line(p, line);
    p->line_count++;
    return result;
}

static int scan(struct http_parser *p, char c)
{
    if (c == '\0' || (c == '\n') != p->after_cr)
        return 400; /* also a bare CR or LF */
    if (p->head.len == p->limits.head_max_bytes)
        return p->line_count == 0 ? 414 : 431;
    (void)buf_put_byte(&p->head, c);
    p->after_cr = c == '\r';
    if (c == '\n')
        return end_of_line(p);
    bool is_over = p->head.len - p->line_at > p->limits.line_max_bytes && !p->after_cr;
    if (is_over)
        return p->line_count == 0 ? 414 : 431;
    return HTTP_HEAD_MORE;
}

int http_parser_head(struct http_parser *p, struct slice bytes, size_t *used)
{
    int result = HTTP_HEAD_MORE;
    size_t at = 0;
    while (at < bytes.len && result == HTTP_HEAD_MORE)
        result = scan(p, bytes.data[at++]);
    *used = at;
    return result;
}

bool http_parser_started(const struct http_parser *p)
{
    return p->head.len > p->begin;
}

/* ---- facts ---- */

struct slice http_parser_method(const struct http_parser *p)
{
    return p->method;
}

struct slice http_parser_target(const struct http_parser *p)
{
    return p->target;
}

int http_parser_status(const struct http_parser *p)
{
    return p->status;
}

int http_parser_minor(const struct http_parser *p)
{
    return p->minor;
}

size_t http_parser_header_count(const struct http_parser *p)
{
    return p->field_count;
}

void http_parser_header(const struct http_parser *p, size_t i, struct slice *name, struct slice *value)
{
    const struct field *f = &p->fields[i];
    *name = part(p, f->name_at, f->name_len);
    *value = part(p, f->value_at, f->value_len);
}

bool http_parser_find(const struct http_parser *p, const char *name, struct slice *value)
{
    struct slice n, v;
    for (size_t i = 0; i < p->field_count; i++) {
        http_parser_header(p, i, &n, &v);
        if (v.len > 0 && slice_eq_nocase(n, slice_of(name))) {
            *value = v;
            return true;
        }
    }
    return false;
}

bool http_parser_has_token(const struct http_parser *p, const char *name, const char *token)
{
    struct slice n, v;
    for (size_t i = 0; i < p->field_count; i++) {
        http_parser_header(p, i, &n, &v);
        if (!slice_eq_nocase(n, slice_of(name)))
            continue;
        while (v.len > 0)
            if (slice_eq_nocase(trim_blanks(slice_cut(&v, ',')), slice_of(token)))
                return true;
    }
    return false;
}

bool http_parser_keeps_alive(const struct http_parser *p)
{
    if (http_parser_has_token(p, "connection", "close"))
        return false;
    return p->minor == 1 || http_parser_has_token(p, "connection", "keep-alive");
}

bool http_parser_is_chunked(const struct http_parser *p)
{
    return p->is_chunked;
}

uint64_t http_parser_length(const struct http_parser *p)
{
    return p->content_length;
}
