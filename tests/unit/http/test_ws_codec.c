/* SPDX-License-Identifier: MIT
 * test_ws_codec.c -- frames as tables: what is sent, what is heard; each also split at every byte. */
#include "base/mem.h"
#include "base/utf8.h"
#include "http/ws_codec.h"
#include "tests/support/test.h"

#define TEXT_MAX 1000
#define BINARY_MAX 70000

/* What was heard, as a line of text: T(..) B(..) P(..) O(..) C<code>(..). */
struct ear {
    struct buf said;
    struct ws_codec *codec;
    bool stops_at_message;
};

static void hear(struct ear *e, const char *what, struct slice data)
{
    (void)buf_puts(&e->said, what);
    (void)buf_puts(&e->said, "(");
    (void)buf_put(&e->said, data);
    (void)buf_puts(&e->said, ")");
}

static void on_message(void *user, bool is_text, struct slice data)
{
    struct ear *e = user;
    hear(e, is_text ? "T" : "B", data);
    if (e->stops_at_message)
        ws_codec_stop(e->codec);
}

static void on_ping(void *user, struct slice data)
{
    hear(user, "P", data);
}

static void on_pong(void *user, struct slice data)
{
    hear(user, "O", data);
}

static void on_close(void *user, int code, struct slice reason)
{
    char name[16];
    snprintf(name, sizeof(name), "C%d", code);
    hear(user, name, reason);
}

static const struct ws_codec_events events = { on_message, on_ping, on_pong, on_close };

/* The row's bytes are unmasked frames; a server is fed the same frames masked. */
static void put_masked(struct buf *out, struct slice frames)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    while (frames.len >= 2) {
        const uint8_t *f = (const uint8_t *)frames.data;
        size_t head = 2, len = f[1] & 0x7f;
        if (frames.len < (len == 126 ? 4u : len == 127 ? 10u : 2u)) { /* ends inside the header */
            const char cut[2] = { frames.data[0], (char)(f[1] | 0x80) };
            (void)buf_put(out, slice_from(cut, 2));
            frames = slice_sub(frames, 2, frames.len);
            break;
        }
        if (len == 126) {
            len = (size_t)f[2] << 8 | f[3];
            head = 4;
        } else if (len == 127) {
            len = 0;
            for (unsigned i = 2; i < 10; i++)
                len = len << 8 | f[i];
            head = 10;
        }
        auto_mem char *copy = xmemdup(frames.data, frames.len);
        copy[1] = (char)(f[1] | 0x80);
        (void)buf_put(out, slice_from(copy, MIN(head, frames.len)));
        (void)buf_put(out, slice_from(mask, 4));
        size_t body = frames.len > head ? MIN(len, frames.len - head) : 0;
        ws_mask(copy + head, body, mask, 0);
        (void)buf_put(out, slice_from(copy + head, body));
        frames = slice_sub(frames, head + body, frames.len);
    }
    (void)buf_put(out, frames);
}

static int feed(struct ws_codec *c, struct slice s)
{
    char *exact = malloc(s.len ? s.len : 1);
    assert_non_null(exact);
    if (s.len)
        memcpy(exact, s.data, s.len);
    int code = ws_codec_feed(c, exact, s.len);
    free(exact);
    return code;
}

/* Heard text and, at its end, "!code" when the codec refused. */
static void run(struct buf *out, bool is_server, struct slice bytes, size_t split, size_t step)
{
    struct ear e = { 0 };
    struct ws_codec c;
    int code = 0;
    ws_codec_init(&c, is_server, TEXT_MAX, BINARY_MAX, &events, &e);
    if (step) {
        for (size_t at = 0; at < bytes.len && !code; at += step)
            code = feed(&c, slice_sub(bytes, at, step));
    } else {
        code = feed(&c, slice_sub(bytes, 0, split));
        if (!code && split < bytes.len)
            code = feed(&c, slice_sub(bytes, split, bytes.len));
    }
    (void)buf_put(out, buf_slice(&e.said));
    if (code)
        (void)buf_printf(out, "!%d", code);
    ws_codec_done(&c);
    buf_done(&e.said);
}

struct row {
    const char *bytes;
    size_t len;
    const char *heard;
};
#define ROW(text, heard) { text, sizeof(text) - 1, heard }

static const struct row rows[] = {
    /* whole messages */
    ROW("\x81\x05" "Hello", "T(Hello)"),
    ROW("\x81\x00", "T()"),
    ROW("\x82\x00", "B()"),
    ROW("\x82\x03" "abc", "B(abc)"),
    ROW("\x82\x03\xff\xfe\xfd", "B(\xff\xfe\xfd)"),
    ROW("\x81\x02" "ab" "\x82\x01" "c" "\x81\x00", "T(ab)B(c)T()"),
    ROW("\x81\x7e\x00\x05" "Hello", "T(Hello)"),                           /* longer length than needed */
    ROW("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05" "Hello", "T(Hello)"),
    /* fragments */
    ROW("\x01\x03" "Hel" "\x80\x02" "lo", "T(Hello)"),
    ROW("\x02\x01" "a" "\x00\x01" "b" "\x00\x01" "c" "\x80\x01" "d", "B(abcd)"),
    ROW("\x01\x00" "\x00\x00" "\x80\x00", "T()"),
    ROW("\x01\x00" "\x80\x02" "ok", "T(ok)"),
    ROW("\x01\x02" "ok" "\x80\x00", "T(ok)"),
    ROW("\x01\x01" "a" "\x80\x01" "b" "\x02\x01" "c" "\x80\x01" "d", "T(ab)B(cd)"),
    /* control frames between fragments */
    ROW("\x01\x01" "a" "\x89\x02" "hi" "\x80\x01" "b", "P(hi)T(ab)"),
    ROW("\x01\x01" "a" "\x8a\x00" "\x00\x01" "b" "\x89\x00" "\x80\x00", "O()P()T(ab)"),
    ROW("\x01\x01" "a" "\x88\x02\x03\xe8", "C1000()"),
    /* control frames */
    ROW("\x89\x00", "P()"),
    ROW("\x89\x05" "Hello" "\x8a\x05" "World", "P(Hello)O(World)"),
    ROW("\x88\x00", "C1005()"),
    ROW("\x88\x02\x03\xe8", "C1000()"),
    ROW("\x88\x05\x03\xe9" "bye", "C1001(bye)"),
    ROW("\x88\x02\x03\xe8" "\x81\x01" "x", "C1000()"),                     /* nothing counts after it */
    ROW("\x88\x02\x0b\xb8", "C3000()"),
    ROW("\x88\x02\x0f\xa0", "C4000()"),
    ROW("\x88\x02\x13\x87", "C4999()"),
    ROW("\x88\x02\x03\xeb", "C1003()"),
    ROW("\x88\x02\x03\xef", "C1007()"),
    ROW("\x88\x02\x03\xf6", "C1014()"),
    /* close frames that are wrong */
    ROW("\x88\x01\x03", "!1002"),
    ROW("\x88\x02\x00\x00", "!1002"),
    ROW("\x88\x02\x03\xe7", "!1002"), /* 999 */
    ROW("\x88\x02\x03\xec", "!1002"), /* 1004 */
    ROW("\x88\x02\x03\xed", "!1002"), /* 1005 */
    ROW("\x88\x02\x03\xee", "!1002"), /* 1006 */
    ROW("\x88\x02\x03\xf7", "!1002"), /* 1015 */
    ROW("\x88\x02\x04\x4c", "!1002"), /* 1100 */
    ROW("\x88\x02\x07\xd0", "!1002"), /* 2000 */
    ROW("\x88\x02\x13\x88", "!1002"), /* 5000 */
    ROW("\x88\x02\xff\xff", "!1002"),
    ROW("\x88\x04\x03\xe8\xff\xfe", "!1007"),
    /* frames that are wrong */
    ROW("\x83\x00", "!1002"), ROW("\x84\x00", "!1002"), ROW("\x85\x00", "!1002"), ROW("\x86\x00", "!1002"),
    ROW("\x87\x00", "!1002"), ROW("\x8b\x00", "!1002"), ROW("\x8c\x00", "!1002"), ROW("\x8d\x00", "!1002"),
    ROW("\x8e\x00", "!1002"), ROW("\x8f\x00", "!1002"),
    ROW("\xc1\x00", "!1002"), ROW("\xa1\x00", "!1002"), ROW("\x91\x00", "!1002"), ROW("\xf2\x00", "!1002"),
    ROW("\x09\x00", "!1002"), ROW("\x0a\x00", "!1002"), ROW("\x08\x00", "!1002"), /* control, not final */
    ROW("\x89\x7e\x00\x7e", "!1002"), ROW("\x88\x7e\x00\x7e", "!1002"), ROW("\x8a\x7f", "!1002"),
    ROW("\x80\x01" "x", "!1002"),                                          /* continues nothing */
    ROW("\x00\x01" "x", "!1002"),
    ROW("\x81\x01" "a" "\x80\x01" "x", "T(a)!1002"),
    ROW("\x01\x01" "a" "\x81\x01" "b", "!1002"),                           /* a new one inside one */
    ROW("\x01\x01" "a" "\x02\x01" "b", "!1002"),
    ROW("\x02\x01" "a" "\x01\x01" "b", "!1002"),
    ROW("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "!1002"),
    ROW("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "!1002"),
    /* sizes: refused by the header alone */
    ROW("\x81\x7e\x03\xe9", "!1009"),
    ROW("\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x71", "!1009"),
    ROW("\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00", "!1009"),
    ROW("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "!1009"),
    ROW("\x01\x01" "a" "\x00\x7e\x03\xe8", "!1009"),
    /* UTF-8 */
    ROW("\x81\x06\xe4\xbd\xa0\xe5\xa5\xbd", "T(\xe4\xbd\xa0\xe5\xa5\xbd)"),
    ROW("\x01\x01\xe4" "\x00\x01\xbd" "\x80\x01\xa0", "T(\xe4\xbd\xa0)"),
    ROW("\x01\x02\xe4\xbd" "\x89\x00" "\x80\x01\xa0", "P()T(\xe4\xbd\xa0)"),
    ROW("\x81\x04\xf0\x9f\x98\x80", "T(\xf0\x9f\x98\x80)"),
    ROW("\x81\x03" "a\0b", "T(a"), /* NUL is fine; compared up to it */
    ROW("\x81\x02\xe4\xbd", "!1007"),
    ROW("\x01\x02\xe4\xbd" "\x80\x00", "!1007"),
    ROW("\x81\x02\xc0\xaf", "!1007"),
    ROW("\x81\x03\xed\xa0\x80", "!1007"),
    ROW("\x81\x04\xf4\x90\x80\x80", "!1007"),
    ROW("\x81\x01\xff", "!1007"),
    ROW("\x81\x01\x80", "!1007"),
    ROW("\x01\x01\xe4" "\x80\x01" "A", "!1007"),
    ROW("\x01\x7e\x00\x80\xff", "!1007"),                                  /* at once, not at the end */
    ROW("\x82\x02\xc0\xaf", "B(\xc0\xaf)"),                                /* binary may be anything */
    /* incomplete: silence */
    ROW("", ""), ROW("\x81", ""), ROW("\x81\x05" "Hell", ""), ROW("\x01\x05" "Hello", ""), ROW("\x81\x7e\x00", ""),
};

static void check(const struct row *row, bool is_server, struct slice bytes, size_t split, size_t step)
{
    auto_buf struct buf heard = { 0 };
    run(&heard, is_server, bytes, split, step);
    if (strcmp(heard.data ? heard.data : "", row->heard) != 0)
        fail_msg("row %zu %s split %zu step %zu: heard %s, wanted %s", (size_t)(row - rows),
                 is_server ? "server" : "client", split, step, heard.data ? heard.data : "", row->heard);
}

static void every_row_is_heard_as_it_should_on_both_sides(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf masked = { 0 };
        put_masked(&masked, slice_from(rows[i].bytes, rows[i].len));
        check(&rows[i], false, slice_from(rows[i].bytes, rows[i].len), rows[i].len, 0);
        check(&rows[i], true, buf_slice(&masked), masked.len, 0);
    }
}

static void every_row_split_anywhere_is_heard_alike(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf masked = { 0 };
        put_masked(&masked, slice_from(rows[i].bytes, rows[i].len));
        for (size_t split = 0; split <= masked.len; split++)
            check(&rows[i], true, buf_slice(&masked), split, 0);
        for (size_t split = 0; split <= rows[i].len; split++)
            check(&rows[i], false, slice_from(rows[i].bytes, rows[i].len), split, 0);
        for (size_t step = 1; step < 4; step++)
            check(&rows[i], true, buf_slice(&masked), 0, step);
    }
}

static void masks_are_demanded_of_clients_and_refused_from_servers(void **state)
{
    auto_buf struct buf a = { 0 }, b = { 0 };
    run(&a, true, SLICE("\x81\x01x"), 3, 0);
    assert_slice_is(buf_slice(&a), "!1002");
    run(&b, false, SLICE("\x81\x81\x01\x02\x03\x04x"), 7, 0);
    assert_slice_is(buf_slice(&b), "!1002");
}

static void all_lengths_go_through_and_limits_are_exact(void **state)
{
    static const struct {
        bool is_text;
        size_t len;
        int code;
    } sizes[] = {
        { true, 0, 0 },       { true, 1, 0 },       { true, 124, 0 },        { true, 125, 0 },
        { true, 126, 0 },     { true, 127, 0 },     { true, TEXT_MAX, 0 },   { true, TEXT_MAX + 1, 1009 },
        { false, 65535, 0 },  { false, 65536, 0 },  { false, BINARY_MAX, 0 }, { false, BINARY_MAX + 1, 1009 },
    };
    static char payload[BINARY_MAX + 1];
    static const uint8_t mask[4] = { 1, 2, 3, 4 };
    for (size_t i = 0; i < COUNT(payload); i++)
        payload[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t step = 0; step < 5; step++) {
            auto_buf struct buf frame = { 0 }, heard = { 0 };
            uint8_t head[WS_HEAD_MAX];
            size_t head_len = ws_head(head, sizes[i].is_text ? WS_TEXT : WS_BINARY, sizes[i].len, mask);
            (void)buf_put(&frame, slice_from(head, head_len));
            (void)buf_put(&frame, slice_from(payload, sizes[i].len));
            ws_mask(frame.data + head_len, sizes[i].len, mask, 0);
            run(&heard, true, buf_slice(&frame), frame.len, step * step * 11);
            if (sizes[i].code) {
                assert_slice_is(buf_slice(&heard), "!1009");
                continue;
            }
            assert_int_equal(heard.len, sizes[i].len + 3);
            assert_memory_equal(heard.data + 2, payload, sizes[i].len);
        }
    }
}

static void fragments_count_together_against_the_limit(void **state)
{
    auto_buf struct buf frames = { 0 }, heard = { 0 };
    (void)buf_put(&frames, SLICE("\x01\x64"));
    for (unsigned n = 0; n < 100; n++)
        (void)buf_put_byte(&frames, 'x');
    for (unsigned f = 0; f < 10; f++) {
        (void)buf_put(&frames, SLICE("\x00\x64"));
        for (unsigned n = 0; n < 100; n++)
            (void)buf_put_byte(&frames, 'x');
    }
    run(&heard, false, buf_slice(&frames), frames.len, 0);
    assert_slice_is(buf_slice(&heard), "!1009");
}

static void a_message_is_handed_on_in_place_and_nothing_is_kept(void **state)
{
    struct ear e = { 0 };
    struct ws_codec c;
    char frame[] = "\x82\x85\x00\x00\x00\x00hello";
    ws_codec_init(&c, true, TEXT_MAX, BINARY_MAX, &events, &e);
    assert_int_equal(ws_codec_feed(&c, frame, 11), 0);
    assert_slice_is(buf_slice(&e.said), "B(hello)");
    assert_null(c.message.data);
    assert_int_equal(feed(&c, SLICE("\x81\x85\x00\x00\x00\x00he")), 0);
    assert_non_null(c.message.data);
    assert_int_equal(feed(&c, SLICE("llo")), 0);
    assert_slice_is(buf_slice(&e.said), "B(hello)T(hello)");
    assert_null(c.message.data);
    ws_codec_done(&c);
    buf_done(&e.said);
}

/* A line that cuts audio does so all the time; one large message is no reason to keep its room. */
static void a_small_binary_message_that_came_cut_leaves_its_buffer(void **state)
{
    struct ear e = { 0 };
    struct ws_codec c;
    char large[2008] = "\x82\xfe\x07\xd0";
    ws_codec_init(&c, true, TEXT_MAX, BINARY_MAX, &events, &e);
    for (unsigned i = 0; i < 3; i++) {
        char *before = c.message.data;
        assert_int_equal(feed(&c, SLICE("\x82\x85\x00\x00\x00\x00he")), 0);
        assert_int_equal(feed(&c, SLICE("llo")), 0);
        assert_non_null(c.message.data);
        assert_true(!before || c.message.data == before);
        assert_int_equal(c.message.len, 0);
    }
    assert_slice_is(buf_slice(&e.said), "B(hello)B(hello)B(hello)");
    assert_int_equal(feed(&c, slice_from(large, 1000)), 0);
    assert_int_equal(feed(&c, slice_from(large + 1000, sizeof(large) - 1000)), 0);
    assert_null(c.message.data);
    ws_codec_done(&c);
    buf_done(&e.said);
}

static void stopping_inside_an_event_silences_the_rest(void **state)
{
    struct ws_codec c;
    struct ear e = { .codec = &c, .stops_at_message = true };
    ws_codec_init(&c, false, TEXT_MAX, BINARY_MAX, &events, &e);
    assert_int_equal(feed(&c, SLICE("\x81\x01" "a" "\x81\x01" "b" "\x83\x00")), 0);
    assert_int_equal(feed(&c, SLICE("\x81\x01" "c")), 0);
    assert_slice_is(buf_slice(&e.said), "T(a)");
    ws_codec_done(&c);
    buf_done(&e.said);
}

static void masking_twice_gives_back_the_bytes_at_any_offset(void **state)
{
    static const uint8_t mask[4] = { 0xa5, 0x01, 0xfe, 0x7c };
    char data[67], plain[67];
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (char)(i * 31);
    for (size_t len = 0; len <= sizeof(plain); len++) {
        for (size_t cut = 0; cut <= len; cut++) {
            memcpy(data, plain, sizeof(data));
            ws_mask(data, cut, mask, 0);
            ws_mask(data + cut, len - cut, mask, cut);
            for (size_t i = 0; i < len; i++)
                assert_int_equal((uint8_t)data[i], (uint8_t)plain[i] ^ mask[i % 4]);
        }
    }
}

static void heads_are_as_short_as_they_can_be(void **state)
{
    static const struct {
        uint64_t len;
        size_t head;
    } sizes[] = { { 0, 2 }, { 125, 2 }, { 126, 4 }, { 65535, 4 }, { 65536, 10 }, { 1ull << 40, 10 } };
    uint8_t head[WS_HEAD_MAX];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(ws_head(head, WS_BINARY, sizes[i].len, NULL), sizes[i].head);
        assert_int_equal(head[0], 0x82);
        assert_int_equal(ws_head(head, WS_TEXT, sizes[i].len, (const uint8_t[4]){ 0 }), sizes[i].head + 4);
        assert_int_equal(head[1] & 0x80, 0x80);
    }
}

static void close_payloads_fit_and_end_at_a_character(void **state)
{
    uint8_t out[WS_CONTROL_MAX];
    auto_buf struct buf reason = { 0 };
    assert_int_equal(ws_close_payload(out, 1000, SLICE("bye")), 5);
    assert_memory_equal(out, "\x03\xe8" "bye", 5);
    assert_int_equal(ws_close_payload(out, 1005, SLICE("x")), 0);
    assert_int_equal(ws_close_payload(out, 1006, SLICE("x")), 0);
    assert_int_equal(ws_close_payload(out, 1000, (struct slice){ NULL, 0 }), 2);
    for (unsigned i = 0; i < 60; i++)
        (void)buf_puts(&reason, "\xe4\xbd\xa0");
    size_t len = ws_close_payload(out, 4000, buf_slice(&reason));
    assert_int_equal(len, 2 + 123);
    assert_true(utf8_valid(slice_from(out + 2, len - 2)));
}

static void the_accept_key_is_that_of_the_rfc(void **state)
{
    char accept[29];
    ws_accept_key(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void no_memory_closes_with_1011(void **state)
{
    struct ear e = { 0 };
    struct ws_codec c;
    ws_codec_init(&c, false, TEXT_MAX, BINARY_MAX, &events, &e);
    mem_fail_nth(1);
    int code = feed(&c, SLICE("\x81\x05Hel"));
    mem_fail_nth(0);
    assert_int_equal(code, 1011);
    ws_codec_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_heard_as_it_should_on_both_sides),
        cmocka_unit_test(every_row_split_anywhere_is_heard_alike),
        cmocka_unit_test(masks_are_demanded_of_clients_and_refused_from_servers),
        cmocka_unit_test(all_lengths_go_through_and_limits_are_exact),
        cmocka_unit_test(fragments_count_together_against_the_limit),
        cmocka_unit_test(a_message_is_handed_on_in_place_and_nothing_is_kept),
        cmocka_unit_test(a_small_binary_message_that_came_cut_leaves_its_buffer),
        cmocka_unit_test(stopping_inside_an_event_silences_the_rest),
        cmocka_unit_test(masking_twice_gives_back_the_bytes_at_any_offset),
        cmocka_unit_test(heads_are_as_short_as_they_can_be),
        cmocka_unit_test(close_payloads_fit_and_end_at_a_character),
        cmocka_unit_test(the_accept_key_is_that_of_the_rfc),
        cmocka_unit_test(no_memory_closes_with_1011),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
