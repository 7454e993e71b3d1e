/* SPDX-License-Identifier: MIT
 * test_device.c -- the simulated device against a server of a few lines, over a real WebSocket. */
#include "cli/device.h"
#include "cli/uplink.h"
#include "http/ws.h"
#include "protocol/msg.h"
#include "tests/support/test.h"

#define TEXTS_MAX 40
struct world {
    struct loop *loop;
    struct http_server *http;
    struct ws *ws;             /* the server's end */
    struct device *device;
    char url[64];
    char texts[TEXTS_MAX][300]; /* what the device sent */
    unsigned text_count, packets;
    size_t packet_bytes;
    char head[300];
    /* what the device told */
    bool is_ready, is_closed;
    int close_code, http_status;
    unsigned played, dropped, violations[VIOLATIONS];
    unsigned refuse_with;
};

static void on_server_text(void *user, struct slice text)
{
    struct world *w = user;
    assert_true(w->text_count < TEXTS_MAX);
    snprintf(w->texts[w->text_count++], sizeof(w->texts[0]), SLICE_FMT, SLICE_ARG(text));
}

static void on_server_binary(void *user, struct slice data)
{
    struct world *w = user;
    w->packets++;
    w->packet_bytes = data.len;
}

static void on_server_close(void *user, int code, struct slice reason, int http_status)
{
    ((struct world *)user)->ws = NULL;
}

static const struct ws_events server_events = {
    .on_text = on_server_text, .on_binary = on_server_binary, .on_close = on_server_close,
};

static void on_request(void *user, struct http_req *r)
{
    struct world *w = user;
    struct slice id = { 0 }, token = { 0 }, version = { 0 };
    http_header(r, "device-id", &id);
    http_header(r, "authorization", &token);
    http_header(r, "protocol-version", &version);
    snprintf(w->head, sizeof(w->head), SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT, SLICE_ARG(id), SLICE_ARG(token),
             SLICE_ARG(version));
    if (w->refuse_with)
        http_respond_text(r, (int)w->refuse_with, "no");
    else
        assert_ok(ws_accept(&w->ws, r, &(struct ws_opts){ 0 }, &server_events, w));
}

static void on_ready(void *user, const struct hello_answer *hello)
{
    ((struct world *)user)->is_ready = true;
}

static void on_packet(void *user, struct slice packet, bool is_played)
{
    struct world *w = user;
    w->played += is_played;
    w->dropped += !is_played;
}

static void on_violation(void *user, enum violation v, const char *detail)
{
    ((struct world *)user)->violations[v]++;
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct world *w = user;
    w->is_closed = true;
    w->close_code = code;
    w->http_status = http_status;
}

static const struct device_events events = {
    .on_ready = on_ready, .on_packet = on_packet, .on_violation = on_violation, .on_close = on_close,
};

static void settle(struct world *w)
{
    for (int i = 0; i < 6; i++)
        loop_step(w->loop, 1);
}

static void pass(struct world *w, unsigned ms)
{
    for (unsigned at = 0; at < ms; at += 5) {
        loop_advance(w->loop, 5);
        loop_step(w->loop, 0);
        loop_step(w->loop, 0);
    }
    settle(w);
}

static int setup(void **state)
{
    static const struct http_server_events http_events = { .on_request = on_request };
    struct world *w = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(http_server_open(&w->http, w->loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } },
                               &http_events, w));
    snprintf(w->url, sizeof(w->url), "ws://127.0.0.1:%u/xiaozhi/v1/", http_server_port(w->http));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    device_close(w->device);
    if (w->ws)
        ws_drop(w->ws);
    http_server_close(w->http);
    settle(w);
    loop_free(w->loop);
    free(w);
    return 0;
}

static void open_device(struct world *w, struct device_opts o)
{
    o.loop = w->loop;
    o.url = w->url;
    o.on = &events;
    o.user = w;
    o.framing = o.framing ? o.framing : FRAMING_V1;
    o.device_id = "aa:bb";
    assert_ok(device_open(&w->device, &o));
    settle(w);
}

static void send(struct world *w, const char *text)
{
    assert_ok(ws_send_text(w->ws, slice_of(text)));
    settle(w);
}

#define HELLO                                                                                             \
    "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"session_id\":\"s-1\",\"audio_params\":" \
    "{\"format\":\"opus\",\"sample_rate\":24000,\"channels\":1,\"frame_duration\":60}}"
#define START "{\"type\":\"tts\",\"state\":\"start\"}"
#define STOP "{\"type\":\"tts\",\"state\":\"stop\"}"
static const char packet_60ms[] = { 0x58, 1, 2, 3 }; /* SILK 60 ms, one frame */

static void send_packet(struct world *w)
{
    if (w->ws)
        assert_ok(ws_send_binary(w->ws, (struct slice){ 0 }, slice_from(packet_60ms, sizeof(packet_60ms))));
    settle(w);
}

static bool was_sent(const struct world *w, unsigned at, const char *words)
{
    return at < w->text_count && strstr(w->texts[at], words);
}

static unsigned faults(const struct world *w)
{
    unsigned n = 0;
    for (enum violation v = 0; v < VIOLATIONS; v++)
        n += w->violations[v];
    return n;
}

static void it_says_hello_with_the_headers_of_a_device(void **state)
{
    struct world *w = *state;
    open_device(w, (struct device_opts){ .token = "tok", .framing = FRAMING_V3, .has_mcp = true });
    assert_string_equal(w->head, "aa:bb|Bearer tok|3");
    assert_true(was_sent(w, 0, "\"type\":\"hello\",\"version\":3,\"features\":{\"mcp\":true}"));
    assert_int_equal(device_state(w->device), DEVICE_CONNECTING);
    send(w, HELLO);
    assert_true(w->is_ready);
    assert_int_equal(device_state(w->device), DEVICE_IDLE);
    assert_string_equal(device_session(w->device), "s-1");
    assert_int_equal(faults(w), 0);
}

static void auto_mode_listens_again_when_the_answer_was_played(void **state)
{
    struct world *w = *state;
    struct uplink uplink;
    static const int16_t speech[16000];
    assert_ok(uplink_build(&uplink, (struct pcm){ speech, COUNT(speech) }, 60, false));
    struct uplink_at mic = { .u = &uplink };
    open_device(w, (struct device_opts){ .mode = MSG_LISTEN_AUTO });
    send(w, HELLO);
    device_mic(w->device, uplink_next, &mic);
    device_listen(w->device);
    settle(w);
    assert_true(was_sent(w, 1, "\"session_id\":\"s-1\",\"state\":\"start\",\"mode\":\"auto\""));
    pass(w, 600);
    assert_in_range(w->packets, 9, 12);

    send(w, START);
    assert_int_equal(device_state(w->device), DEVICE_SPEAKING);
    unsigned before = w->packets;
    pass(w, 100);
    assert_int_equal(w->packets, before); /* the microphone is off */
    send_packet(w);
    pass(w, 25);
    send_packet(w);
    send(w, STOP);
    assert_int_equal(device_state(w->device), DEVICE_LISTENING);
    assert_int_equal(w->text_count, 2);   /* not yet: it still plays */
    pass(w, 120);
    assert_true(was_sent(w, 2, "\"state\":\"start\",\"mode\":\"auto\""));
    pass(w, 200);
    assert_true(w->packets > before);
    assert_int_equal(w->played, 2);
    assert_int_equal(faults(w), 0);
    device_mic(w->device, NULL, NULL);
    uplink_done(&uplink);
}

static void realtime_keeps_the_microphone_open(void **state)
{
    struct world *w = *state;
    struct uplink uplink;
    assert_ok(uplink_build(&uplink, (struct pcm){ 0 }, 60, false));
    struct uplink_at mic = { .u = &uplink };
    open_device(w, (struct device_opts){ .mode = MSG_LISTEN_REALTIME });
    send(w, HELLO);
    device_mic(w->device, uplink_next, &mic);
    device_listen(w->device);
    send(w, START);
    unsigned before = w->packets;
    pass(w, 300);
    assert_true(w->packets >= before + 4);
    send(w, STOP);
    assert_int_equal(device_state(w->device), DEVICE_LISTENING);
    assert_int_equal(w->text_count, 2); /* one listen start for the whole conversation */
    uplink_done(&uplink);
    device_mic(w->device, NULL, NULL);
}

static void manual_mode_goes_idle(void **state)
{
    struct world *w = *state;
    open_device(w, (struct device_opts){ .mode = MSG_LISTEN_MANUAL });
    send(w, HELLO);
    device_listen(w->device);
    device_listen_stop(w->device);
    settle(w);
    assert_int_equal(device_state(w->device), DEVICE_IDLE);
    assert_true(was_sent(w, 2, "\"state\":\"stop\""));
    send(w, START);
    assert_int_equal(device_state(w->device), DEVICE_SPEAKING);
    send(w, STOP);
    assert_int_equal(device_state(w->device), DEVICE_IDLE);
}

static void the_button_waits_for_stop_and_the_wake_word_does_not(void **state)
{
    struct world *w = *state;
    open_device(w, (struct device_opts){ .mode = MSG_LISTEN_REALTIME });
    send(w, HELLO);
    device_listen(w->device);
    send(w, START);
    device_abort(w->device, false);
    settle(w);
    assert_true(was_sent(w, 2, "\"type\":\"abort\",\"session_id\":\"s-1\"}"));
    assert_int_equal(device_state(w->device), DEVICE_SPEAKING);
    send(w, STOP);

    send(w, START);
    device_abort(w->device, true);
    settle(w);
    assert_true(was_sent(w, 3, "wake_word_detected"));
    assert_true(was_sent(w, 4, "\"state\":\"start\""));
    assert_int_equal(device_state(w->device), DEVICE_LISTENING);
    send_packet(w); /* under way when the abort was sent: dropped, no fault */
    assert_int_equal(w->dropped, 1);
    send(w, STOP);
    assert_int_equal(device_state(w->device), DEVICE_LISTENING);
    assert_int_equal(faults(w), 0);
}

static void typed_text_aborts_what_is_spoken(void **state)
{
    struct world *w = *state;
    open_device(w, (struct device_opts){ 0 });
    send(w, HELLO);
    device_type(w->device, SLICE("hi"));
    send(w, START);
    device_type(w->device, SLICE("stop it"));
    settle(w);
    assert_true(was_sent(w, 1, "\"state\":\"detect\",\"text\":\"hi\""));
    assert_true(was_sent(w, 2, "abort"));
    assert_true(was_sent(w, 3, "\"text\":\"stop it\""));
    send(w, STOP);
}

static void faults_of_the_server_are_found(void **state)
{
    static const struct {
        const char *text; /* NULL: a packet */
        enum violation want;
    } rows[] = {
        {NULL, VIOLATION_audio_before_start},
        {STOP, VIOLATION_stop_without_start},
        {"[1]", VIOLATION_bad_json},
        {"hello", VIOLATION_bad_json},
        {"{}", VIOLATION_no_type},
        {"{\"type\":\"tts\"}", VIOLATION_no_state},
        {"{\"type\":\"tts\",\"state\":\"pause\"}", VIOLATION_no_state},
        {"{\"type\":\"alert\",\"status\":\"s\",\"message\":\"m\"}", VIOLATION_bad_alert},
        {"{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}",
         VIOLATION_surprise_mcp},
        {"{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"tools/list\"}}",
         VIOLATION_bad_mcp},
        {HELLO, VIOLATION_second_hello},
        {"{\"type\":\"hello\"}", VIOLATION_bad_hello},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (i > 0) {
            teardown(state);
            setup(state);
        }
        struct world *w = *state;
        open_device(w, (struct device_opts){ 0 });
        send(w, HELLO);
        if (rows[i].text)
            send(w, rows[i].text);
        else
            send_packet(w);
        if (w->violations[rows[i].want] != 1)
            fail_msg("row %zu: %s was not found", i, violation_name(rows[i].want));
    }
}

static void framings_are_read_strictly(void **state)
{
    struct world *w = *state;
    static const char good[] = { 0, 0, 0, 4, 0x58, 1, 2, 3 }, loose[] = { 0, 0, 0, 3, 0x58, 1, 2, 3 };
    open_device(w, (struct device_opts){ .framing = FRAMING_V3 });
    send(w, HELLO);
    send(w, START);
    pass(w, 80);
    assert_ok(ws_send_binary(w->ws, (struct slice){ 0 }, slice_from(good, sizeof(good))));
    settle(w);
    assert_int_equal(w->played, 1);
    assert_ok(ws_send_binary(w->ws, (struct slice){ 0 }, slice_from(loose, sizeof(loose))));
    settle(w);
    assert_int_equal(w->violations[VIOLATION_bad_framing], 1);
    send(w, STOP);
}

static void its_tools_answer(void **state)
{
    struct world *w = *state;
    open_device(w, (struct device_opts){ .has_mcp = true });
    send(w, HELLO);
    send(w, "{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}}");
    assert_true(was_sent(w, 1, "\"protocolVersion\":\"2024-11-05\""));
    send(w, "{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}}");
    assert_int_equal(w->text_count, 2);
    send(w, "{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":"
            "{\"name\":\"self.audio_speaker.set_volume\",\"arguments\":{\"volume\":33}}}}");
    assert_true(was_sent(w, 2, "\"text\":\"true\""));
    send(w, "{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":"
            "{\"name\":\"self.get_device_status\"}}}");
    assert_true(was_sent(w, 3, "\\\"volume\\\":33"));
    send(w, "{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":"
            "{\"name\":\"self.audio_speaker.set_volume\",\"arguments\":{\"volume\":133}}}}");
    assert_true(was_sent(w, 4, "\"error\":{\"message\":\"Value is out of range\"}"));
    assert_int_equal(faults(w), 0);
}

static void refusals_and_ends_are_told(void **state)
{
    struct world *w = *state;
    w->refuse_with = 401;
    open_device(w, (struct device_opts){ 0 });
    assert_true(w->is_closed);
    assert_int_equal(w->http_status, 401);
    device_close(w->device);
    w->device = NULL;

    w->refuse_with = 0;
    w->is_closed = false;
    open_device(w, (struct device_opts){ 0 });
    send(w, HELLO);
    send(w, START);
    ws_close(w->ws, 1001, SLICE("bye"), 0);
    w->ws = NULL;
    settle(w);
    assert_true(w->is_closed);
    assert_int_equal(w->close_code, 1001);
    assert_int_equal(w->violations[VIOLATION_missing_stop], 1);
    assert_int_equal(device_state(w->device), DEVICE_CLOSED);
    assert_int_equal(device_send_text(w->device, SLICE("x")), ERR_CLOSED);
}

static void no_hello_within_ten_seconds_is_a_fault(void **state)
{
    struct world *w = *state;
    open_device(w, (struct device_opts){ 0 });
    loop_advance(w->loop, 10001);
    assert_int_equal(w->violations[VIOLATION_bad_hello], 1);
}

static void an_uplink_has_lead_speech_and_endless_silence(void **state)
{
    struct uplink u;
    static int16_t speech[16000];
    assert_ok(uplink_build(&u, (struct pcm){ speech, COUNT(speech) }, 20, true));
    struct uplink_at at = { .u = &u };
    struct slice packet;
    assert_int_equal(u.speech_end, (UPLINK_LEAD_MS + 1000) / 20);
    for (unsigned i = 0; i < u.speech_end; i++) {
        assert_false(uplink_is_over(&at));
        assert_true(uplink_next(&at, &packet));
        assert_int_equal(packet.len, 640);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_true(uplink_is_over(&at));
        assert_true(uplink_next(&at, &packet));
    }
    uplink_done(&u);
    assert_false(uplink_next(&(struct uplink_at){ 0 }, &packet));
}

static void an_uplink_ends_with_its_last_sound_at_the_end_of_a_packet(void **state)
{
    struct uplink u;
    static int16_t speech[16000];
    for (size_t i = 0; i < 10080; i++) /* 630 ms of a tone, 370 ms of nearly nothing */
        speech[i] = (int16_t)(i / 20 % 2 ? 8000 : -8000);
    for (size_t i = 10080; i < COUNT(speech); i++)
        speech[i] = (int16_t)(i % 2 ? 12 : -12);
    assert_ok(uplink_build(&u, (struct pcm){ speech, COUNT(speech) }, 60, true));
    assert_int_equal(u.speech_end, 15); /* 240 + 630 ms, and 30 ms more of lead */
    const int16_t *last = (const int16_t *)(const void *)(u.bytes.data + u.ends[13]);
    assert_int_equal(last[959], speech[10079]);
    const int16_t *silence = (const int16_t *)(const void *)(u.bytes.data + u.ends[14]);
    for (int i = 0; i < 960; i++)
        assert_int_equal(silence[i], 0);
    struct uplink_at at = { .u = &u, .next = 3 };
    uplink_stop(&at);
    assert_true(uplink_is_over(&at));
    uplink_done(&u);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(it_says_hello_with_the_headers_of_a_device),
        T(auto_mode_listens_again_when_the_answer_was_played),
        T(realtime_keeps_the_microphone_open),
        T(manual_mode_goes_idle),
        T(the_button_waits_for_stop_and_the_wake_word_does_not),
        T(typed_text_aborts_what_is_spoken),
        T(faults_of_the_server_are_found),
        T(framings_are_read_strictly),
        T(its_tools_answer),
        T(refusals_and_ends_are_told),
        T(no_hello_within_ten_seconds_is_a_fault),
        cmocka_unit_test(an_uplink_has_lead_speech_and_endless_silence),
        cmocka_unit_test(an_uplink_ends_with_its_last_sound_at_the_end_of_a_packet),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
