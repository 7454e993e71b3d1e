/* SPDX-License-Identifier: MIT
 * crowd_world.c -- the server: one timer for each client, whose meaning is what comes next. */
#include "tests/support/crowd_world.h"

#include "tests/support/test.h"

#define HELLO "{\"type\":\"hello\",\"transport\":\"websocket\",\"session_id\":\"s1\",\"audio_params\":{" \
              "\"format\":\"opus\",\"sample_rate\":24000,\"channels\":1,\"frame_duration\":60}}"

static void tell(struct cworld_client *c, const char *text)
{
    if (c->ws)
        (void)!ws_send_text(c->ws, slice_of(text));
}

static void send_packet(struct cworld_client *c)
{
    static const uint8_t packet[] = { 0x48 | 0x03, 3, 1, 2, 3, 4, 5, 6 }; /* three frames of 20 ms */
    if (c->ws)
        (void)!ws_send_binary(c->ws, (struct slice){ 0 }, slice_from(packet, sizeof(packet)));
}

static void hang_up(struct cworld_client *c)
{
    timer_stop(&c->timer);
    if (c->ws)
        ws_drop(c->ws);
    c->ws = NULL;
}

static void stop(void *arg)
{
    struct cworld_client *c = arg;
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
    struct cworld_client *c = arg;
    const struct cworld_script *s = &c->world->script;
    c->frames++;
    if (c->frames == s->sentence_frame)
        tell(c, "{\"type\":\"tts\",\"state\":\"sentence_start\",\"text\":\"z\"}");
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
    struct cworld_client *c = arg;
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
    struct cworld_client *c = arg;
    ws_close(take_ptr(&c->ws), WS_TRY_LATER, SLICE("busy"), 100);
}

static void hello(void *arg)
{
    tell(arg, HELLO);
}

static void on_text(void *user, struct slice text)
{
    struct cworld_client *c = user;
    const struct cworld_script *s = &c->world->script;
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

static void on_binary(void *user, struct slice data)
{
    struct cworld_client *c = user;
    c->world->audio_in++;
    for (size_t i = 0; i < data.len; i++)
        if (data.data[i]) {
            c->world->loud_in++;
            break;
        }
    if (++c->heard == c->world->script.answers_after)
        timer_start(&c->timer, c->world->loop, 0, answer, c);
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct cworld_client *c = user;
    c->ws = NULL;
    timer_stop(&c->timer);
}

static const struct ws_events ws_events = { .on_text = on_text, .on_binary = on_binary, .on_close = on_close };

static void accept_now(struct cworld *w, struct http_req *r)
{
    assert_true(w->count < CWORLD_CLIENTS_MAX);
    struct cworld_client *c = &w->clients[w->count++];
    c->world = w;
    assert_ok(ws_accept(&c->ws, r, &(struct ws_opts){ 0 }, &ws_events, c));
}

static void accept_late(void *arg)
{
    struct cworld *w = arg;
    accept_now(w, take_ptr(&w->late));
}

static void boot(struct cworld *w, struct http_req *r)
{
    auto_buf struct buf body = { 0 };
    w->boots++;
    buf_printf(&body, "{\"server_time\":{\"timestamp\":1,\"timezone_offset\":0},\"websocket\":{\"url\":\"%s\",\"token\":\"%s\"}}",
               w->script.ota_url, w->script.ota_token);
    http_respond(r, &(struct http_reply){ .status = 200, .type = "application/json", .body = buf_slice(&body) });
}

static void boot_late(void *arg)
{
    struct cworld *w = arg;
    boot(w, take_ptr(&w->late));
}

static void answer_late(struct cworld *w, struct http_req *r, unsigned ms, void (*then)(void *arg))
{
    w->late = r;
    timer_start(&w->late_timer, w->loop, ms, then, w);
}

static void on_request(void *user, struct http_req *r)
{
    struct cworld *w = user;
    struct slice id = { 0 }, bearer = { 0 };
    if (slice_is(http_path(r), "/ota/")) {
        if (w->script.boot_ms)
            answer_late(w, r, w->script.boot_ms, boot_late);
        else
            boot(w, r);
        return;
    }
    http_header(r, "device-id", &id);
    snprintf(w->last_id, sizeof(w->last_id), SLICE_FMT, SLICE_ARG(id));
    if (http_header(r, "authorization", &bearer))
        snprintf(w->first_bearer, sizeof(w->first_bearer), SLICE_FMT, SLICE_ARG(bearer));
    if (w->first_target[0] == '\0')
        snprintf(w->first_target, sizeof(w->first_target), SLICE_FMT "|" SLICE_FMT, SLICE_ARG(http_target(r)),
                 SLICE_ARG(id));
    if (w->script.refuses_with) {
        http_respond_text(r, (int)w->script.refuses_with, "no");
        return;
    }
    if (w->script.accept_ms)
        answer_late(w, r, w->script.accept_ms, accept_late);
    else
        accept_now(w, r);
}

void cworld_pass(struct cworld *w, unsigned ms)
{
    for (unsigned at = 0; at < ms; at++) {
        loop_advance(w->loop, 1);
        for (int i = 0; i < 4; i++)
            loop_step(w->loop, 0);
    }
}

int cworld_setup(void **state)
{
    static const struct http_server_events http_events = { .on_request = on_request };
    static int16_t silence[16000 / 2];
    struct cworld *w = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(http_server_open(&w->http, w->loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } },
                               &http_events, w));
    assert_ok(uplink_build(&w->uplink, (struct pcm){ silence, COUNT(silence) }, 60, false));
    snprintf(w->url, sizeof(w->url), "ws://127.0.0.1:%u/xiaozhi/v1/", http_server_port(w->http));
    snprintf(w->ota, sizeof(w->ota), "http://127.0.0.1:%u/ota/", http_server_port(w->http));
    w->script = (struct cworld_script){ .hello_ms = 3, .answer_ms = 40, .start_gap_ms = 60, .frames = 6, .frame_ms = 60,
                                 .stop_ms = 20 };
    *state = w;
    return 0;
}

int cworld_teardown(void **state)
{
    struct cworld *w = *state;
    crowd_close(w->crowd);
    timer_stop(&w->late_timer);
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

const struct crowd_stats *cworld_go(struct cworld *w, struct crowd_opts o, unsigned ms)
{
    o.loop = w->loop;
    o.url = o.ota ? NULL : w->url;
    o.uplink = &w->uplink;
    o.text = "tell me a story";
    o.devices = o.devices ? o.devices : 1;
    assert_ok(crowd_open(&w->crowd, &o));
    cworld_pass(w, ms);
    return crowd_stats(w->crowd);
}

void cworld_near(uint64_t us, unsigned ms)
{
    if (us < (ms - 2) * 1000 || us > (ms + 2) * 1000 + ms * 17)
        fail_msg("%llu us instead of %u ms", (unsigned long long)us, ms);
}
