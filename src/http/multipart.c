/* SPDX-License-Identifier: MIT
 * multipart.c -- multipart/form-data (RFC 7578) as a stream.
 *
 *     preamble -> delimiter -> its tail -> head of a part -> data -> delimiter ... -> "--": end
 *
 * The delimiter is CRLF "--" boundary. Its only CR is the first byte, so a match that fails can only
 * begin again at the byte where it failed, and what was held back is a prefix of the delimiter. */
#include "http/multipart.h"

#include "base/mem.h"

#define BOUNDARY_MAX 70u         /* RFC 2046 5.1.1 */
#define HEAD_MAX_BYTES 4096u     /* of one part */
#define PARTS_MAX 64u
#define PADDING_MAX 64u          /* blanks behind a boundary */

enum { PREAMBLE, TAIL, TAIL_LF, TAIL_DASH, HEAD, DATA, END };

struct multipart {
    const struct multipart_events *ev;
    void *user;
    struct buf head;
    size_t line_at;              /* of the line being read, in head */
    size_t matched, delimiter_len;
    unsigned parts, padding;
    uint8_t state;
    char delimiter[4 + BOUNDARY_MAX];
};

/* The value of `name` in "a; name=value; name2=\"quoted \\\" value\"", unescaped into out. */
static bool find_param(struct buf *out, struct slice s, const char *name)
{
    size_t at = 0;
    while (at < s.len) {
        while (at < s.len && s.data[at] != ';')
            at++;
        struct slice rest = slice_sub(s, at + 1, s.len), value = rest;
        struct slice found = slice_trim(slice_cut(&value, '='));
        if (!value.data)
            return false;
        at = (size_t)(value.data - s.data);
        while (at < s.len && (s.data[at] == ' ' || s.data[at] == '\t'))
            at++;
        bool is_it = slice_eq_nocase(found, slice_of(name));
        bool is_quoted = at < s.len && s.data[at] == '"';
        buf_clear(out);
        for (at += is_quoted; at < s.len && s.data[at] != (is_quoted ? '"' : ';'); at++) {
            if (is_quoted && s.data[at] == '\\' && at + 1 < s.len)
                at++;
            (void)buf_put_byte(out, s.data[at]);
        }
        if (is_it)
            return true;
    }
    return false;
}

enum err multipart_create(struct multipart **out, struct slice content_type, const struct multipart_events *ev,
                          void *user)
{
    auto_buf struct buf boundary = { 0 };
    struct slice rest = content_type, kind = slice_trim(slice_cut(&rest, ';'));
    if (!slice_eq_nocase(kind, SLICE("multipart/form-data")) || !find_param(&boundary, content_type, "boundary"))
        return ERR_INVALID;
    struct slice text = slice_trim(buf_slice(&boundary));
    if (text.len == 0 || text.len > BOUNDARY_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            return ERR_INVALID;
    struct multipart *m = xnew(struct multipart);
    m->ev = ev;
    m->user = user;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, text.data, text.len);
    m->delimiter_len = 4 + text.len;
    m->matched = 2; /* the first one may stand at the very beginning */
    *out = m;
    return OK;
}

void multipart_free(struct multipart *m)
{
    if (!m)
        return;
    buf_done(&m->head);
    mem_free(m);
}

bool multipart_complete(const struct multipart *m)
{
    return m->state == END;
}

static void give(struct multipart *m, struct slice data)
{
    if (m->state == DATA && data.len > 0)
        m->ev->on_data(m->user, data);
}

static void delimiter_found(struct multipart *m)
{
    if (m->state == DATA)
        m->ev->on_part_end(m->user);
    m->state = TAIL;
    m->matched = 0;
    m->padding = 0;
}

/* Preamble or data, up to a delimiter. Returns the bytes used. */
static size_t eat_data(struct multipart *m, struct slice in)
{
    size_t carried = m->matched; /* held back from the bytes before */
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];
        if (c == m->delimiter[m->matched]) {
            if (++m->matched < m->delimiter_len)
                continue;
            size_t own = m->matched - carried; /* how much of the delimiter lies in `in` */
            give(m, slice_sub(in, 0, i + 1 - own));
            delimiter_found(m);
            return i + 1;
        }
        if (carried > 0)
            give(m, slice_from(m->delimiter, carried));
        carried = 0;
        m->matched = c == '\r';
    }
    give(m, slice_sub(in, 0, in.len - (m->matched - carried)));
    return in.len;
}

static struct slice header_value(const struct multipart *m, const char *name)
{
    struct slice rest = buf_slice(&m->head);
    while (rest.len > 0) {
        struct slice value = slice_cut(&rest, '\n'), found = slice_cut(&value, ':');
        if (value.data && slice_eq_nocase(slice_trim(found), slice_of(name)))
            return slice_trim(value);
    }
    return (struct slice){ NULL, 0 };
}

static enum err begin_part(struct multipart *m)
{
    auto_buf struct buf name = { 0 }, filename = { 0 };
    struct slice disposition = header_value(m, "content-disposition");
    if (++m->parts > PARTS_MAX)
        return ERR_LIMIT;
    if (!find_param(&name, disposition, "name"))
        buf_clear(&name);
    if (!find_param(&filename, disposition, "filename"))
        buf_clear(&filename);
    m->state = DATA;
    m->matched = 0;
    m->ev->on_part(m->user, buf_slice(&name), buf_slice(&filename), header_value(m, "content-type"));
    buf_clear(&m->head);
    m->line_at = 0;
    return OK;
}

static enum err head_byte(struct multipart *m, char c)
{
    m->head.max = HEAD_MAX_BYTES;
    enum err e = buf_put_byte(&m->head, c);
    if (e || c != '\n')
        return c == '\0' ? ERR_PROTO : e;
    struct slice line = slice_trim(slice_sub(buf_slice(&m->head), m->line_at, m->head.len));
    m->line_at = m->head.len;
    return line.len == 0 ? begin_part(m) : OK;
}

static enum err tail_byte(struct multipart *m, char c)
{
    if (m->state == TAIL_LF) {
        m->state = HEAD;
        return c == '\n' ? OK : ERR_PROTO;
    }
    if (m->state == TAIL_DASH) {
        m->state = END;
        return c == '-' ? OK : ERR_PROTO;
    }
    if (c == ' ' || c == '\t')
        return ++m->padding > PADDING_MAX ? ERR_PROTO : OK;
    m->state = c == '\r' ? TAIL_LF : TAIL_DASH;
    return c == '\r' || (c == '-' && m->padding == 0) ? OK : ERR_PROTO;
}

enum err multipart_feed(struct multipart *m, struct slice bytes)
{
    size_t at = 0;
    enum err e = OK;
    while (at < bytes.len && e == OK && m->state != END) {
        if (m->state == PREAMBLE || m->state == DATA)
            at += eat_data(m, slice_sub(bytes, at, bytes.len));
        else if (m->state == HEAD)
            e = head_byte(m, bytes.data[at++]);
        else
            e = tail_byte(m, bytes.data[at++]);
    }
    return e;
}
