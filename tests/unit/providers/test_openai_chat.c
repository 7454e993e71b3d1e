/* SPDX-License-Identifier: MIT
 * test_openai_chat.c -- answers of chat services: pieces joined, thinking dropped, errors named. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "providers/openai.h"
#include "providers/openai_chat.h"
#include "providers/transcription.h"

struct told {
    struct buf text, calls;
    struct llm_usage usage;
    struct err_note why;
};

static void on_delta(void *user, struct slice text)
{
    buf_put(&((struct told *)user)->text, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    buf_printf(&((struct told *)user)->calls, SLICE_FMT ":" SLICE_FMT SLICE_FMT ";", SLICE_ARG(id), SLICE_ARG(name),
               SLICE_ARG(args_json));
}

static void on_usage(void *user, const struct llm_usage *u)
{
    ((struct told *)user)->usage = *u;
}

static void read_in_pieces(struct told *t, struct slice bytes, size_t piece, bool is_whole)
{
    static const struct llm_events ev = { .on_delta = on_delta, .on_tool_call = on_tool_call, .on_usage = on_usage };
    struct chat_reader *c = xnew(struct chat_reader);
    bool stopped = false;
    enum err e = OK;
    *t = (struct told){ 0 };
    chat_init(c, &ev, t, &stopped, true);
    for (size_t at = 0; at < bytes.len && !e; at += piece)
        e = chat_feed(c, slice_sub(bytes, at, piece));
    chat_end(c, is_whole, 200, &t->why);
    chat_done(c);
    mem_free(c);
}

static void told_done(struct told *t)
{
    buf_done(&t->text);
    buf_done(&t->calls);
}

#define DELTA(json) "data: {\"choices\":[{\"delta\":" json "}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static const struct {
    const char *bytes, *text, *calls;
    enum err err;
    const char *why;
} rows[] = {
    { DELTA("{\"role\":\"assistant\",\"content\":\"\"}") DELTA("{\"content\":\"Hel\"}") DELTA("{\"content\":\"lo\"}")
      STOP DONE,
      "Hello", "", OK, "" },
    { DELTA("{\"content\":\"no finish, but done\"}") DONE, "no finish, but done", "", OK, "" },
    { DELTA("{\"content\":\"no done, but finish\"}") STOP, "no done, but finish", "", OK, "" },
    { ": comment\n\n" DELTA("{\"content\":null,\"reasoning_content\":\"hm\"}") DELTA("{\"content\":\"x\"}") STOP
      DONE, "x", "",
      OK, "" },
    { DELTA("{\"content\":\"<think>secret\"}") DELTA("{\"content\":\" plans</th\"}")
      DELTA("{\"content\":\"ink>\\n\\nHi <b\"}") STOP
      DONE, "Hi <b", "", OK, "" },
    { DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}")
      DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]}")
      DELTA("{\"tool_calls\":[{\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}")
      DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]}") STOP DONE,
      "", "c1:f{\"a\":1};c2:g{};", OK, "" },
    { DELTA("{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"b\":2}}}]}") STOP DONE, "",
      "call_0:f{\"b\":2};", OK,
      "" },
    { DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{half\"}}]}")
      STOP DONE, "", "",
      ERR_PROTO, "arguments" },
    { DELTA("{\"tool_calls\":[{\"index\":99,\"id\":\"x\"}]}") DONE, "", "", ERR_LIMIT, "too many" },
    { DELTA("{\"content\":\"Hel\"}") "data: {\"error\":{\"message\":\"overloaded\"}}\n\n", "Hel", "", ERR_UPSTREAM,
      "overloaded" },
    { DELTA("{\"content\":\"Hel\"}") "data: {\"error\":\"plain\"}\n\n", "Hel", "", ERR_UPSTREAM, "plain" },
    { DELTA("{\"content\":\"Hel\"}"), "Hel", "", ERR_CLOSED, "cut off" },
    { "data: {broken\n\n", "", "", ERR_PROTO, "broken" },
    { "", "", "", ERR_CLOSED, "empty" },
    { "{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}", "whole", "", OK, "" },
    {
      "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\",\"function\":"
      "{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
      "",
      "a:f{};", OK, "" },
    { "{\"error\":{\"message\":\"no such model\"}}", "", "", ERR_UPSTREAM, "no such model" },
    { "{\"choices\":[{\"mess", "", "", ERR_UPSTREAM, "unreadable" },
    { "<html>Sign in</html>", "", "", ERR_UPSTREAM, "web page" },
};

static void each_answer_is_read_alike_whole_and_byte_by_byte(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        static const size_t pieces[] = { 1, 7, 100000 };
        for (size_t p = 0; p < COUNT(pieces); p++) {
            struct told t;
            read_in_pieces(&t, slice_of(rows[i].bytes), pieces[p], true);
            if (!slice_is(buf_slice(&t.text), rows[i].text) || !slice_is(buf_slice(&t.calls), rows[i].calls) ||
                t.why.err != rows[i].err || !strstr(t.why.text, rows[i].why))
                fail_msg("row %zu by %zu: text \"%s\" calls \"%s\" %s \"%s\"", i, pieces[p],
                         t.text.data ? t.text.data : "", t.calls.data ? t.calls.data : "", err_name(t.why.err),
                         t.why.text);
            told_done(&t);
        }
    }
}

static void usage_is_told(void **state)
{
    struct told t;
    read_in_pieces(&t, SLICE(DELTA("{\"content\":\"x\"}") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,"
                             "\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n" DONE),
                                 9, true);
    assert_int_equal(t.usage.tokens_in, 12);
    assert_int_equal(t.usage.tokens_out, 5);
    assert_int_equal(t.usage.tokens_cached, 4);
    told_done(&t);
}

static void a_cut_object_is_cut_and_not_strange(void **state)
{
    struct told t;
    read_in_pieces(&t, SLICE("{\"choices\":[{\"mess"), 100, false);
    assert_int_equal(t.why.err, ERR_CLOSED);
    told_done(&t);
}

static void transcriptions_are_text_in_some_form(void **state)
{
    static const struct {
        const char *body, *text;
        enum err err;
    } answers[] = {
        { "{\"text\":\" hello there \"}", "hello there", OK }, { "plain words\n", "plain words", OK }, { "", "", OK },
        { "{\"text\":\"\"}", "", OK }, { "{\"segments\":[{\"text\":\"a\"},{\"text\":\" b\"}]}", "a b", OK },
        { "{\"error\":{\"message\":\"too short\"}}", "", ERR_UPSTREAM }, { "{\"text\":", "", ERR_PROTO },
        { "{\"other\":1}", "", ERR_PROTO }, { "<html></html>", "", ERR_PROTO }, { "[1]", "", ERR_PROTO },
        { "\xff\xfe", "", ERR_PROTO }, { "{\"text\":5}", "", ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(answers); i++) {
        auto_buf struct buf out = { 0 };
        struct err_note note = { 0 };
        transcription_read(slice_of(answers[i].body), 200, &out, &note);
        if (note.err != answers[i].err || !slice_is(buf_slice(&out), answers[i].text))
            fail_msg("row %zu: %s \"%s\"", i, err_name(note.err), out.data ? out.data : "");
    }
}

static void each_status_is_an_error_with_words(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err err;
        const char *words;
    } answers[] = {
        { 401, "{\"error\":{\"message\":\"Incorrect API key\"}}", ERR_AUTH, "HTTP 401: Incorrect API key" },
        { 429, "{\"error\":\"slow down\"}", ERR_LIMIT, "HTTP 429: slow down" },
        { 500, "", ERR_UPSTREAM, "HTTP 500: an empty answer" }, { 502, "<html>", ERR_UPSTREAM, "web page" },
        { 504, "upstream timed out", ERR_TIMEOUT, "upstream timed out" }, { 404, "{\"detail\":\"Not Found\"}",
          ERR_UPSTREAM,
          "Not Found" }, { 400, "{\"x\":1}", ERR_UPSTREAM, "unreadable" },
    };
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct err_note note = { 0 };
        openai_explain(&note, answers[i].status, slice_of(answers[i].body));
        if (note.err != answers[i].err || !strstr(note.text, answers[i].words))
            fail_msg("row %zu: %s %s", i, err_name(note.err), note.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_read_alike_whole_and_byte_by_byte), cmocka_unit_test(usage_is_told),
        cmocka_unit_test(a_cut_object_is_cut_and_not_strange), cmocka_unit_test(transcriptions_are_text_in_some_form),
        cmocka_unit_test(each_status_is_an_error_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
