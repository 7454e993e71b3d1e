/* SPDX-License-Identifier: MIT
 * test_tiny.c -- the smallest server answers a typed word with sound. */
#include "tests/support/test.h"

#include <signal.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/ws.h"
#include "loop/process.h"

#define STEPS_MAX 1500

struct talk {
    struct loop *loop;
    struct ws *ws;
    unsigned port, frames;
    bool is_open, is_over;
    struct buf log;
};

static void on_line(void *user, struct slice line)
{
    char text[128];
    snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(line));
    sscanf(text, "tiny listens on ws://127.0.0.1:%u/", &((struct talk *)user)->port);
}
static void on_exit_(void *user, int status, int signal)
{
    ((struct talk *)user)->is_over = true;
}
static void on_open(void *user)
{
    ((struct talk *)user)->is_open = true;
}
static void on_text(void *user, struct slice text)
{
    buf_put(&((struct talk *)user)->log, text);
}
static void on_binary(void *user, struct slice data)
{
    ((struct talk *)user)->frames++;
}
static void on_close(void *user, int code, struct slice reason, int http_status)
{
    ((struct talk *)user)->ws = NULL;
}

static void tiny_answers_a_typed_word_with_sound(void **state)
{
    static const struct process_events child = { on_line, on_exit_ };
    static const struct ws_events events = { .on_open = on_open, .on_text = on_text, .on_binary = on_binary,
                                             .on_close = on_close };
    struct talk t = { 0 };
    struct process *p;
    const char *build = getenv("PARLEY_BUILD");
    auto_mem char *path = xprintf("%s/tiny", build ? build : "build");
    const char *argv[] = { path, "0", NULL };

    assert_ok(loop_create(&t.loop, NULL));
    assert_ok(process_open(&p, t.loop, &(struct process_opts){ .argv = argv }, &child, &t));
    for (unsigned i = 0; !t.port && i < STEPS_MAX; i++)
        loop_step(t.loop, 10);
    assert_int_not_equal(t.port, 0);
    auto_mem char *url = xprintf("ws://127.0.0.1:%u/", t.port);
    assert_ok(ws_connect(&t.ws, t.loop, &(struct ws_connect_opts){ .url = url }, &events, &t));
    for (unsigned i = 0; t.ws && !t.is_open && i < STEPS_MAX; i++)
        loop_step(t.loop, 10);
    assert_true(t.is_open);
    assert_ok(ws_send_text(t.ws, SLICE("{\"type\":\"hello\"}")));
    assert_ok(ws_send_text(t.ws, SLICE("{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"what time is it\"}")));
    for (unsigned i = 0; t.ws && !(t.log.data && strstr(t.log.data, "\"stop\"")) && i < STEPS_MAX; i++)
        loop_step(t.loop, 10);
    assert_non_null(t.log.data);
    assert_non_null(strstr(t.log.data, "\"session_id\""));
    if (!strstr(t.log.data, "sentence_start"))
        fail_msg("%s", t.log.data);
    assert_non_null(strstr(t.log.data, "\"stop\""));
    assert_true(t.frames > 0);
    ws_drop(t.ws);
    process_close(p);
    for (unsigned i = 0; loop_handles_open(t.loop) && i < STEPS_MAX; i++)
        loop_step(t.loop, 10);
    loop_free(t.loop);
    buf_done(&t.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tiny_answers_a_typed_word_with_sound) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
