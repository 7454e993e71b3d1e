/* SPDX-License-Identifier: MIT
 * test_sse.c -- event streams as a table, each split at every byte. */
#include "http/sse.h"
#include "tests/support/test.h"

struct ear {
    struct buf said;
    struct sse *sse;
    bool stops;
};

static void on_event(void *user, struct slice event, struct slice data)
{
    struct ear *e = user;
    (void)buf_printf(&e->said, "[" SLICE_FMT "|" SLICE_FMT "]", SLICE_ARG(event), SLICE_ARG(data));
    if (e->stops)
        sse_stop(e->sse);
}

static const struct {
    const char *text, *heard;
} rows[] = {
    { "data: one\n\n", "[|one]" },
    { "data:one\n\n", "[|one]" },
    { "data:  one\n\n", "[| one]" },
    { "data: one\r\n\r\n", "[|one]" },
    { "data: one\r\r", "[|one]" },
    { "data: one\r\n\ndata: two\n\r\n", "[|one][|two]" },
    { "data: one\ndata: two\n\n", "[|one\ntwo]" },
    { "data\n\n", "[|]" },
    { "data:\n\n", "[|]" },
    { "data:\ndata:\n\n", "[|\n]" },
    { "event: delta\ndata: {}\n\n", "[delta|{}]" },
    { "data: {}\nevent: delta\n\n", "[delta|{}]" },
    { "event: a\nevent: b\ndata: x\n\n", "[b|x]" },
    { "event: a\n\ndata: x\n\n", "[|x]" },
    { "event: a\ndata: x\n\ndata: y\n\n", "[a|x][|y]" },
    { ": comment\n\n", "" },
    { ": keep-alive\n\ndata: x\n\n", "[|x]" },
    { ":\n:\n\n", "" },
    { "id: 7\nretry: 100\ndata: x\n\n", "[|x]" },
    { "unknown: y\ndata: x\n\n", "[|x]" },
    { "datax: y\n\n", "" },
    { " data: y\n\n", "" },
    { "data: a:b: c\n\n", "[|a:b: c]" },
    { "data: [DONE]\n\n", "[|[DONE]]" },
    { "\xef\xbb\xbf" "data: x\n\n", "[|x]" },
    { "\xef\xbb\xbf\n" "data: x\n\n", "[|x]" },
    { "data: \xef\xbb\xbfx\n\n", "[|\xef\xbb\xbfx]" },
    { "\n\n\ndata: x\n\n\n\n", "[|x]" },
    { "data: x", "" },
    { "data: x\n", "" },
    { "data: x\ndata: y\r", "" },
    { "", "" },
    { "data: \xe4\xbd\xa0\n\n", "[|\xe4\xbd\xa0]" },
};

static void every_row_is_heard_split_anywhere(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = slice_of(rows[i].text);
        for (size_t split = 0; split <= text.len; split++) {
            struct ear e = { 0 };
            struct sse s;
            sse_init(&s, on_event, &e);
            assert_ok(sse_feed(&s, slice_sub(text, 0, split)));
            assert_ok(sse_feed(&s, slice_sub(text, split, text.len)));
            if (!slice_is(buf_slice(&e.said), rows[i].heard))
                fail_msg("row %zu split %zu: %.*s", i, split, SLICE_ARG(buf_slice(&e.said)));
            sse_done(&s);
            buf_done(&e.said);
        }
        struct ear e = { 0 };
        struct sse s;
        sse_init(&s, on_event, &e);
        for (size_t at = 0; at < text.len; at++)
            assert_ok(sse_feed(&s, slice_sub(text, at, 1)));
        assert_slice_is(buf_slice(&e.said), rows[i].heard);
        sse_done(&s);
        buf_done(&e.said);
    }
}

static void lines_and_events_over_the_limit_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum err err;
    } limits[] = {
        { "data: 78901234\n\n", OK }, { "data: 789012345\n\n", ERR_LIMIT }, { "data: 789012345", ERR_LIMIT },
        { "data: 1234\ndata: 1234\ndata:\n\n", OK }, { "data: 12345678\ndata: 123456789\n\n", ERR_LIMIT },
    };
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct ear e = { 0 };
        struct sse s;
        sse_init(&s, on_event, &e);
        s.line_max_bytes = 14;
        assert_int_equal(sse_feed(&s, slice_of(limits[i].text)), limits[i].err);
        sse_done(&s);
        buf_done(&e.said);
    }
}

static void stopping_inside_an_event_silences_the_rest(void **state)
{
    struct sse s;
    struct ear e = { .sse = &s, .stops = true };
    sse_init(&s, on_event, &e);
    assert_ok(sse_feed(&s, SLICE("data: a\n\ndata: b\n\n")));
    assert_ok(sse_feed(&s, SLICE("data: c\n\n")));
    assert_slice_is(buf_slice(&e.said), "[|a]");
    sse_done(&s);
    buf_done(&e.said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_heard_split_anywhere),
        cmocka_unit_test(lines_and_events_over_the_limit_are_refused),
        cmocka_unit_test(stopping_inside_an_event_silences_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
