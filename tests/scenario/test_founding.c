/* SPDX-License-Identifier: MIT
 * test_founding.c -- the founding behaviours on a whole server: workers, purposes, idle closing, memory, take-over,
 * reload. What a room can show alone stands in its own tests; here it is seen from the device's side. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "gateway/gateway.h"
#include "loop/job.h"
#include "main/private.h"
#include "metrics/metrics.h"
#include "store/db.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"
#include "tests/support/mock_speech.h"
#include "tests/support/proc.h"

#define S 1000ull
#define ASK(text) "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"" text "\"}"
#define PLAIN "enable_greeting: false\nlimits: {device_connects_per_min: 100000}\n"

static const struct world_opts plain = { .more = PLAIN };

static bool runs_until(struct client *c, const char *needle, unsigned ms_max)
{
    for (unsigned ms = 0; ms < ms_max && client_count(c, needle) == 0; ms += 20) {
        world_advance(c->world, 20);
        loop_step(c->world->loop, 1); /* what other threads do takes real time */
    }
    return client_count(c, needle) > 0;
}

static void must_come(struct client *c, const char *needle, unsigned ms_max)
{
    if (!runs_until(c, needle, ms_max))
        fail_msg("no %s in %u ms; log:\n%s", needle, ms_max, c->log.data ? c->log.data : "");
}

static void turn(struct client *c, const char *ask)
{
    client_forget(c);
    client_say(c, ask);
    must_come(c, "\"state\":\"stop\"", 12000);
    assert_int_equal(client_count(c, "\"state\":\"start\""), 1);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
}

static enum err ask_number(struct db *db, void *input)
{
    return db_number(input, db, "SELECT count(*) FROM save_job WHERE state = 1");
}

static int64_t saved(struct world *w)
{
    int64_t n = -1;
    assert_ok(store_run(server_store(w->server), ask_number, &n));
    return n;
}

static bool one_is_saved(void *arg)
{
    return saved(arg) >= 1;
}

/* ---- A1 ---- */

struct hold {
    atomic_bool is_open, has_begun;
};

static enum err hold_work(struct job *job, void *input)
{
    struct hold *h = input;
    atomic_store(&h->has_begun, true);
    while (!atomic_load(&h->is_open) && !job_stopped(job))
        nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
    return OK;
}

static void hold_done(void *owner, enum err err, void *input)
{
}

static const struct job_class hold_class = { .name = "hold", .work = hold_work, .done = hold_done };
static const struct job_class hold_behind = { .name = "hold", .work = hold_work, .done = hold_done,
                                              .is_background = true };

static bool has_begun(void *arg)
{
    return atomic_load(&((struct hold *)arg)->has_begun);
}

static void two_long_jobs_do_not_delay_a_chat_turn(void **state)
{
    static const struct job_class *const kinds[] = { &hold_behind, &hold_class };
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        struct world w;
        struct hold one = { 0 }, two = { 0 };
        struct job *jobs[2];
        world_start(&w, &plain);
        fake_llm_script("")->replies[0].text = "Yes.";
        assert_ok(job_start(&jobs[0], w.server->workers, w.loop, kinds[kind], &one, NULL));
        assert_ok(job_start(&jobs[1], w.server->workers, w.loop, kinds[kind], &two, NULL));
        assert_true(world_until(&w, has_begun, &one));
        uint64_t began_ms = loop_now_ms(w.loop);
        turn(world_talker(&w, "dev1"), ASK("are you there"));
        assert_true(loop_now_ms(w.loop) - began_ms < 6000);
        if (kinds[kind]->is_background) /* the last free worker is never theirs */
            assert_int_equal(workers_busy(w.server->workers), 1);
        atomic_store(&one.is_open, true);
        atomic_store(&two.is_open, true);
        assert_true(world_until(&w, has_begun, &two));
        world_end(&w);
    }
}

static void a_full_queue_is_told_as_busy(void **state)
{
    char said[512];
    struct world w;
    world_start(&w, &(struct world_opts){ .more = PLAIN "server.language: en\n", .server = "  language: en\n" });
    metrics_reset();
    fake_llm_script("")->plan = (struct fake_plan){ .open_error = ERR_BUSY, .bad_streams = 1 };
    struct client *c = world_talker(&w, "dev1");
    turn(c, ASK("are you there"));
    fakes_said(said, sizeof(said));
    assert_non_null(strstr(said, "The server is busy"));
    assert_true(c->frames > 0);
    assert_int_equal(metric_label_value(METRIC_turns_total, "busy"), 1);
    turn(c, ASK("and now"));
    assert_int_equal(metric_label_value(METRIC_turns_total, "completed"), 1);
    world_end(&w);
}

/* ---- A3 ---- */

static void a_reload_lets_the_running_turn_end_on_the_old_model(void **state)
{
    static const char two[] = PLAIN "LLM: {f: {type: fake}, g: {type: fake, n: 2}}\n"
                              "llm_by_mode: {chat: %s, default: f}\n";
    struct err_note note = { 0 };
    struct world w;
    auto_mem char *before = xprintf(two, "f"), *after = xprintf(two, "g");
    world_start(&w, &(struct world_opts){ .more = before });
    fake_llm_script("f")->replies[0].text = "I am the old one.";
    fake_llm_script("f")->plan.first_ms = 500;
    fake_llm_script("g")->replies[0].text = "I am the new one.";
    struct client *c = world_talker(&w, "dev1");
    client_forget(c);
    client_say(c, ASK("who are you"));
    world_advance(&w, 100);
    auto_mem char *path = xprintf("%s/config.yaml", w.dir);
    FILE *f = fopen(path, "a"); /* of a double key the last counts */
    fprintf(f, "%s", after);
    fclose(f);
    assert_ok(server_reload(w.server, &note));
    must_come(c, "\"state\":\"stop\"", 12000);
    assert_int_equal(client_count(c, "the old one"), 2); /* sentence_start, sentence_end */
    turn(c, ASK("who are you now"));
    assert_int_equal(client_count(c, "the new one"), 2);
    assert_int_equal(fake_llm_script("f")->seen.opens, 1);
    world_end(&w);
}

/* ---- the default numbers, with a device ---- */

static void silence_is_warned_at_660_and_closed_at_670_seconds(void **state)
{
    static const struct {
        const char *mode;
        unsigned factor;
    } rows[] = { { NULL, 1 }, { "meeting", 3 }, { "working", 3 }, { "coding", 1 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        char start[80];
        unsigned base_s = 600 * rows[i].factor;
        world_start(&w, &plain);
        struct client *c = world_talker(&w, "dev1");
        if (rows[i].mode) {
            snprintf(start, sizeof(start), "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"%s\"}", rows[i].mode);
            client_say(c, start);
            assert_true(client_gets(c, "\"status\":\"ok\""));
            world_advance(&w, 5000); /* what is said on entering */
            assert_true(client_pings(c));
        }
        loop_advance(w.loop, (base_s + 59) * S);
        world_settle(&w);
        assert_int_equal(client_count(c, "timeout_warning"), 0);
        loop_advance(w.loop, 1 * S);
        assert_true(client_gets(c, "timeout_warning"));
        loop_advance(w.loop, 9 * S);
        world_settle(&w);
        assert_non_null(c->ws);
        loop_advance(w.loop, 1 * S);
        world_advance(&w, 100);
        assert_true(client_closes(c));
        assert_int_equal(c->code, 1000);
        assert_string_equal(c->reason, "idle");
        world_end(&w);
    }
}

static void a_message_at_669_9_seconds_saves_the_session(void **state)
{
    struct world w;
    world_start(&w, &plain);
    struct client *c = world_talker(&w, "dev1");
    loop_advance(w.loop, 660 * S);
    assert_true(client_gets(c, "timeout_warning"));
    loop_advance(w.loop, 9900);
    assert_true(client_pings(c));
    loop_advance(w.loop, 659 * S);
    world_settle(&w);
    assert_non_null(c->ws);
    assert_int_equal(client_count(c, "timeout_warning"), 1);
    world_end(&w);
}

static void a_page_that_pings_every_20_seconds_stays_for_a_day(void **state)
{
    struct world w;
    world_start(&w, &plain);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 24 * 3600 / 20; i++) {
        client_say(c, "{\"type\":\"ping\"}");
        world_settle(&w);
        loop_advance(w.loop, 20 * S);
    }
    world_settle(&w);
    assert_non_null(c->ws);
    assert_int_equal(client_count(c, "pong"), 24 * 3600 / 20);
    assert_int_equal(client_count(c, "warning"), 0);
    world_end(&w);
}

static void live_sessions_take_new_limits(void **state)
{
    struct err_note note = { 0 };
    struct world w;
    world_start(&w, &plain);
    struct client *c = world_talker(&w, "dev1");
    loop_advance(w.loop, 100 * S);
    auto_mem char *path = xprintf("%s/config.yaml", w.dir);
    FILE *f = fopen(path, "a");
    fprintf(f, "close_connection_no_voice_time: 30\n");
    fclose(f);
    assert_ok(server_reload(w.server, &note));
    assert_true(client_gets(c, "timeout_warning"));
    loop_advance(w.loop, 10 * S);
    world_advance(&w, 100);
    assert_true(client_closes(c));
    world_end(&w);
}

/* ---- A7 ---- */

static void a_locked_database_does_not_hold_up_the_close(void **state)
{
    struct world w;
    struct db *other = NULL;
    struct err_note note = { 0 };
    world_start(&w, &plain);
    fake_llm_script("")->replies[0].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    turn(c, ASK("remember the milk"));
    int64_t none;
    assert_ok(store_run(server_store(w.server), ask_number, &none)); /* the turn is on disk */
    auto_mem char *path = xprintf("%s/parley.db", w.dir);
    assert_ok(db_open(&other, &(struct db_opts){ .path = path }, &note));
    assert_ok(db_run(other, "BEGIN IMMEDIATE"));
    uint64_t asked_ms = loop_now_ms(w.loop);
    gateway_kick(server_gateway(w.server), "dev1");
    world_advance(&w, 100);
    assert_true(client_closes(c));
    assert_true(c->closed_ms - asked_ms <= 100);
    assert_ok(db_run(other, "ROLLBACK"));
    db_close(other);
    world_restart(&w, NULL); /* written late, or made again from the turns */
    assert_true(world_until(&w, one_is_saved, &w));
    world_end(&w);
}

static bool memory_was_asked_twice(void *arg)
{
    return fake_memory_script("")->seen.opens >= 2;
}

static void a_conversation_nobody_saw_end_is_saved_after_the_next_start(void **state)
{
    char remembered[1024];
    struct world w;
    world_start(&w, &plain);
    fake_llm_script("")->replies[0].text = "Yes.";
    fake_memory_script("")->plan = (struct fake_plan){ .hangs = true, .bad_streams = 2 }; /* recall, remember */
    struct client *c = world_talker(&w, "dev1");
    turn(c, ASK("remember the milk"));
    client_vanish(c);
    assert_true(world_until(&w, memory_was_asked_twice, NULL));
    world_restart(&w, NULL);
    assert_true(world_until(&w, one_is_saved, &w));
    fakes_remembered(remembered, sizeof(remembered));
    assert_non_null(strstr(remembered, "remember the milk"));
    world_end(&w);
}

/* A model that shows what it was asked. */
struct shown {
    struct world w;
    struct mock *mock;
};

static void show_open(struct shown *p, const char *more)
{
    struct err_note note = { 0 };

    p->mock = mock_open(p->w.loop);
    mock_answer(p->mock, "Fine.");
    auto_mem char *path = xprintf("%s/config.yaml", p->w.dir);
    FILE *f = fopen(path, "a");
    fprintf(f, "LLM: {web: {type: openai, base_url: \"http://127.0.0.1:%u/v1\", model_name: m, api_key: k}}\n"
               "selected_module: {VAD: f, ASR: f, LLM: web, TTS: f, Memory: m}\n"
               "Memory: {m: {type: mem_local_short}}\n%s\n", mock_port(p->mock), more);
    fclose(f);
    assert_ok(server_reload(p->w.server, &note));
}

static void show_restart(struct shown *p, const char *more)
{
    for (unsigned i = 0; i < p->w.client_count; i++)
        client_vanish(p->w.clients[i]);
    world_settle(&p->w);
    mock_close(p->mock);
    world_restart(&p->w, NULL);
    show_open(p, more);
}

static void show_close(struct shown *p)
{
    for (unsigned i = 0; i < p->w.client_count; i++)
        client_vanish(p->w.clients[i]);
    world_settle(&p->w);
    mock_close(p->mock);
    world_end(&p->w);
}

/* In the last request of a chat (memory is written by the same model). */
static bool was_asked(struct shown *p, const char *what)
{
    if (slice_contains(mock_request(p->mock), SLICE("long-term memory")))
        return false;
    return slice_contains(mock_request(p->mock), slice_of(what));
}

static void settle_store(struct shown *p)
{
    int64_t n;
    for (unsigned i = 0; i < 10; i++) {
        assert_ok(store_run(server_store(p->w.server), ask_number, &n));
        world_settle(&p->w);
    }
}

/* What is read late counts from the next turn on: a few turns may be needed on a busy machine. */
static bool is_known(struct shown *p, struct client *c, const char *what)
{
    for (unsigned i = 0; i < 50; i++) {
        turn(c, ASK("what do you know"));
        if (was_asked(p, what))
            return true;
        loop_step(p->w.loop, 5);
    }
    return false;
}

static void the_dialogue_goes_on_after_a_reconnect_and_after_a_restart(void **state)
{
    struct shown p = { 0 };
    world_start(&p.w, &plain);
    show_open(&p, "");
    struct client *c = world_talker(&p.w, "dev1");
    turn(c, ASK("the first question"));
    client_vanish(c);
    settle_store(&p);
    c = world_talker(&p.w, "dev1");
    assert_true(is_known(&p, c, "the first question"));
    turn(c, ASK("the second question"));
    show_restart(&p, "");
    c = world_talker(&p.w, "dev1");
    assert_true(is_known(&p, c, "the first question"));
    assert_true(was_asked(&p, "the second question"));
    c = world_talker(&p.w, "dev2"); /* each device has its own past */
    for (unsigned i = 0; i < 3; i++) {
        turn(c, ASK("what did the other say"));
        settle_store(&p);
        assert_false(was_asked(&p, "the first question"));
    }
    show_restart(&p, "dialogue: {resume_seconds: 0}\n");
    c = world_talker(&p.w, "dev1");
    for (unsigned i = 0; i < 3; i++) {
        turn(c, ASK("the fourth question"));
        settle_store(&p);
        assert_false(was_asked(&p, "the first question"));
    }
    show_close(&p);
}

static bool memory_is_there(void *arg)
{
    return saved(arg) >= 1;
}

static bool two_are_saved(void *arg)
{
    return saved(arg) >= 2;
}

static void what_was_learnt_is_known_in_the_next_conversation(void **state)
{
    struct shown p = { 0 };
    world_start(&p.w, &plain);
    show_open(&p, "dialogue: {resume_seconds: 0}\n");
    struct client *c = world_talker(&p.w, "dev1");
    turn(c, ASK("my name is Ada"));
    mock_answer(p.mock, "The person is called Ada.");
    client_vanish(c);
    assert_true(world_until(&p.w, memory_is_there, &p.w));
    mock_answer(p.mock, "Fine.");
    c = world_talker(&p.w, "dev1");
    assert_true(is_known(&p, c, "The person is called Ada."));
    assert_false(was_asked(&p, "my name is Ada")); /* the memory, not the dialogue */
    mock_answer(p.mock, "The person is called Ada."); /* this conversation adds nothing */
    client_vanish(c);
    assert_true(world_until(&p.w, two_are_saved, &p.w));
    show_restart(&p, "dialogue: {resume_seconds: 0}\n");
    c = world_talker(&p.w, "dev1");
    assert_true(is_known(&p, c, "The person is called Ada."));
    show_close(&p);
}

static void a_store_that_fails_at_any_call_of_a_session_stops_nobody(void **state)
{
    for (unsigned nth = 1; nth <= 8; nth++) {
        struct world w;
        world_start(&w, &plain);
        fake_llm_script("")->replies[0].text = "Yes.";
        world_settle(&w);
        store_fail_nth(server_store(w.server), nth);
        struct client *c = world_talker(&w, "dev1");
        turn(c, ASK("are you there"));
        turn(c, ASK("and now"));
        uint64_t asked_ms = loop_now_ms(w.loop);
        gateway_kick(server_gateway(w.server), "dev1");
        world_advance(&w, 100);
        assert_true(client_closes(c));
        assert_true(c->closed_ms - asked_ms <= 100);
        turn(world_talker(&w, "dev1"), ASK("are you there again"));
        store_fail_nth(server_store(w.server), 0);
        world_end(&w);
    }
}

/* ---- A8 ---- */

static void a_thousand_reconnects_of_one_device_leave_nothing_behind(void **state)
{
    struct world w;
    unsigned fds = 0;
    size_t bytes = 0, timers = 0, handles = 0;
    world_start(&w, &plain);
    for (unsigned i = 0; i < 1100; i++) {
        struct client *c = world_talker(&w, "dev1");
        if (i % 3) /* the others are taken over */
            client_vanish(c);
        if (i % 50 == 49) {
            world_advance(&w, 3000);
            for (unsigned k = 0; k < w.client_count; k++)
                client_vanish(w.clients[k]);
            world_advance(&w, 3000);
            world_forget(&w);
            assert_int_equal(server_sessions(w.server), 0);
        }
        if (i == 99) {
            fds = proc_fds(getpid());
            bytes = mallinfo2().uordblks;
            timers = loop_timers_armed(w.loop);
            handles = loop_handles_open(w.loop);
        }
    }
    assert_int_equal(proc_fds(getpid()), fds);
    assert_int_equal(loop_timers_armed(w.loop), timers);
    assert_int_equal(loop_handles_open(w.loop), handles);
    if (mallinfo2().uordblks > bytes + (300u << 10))
        fail_msg("%zu bytes more than after the first hundred", mallinfo2().uordblks - bytes);
    world_end(&w);
}

static int deaf_socket(struct world *w, const char *device)
{
    auto_mem char *request = xprintf("GET /xiaozhi/v1/?device-id=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", device);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server_port(w->server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int small = 2048, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

static bool one_session(void *arg)
{
    return server_sessions(arg) == 1;
}

static void an_old_session_that_does_not_answer_does_not_block_the_new_one(void **state)
{
    struct world w;
    world_start(&w, &plain);
    fake_llm_script("")->replies[0].text = "Yes.";
    int fd = deaf_socket(&w, "dev1");
    assert_true(world_until(&w, one_session, w.server));
    struct client *now = world_talker(&w, "dev1");
    turn(now, ASK("are you there"));
    world_advance(&w, 2500);
    assert_int_equal(server_sessions(w.server), 1);
    close(fd);
    world_end(&w);
}

static void notices_speak_the_language_of_the_device(void **state)
{
    struct world w;
    auto_buf struct buf reply = { 0 };
    world_start(&w, &plain);
    assert_int_equal(world_http(&w, server_port(w.server), "POST /xiaozhi/ota/",
                                "Device-Id: english\r\nClient-Id: c\r\nAccept-Language: en-US\r\n", "{}", &reply), 200);
    struct client *en = world_talker(&w, "english"), *zh = world_talker(&w, "other");
    world_talker(&w, "english");
    world_talker(&w, "other");
    assert_true(client_gets(en, "New connection found"));
    assert_true(client_gets(zh, "检测到新连接"));
    world_end(&w);
}

static void a_takeover_does_not_cut_what_is_being_recognised(void **state)
{
    static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
    struct world w;
    world_start(&w, &plain);
    fake_asr_script("")->texts[0] = "do not forget me";
    fake_asr_script("")->plan.first_ms = 500;
    struct client *old = world_talker(&w, "dev1");
    client_say(old, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
    for (unsigned i = 0; i < 25; i++) {
        client_frame(old, silence, sizeof(silence));
        world_advance(&w, 60);
    }
    client_say(old, "{\"type\":\"listen\",\"state\":\"stop\"}");
    world_settle(&w);
    world_talker(&w, "dev1");
    assert_true(client_gets(old, "device_takeover"));
    world_advance(&w, 1000);
    assert_int_equal(client_count(old, "\"type\":\"stt\""), 1);
    assert_true(client_count(old, "do not forget me") > 0);
    world_advance(&w, 1000);
    assert_true(client_closes(old));
    assert_int_equal(old->code, 4000);
    assert_int_equal(client_count(old, "\"state\":\"start\""), client_count(old, "\"state\":\"stop\""));
    world_end(&w);
}

/* Answers of the store come in real time. */
static void quiet(struct world *w)
{
    int64_t n;
    for (unsigned i = 0; i < 20; i++) {
        assert_ok(store_run(server_store(w->server), ask_number, &n));
        loop_step(w->loop, 2);
    }
}

static void a_hundred_takeovers_in_ten_seconds_leave_one_session_and_no_leak(void **state)
{
    struct world w;
    world_start(&w, &plain);
    size_t timers = 0;
    unsigned fds = 0;
    for (unsigned i = 0; i < 105; i++) {
        if (i == 5) { /* all that is made once is there */
            world_advance(&w, 3000);
            quiet(&w);
            timers = loop_timers_armed(w.loop);
            fds = proc_fds(getpid());
        }
        world_talker(&w, "dev1");
        loop_advance(w.loop, 100);
    }
    world_advance(&w, 3000);
    quiet(&w);
    assert_int_equal(server_sessions(w.server), 1);
    assert_int_equal(loop_timers_armed(w.loop), timers);
    assert_int_equal(proc_fds(getpid()), fds);
    world_end(&w);
}

/* ---- A10 ---- */

static void each_way_of_reloading_takes_the_file_or_leaves_everything(void **state)
{
    static const char order[] = "{\"type\":\"server\",\"action\":\"update_config\","
                                "\"content\":{\"secret\":\"s3cret\"}}";
    struct world w;
    struct server_ports ports;
    auto_buf struct buf reply = { 0 };
    world_start(&w, &(struct world_opts){ .more = PLAIN "manager-api: {secret: s3cret}\n" });
    server_ports(w.server, &ports);
    auto_mem char *path = xprintf("%s/config.yaml", w.dir);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 4; i++) {
        bool is_broken = i % 2;
        struct config *before = config_now(w.server->config);
        FILE *f = fopen(path, "r");
        char kept[4096];
        size_t len = fread(kept, 1, sizeof(kept) - 1, f);
        fclose(f);
        kept[len] = '\0';
        f = fopen(path, "a");
        fprintf(f, is_broken ? "x: [1, 2\ny: {" : "close_connection_grace_seconds: %u\n", 10 + i);
        fclose(f);
        client_forget(c);
        if (i < 2) {
            client_say(c, order);
            assert_true(client_gets(c, is_broken ? "\"status\":\"error\"" : "\"status\":\"success\""));
        } else {
            int status = world_http(&w, ports.admin, "POST /reload", NULL, "", &reply);
            assert_true(is_broken ? status >= 400 : status == 200);
        }
        struct config *after = config_now(w.server->config);
        assert_int_equal(after == before, is_broken);
        if (!is_broken)
            assert_int_equal(after->close_connection_grace_seconds, 10 + i);
        config_unref(before);
        config_unref(after);
        f = fopen(path, "w");
        fwrite(kept, 1, len, f);
        fclose(f);
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_long_jobs_do_not_delay_a_chat_turn),
        cmocka_unit_test(a_full_queue_is_told_as_busy),
        cmocka_unit_test(a_reload_lets_the_running_turn_end_on_the_old_model),
        cmocka_unit_test(silence_is_warned_at_660_and_closed_at_670_seconds),
        cmocka_unit_test(a_message_at_669_9_seconds_saves_the_session),
        cmocka_unit_test(a_page_that_pings_every_20_seconds_stays_for_a_day),
        cmocka_unit_test(live_sessions_take_new_limits),
        cmocka_unit_test(a_locked_database_does_not_hold_up_the_close),
        cmocka_unit_test(a_conversation_nobody_saw_end_is_saved_after_the_next_start),
        cmocka_unit_test(the_dialogue_goes_on_after_a_reconnect_and_after_a_restart),
        cmocka_unit_test(what_was_learnt_is_known_in_the_next_conversation),
        cmocka_unit_test(a_store_that_fails_at_any_call_of_a_session_stops_nobody),
        cmocka_unit_test(a_thousand_reconnects_of_one_device_leave_nothing_behind),
        cmocka_unit_test(an_old_session_that_does_not_answer_does_not_block_the_new_one),
        cmocka_unit_test(notices_speak_the_language_of_the_device),
        cmocka_unit_test(a_takeover_does_not_cut_what_is_being_recognised),
        cmocka_unit_test(a_hundred_takeovers_in_ten_seconds_leave_one_session_and_no_leak),
        cmocka_unit_test(each_way_of_reloading_takes_the_file_or_leaves_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
