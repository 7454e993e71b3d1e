/* SPDX-License-Identifier: MIT
 * test_crowd.c -- a server with known faults is measured as what it is: wrong gaps, missing stops, late
 * answers, refusals. The clock is moved by hand, so every figure is known. */
#include "cli/crowd.h"
#include "cli/load.h"
#include "http/ws.h"
#include "loop/timer.h"
#include "tests/support/test.h"

#define CLIENTS_MAX 200
#define HELLO "{\"type\":\"hello\",\"transport\":\"websocket\",\"session_id\":\"s1\",\"audio_params\":{" \
              "\"format\":\"opus\",\"sample_rate\":24000,\"channels\":1,\"frame_duration\":60}}"

/* What the server does wrong, and how slow it is. */
struct script {
    unsigned hello_ms, answer_ms, start_gap_ms, frames, frame_ms, stop_ms;
    unsigned slow_frame, slow_ms;      /* after this frame the next comes so much later; 0: none */
    bool is_slow_again;                /* and after twice, three times as many */
    unsigned skipped_frame;            /* this one never comes; 0: none */
    unsigned refuses_with;             /* this status instead of an upgrade */
    unsigned busy_ms;                  /* upgraded, then "try again later" after this; 0: not */
    unsigned closes_with;              /* this code, in the third packet; 0: not */
    bool starts_twice, stops_twice, speaks_before_start, answers_speech;
    bool forgets_stop, hangs_up, hangs_up_speaking, ignores_hello, is_deaf, is_mute, bursts, speaks_after_stop;
    const char *busy_text;             /* the sentence of its answers; NULL: "y" */
    const char *ota_url, *ota_token;   /* what the boot request is answered */
};

struct client {
    struct world *world;
    struct ws *ws;
    struct timer timer;
    unsigned frames, heard;
    bool is_answering;
};

struct world {
    struct loop *loop;
    struct http_server *http;
    struct script script;
    struct client clients[CLIENTS_MAX];
    unsigned count, audio_in, asked, boots;
    char url[64], ota[64], first_target[300], first_bearer[64];
    struct crowd *crowd;
    struct uplink uplink;
};

static void tell(struct client *c, const char *text)
{
    if (c->ws)
        (void)!ws_send_text(c->ws, slice_of(text));
}

static void send_packet(struct client *c)
{
    static const uint8_t packet[] = { 0x48 | 0x03, 3, 1, 2, 3, 4, 5, 6 }; /* three frames of 20 ms */
    if (c->ws)
        (void)!ws_send_binary(c->ws, (struct slice){ 0 }, slice_from(packet, sizeof(packet)));
}

static void hang_up(struct client *c)
{
    timer_stop(&c->timer);
    if (c->ws)
        ws_drop(c->ws);
    c->ws = NULL;
}

static void stop(void *arg)
{
    struct client *c = arg;
    c->is_answering = false;
    if (!c->world->script.forgets_stop)
        tell(c, "{\"type\":\"tts\",\"state\":\"stop\"}");
    if (c->world->script.stops_twice)
        tell(c, "{\"type\":\"tts\",\"state\":\"stop\"}");
    if (c->world->script.speaks_after_stop)
        send_packet(c);
}

static void frame(void *arg)
{
    struct client *c = arg;
    const struct script *s = &c->world->script;
    c->frames++;
    if (!s->is_mute && c->frames != s->skipped_frame)
        send_packet(c);
    if (s->closes_with && c->frames == 3) {
        timer_stop(&c->timer);
        ws_close(take_ptr(&c->ws), (int)s->closes_with, SLICE("oops"), 100);
        return;
    }
    if (s->hangs_up_speaking && c->frames == 3) {
        hang_up(c);
        return;
    }
    bool is_slow = s->slow_frame && (s->is_slow_again ? c->frames % s->slow_frame == 0 : c->frames == s->slow_frame);
    unsigned wait = s->bursts ? 0 : s->frame_ms + (is_slow ? s->slow_ms : 0);
    if (c->frames < s->frames)
        timer_start(&c->timer, c->world->loop, wait, frame, c);
    else
        timer_start(&c->timer, c->world->loop, s->stop_ms, stop, c);
}

static void answer(void *arg)
{
    struct client *c = arg;
    if (!c->world->script.is_deaf)
        tell(c, "{\"type\":\"stt\",\"text\":\"x\"}");
    if (c->world->script.speaks_before_start)
        send_packet(c);
    for (int i = 0; i <= c->world->script.starts_twice; i++)
        tell(c, "{\"type\":\"tts\",\"state\":\"start\"}");
    const char *text = c->world->script.busy_text;
    char sentence[200];
    snprintf(sentence, sizeof(sentence), "{\"type\":\"tts\",\"state\":\"sentence_start\",\"text\":\"%s\"}",
             text ? text : "y");
    tell(c, sentence);
    c->frames = 0;
    timer_start(&c->timer, c->world->loop, c->world->script.start_gap_ms, frame, c);
}

static void busy(void *arg)
{
    struct client *c = arg;
    ws_close(take_ptr(&c->ws), WS_TRY_LATER, SLICE("busy"), 100);
}

static void hello(void *arg)
{
    tell(arg, HELLO);
}

static void on_text(void *user, struct slice text)
{
    struct client *c = user;
    const struct script *s = &c->world->script;
    if (slice_contains(text, SLICE("\"hello\""))) {
        if (s->busy_ms)
            timer_start(&c->timer, c->world->loop, s->busy_ms, busy, c);
        else if (!s->ignores_hello)
            timer_start(&c->timer, c->world->loop, s->hello_ms, hello, c);
    } else if (slice_contains(text, SLICE("\"abort\""))) {
        timer_start(&c->timer, c->world->loop, s->stop_ms, stop, c);
    } else if (slice_contains(text, SLICE("detect")) || slice_contains(text, SLICE("\"stop\""))) {
        c->world->asked++;
        c->is_answering = true;
        timer_start(&c->timer, c->world->loop, s->answer_ms, answer, c);
    }
    if (s->hangs_up && c->world->asked)
        hang_up(c);
}

/* One that thinks after three packets that it has heard all. */
static void on_binary(void *user, struct slice data)
{
    struct client *c = user;
    c->world->audio_in++;
    if (c->world->script.answers_speech && ++c->heard == 3)
        timer_start(&c->timer, c->world->loop, 0, answer, c);
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct client *c = user;
    c->ws = NULL;
    timer_stop(&c->timer);
}

static const struct ws_events ws_events = { .on_text = on_text, .on_binary = on_binary, .on_close = on_close };

static void boot(struct world *w, struct http_req *r)
{
    auto_buf struct buf body = { 0 };
    w->boots++;
    buf_printf(&body, "{\"server_time\":{\"timestamp\":1,\"timezone_offset\":0},\"websocket\":{\"url\":\"%s\",\"token\":\"%s\"}}",
               w->script.ota_url, w->script.ota_token);
    http_respond(r, &(struct http_reply){ .status = 200, .type = "application/json", .body = buf_slice(&body) });
}

static void on_request(void *user, struct http_req *r)
{
    struct world *w = user;
    struct slice id = { 0 }, bearer = { 0 };
    if (slice_is(http_path(r), "/ota/")) {
        boot(w, r);
        return;
    }
    http_header(r, "device-id", &id);
    if (http_header(r, "authorization", &bearer))
        snprintf(w->first_bearer, sizeof(w->first_bearer), SLICE_FMT, SLICE_ARG(bearer));
    if (w->first_target[0] == '\0')
        snprintf(w->first_target, sizeof(w->first_target), SLICE_FMT "|" SLICE_FMT, SLICE_ARG(http_target(r)),
                 SLICE_ARG(id));
    if (w->script.refuses_with) {
        http_respond_text(r, (int)w->script.refuses_with, "no");
        return;
    }
    assert_true(w->count < CLIENTS_MAX);
    struct client *c = &w->clients[w->count++];
    c->world = w;
    assert_ok(ws_accept(&c->ws, r, &(struct ws_opts){ 0 }, &ws_events, c));
}

static void pass(struct world *w, unsigned ms)
{
    for (unsigned at = 0; at < ms; at++) {
        loop_advance(w->loop, 1);
        for (int i = 0; i < 4; i++)
            loop_step(w->loop, 0);
    }
}

static int setup(void **state)
{
    static const struct http_server_events http_events = { .on_request = on_request };
    static int16_t silence[16000 / 2];
    struct world *w = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(http_server_open(&w->http, w->loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } },
                               &http_events, w));
    assert_ok(uplink_build(&w->uplink, (struct pcm){ silence, COUNT(silence) }, 60, false));
    snprintf(w->url, sizeof(w->url), "ws://127.0.0.1:%u/xiaozhi/v1/", http_server_port(w->http));
    snprintf(w->ota, sizeof(w->ota), "http://127.0.0.1:%u/ota/", http_server_port(w->http));
    w->script = (struct script){ .hello_ms = 3, .answer_ms = 40, .start_gap_ms = 60, .frames = 6, .frame_ms = 60,
                                 .stop_ms = 20 };
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    crowd_close(w->crowd);
    for (unsigned i = 0; i < w->count; i++) {
        timer_stop(&w->clients[i].timer);
        if (w->clients[i].ws)
            ws_drop(w->clients[i].ws);
    }
    http_server_close(w->http);
    for (int i = 0; i < 20; i++)
        loop_step(w->loop, 1);
    loop_free(w->loop);
    uplink_done(&w->uplink);
    free(w);
    return 0;
}

static const struct crowd_stats *go(struct world *w, struct crowd_opts o, unsigned ms)
{
    o.loop = w->loop;
    o.url = o.ota ? NULL : w->url;
    o.uplink = &w->uplink;
    o.text = "tell me a story";
    o.devices = o.devices ? o.devices : 1;
    assert_ok(crowd_open(&w->crowd, &o));
    pass(w, ms);
    return crowd_stats(w->crowd);
}

static void near(uint64_t us, unsigned ms)
{
    if (us < (ms - 2) * 1000 || us > (ms + 2) * 1000 + ms * 17)
        fail_msg("%llu us instead of %u ms", (unsigned long long)us, ms);
}

static void hellos_are_counted_and_timed(void **state)
{
    struct world *w = *state;
    w->script.hello_ms = 25;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 10 }, 100);
    assert_int_equal(s->greeted, 10);
    assert_int_equal(crowd_alive(w->crowd), 10);
    near(histogram_at(&s->hello, 0.5), 25);
    assert_true(s->complete_us > 0);
    assert_int_equal(load_errors(s), 0);
}

static void devices_come_at_the_rate_that_was_asked_for(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 40, .per_second = 50 }, 420);
    assert_true(s->greeted >= 18);
    assert_true(s->greeted <= 22);
}

static void a_server_that_keeps_time_has_no_late_gap(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 1 }, 1500);
    assert_true(s->turns_good >= 2);
    assert_true(s->gaps >= 10);
    near(histogram_at(&s->gap, 0.5), 60);
    assert_int_equal(s->gaps_late, 0);
    assert_int_equal(s->underruns, 0);
    near(histogram_at(&s->audio, 0.5), 100);
    for (int v = 0; v < VIOLATIONS; v++)
        assert_int_equal(s->violations[v], 0);
}

static void every_tenth_gap_is_late_when_every_tenth_frame_is(void **state)
{
    struct world *w = *state;
    w->script.frames = 101;
    w->script.slow_frame = 10;
    w->script.slow_ms = 60;
    w->script.is_slow_again = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 7200);
    assert_int_equal(s->turns_good, 1);
    assert_int_equal(s->gaps, 100);
    assert_int_equal(s->gaps_late, 10);
    assert_int_equal(s->underruns, 10);
    near(histogram_at(&s->gap, 0.9), 60);
    near(histogram_at(&s->gap, 0.91), 120);
    near(s->gap.max, 120);
}

static void one_slow_frame_is_a_late_gap_and_an_underrun(void **state)
{
    struct world *w = *state;
    w->script.slow_frame = 3;
    w->script.slow_ms = 140;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000 }, 900);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->gaps, 5);
    assert_int_equal(s->gaps_late, 1);
    assert_int_equal(s->underruns, 1);
    near(s->gap.max, 200);
}

static void a_missing_stop_is_an_answer_that_did_not_come(void **state)
{
    struct world *w = *state;
    w->script.forgets_stop = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .turn_timeout_ms = 1000 }, 1300);
    assert_int_equal(s->errors[CROWD_NO_ANSWER], 1);
    assert_int_equal(s->turns_good, 0);
    assert_int_equal(crowd_alive(w->crowd), 0);
}

static void what_is_known_is_taken_off_the_latency(void **state)
{
    struct world *w = *state;
    w->script.answer_ms = 250;
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_MANUAL,
                                   .known_us_before_audio = (230 + 60) * 1000 }, 2500);
    assert_true(s->turns_good >= 1);
    near(histogram_at(&s->text, 0.5), 250);
    near(histogram_at(&s->start, 0.5), 250);
    near(histogram_at(&s->audio, 0.5), 310);
    near(histogram_at(&s->added, 0.5), 20);
    assert_true(s->packets_out >= 10);
    assert_true(w->audio_in >= 10);
}

/* Of a typed question neither recogniser nor silence is known. */
static void a_typed_question_has_its_own_known_delay(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000,
                                                             .known_us_before_audio = 900000, .known_us_typed = 90000 }, 800);
    assert_int_equal(s->turns_good, 1);
    near(histogram_at(&s->added, 0.5), 10);
    assert_int_equal(s->sooner, 0);
}

static void an_answer_sooner_than_what_is_known_is_counted(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000, .known_us_typed = 150000 }, 800);
    assert_int_equal(s->sooner, 1);
    assert_int_equal(s->added.max, 0);
    near(s->audio.max, 100);
}

static void an_answer_before_the_question_is_over_is_early_and_in_no_latency(void **state)
{
    struct world *w = *state;
    w->script.answers_speech = true;
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_AUTO, .pause_ms = 60 }, 2000);
    assert_true(s->turns >= 1);
    assert_true(s->early >= 1);
    assert_int_equal(s->audio.count + s->early, s->turns_good);
    assert_int_equal(s->added.count, s->audio.count);
}

static void the_button_is_timed_until_the_stop(void **state)
{
    struct world *w = *state;
    w->script.frames = 40;
    w->script.stop_ms = 33;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .abort_percent = 100,
                                                             .abort_after_ms = 200, .pause_ms = 5000 }, 900);
    assert_int_equal(s->aborts, 1);
    assert_int_equal(s->abort.count, 1);
    near(s->abort.max, 33);
    assert_int_equal(s->turns_good, 1);
}

static void busy_is_told_from_broken(void **state)
{
    struct world *w = *state;
    w->script.refuses_with = 503;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 3 }, 200);
    assert_int_equal(s->errors[CROWD_BUSY], 3);
    assert_int_equal(s->refuse.count, 3);
    assert_int_equal(s->greeted, 0);
}

/* They are turns of a kind of their own, and no latency of answers. */
static void questions_answered_by_busy_are_counted_apart(void **state)
{
    static const struct {
        const char *told, *known;
        bool is_busy;
    } rows[] = {
        { "The server is busy, please try again later", NULL, true },
        { "服务器繁忙，请稍后再试", NULL, true },
        { "Come back", "Come back", true },
        { "Come back", NULL, false },
        { "The server is busy, please try again later", "Come back", false },
    };
    struct world *w = *state;
    w->script.is_deaf = true; /* nothing is recognised of who is refused */
    w->script.answer_ms = 30;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->script.busy_text = rows[i].told;
        const struct crowd_stats *s =
            go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_MANUAL, .busy_text = rows[i].known,
                                       .pause_ms = 1, .abort_percent = 100, .abort_after_ms = 60 }, 1800);
        assert_int_equal(s->turns_busy > 0, rows[i].is_busy);
        assert_int_equal(s->turns > 0, !rows[i].is_busy);
        assert_int_equal(s->errors[CROWD_NOTHING_HEARD] > 0, !rows[i].is_busy);
        assert_int_equal(s->aborts > 0, !rows[i].is_busy);
        assert_int_equal(s->added.count + s->audio.count + s->start.count > 0, !rows[i].is_busy);
        assert_in_range(s->busy.count, s->turns_busy, rows[i].is_busy ? s->turns_busy + 1 : 0);
        if (rows[i].is_busy)
            near(histogram_at(&s->busy, 0.5), 30);
        assert_int_equal(s->turns_good, 0);
        assert_int_equal(s->turns_lost, 0);
        crowd_close(take_ptr(&w->crowd));
        pass(w, 5);
    }
}

static void a_server_that_hangs_up_or_says_nothing_is_an_error(void **state)
{
    struct world *w = *state;
    w->script.hangs_up = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY }, 300);
    assert_int_equal(s->errors[CROWD_CLOSED], 1);
    crowd_close(w->crowd);
    w->script = (struct script){ .ignores_hello = true };
    s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .hello_timeout_ms = 400 }, 600);
    assert_int_equal(s->errors[CROWD_NO_HELLO], 1);
}

static void a_dropped_frame_is_a_late_gap(void **state)
{
    struct world *w = *state;
    w->script.skipped_frame = 3;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000 }, 900);
    assert_int_equal(s->packets_in, 5);
    assert_int_equal(s->bytes_in, 5 * 8);
    assert_int_equal(s->gaps, 4);
    assert_int_equal(s->gaps_late, 1);
    near(s->gap.max, 120);
    assert_int_equal(s->underruns, 1);
    assert_int_equal(s->turns_good, 1);
}

static void frames_sent_all_at_once_fill_the_device_queue_and_are_lost(void **state)
{
    struct world *w = *state;
    w->script.bursts = true;
    w->script.frames = 60;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 600);
    assert_int_equal(s->packets_in, 60);
    assert_in_range(s->lost_packets, 15, 18); /* 42 wait, one plays, and meanwhile another */
    assert_int_equal(s->violations[VIOLATION_overfull], s->lost_packets);
    assert_true(s->violations[VIOLATION_burst] > 40);
    assert_true(s->violations[VIOLATION_too_far_ahead] > 20);
    assert_int_equal(s->gaps_late, 0);
    assert_int_equal(s->underruns, 0);
}

static void audio_after_the_stop_is_a_fault(void **state)
{
    struct world *w = *state;
    w->script.speaks_after_stop = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->violations[VIOLATION_audio_after_stop], 1);
    assert_int_equal(s->lost_packets, 1);
    assert_int_equal(s->turns_good, 1);
}

static void a_second_start_or_stop_is_a_fault_and_one_answer(void **state)
{
    struct world *w = *state;
    w->script.starts_twice = w->script.stops_twice = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->violations[VIOLATION_double_start], 1);
    assert_int_equal(s->violations[VIOLATION_stop_without_start], 1);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->turns_good, 1);
    assert_int_equal(s->audio.count, 1);
    assert_int_equal(s->start.count, 1);
}

static void what_a_device_throws_away_is_not_its_first_audio(void **state)
{
    struct world *w = *state;
    w->script.speaks_before_start = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->violations[VIOLATION_audio_before_start], 1);
    assert_int_equal(s->lost_packets, 1);
    near(s->audio.max, 100); /* not 40 */
}

static void an_answer_without_text_or_without_audio_is_not_good(void **state)
{
    struct world *w = *state;
    w->script.is_deaf = true;
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_MANUAL, .pause_ms = 1 }, 1800);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->errors[CROWD_NOTHING_HEARD], 1);
    assert_int_equal(s->turns_good, 0);
    crowd_close(w->crowd);
    w->script.is_deaf = false;
    w->script.is_mute = true;
    s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->turns_good, 0);
    assert_int_equal(s->packets_in, 0);
}

static void an_answer_that_ends_with_its_connection_is_lost(void **state)
{
    struct world *w = *state;
    w->script.hangs_up_speaking = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 3 }, 500);
    assert_int_equal(s->turns_lost, 3);
    assert_int_equal(s->turns, 0);
    assert_int_equal(s->errors[CROWD_CLOSED], 3);
    assert_int_equal(s->violations[VIOLATION_missing_stop], 3);
    assert_int_equal(crowd_speaking(w->crowd), 0);
}

/* What is not answered is no error before its time is over, but it is told. */
static void who_waits_at_the_end_is_counted_by_what_for(void **state)
{
    struct world *w = *state;
    struct crowd_waiting waiting;
    w->script.ignores_hello = true;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 3 }, 500);
    assert_int_equal(load_errors(s), 0);
    crowd_waiting(w->crowd, &waiting);
    assert_int_equal(waiting.count[CROWD_WAIT_HELLO], 3);
    assert_in_range(waiting.longest_us[CROWD_WAIT_HELLO], 450000, 500000);
    crowd_close(take_ptr(&w->crowd));
    pass(w, 5);

    w->script = (struct script){ .answer_ms = 60000 };
    s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 2 }, 400);
    crowd_waiting(w->crowd, &waiting);
    assert_int_equal(waiting.count[CROWD_WAIT_ANSWER], 2);
    assert_int_equal(waiting.count[CROWD_WAIT_HELLO] + waiting.count[CROWD_WAIT_CONNECT] + waiting.count[CROWD_WAIT_OTA], 0);
    struct load_result r = { .stats = s, .waiting = waiting };
    assert_false(load_is_good(&r)); /* greeted, but no question was answered */
}

static void of_the_first_error_the_reason_is_kept(void **state)
{
    static const struct {
        struct script script;
        enum crowd_error error;
        const char *why;
    } rows[] = {
        { { .refuses_with = 404 }, CROWD_REFUSED, "HTTP 404" },
        { { .refuses_with = 401 }, CROWD_REFUSED, "HTTP 401: no token? --ota gets one for each device" },
        { { .frames = 9, .frame_ms = 20, .closes_with = 1011 }, CROWD_CLOSED, "closed with 1011 oops" },
        { { .frames = 9, .frame_ms = 20, .hangs_up_speaking = true }, CROWD_CLOSED, "the connection ended without a close" },
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->script = rows[i].script;
        const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY }, 300);
        assert_int_equal(s->errors[rows[i].error], 1);
        assert_string_equal(s->why[rows[i].error], rows[i].why);
        crowd_close(take_ptr(&w->crowd));
        pass(w, 5);
    }
}

static void every_way_to_say_no_is_told_apart_and_timed(void **state)
{
    static const struct {
        unsigned status, busy_ms;
        enum crowd_error error;
    } rows[] = { { 503, 0, CROWD_BUSY }, { 429, 0, CROWD_BUSY }, { 401, 0, CROWD_REFUSED }, { 0, 70, CROWD_BUSY } };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->script = (struct script){ .refuses_with = rows[i].status, .busy_ms = rows[i].busy_ms };
        const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 4 }, 300);
        assert_int_equal(s->errors[rows[i].error], 4);
        assert_int_equal(load_errors(s), 4);
        assert_int_equal(s->greeted, 0);
        assert_int_equal(s->refuse.count, 4);
        if (rows[i].busy_ms)
            near(histogram_at(&s->refuse, 0.5), rows[i].busy_ms);
        crowd_close(take_ptr(&w->crowd));
        pass(w, 5);
    }
}

static void questions_are_spread_over_the_time_that_was_asked_for(void **state)
{
    struct world *w = *state;
    w->script.frames = 2000; /* nobody comes to an end */
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 40, .spread_ms = 2000 }, 1000);
    assert_int_equal(s->greeted, 40);
    assert_in_range(w->asked, 8, 32); /* half of them, by chance */
    pass(w, 1100);
    assert_int_equal(w->asked, 40);
}

static void a_device_asks_at_boot_and_shows_what_it_was_given(void **state)
{
    struct world *w = *state;
    w->script.ota_url = w->url;
    w->script.ota_token = "t0ken";
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 2, .ota = w->ota }, 0);
    for (int i = 0; i < 200 && s->greeted < 2; i++) {
        loop_step(w->loop, 5);
        pass(w, 1);
    }
    assert_int_equal(s->greeted, 2);
    assert_int_equal(w->boots, 2);
    assert_int_equal(s->ota.count, 2);
    assert_string_equal(w->first_bearer, "Bearer t0ken");
}

static void an_ota_answer_that_points_elsewhere_is_not_followed(void **state)
{
    struct world *w = *state;
    w->script.ota_url = "ws://192.0.2.1/xiaozhi/v1/";
    w->script.ota_token = "";
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .ota = w->ota }, 0);
    for (int i = 0; i < 200 && load_errors(s) == 0; i++) {
        loop_step(w->loop, 5);
        pass(w, 1);
    }
    assert_int_equal(s->errors[CROWD_OTA], 1);
    assert_int_equal(s->connected, 0);
}

static void of_a_hundred_mixed_devices_seventy_are_idle(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s =
        go(w, (struct crowd_opts){ .profile = PROFILE_MIXED, .mode = MSG_LISTEN_MANUAL, .devices = 60, .pause_ms = 100 }, 10500);
    assert_true(s->greeted >= 60);
    assert_true(s->turns_good > 0);       /* those that talk and play */
    assert_true(w->audio_in > 0);         /* those that listen */
    assert_true(s->left > 0);             /* those that come and go */
    assert_int_equal(load_errors(s), 0);
    assert_in_range(crowd_alive(w->crowd), 57, 60);
    struct histogram recent;
    crowd_recent(w->crowd, &recent);
    assert_true(recent.count > 0);
    assert_true(recent.count < s->gaps / 2); /* latencies of answers, not the gaps of what is played */
}

static void a_storm_comes_and_goes_as_new_devices(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_STORM, .devices = 2 }, 120);
    assert_true(s->greeted >= 8);
    assert_true(s->left >= 8);
    assert_int_equal(load_errors(s), 0);
}

static void the_identity_can_be_in_the_query(void **state)
{
    struct world *w = *state;
    go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .identity = IDENTITY_QUERY, .first_number = 258 }, 50);
    assert_string_equal(w->first_target, "/xiaozhi/v1/?device-id=02:00:00:00:01:02&"
                                         "client-id=00000000-0000-4000-8000-020000000102|");
}

static void so_can_the_token_and_then_it_is_no_header(void **state)
{
    struct world *w = *state;
    go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .identity = IDENTITY_QUERY, .token = "a+b/c=" }, 50);
    assert_string_equal(w->first_target, "/xiaozhi/v1/?device-id=02:00:00:00:00:00&client-id=00000000-0000-4000-8000-020000000000"
                                         "&authorization=Bearer%20a%2Bb%2Fc%3D|");
    assert_string_equal(w->first_bearer, "");
    crowd_close(take_ptr(&w->crowd));
    w->first_target[0] = '\0';
    go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .identity = IDENTITY_BOTH, .token = "t" }, 50);
    assert_string_equal(w->first_bearer, "Bearer t");
    assert_non_null(strstr(w->first_target, "&authorization=Bearer%20t|02:00:00:00:00:00"));
}

static void only_this_machine_is_connected_to(void **state)
{
    static const struct {
        const char *url;
        bool is_local;
    } rows[] = {
        { "ws://127.0.0.1:8000/x", true },     { "ws://127.9.9.9/", true },  { "ws://localhost:1/", true },
        { "http://[::1]:80/", true },          { "ws://192.168.1.2/", false }, { "ws://127.0.0.1.example/", false },
        { "ws://example.org/127.0.0.1", false }, { "ws://127.0.0.1@example.org/", false },
        { "ws://[fe80::1]/", false },          { "ws://localhost.example/", false },
    };
    struct world *w = *state;
    struct crowd *c = NULL;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(crowd_is_local(rows[i].url), rows[i].is_local);
    assert_int_equal(crowd_open(&c, &(struct crowd_opts){ .loop = w->loop, .url = "ws://192.0.2.1/", .devices = 1 }),
                     ERR_FORBIDDEN);
    assert_int_equal(crowd_open(&c, &(struct crowd_opts){ .loop = w->loop, .url = w->url, .devices = 19501 }),
                     ERR_INVALID);
    assert_null(c);
}

static void a_report_can_be_read_by_machines_and_plotted(void **state)
{
    struct world *w = *state;
    auto_buf struct buf out = { 0 }, svg = { 0 };
    auto_json struct json *j = NULL;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 1 }, 1000);
    const struct load_sample samples[] = {
        { .alive = 10, .latencies = 5, .p50_us = 60000, .p99_us = 61000, .cpu = -1 },
        { .alive = 20, .latencies = 5, .p50_us = 60000, .p99_us = 80000, .cpu = -1 },
    };
    struct load_result r = { .profile = "play", .url = w->url, .devices = 1, .seconds = 1, .stats = s,
                             .samples = samples, .sample_count = 2 };
    load_json(&r, &out);
    assert_ok(json_parse(&j, buf_slice(&out), NULL));
    assert_int_equal(json_get_i64(j, "gaps_late", -1), 0);
    load_plot(&r, &svg);
    assert_true(slice_starts(buf_slice(&svg), SLICE("<svg ")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("devices connected")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("<text x='740.0' y='390' text-anchor='middle'>20</text>")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("<text x='405.0' y='390' text-anchor='middle'>10</text>")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("<circle cx='740.0'")));
    assert_true(slice_ends(buf_slice(&svg), SLICE("</svg>\n")));
}

/* What is told of a run with faults that are known: every number. */
static void the_report_says_exactly_what_the_server_did(void **state)
{
    static const struct {
        const char *object, *name;
        int64_t value;
    } rows[] = {
        { NULL, "opened", 2 },       { NULL, "connected", 2 },     { NULL, "greeted", 2 },   { NULL, "alive", 2 },
        { NULL, "turns", 2 },        { NULL, "turns_good", 2 },    { NULL, "turns_lost", 0 }, { NULL, "aborts", 0 },
        { NULL, "turns_busy", 0 },   { "busy", "count", -1 },
        { NULL, "packets_in", 12 },  { NULL, "bytes_in", 96 },     { NULL, "gaps", 10 },     { NULL, "gaps_late", 2 },
        { NULL, "underruns", 2 },    { NULL, "lost_packets", 0 },  { "violations", "starved", 2 },
        { "violations", "burst", -1 }, { "errors", "busy", -1 },   { "gap", "count", 10 },   { "gap", "max_ms", 200 },
        { "gap", "p50_ms", 60 },     { "hello", "count", 2 },      { "hello", "p50_ms", 3 }, { "text", "count", 2 },
        { "text", "p50_ms", 40 },    { "start", "p50_ms", 40 },    { "audio", "p99_ms", 100 },
        { "added", "p99_ms", 30 },   { "abort", "count", -1 },
    };
    struct world *w = *state;
    auto_buf struct buf out = { 0 };
    auto_json struct json *j = NULL;
    w->script.slow_frame = 3;
    w->script.slow_ms = 140;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 2, .pause_ms = 60000,
                                                             .known_us_typed = 70000 }, 900);
    struct load_result r = { .profile = "play", .url = w->url, .devices = 2, .seconds = 1, .stats = s,
                             .alive = crowd_alive(w->crowd), .own_cpu_s = 0.2 };
    load_json(&r, &out);
    assert_ok(json_parse(&j, buf_slice(&out), NULL));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct json *at = rows[i].object ? json_get(j, rows[i].object) : j;
        int64_t got = (int64_t)json_get_f64(at, rows[i].name, -1);
        bool is_time = slice_ends(slice_of(rows[i].name), SLICE("_ms")); /* buckets are 1.6 % wide */
        int64_t slack = is_time ? 2 + rows[i].value / 50 : 0;
        if (got < rows[i].value - slack || got > rows[i].value + slack)
            fail_msg("%s.%s: %lld instead of %lld", rows[i].object ? rows[i].object : "", rows[i].name, (long long)got,
                     (long long)rows[i].value);
    }
    assert_false(json_get_bool(j, "generator_is_limit", true));
}

static void a_generator_that_is_the_limit_says_so(void **state)
{
    struct world *w = *state;
    const struct crowd_stats *s = go(w, (struct crowd_opts){ .profile = PROFILE_IDLE }, 50);
    struct crowd_stats *late = calloc(1, sizeof(*late));
    *late = *s;
    for (int i = 0; i < 5; i++)
        histogram_add(&late->late, 20000);
    const struct {
        const struct crowd_stats *stats;
        double own_cpu_s;
        bool is_limit;
    } rows[] = { { s, 0.5, false }, { s, 0.95, true }, { late, 0.5, true } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        auto_json struct json *j = NULL;
        struct load_result r = { .profile = "idle", .url = w->url, .devices = 1, .seconds = 1, .stats = rows[i].stats,
                                 .own_cpu_s = rows[i].own_cpu_s };
        load_json(&r, &out);
        assert_ok(json_parse(&j, buf_slice(&out), NULL));
        assert_int_equal(json_get_bool(j, "generator_is_limit", !rows[i].is_limit), rows[i].is_limit);
    }
    free(late);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(hellos_are_counted_and_timed),
        CASE(devices_come_at_the_rate_that_was_asked_for),
        CASE(a_server_that_keeps_time_has_no_late_gap),
        CASE(one_slow_frame_is_a_late_gap_and_an_underrun),
        CASE(a_missing_stop_is_an_answer_that_did_not_come),
        CASE(what_is_known_is_taken_off_the_latency),
        CASE(the_button_is_timed_until_the_stop),
        CASE(busy_is_told_from_broken),
        CASE(questions_answered_by_busy_are_counted_apart),
        CASE(a_server_that_hangs_up_or_says_nothing_is_an_error),
        CASE(a_dropped_frame_is_a_late_gap),
        CASE(frames_sent_all_at_once_fill_the_device_queue_and_are_lost),
        CASE(audio_after_the_stop_is_a_fault),
        CASE(an_answer_without_text_or_without_audio_is_not_good),
        CASE(an_answer_that_ends_with_its_connection_is_lost),
        CASE(every_way_to_say_no_is_told_apart_and_timed),
        CASE(questions_are_spread_over_the_time_that_was_asked_for),
        CASE(a_device_asks_at_boot_and_shows_what_it_was_given),
        CASE(an_ota_answer_that_points_elsewhere_is_not_followed),
        CASE(of_a_hundred_mixed_devices_seventy_are_idle),
        CASE(the_report_says_exactly_what_the_server_did),
        CASE(a_generator_that_is_the_limit_says_so),
        CASE(a_storm_comes_and_goes_as_new_devices),
        CASE(the_identity_can_be_in_the_query),
        CASE(so_can_the_token_and_then_it_is_no_header),
        CASE(only_this_machine_is_connected_to),
        CASE(a_report_can_be_read_by_machines_and_plotted),
        CASE(every_tenth_gap_is_late_when_every_tenth_frame_is),
        CASE(a_typed_question_has_its_own_known_delay),
        CASE(an_answer_sooner_than_what_is_known_is_counted),
        CASE(an_answer_before_the_question_is_over_is_early_and_in_no_latency),
        CASE(a_second_start_or_stop_is_a_fault_and_one_answer),
        CASE(what_a_device_throws_away_is_not_its_first_audio),
        CASE(who_waits_at_the_end_is_counted_by_what_for),
        CASE(of_the_first_error_the_reason_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
