/* SPDX-License-Identifier: MIT
 * test_replay.c -- what docs/modes.md promises a reader: each example conversation, played with `parley play` against
 * a parleyd that nobody has configured, pairing included. TSAN */
#include "tests/support/test.h"

#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/process.h"
#include "tests/support/temp.h"

#define WAIT_US 60000000 /* under sanitizers on a busy machine */

struct run {
    struct process *process;
    struct buf said;
    int status;
    bool is_over;
};

static void on_line(void *user, struct slice line)
{
    struct run *r = user;
    buf_put(&r->said, line);
    buf_put_byte(&r->said, '\n');
}

static void on_over(void *user, int status, int signal)
{
    struct run *r = user;
    r->process = NULL;
    r->status = signal ? -signal : status;
    r->is_over = true;
}

static void start(struct run *r, struct loop *l, const char *const *argv)
{
    static const struct process_events events = { on_line, on_over };
    *r = (struct run){ 0 };
    assert_ok(process_open(&r->process, l, &(struct process_opts){ .argv = argv }, &events, r));
}

/* Says it, or is over; needle NULL: is over. */
static bool waits(struct run *r, struct loop *l, const char *needle)
{
    uint64_t began_us = clock_mono_us();
    while (!r->is_over && clock_mono_us() - began_us < WAIT_US) {
        if (needle && r->said.data && strstr(r->said.data, needle))
            return true;
        loop_step(l, 10);
    }
    return r->is_over && !needle;
}

static char *built(const char *program)
{
    const char *build = getenv("PARLEY_BUILD");
    return xprintf("%s/%s", build ? build : "build", program);
}

/* Only places; all behaviour is the default. */
static const char *places(uint16_t port)
{
    const char *path = temp_path("parley.yaml");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "server:\n  ip: 127.0.0.1\n  port: %u\n  http_port: 0\n  admin: {listen: \"\"}\n"
               "log: {data_dir: %s, log_dir: %s}\nstorage: {path: %s/parley.db}\nshutdown: {drain_seconds: 1}\n",
            port, temp_dir(), temp_dir(), temp_dir());
    fclose(f);
    return path;
}

/* All of it: a message of the test framework is short. */
static void tell_all(const char *who, const struct run *r)
{
    printf("%s ended with %d and said:\n%s\n", who, r->status, r->said.data ? r->said.data : "");
}

static void each_example_plays_against_a_server_nobody_has_configured(void **state)
{
    static const char *const examples[] = { "meeting", "working", "coding", "peer", "pages" };
    const char *source = getenv("PARLEY_SOURCE");
    auto_mem char *server = built("parleyd"), *player = built("parley");
    uint16_t port = temp_port();
    struct loop *l = NULL;
    struct run serving, playing;
    assert_ok(loop_create(&l, NULL));
    start(&serving, l, (const char *const[]){ server, "-c", places(port), NULL });
    if (!waits(&serving, l, "self.test result=ok"))
        fail_msg("not ready:\n%s", serving.said.data ? serving.said.data : "");
    auto_mem char *url = xprintf("ws://127.0.0.1:%u/xiaozhi/v1/", port);
    for (size_t i = 0; i < COUNT(examples); i++) {
        auto_mem char *file = xprintf("%s/tests/scenario/mode_%s.talk", source ? source : ".", examples[i]);
        start(&playing, l, (const char *const[]){ player, "play", file, "--url", url, NULL });
        assert_true(waits(&playing, l, NULL));
        if (playing.status) {
            tell_all(examples[i], &playing);
            tell_all("parleyd", &serving);
        }
        assert_int_equal(playing.status, 0);
        assert_non_null(strstr(playing.said.data, "OK"));
        buf_done(&playing.said);
    }
    process_kill(serving.process, SIGTERM);
    assert_true(waits(&serving, l, NULL));
    if (serving.status)
        tell_all("parleyd", &serving);
    assert_int_equal(serving.status, 0);
    buf_done(&serving.said);
    for (unsigned i = 0; loop_handles_open(l) && i < 500; i++)
        loop_step(l, 10);
    loop_free(l);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_plays_against_a_server_nobody_has_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
