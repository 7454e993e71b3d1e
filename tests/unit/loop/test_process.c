/* SPDX-License-Identifier: MIT
 * test_process.c -- children: what they say, how they end, what they inherit. TSAN */
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "loop/process.h"

struct ear {
    struct loop *loop;
    struct buf said;
    unsigned lines, exits;
    int status, signal;
};

static void hear(void *user, struct slice line)
{
    struct ear *e = user;
    assert_int_equal(e->exits, 0);
    e->lines++;
    buf_put(&e->said, line);
    buf_put_byte(&e->said, '|');
}

static void ended(void *user, int status, int signal)
{
    struct ear *e = user;
    e->exits++;
    e->status = status;
    e->signal = signal;
}

static const struct process_events events = { hear, ended };

static struct process *shell(struct ear *e, const char *script)
{
    struct process *p;
    assert_ok(loop_create(&e->loop, NULL));
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    assert_ok(process_open(&p, e->loop, &(struct process_opts){ .argv = argv, .line_max_bytes = 40 }, &events, e));
    return p;
}

static void until_gone(struct ear *e)
{
    for (unsigned i = 0; loop_handles_open(e->loop) && i < 600; i++)
        loop_step(e->loop, 10);
    assert_int_equal(loop_handles_open(e->loop), 0);
}

static void end(struct ear *e)
{
    loop_free(e->loop);
    buf_done(&e->said);
}

static void lines_of_both_streams_arrive_before_the_exit(void **state)
{
    struct ear e = { 0 };
    shell(&e, "echo one; echo two >&2; printf 'three\\r\\n\\nfour'; exit 3");
    until_gone(&e);
    assert_string_equal(e.said.data, "one|two|three|four|");
    assert_int_equal(e.exits, 1);
    assert_int_equal(e.status, 3);
    assert_int_equal(e.signal, 0);
    end(&e);
}

static void a_long_line_is_cut_and_the_next_one_is_whole(void **state)
{
    struct ear e = { 0 };
    shell(&e, "printf '%0100d\\nnext\\n' 7");
    until_gone(&e);
    assert_string_equal(e.said.data, "0000000000000000000000000000000000000000|next|");
    end(&e);
}

static void a_program_that_is_not_there_is_an_error_at_once(void **state)
{
    struct ear e = { 0 };
    struct process *p = NULL;
    assert_ok(loop_create(&e.loop, NULL));
    const char *argv[] = { "/nonexistent/program", NULL };
    assert_int_equal(process_open(&p, e.loop, &(struct process_opts){ .argv = argv }, &events, &e), ERR_NOT_FOUND);
    assert_null(p);
    assert_int_equal(e.exits, 0);
    end(&e);
}

static void a_killed_child_tells_its_signal(void **state)
{
    struct ear e = { 0 };
    struct process *p = shell(&e, "echo up; exec tail -f /dev/null");
    for (unsigned i = 0; !e.lines && i < 600; i++)
        loop_step(e.loop, 10);
    process_kill(p, SIGKILL);
    until_gone(&e);
    assert_int_equal(e.signal, SIGKILL);
    end(&e);
}

static void closing_is_silent_and_ends_the_child(void **state)
{
    struct ear e = { 0 };
    struct process *p = shell(&e, "echo up; exec tail -f /dev/null");
    int pid = process_pid(p);
    for (unsigned i = 0; !e.lines && i < 600; i++)
        loop_step(e.loop, 10);
    process_close(p);
    until_gone(&e);
    assert_int_equal(e.exits, 0);
    assert_int_equal(kill(pid, 0), -1);
    end(&e);
}

static void a_child_deaf_to_term_is_killed_after_two_seconds(void **state)
{
    struct ear e = { 0 };
    struct process *p = shell(&e, "trap '' TERM; echo up; while :; do tail -f /dev/null; done");
    for (unsigned i = 0; !e.lines && i < 600; i++)
        loop_step(e.loop, 10);
    uint64_t began_us = clock_mono_us();
    process_close(p);
    until_gone(&e);
    assert_in_range(clock_mono_us() - began_us, 1900000, 4000000);
    end(&e);
}

static void a_child_inherits_only_its_standard_streams(void **state)
{
    struct ear e = { 0 };
    int open_fd = open("/dev/null", O_RDONLY);
    shell(&e, "ls /proc/self/fd | tr '\\n' ' '");
    until_gone(&e);
    assert_string_equal(e.said.data, "0 1 2 3 |"); /* 3 is the folder ls reads */
    close(open_fd);
    end(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_both_streams_arrive_before_the_exit),
        cmocka_unit_test(a_long_line_is_cut_and_the_next_one_is_whole),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error_at_once),
        cmocka_unit_test(a_killed_child_tells_its_signal),
        cmocka_unit_test(closing_is_silent_and_ends_the_child),
        cmocka_unit_test(a_child_deaf_to_term_is_killed_after_two_seconds),
        cmocka_unit_test(a_child_inherits_only_its_standard_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
