/* SPDX-License-Identifier: MIT
 * test_load.c -- the program `parley load` against a server that lets three devices in and tells the others
 * that it is full: what it reports, that it ends by itself, and where it will not go. And `parley mock`. */
#include "tests/support/test.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "http/ws.h"
#include "loop/process.h"
#include "tests/support/temp.h"

#define WAIT_US 15000000 /* under sanitizers on a busy machine */
#define ROOM 3
#define HELLO "{\"type\":\"hello\",\"transport\":\"websocket\",\"session_id\":\"s1\",\"audio_params\":{" \
              "\"format\":\"opus\",\"sample_rate\":24000,\"channels\":1,\"frame_duration\":60}}"

struct world {
    struct loop *loop;
    struct http_server *http;
    struct ws *devices[ROOM];
    unsigned in, refused;
    struct process *process;
    struct buf said;
    int status;
    bool is_over, is_silent; /* silent: hello is not answered */
    char url[80];
};

static struct world *the_world;

/* --- a server ---- */

static void on_text(void *user, struct slice text)
{
    struct ws **ws = user;
    if (slice_contains(text, SLICE("\"hello\"")) && !the_world->is_silent)
        (void)!ws_send_text(*ws, SLICE(HELLO));
}

static void on_binary(void *user, struct slice data) { }

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct ws **ws = user;
    *ws = NULL;
}

static const struct ws_events ws_events = { .on_text = on_text, .on_binary = on_binary, .on_close = on_close };

static void on_request(void *user, struct http_req *r)
{
    struct world *w = user;
    if (w->in == ROOM) {
        w->refused++;
        http_respond_text(r, 503, "full\n");
        return;
    }
    struct ws **ws = &w->devices[w->in++];
    assert_ok(ws_accept(ws, r, &(struct ws_opts){ 0 }, &ws_events, ws));
}

/* --- the program ---- */

static void on_line(void *user, struct slice line)
{
    struct world *w = user;
    buf_put(&w->said, line);
    buf_put_byte(&w->said, '\n');
}

static void on_exit_(void *user, int status, int signal)
{
    struct world *w = user;
    w->process = NULL;
    w->status = signal ? -signal : status;
    w->is_over = true;
}

static void run(struct world *w, const char *command, const char *const *more)
{
    static const struct process_events events = { on_line, on_exit_ };
    static char program[512];
    const char *argv[32] = { program, command }, *build = getenv("PARLEY_BUILD");
    unsigned n = 2;
    snprintf(program, sizeof(program), "%s/parley", build ? build : "build");
    while (*more)
        argv[n++] = *more++;
    buf_clear(&w->said);
    w->is_over = false;
    assert_ok(process_open(&w->process, w->loop,
                           &(struct process_opts){ .argv = argv, .line_max_bytes = 65536 }, &events, w));
    for (uint64_t end = clock_mono_us() + WAIT_US; !w->is_over && clock_mono_us() < end;)
        loop_step(w->loop, 20);
    assert_true(w->is_over);
}

static int setup(void **state)
{
    static const struct http_server_events events = { .on_request = on_request };
    struct world *w = the_world = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test" }));
    assert_ok(http_server_open(&w->http, w->loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } },
                               &events, w));
    snprintf(w->url, sizeof(w->url), "ws://127.0.0.1:%u/any/path", http_server_port(w->http));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < ROOM; i++)
        if (w->devices[i])
            ws_drop(w->devices[i]);
    http_server_close(w->http);
    for (int i = 0; i < 20; i++)
        loop_step(w->loop, 1);
    loop_free(w->loop);
    buf_done(&w->said);
    free(w);
    return 0;
}

static void a_server_that_is_full_is_reported_and_the_run_ends_by_itself(void **state)
{
    struct world *w = *state;
    char pid[16];
    const char *svg = temp_path("load.svg");
    auto_json struct json *j = NULL;
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    run(w, "load", (const char *const[]){ "--url", w->url, "--devices", "5", "--seconds", "1", "--json", "--quiet", "--pid", pid,
                                  "--svg", svg, NULL });
    assert_int_equal(w->status, 0);
    assert_ok(json_parse(&j, buf_slice(&w->said), NULL));
    assert_true(slice_is(json_get_text(j, "profile"), "idle"));
    assert_int_equal(json_get_i64(j, "greeted", -1), ROOM);
    assert_int_equal(json_get_i64(j, "alive", -1), ROOM);
    assert_int_equal(json_get_i64(json_get(j, "errors"), "busy", -1), w->refused);
    assert_true(w->refused >= 2);
    assert_int_equal(json_get_i64(json_get(j, "refuse"), "count", -1), w->refused);
    assert_true(json_get_f64(j, "seconds", 0) > 0.99);
    assert_true(json_get_i64(json_get(j, "server"), "rss_after_bytes", 0) > 0);
    assert_int_equal(access(svg, R_OK), 0);
}

static void words_say_the_same(void **state)
{
    struct world *w = *state;
    run(w, "load", (const char *const[]){ "--url", w->url, "--devices", "2", "--seconds", "1", NULL });
    assert_int_equal(w->status, 0);
    assert_true(slice_contains(buf_slice(&w->said), SLICE("idle, 2 devices")));
    assert_true(slice_contains(buf_slice(&w->said), SLICE("2 greeted")));
    assert_true(slice_contains(buf_slice(&w->said), SLICE("hello to its answer")));
}

static void nobody_there_is_a_failure(void **state)
{
    struct world *w = *state;
    run(w, "load", (const char *const[]){ "--url", "ws://127.0.0.1:1/", "--devices", "2", "--seconds", "1", "--quiet", NULL });
    assert_int_equal(w->status, 1);
    assert_true(slice_contains(buf_slice(&w->said), SLICE("error       connect: 2 (the first: could not connect)")));
}

static void silence_is_told_and_a_failure(void **state)
{
    struct world *w = *state;
    w->is_silent = true;
    run(w, "load", (const char *const[]){ "--url", w->url, "--devices", "2", "--seconds", "1", "--quiet", NULL });
    assert_int_equal(w->status, 1);
    assert_true(slice_contains(buf_slice(&w->said), SLICE("waiting     at the end 2 for an answer to hello, the longest for 1.0 s")));
}

static void each_second_is_one_sample(void **state)
{
    struct world *w = *state;
    auto_json struct json *j = NULL;
    char pid[16];
    double cpu_s = 0;
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    run(w, "load", (const char *const[]){ "--url", w->url, "--devices", "3", "--rate", "2", "--seconds", "3", "--json", "--quiet",
                                  "--pid", pid, NULL });
    assert_ok(json_parse(&j, buf_slice(&w->said), NULL));
    const struct json *samples = json_get(j, "samples");
    assert_int_equal(json_len(samples), 3);
    for (size_t i = 0; i < 3; i++)
        cpu_s += json_get_f64(json_at(samples, i), "cpu", -100);
    double whole_s = json_get_f64(json_get(j, "server"), "cpu_s", -1); /* all of it, and what was used since */
    assert_true(whole_s >= 0);
    assert_true(cpu_s > whole_s / 2 - 0.02);
    assert_true(cpu_s < whole_s * 2 + 0.02);
    assert_true(json_get_f64(j, "greeted_per_s", 0) > 1.0); /* three within a second and a half */
    assert_true(json_get_f64(j, "greeted_per_s", 0) < 3.0);
}

/* Start gap and providers run beside each other; of a typed question the recogniser is not known. */
static void what_is_known_is_added_up_as_it_passes(void **state)
{
    static const struct {
        const char *profile, *mode, *delays, *gap;
        unsigned known_ms;
    } rows[] = {
        { "talk", "auto", "300,400,200", "80", 1400 }, { "talk", "manual", "300,400,200", "80", 900 },
        { "talk", "manual", "300", "80", 380 },        { "play", "auto", "300,400,200", "80", 600 },
        { "play", "auto", "300", "80", 80 },           { "idle", "auto", "0", "0", 500 },
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *j = NULL;
        run(w, "load", (const char *const[]){ "--url", w->url, "--devices", "1", "--seconds", "1", "--json", "--quiet", "--profile",
                                      rows[i].profile, "--mode", rows[i].mode, "--mock-delays-ms", rows[i].delays,
                                      "--start-gap-ms", rows[i].gap, "--silence-ms", "500", NULL });
        assert_ok(json_parse(&j, buf_slice(&w->said), NULL));
        assert_int_equal((unsigned)json_get_f64(j, "known_ms", -1), rows[i].known_ms);
    }
}

static void a_mock_ends_after_its_time_and_says_what_it_did(void **state)
{
    struct world *w = *state;
    run(w, "mock", (const char *const[]){ "--port", "0", "--seconds", "1", "--asr-ms", "300", "--opus-ms", "60", NULL });
    assert_int_equal(w->status, 0);
    assert_true(slice_contains(buf_slice(&w->said), SLICE("mock service on http://127.0.0.1:")));
    assert_true(slice_contains(buf_slice(&w->said), SLICE("asr 300 ms")));
    assert_true(slice_contains(buf_slice(&w->said), SLICE("selected_module: { ASR: mock, LLM: mock, TTS: mock }")));
    assert_true(slice_contains(buf_slice(&w->said), SLICE("served 0 transcripts")));
}

static void a_mock_needs_a_recording_that_is_one(void **state)
{
    struct world *w = *state;
    run(w, "mock", (const char *const[]){ "--port", "0", "--seconds", "1", "--wav", "/dev/null", NULL });
    assert_int_equal(w->status, 1);
}

static void what_is_out_of_bounds_or_not_here_is_refused(void **state)
{
    static const struct {
        const char *command, *argv[8];
    } rows[] = {
        { "load", { "--url", "ws://192.0.2.1/", NULL } },
        { "load", { "--url", "http://127.0.0.1/", NULL } },
        { "load", { "--url", "nonsense", NULL } },
        { "load", { "--ota", "ws://127.0.0.1/", NULL } },
        { "load", { "--mock-delays-ms", "1,2,3,4", NULL } },
        { "load", { "--mock-delays-ms", "1,x", NULL } },
        { "load", { "--url", "ws://192.0.2.1/", "--target-is-mine", NULL } },
        { "load", { "--url", "ws://192.0.2.1/", "--yes-really", NULL } },
        { "load", { "--ota", "http://192.0.2.1/ota/", NULL } },
        { "load", { "--devices", "19501", NULL } },
        { "load", { "--seconds", "7201", NULL } },
        { "load", { "--profile", "everything", NULL } },
        { "mock", { "--opus-ms", "30", NULL } },
        { "mock", { "--tts-speed", "61", NULL } },
        { "mock", { "--asr-ms", "-1", NULL } },
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        run(w, rows[i].command, rows[i].argv);
        assert_int_equal(w->status, 2);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int clean_up(void **state)
{
    temp_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_server_that_is_full_is_reported_and_the_run_ends_by_itself),
        CASE(words_say_the_same),
        CASE(nobody_there_is_a_failure),
        CASE(silence_is_told_and_a_failure),
        CASE(each_second_is_one_sample),
        CASE(what_is_known_is_added_up_as_it_passes),
        CASE(a_mock_ends_after_its_time_and_says_what_it_did),
        CASE(a_mock_needs_a_recording_that_is_one),
        CASE(what_is_out_of_bounds_or_not_here_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
