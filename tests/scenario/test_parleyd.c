/* SPDX-License-Identifier: MIT
 * test_parleyd.c -- the program itself: options, a port that is taken, signals, restart in place. TSAN */
#include "tests/support/test.h"

#include <signal.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/ws.h"
#include "loop/process.h"
#include "tests/support/proc.h"
#include "tests/support/temp.h"

#define WAIT_US 15000000 /* under sanitizers on a busy machine */

struct run {
    struct loop *loop;
    struct process *process;
    struct buf said;
    int status, signal;
    bool is_over;
    uint16_t port;
};

static void on_line(void *user, struct slice line)
{
    struct run *r = user;
    buf_put(&r->said, line);
    buf_put_byte(&r->said, '\n');
}

static void on_exit_(void *user, int status, int signal)
{
    struct run *r = user;
    r->process = NULL;
    r->status = status;
    r->signal = signal;
    r->is_over = true;
}

static const struct process_events events = { on_line, on_exit_ };

static const char *program(void)
{
    static char path[512];
    const char *build = getenv("PARLEY_BUILD");
    snprintf(path, sizeof(path), "%s/parleyd", build ? build : "build");
    return path;
}

static const char *write_config(uint16_t port, const char *more)
{
    const char *path = temp_path("parley.yaml");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "server:\n  ip: 127.0.0.1\n  port: %u\n  http_port: 0\n  admin: {listen: \"\"}\n  auth: {enabled: false}\n"
            "log: {data_dir: %s, log_dir: %s}\nstorage: {path: %s/parley.db}\n"
            "manager-api: {secret: s3cret}\nshutdown: {drain_seconds: 1}\n%s\n",
            port, temp_dir(), temp_dir(), temp_dir(), more);
    fclose(f);
    return path;
}

static void start(struct run *r, const char *const *argv)
{
    *r = (struct run){ 0 };
    assert_ok(loop_create(&r->loop, NULL));
    assert_ok(process_open(&r->process, r->loop, &(struct process_opts){ .argv = argv }, &events, r));
}

static bool says(struct run *r, const char *needle)
{
    uint64_t began_us = clock_mono_us();
    while (!r->said.data || !strstr(r->said.data, needle)) {
        if (r->is_over || clock_mono_us() - began_us > WAIT_US)
            return r->said.data && strstr(r->said.data, needle);
        loop_step(r->loop, 10);
    }
    return true;
}

static int ends(struct run *r)
{
    uint64_t began_us = clock_mono_us();
    while (!r->is_over && clock_mono_us() - began_us < WAIT_US)
        loop_step(r->loop, 10);
    if (!r->is_over)
        process_close(r->process);
    for (unsigned i = 0; loop_handles_open(r->loop) && i < 500; i++)
        loop_step(r->loop, 10);
    int status = r->is_over ? r->status : -2;
    if (r->is_over && r->signal)
        status = -r->signal;
    loop_free(r->loop);
    return status;
}

static void done(struct run *r)
{
    buf_done(&r->said);
    temp_remove();
}

static void serve(struct run *r, const char *more)
{
    uint16_t port = temp_port();
    const char *argv[] = { program(), "-c", write_config(port, more), "--loops", "2", NULL };
    start(r, argv);
    r->port = port;
    if (!says(r, "self.test result=ok"))
        fail_msg("not ready:\n%s", r->said.data ? r->said.data : "");
}

static void version_help_and_sample_need_no_server(void **state)
{
    static const struct {
        const char *option, *said;
    } rows[] = { { "--version", "parleyd " }, { "--help", "--check-config" }, { "--print-config", "server:" } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct run r;
        const char *argv[] = { program(), rows[i].option, NULL };
        start(&r, argv);
        assert_int_equal(ends(&r), 0);
        assert_non_null(strstr(r.said.data, rows[i].said));
        done(&r);
    }
}

static void nonsense_on_the_command_line_is_refused(void **state)
{
    static const char *const rows[] = { "--nonsense", "stray", "--loops=0" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct run r;
        const char *argv[] = { program(), rows[i], NULL };
        start(&r, argv);
        assert_int_equal(ends(&r), 2);
        done(&r);
    }
}

static void check_config_prints_values_and_masks_secrets(void **state)
{
    struct run r;
    const char *argv[] = { program(), "--check-config", "-c", write_config(8000, ""), NULL };
    start(&r, argv);
    assert_int_equal(ends(&r), 0);
    assert_non_null(strstr(r.said.data, "server.port"));
    assert_null(strstr(r.said.data, "s3cret"));
    done(&r);
}

static void check_config_ends_with_what_it_found(void **state)
{
    static const struct {
        const char *more, *verdict;
    } rows[] = {
        { "", "# configuration is usable, 0 warnings" },
        { "prot: 1\n", "# configuration is usable, 1 warning; the WARN lines" },
        { "prot: 1\nsever: 2\n", "# configuration is usable, 2 warnings; the WARN lines" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct run r;
        const char *argv[] = { program(), "--check-config", "-c", write_config(8000, rows[i].more), NULL };
        start(&r, argv);
        assert_int_equal(ends(&r), 0);
        if (!strstr(r.said.data, rows[i].verdict))
            fail_msg("no \"%s\" in\n%s", rows[i].verdict, r.said.data);
        done(&r);
    }
}

static void a_broken_file_ends_the_start_with_its_line(void **state)
{
    for (unsigned check = 0; check < 2; check++) {
        struct run r;
        const char *config = write_config(8000, "x: [1, 2\ny: {");
        const char *argv[] = { program(), "-c", config, check ? "--check-config" : NULL, NULL };
        start(&r, argv);
        assert_int_equal(ends(&r), 1);
        assert_non_null(strstr(r.said.data, "parley.yaml:1")); /* file and line */
        done(&r);
    }
}

static void a_used_port_ends_the_start_with_a_helpful_sentence(void **state)
{
    struct run first, second;
    serve(&first, "");
    const char *argv[] = { program(), "-c", temp_path("parley.yaml"), NULL };
    start(&second, argv);
    assert_int_equal(ends(&second), 1);
    assert_non_null(strstr(second.said.data, "is in use"));
    assert_non_null(strstr(second.said.data, "server.port"));
    buf_done(&second.said);
    process_kill(first.process, SIGTERM);
    assert_int_equal(ends(&first), 0);
    done(&first);
}

/* And the admin listener may be switched off by a word. */
static void a_start_without_auth_warns_when_others_can_reach_it(void **state)
{
    static const struct {
        const char *more;
        bool warns;
    } rows[] = {
        { "", false }, /* loopback */
        { "server: {ip: 0.0.0.0, port: 0, http_port: 0, admin: {listen: off}, auth: {enabled: false}}\n", true },
        { "server: {ip: 0.0.0.0, port: 0, http_port: 0, admin: {listen: off}}\n", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct run r;
        serve(&r, rows[i].more);
        assert_int_equal(strstr(r.said.data, "WARN main auth.off server.auth.enabled is false") != NULL, rows[i].warns);
        assert_null(strstr(r.said.data, "admin (this machine)"));
        process_kill(r.process, SIGTERM);
        assert_int_equal(ends(&r), 0);
        done(&r);
    }
}

static void the_banner_says_where_who_and_what_to_try(void **state)
{
    static const char *const lines[] = { "OTA URL", "/ota/", "healthz", "configuration", "parley.yaml", "recogniser",
                                         "voice", "language model", "parley talk --say", "is false" };
    struct run r;
    serve(&r, "");
    for (size_t i = 0; i < COUNT(lines); i++) {
        if (!strstr(r.said.data, lines[i]))
            fail_msg("no \"%s\" in:\n%s", lines[i], r.said.data);
    }
    process_kill(r.process, SIGTERM);
    assert_int_equal(ends(&r), 0);
    done(&r);
}

static void hup_reads_the_file_again_and_a_broken_one_changes_nothing(void **state)
{
    struct run r;
    serve(&r, "");
    process_kill(r.process, SIGHUP);
    assert_true(says(&r, "config.reload result=ok"));
    write_config(r.port, "x: [1, 2\ny: {");
    process_kill(r.process, SIGHUP);
    assert_true(says(&r, "result=failed"));
    process_kill(r.process, SIGINT);
    assert_int_equal(ends(&r), 0);
    done(&r);
}

/* --- a session --------------------------------------------------------------------------------------- */

struct wire {
    struct ws *ws;
    struct buf log;
    bool is_open;
    int code;
};

static void ws_open(void *user)
{
    ((struct wire *)user)->is_open = true;
}
static void ws_text(void *user, struct slice text)
{
    buf_put(&((struct wire *)user)->log, text);
}
static void ws_binary(void *user, struct slice data)
{
}
static void ws_closed(void *user, int code, struct slice reason, int http_status)
{
    struct wire *w = user;
    w->ws = NULL;
    w->code = code;
}
static const struct ws_events wire_events = { .on_open = ws_open, .on_text = ws_text, .on_binary = ws_binary,
                                              .on_close = ws_closed };

static void dial(struct run *r, struct wire *w)
{
    auto_mem char *url = xprintf("ws://127.0.0.1:%u/xiaozhi/v1/?device-id=dev1", r->port);
    *w = (struct wire){ 0 };
    assert_ok(ws_connect(&w->ws, r->loop, &(struct ws_connect_opts){ .url = url }, &wire_events, w));
    for (unsigned i = 0; w->ws && !w->is_open && i < 1000; i++)
        loop_step(r->loop, 10);
    assert_true(w->is_open);
}

/* The connections of the self-test are closing while it says "ok": the least of a moment. */
static unsigned settled_fds(struct run *r)
{
    unsigned least = proc_fds(process_pid(r->process));
    for (unsigned i = 0; i < 30; i++) {
        loop_step(r->loop, 10);
        least = MIN(least, proc_fds(process_pid(r->process)));
    }
    return least;
}

static void term_tells_sessions_and_ends(void **state)
{
    struct run r;
    struct wire w;
    serve(&r, "");
    dial(&r, &w);
    process_kill(r.process, SIGTERM);
    for (unsigned i = 0; w.ws && i < 1000; i++)
        loop_step(r.loop, 10);
    assert_int_equal(w.code, 1001);
    assert_non_null(strstr(w.log.data, "draining"));
    buf_done(&w.log);
    assert_int_equal(ends(&r), 0);
    done(&r);
}

static void restart_keeps_the_process_and_leaks_no_descriptor(void **state)
{
    static const char order[] = "{\"type\":\"server\",\"action\":\"restart\",\"content\":{\"secret\":\"s3cret\"}}";
    struct run r;
    struct wire w;
    serve(&r, "");
    int pid = process_pid(r.process);
    unsigned fds = settled_fds(&r);
    for (unsigned round = 0; round < 2; round++) {
        dial(&r, &w);
        assert_ok(ws_send_text(w.ws, slice_of(order)));
        for (unsigned i = 0; w.ws && i < 1000; i++)
            loop_step(r.loop, 10);
        assert_int_equal(w.code, 1001);
        buf_done(&w.log);
        buf_clear(&r.said);
        if (!says(&r, "self.test result=ok"))
            fail_msg("not back:\n%s", r.said.data ? r.said.data : "");
        assert_int_equal(process_pid(r.process), pid);
    }
    assert_int_equal(settled_fds(&r), fds);
    process_kill(r.process, SIGTERM);
    assert_int_equal(ends(&r), 0);
    done(&r);
}

#define BLOCKED_DEVICES 900 /* some 600 bytes of log each: more than a pipe or socket pair holds */

/* Nobody reads what the program prints; devices come, are answered within their time, and go. */
static void a_blocked_output_stalls_no_session(void **state)
{
    static const char ping[] = "{\"type\":\"ping\"}";
    struct run r, devices = { 0 };
    uint64_t slowest_us = 0;
    serve(&r, "");
    assert_ok(loop_create(&devices.loop, NULL)); /* the other loop, which reads the output, stands still */
    devices.port = r.port;
    for (unsigned n = 0; n < BLOCKED_DEVICES; n++) {
        struct wire w = { 0 };
        uint64_t began_us = clock_mono_us();
        auto_mem char *url = xprintf("ws://127.0.0.1:%u/xiaozhi/v1/?device-id=dev%u", r.port, n);
        assert_ok(ws_connect(&w.ws, devices.loop, &(struct ws_connect_opts){ .url = url }, &wire_events, &w));
        for (unsigned i = 0; w.ws && !w.is_open && i < 3000; i++)
            loop_step(devices.loop, 1);
        assert_true(w.is_open);
        assert_ok(ws_send_text(w.ws, slice_of(ping)));
        for (unsigned i = 0; w.ws && !w.log.len && i < 3000; i++)
            loop_step(devices.loop, 1);
        assert_true(w.log.len > 0);
        slowest_us = MAX(slowest_us, clock_mono_us() - began_us);
        ws_drop(w.ws);
        buf_done(&w.log);
        for (unsigned i = 0; i < 2; i++)
            loop_step(devices.loop, 0);
    }
    assert_true(slowest_us < 2000000); /* a blocked writer would never answer */
    for (unsigned i = 0; loop_handles_open(devices.loop) && i < 500; i++)
        loop_step(devices.loop, 1);
    loop_free(devices.loop);
    process_kill(r.process, SIGTERM);
    assert_int_equal(ends(&r), 0);
    assert_true(r.said.len > 100000);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_help_and_sample_need_no_server),
        cmocka_unit_test(nonsense_on_the_command_line_is_refused),
        cmocka_unit_test(check_config_prints_values_and_masks_secrets),
        cmocka_unit_test(check_config_ends_with_what_it_found),
        cmocka_unit_test(a_broken_file_ends_the_start_with_its_line),
        cmocka_unit_test(a_used_port_ends_the_start_with_a_helpful_sentence),
        cmocka_unit_test(a_start_without_auth_warns_when_others_can_reach_it),
        cmocka_unit_test(the_banner_says_where_who_and_what_to_try),
        cmocka_unit_test(hup_reads_the_file_again_and_a_broken_one_changes_nothing),
        cmocka_unit_test(term_tells_sessions_and_ends),
        cmocka_unit_test(restart_keeps_the_process_and_leaks_no_descriptor),
        cmocka_unit_test(a_blocked_output_stalls_no_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
