/* SPDX-License-Identifier: MIT
 * test_parser.c -- heads and bodies, pure: every row whole, split at every byte, and byte by byte. */
#include "base/mem.h"
#include "http/parser.h"
#include "tests/support/http_rows.h"
#include "tests/support/test.h"

static const struct http_limits limits = { 8192, 16384, 64 };

struct judge {
    struct http_parser *parser;
    struct http_body body;
    bool in_body;
    unsigned requests;
    int refused;
    struct buf content;
};

static void judge_done(struct judge *j)
{
    http_parser_free(j->parser);
    buf_done(&j->content);
}

/* As a server would read: head, body, next head. The bytes are copied, so that a read beyond them shows. */
static void judge_piece(struct judge *j, struct slice bytes)
{
    char *copy = xalloc(bytes.len + 1);
    char *exact = realloc(copy, bytes.len ? bytes.len : 1);
    struct slice in = { exact, bytes.len }, piece;
    if (bytes.len)
        memcpy(exact, bytes.data, bytes.len);
    while (!j->refused && (in.len > 0 || j->in_body)) {
        if (j->in_body) {
            enum http_body_step s = http_body_next(&j->body, &in, &piece);
            if (s == HTTP_BODY_MORE)
                break;
            if (s == HTTP_BODY_BAD)
                j->refused = 400;
            if (s == HTTP_BODY_PIECE)
                (void)buf_put(&j->content, piece);
            if (s == HTTP_BODY_END) {
                j->requests++;
                j->in_body = false;
                http_parser_free(take_ptr(&j->parser));
            }
            continue;
        }
        if (!j->parser)
            j->parser = http_parser_create(false, &limits);
        size_t used;
        int result = http_parser_head(j->parser, in, &used);
        in = slice_sub(in, used, in.len);
        if (result == HTTP_HEAD_DONE) {
            http_body_init(&j->body, j->parser);
            j->in_body = true;
        } else if (result != HTTP_HEAD_MORE) {
            j->refused = result;
        }
    }
    free(exact);
}

static int verdict(const struct judge *j)
{
    if (j->refused)
        return j->refused;
    bool is_between = !j->in_body && (!j->parser || !http_parser_started(j->parser));
    return is_between && j->requests > 0 ? 200 : 0;
}

static void check(const struct http_row *row, const struct judge *j, size_t split)
{
    if (verdict(j) == row->status && j->requests == row->requests)
        return;
    fail_msg("split at %zu: got %d after %u requests, wanted %d after %u, for:\n%.*s", split, verdict(j), j->requests,
             row->status, row->requests, (int)row->len, row->bytes);
}

static void every_row_gets_its_answer(void **state)
{
    assert_true(COUNT(http_rows) >= 120);
    for (size_t i = 0; i < COUNT(http_rows); i++) {
        struct judge j = { 0 };
        judge_piece(&j, slice_from(http_rows[i].bytes, http_rows[i].len));
        check(&http_rows[i], &j, 0);
        judge_done(&j);
    }
}

static void every_row_split_at_every_byte_gets_the_same_answer(void **state)
{
    for (size_t i = 0; i < COUNT(http_rows); i++) {
        const struct http_row *row = &http_rows[i];
        for (size_t split = 1; split < row->len; split++) {
            struct judge j = { 0 };
            judge_piece(&j, slice_from(row->bytes, split));
            judge_piece(&j, slice_from(row->bytes + split, row->len - split));
            check(row, &j, split);
            judge_done(&j);
        }
    }
}

static void every_row_byte_by_byte_gets_the_same_answer(void **state)
{
    for (size_t i = 0; i < COUNT(http_rows); i++) {
        struct judge j = { 0 };
        for (size_t at = 0; at < http_rows[i].len; at++)
            judge_piece(&j, slice_from(http_rows[i].bytes + at, 1));
        check(&http_rows[i], &j, 1);
        judge_done(&j);
    }
}

/* "GET /aaa HTTP/1.1" of that many bytes without its line end. */
static void put_request_line(struct buf *to, size_t bytes)
{
    (void)buf_puts(to, "GET /");
    for (size_t i = 0; i + 14 < bytes; i++)
        (void)buf_put_byte(to, 'a');
    (void)buf_puts(to, " HTTP/1.1\r\n");
}

static void put_header_line(struct buf *to, size_t bytes)
{
    (void)buf_puts(to, "X: ");
    for (size_t i = 0; i + 3 < bytes; i++)
        (void)buf_put_byte(to, 'b');
    (void)buf_puts(to, "\r\n");
}

static void limits_bite_at_the_first_byte_too_many(void **state)
{
    static const struct {
        size_t line, header, headers, total; /* total: padded to this many bytes by a last header */
        int status;
    } rows[] = {
        { 8192, 0, 0, 0, 200 },   { 8193, 0, 0, 0, 414 },   { 16000, 0, 0, 0, 414 }, { 20, 8192, 0, 0, 200 },
        { 20, 8193, 0, 0, 431 },  { 20, 0, 63, 0, 200 },    { 20, 0, 64, 0, 431 },   { 20, 0, 200, 0, 431 },
        { 8000, 8000, 0, 16384, 200 }, { 8000, 8000, 0, 16385, 431 }, { 8192, 8192, 0, 0, 431 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf text = { 0 };
        put_request_line(&text, rows[i].line);
        (void)buf_puts(&text, "Host: a\r\n");
        if (rows[i].header)
            put_header_line(&text, rows[i].header);
        for (size_t h = 0; h < rows[i].headers; h++)
            (void)buf_printf(&text, "H%zu: v\r\n", h);
        if (rows[i].total)
            put_header_line(&text, rows[i].total - text.len - 4);
        (void)buf_puts(&text, "\r\n");
        if (rows[i].total)
            assert_int_equal(text.len, rows[i].total);
        for (size_t step = 1; step <= text.len; step = step * 7 + 1) {
            struct judge j = { 0 };
            for (size_t at = 0; at < text.len; at += step)
                judge_piece(&j, slice_sub(buf_slice(&text), at, step));
            if (verdict(&j) != rows[i].status)
                fail_msg("row %zu in steps of %zu: %d", i, step, verdict(&j));
            judge_done(&j);
        }
    }
}

static void a_line_without_end_is_refused_as_soon_as_it_is_too_long(void **state)
{
    struct http_parser *p = http_parser_create(false, &limits);
    size_t used, count = 0;
    int result = HTTP_HEAD_MORE;
    while (result == HTTP_HEAD_MORE) {
        result = http_parser_head(p, SLICE("A"), &used);
        count++;
    }
    assert_int_equal(result, 414);
    assert_int_equal(count, 8193);
    http_parser_free(p);
}

static void extensions_and_trailers_do_not_go_on_for_ever(void **state)
{
    static const char *const starts[] = { CHUNKED "1;", CHUNKED "0\r\nX: " };
    for (size_t i = 0; i < COUNT(starts); i++) {
        struct judge j = { 0 };
        judge_piece(&j, slice_of(starts[i]));
        for (unsigned n = 0; n < 5000 && !j.refused; n++)
            judge_piece(&j, SLICE("y"));
        assert_int_equal(j.refused, 400);
        judge_done(&j);
    }
    struct judge j = { 0 }; /* many small ones count together */
    judge_piece(&j, SLICE(CHUNKED));
    for (unsigned n = 0; n < 3000 && !j.refused; n++)
        judge_piece(&j, SLICE("1;ab\r\nx\r\n"));
    assert_int_equal(j.refused, 400);
    judge_done(&j);
}

static struct http_parser *parsed(struct slice head, bool is_response)
{
    struct http_parser *p = http_parser_create(is_response, &limits);
    size_t used;
    assert_int_equal(http_parser_head(p, head, &used), HTTP_HEAD_DONE);
    assert_int_equal(used, head.len);
    return p;
}

static void headers_are_found_by_any_spelling_and_the_first_non_empty_counts(void **state)
{
    struct http_parser *p = parsed(SLICE("GET /a?b HTTP/1.1\r\nhost:x\r\nDevice-ID:\r\ndevice-id:  AA \r\n"
                                         "DEVICE-ID: BB\r\nConnection: keep-alive ,Upgrade\r\n\r\n"), false);
    struct slice name, value;
    assert_slice_is(http_parser_method(p), "GET");
    assert_slice_is(http_parser_target(p), "/a?b");
    assert_true(http_parser_find(p, "Device-Id", &value));
    assert_slice_is(value, "AA");
    assert_false(http_parser_find(p, "client-id", &value));
    assert_true(http_parser_has_token(p, "connection", "UPGRADE"));
    assert_true(http_parser_has_token(p, "connection", "keep-alive"));
    assert_false(http_parser_has_token(p, "connection", "close"));
    assert_int_equal(http_parser_header_count(p), 5);
    http_parser_header(p, 1, &name, &value);
    assert_slice_is(name, "Device-ID");
    assert_int_equal(value.len, 0);
    http_parser_free(p);
}

static void connection_tokens_are_taken_whole(void **state)
{
    static const struct {
        const char *value;
        bool is_upgrade;
    } rows[] = {
        { "Upgrade", true }, { "upgrade", true }, { "keep-alive, Upgrade", true }, { "Upgrade,keep-alive", true },
        { "keep-alive ,\tUPGRADE\t", true }, { ",,Upgrade,,", true }, { "a,b,c,upgrade", true },
        { "Upgraded", false }, { "no-upgrade", false }, { "upgrade;q=1", false }, { "up grade", false }, { ",", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf text = { 0 };
        (void)buf_printf(&text, "GET / HTTP/1.1\r\nHost: a\r\nConnection: %s\r\n\r\n", rows[i].value);
        struct http_parser *p = parsed(buf_slice(&text), false);
        if (http_parser_has_token(p, "Connection", "upgrade") != rows[i].is_upgrade)
            fail_msg("%s", rows[i].value);
        http_parser_free(p);
    }
}

static void keeping_alive_follows_version_and_connection(void **state)
{
    static const struct {
        const char *head;
        bool keeps;
    } rows[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n", false },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_parser *p = parsed(slice_of(rows[i].head), false);
        assert_int_equal(http_parser_keeps_alive(p), rows[i].keeps);
        http_parser_free(p);
    }
}

static void bodies_come_out_as_they_were_sent(void **state)
{
    static const struct {
        struct slice text;
        const char *body;
    } rows[] = {
        { SLICE(CHUNKED "5\r\nhello\r\n1;x=y\r\n,\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n"), "hello, world" },
        { SLICE(POST_HEAD "Content-Length: 12\r\n\r\nhello, world"), "hello, world" },
        { SLICE(CHUNKED "0\r\n\r\n"), "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t split = 0; split <= rows[i].text.len; split++) {
            struct judge j = { 0 };
            judge_piece(&j, slice_sub(rows[i].text, 0, split));
            judge_piece(&j, slice_sub(rows[i].text, split, rows[i].text.len));
            assert_int_equal(verdict(&j), 200);
            assert_slice_is(buf_slice(&j.content), rows[i].body);
            judge_done(&j);
        }
    }
}

static void responses_are_read_too(void **state)
{
    struct http_parser *p = parsed(SLICE("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), true);
    assert_int_equal(http_parser_status(p), 101);
    http_parser_free(p);
    static const char *const bad[] = {
        "HTTP/1.1\r\n\r\n", "HTTP/1.1 1\r\n\r\n", "HTTP/1.1 abc no\r\n\r\n", "HTTP/1.1 999 no\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1 +10 x\r\n\r\n", "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n", "\x15\x03\x01\r\n\r\n", "<html>\r\n\r\n", "",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct slice text = slice_of(bad[i]);
        size_t used;
        p = http_parser_create(true, &limits);
        int result = http_parser_head(p, text, &used);
        if (text.len ? result < 400 : result != HTTP_HEAD_MORE)
            fail_msg("%s: %d", bad[i], result);
        http_parser_free(p);
    }
}

static void percent_escapes_are_decoded(void **state)
{
    static const struct {
        const char *text, *path, *form; /* path NULL: refused */
    } rows[] = {
        { "/a", "/a", "/a" }, { "%2f", "/", "/" }, { "%2F%41", "/A", "/A" }, { "a+b", "a+b", "a b" },
        { "%E4%BD%A0", "\xe4\xbd\xa0", "\xe4\xbd\xa0" }, { "%", NULL, "%" }, { "%1", NULL, "%1" },
        { "%g1", NULL, "%g1" }, { "%00", NULL, "%00" }, { "%%41", NULL, "%A" }, { "", "", "" }, { "%20", " ", " " },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        bool is_good = http_percent_decode(&out, slice_of(rows[i].text), false);
        assert_int_equal(is_good, rows[i].path != NULL);
        if (is_good)
            assert_slice_is(buf_slice(&out), rows[i].path);
        buf_clear(&out);
        assert_true(http_percent_decode(&out, slice_of(rows[i].text), true));
        assert_slice_is(buf_slice(&out), rows[i].form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_gets_its_answer),
        cmocka_unit_test(every_row_split_at_every_byte_gets_the_same_answer),
        cmocka_unit_test(every_row_byte_by_byte_gets_the_same_answer),
        cmocka_unit_test(limits_bite_at_the_first_byte_too_many),
        cmocka_unit_test(a_line_without_end_is_refused_as_soon_as_it_is_too_long),
        cmocka_unit_test(extensions_and_trailers_do_not_go_on_for_ever),
        cmocka_unit_test(headers_are_found_by_any_spelling_and_the_first_non_empty_counts),
        cmocka_unit_test(connection_tokens_are_taken_whole),
        cmocka_unit_test(keeping_alive_follows_version_and_connection),
        cmocka_unit_test(bodies_come_out_as_they_were_sent),
        cmocka_unit_test(responses_are_read_too),
        cmocka_unit_test(percent_escapes_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
