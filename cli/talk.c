/* SPDX-License-Identifier: MIT
 * talk.c -- `parley talk`: one simulated device has a conversation, and says how it went.
 *
 *   say -> uplink -> [OTA] -> device -> heard, answer, timings, reply.wav, faults of the server
 *
 * A turn begins when the microphone opens and ends when the answer has been played. */
#include "cli/args.h"
#include "cli/boot.h"
#include "cli/commands.h"
#include "cli/talk.h"
#include "cli/uplink.h"
#include "cli/voice.h"

#include "audio/decoder.h"
#include "audio/wav.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/rand.h"
#include "loop/timer.h"
#include "net/tls.h"

#include <stdio.h>
#include <unistd.h>

#define STEP_MS 100
#define TYPE_AFTER_MS 150 /* nobody types quicker; the device's tools are known by then */
#define TURN_TIMEOUT_MS 45000
#define REPLY_SECONDS_MAX 600
#define DEFAULT_OTA "http://127.0.0.1:8003/xiaozhi/ota/"
#define DEFAULT_WAV "parley-reply.wav"

struct talk {
    struct talk_opts o;
    struct loop *loop;
    struct device *device;
    struct uplink uplink;
    struct uplink_at mic;
    struct decoder *decoder;
    struct pcm_queue reply;
    struct timer limit, abort_timer, played;
    struct talk_turn turn;
    unsigned turns_done, turns_good;
    uint64_t hello_us, opened_us;
    bool is_done, is_closed;
    char why[200];
};

static uint64_t now(const struct talk *t)
{
    return loop_now_us(t->loop);
}

static void say_line(const struct talk *t, const char *mark, struct slice text)
{
    if (!t->o.is_json)
        printf("%s " SLICE_FMT "\n", mark, SLICE_ARG(text));
    fflush(stdout);
}

static void finish(struct talk *t, const char *why)
{
    if (t->is_done)
        return;
    t->is_done = true;
    snprintf(t->why, sizeof(t->why), "%s", why ? why : "");
}

/* --- a turn ------------------------------------------------------------------------------------------- */

static void on_limit(void *arg)
{
    struct talk *t = arg;
    finish(t, t->turn.start_us  ? "the server said nothing more for 45 s; the answer did not end"
              : t->turn.heard_us ? "nothing was answered within 45 s"
                                 : "nothing was heard within 45 s");
}

static void begin_turn(struct talk *t)
{
    buf_done(&t->turn.heard);
    buf_done(&t->turn.said);
    t->turn = (struct talk_turn){ .began_us = now(t) };
    timer_start(&t->limit, t->loop, TURN_TIMEOUT_MS, on_limit, t);
    if (t->o.text) {
        say_line(t, "you type:  ", slice_of(t->o.text));
        t->turn.end_us = now(t);
        device_type(t->device, slice_of(t->o.text));
        return;
    }
    say_line(t, "you say:   ", slice_of(t->o.say ? t->o.say : t->o.wav));
    t->mic = (struct uplink_at){ .u = &t->uplink };
    if (device_state(t->device) == DEVICE_LISTENING && t->turns_done > 0)
        return; /* it listens again already */
    device_listen(t->device);
}

static bool is_good(const struct talk *t)
{
    const struct talk_turn *n = &t->turn;
    return (t->o.text || n->heard.len > 0) && n->start_us && n->stop_us &&
           (n->packets > 0 || t->o.abort_after_ms >= 0);
}

static void end_turn(struct talk *t)
{
    timer_stop(&t->limit);
    timer_stop(&t->abort_timer);
    timer_stop(&t->played);
    t->turn.is_over = true;
    t->turns_done++;
    t->turns_good += is_good(t);
    if (t->o.is_json)
        talk_print_json(&t->turn, t->turns_done);
    else
        talk_print(&t->turn);
    if (t->turns_done == t->o.repeat)
        finish(t, NULL);
    else
        begin_turn(t);
}

/* The microphone: notes when the utterance is over, and lets go of the button in manual mode. */
static bool next_packet(void *user, struct slice *packet)
{
    struct talk *t = user;
    bool was_over = uplink_is_over(&t->mic);
    if (!uplink_next(&t->mic, packet))
        return false;
    if (!was_over && uplink_is_over(&t->mic))
        t->turn.end_us = now(t);
    if (was_over && t->o.mode == MSG_LISTEN_MANUAL && device_state(t->device) == DEVICE_LISTENING) {
        device_listen_stop(t->device);
        return false;
    }
    return true;
}

/* --- what the device hears -------------------------------------------------------------------------------- */

static void on_typing(void *arg)
{
    begin_turn(arg);
}

static void on_ready(void *user, const struct hello_answer *hello)
{
    struct talk *t = user;
    t->hello_us = now(t) - t->opened_us;
    if (decoder_create(&t->decoder, hello->rate_hz)) {
        finish(t, "the server announced a rate that Opus does not have");
        return;
    }
    if (!t->o.is_json)
        printf("connected:  session %s, %u Hz, %u ms packets, hello answered in %.1f ms\n", hello->session_id,
               hello->rate_hz, hello->frame_ms, (double)t->hello_us / 1000);
    if (t->o.text)
        timer_start(&t->played, t->loop, TYPE_AFTER_MS, on_typing, t);
    else
        begin_turn(t);
}

static void on_abort_due(void *arg)
{
    struct talk *t = arg;
    say_line(t, "you press: ", SLICE("the button"));
    t->turn.abort_us = now(t);
    device_abort(t->device, false);
}

static void take_tts(struct talk *t, const struct json *m)
{
    struct slice state = json_get_text(m, "state");
    if (slice_is(state, "start")) {
        t->turn.start_us = now(t);
    } else if (slice_is(state, "sentence_start")) {
        struct slice text = json_get_text(m, "text");
        if (!t->turn.token_us)
            t->turn.token_us = now(t);
        if (t->turn.said.len)
            buf_puts(&t->turn.said, " ");
        buf_put(&t->turn.said, text);
        t->turn.sentences++;
        say_line(t, "it answers:", text);
    } else if (slice_is(state, "stop") && t->turn.start_us) {
        t->turn.stop_us = now(t);
    }
}

static void on_text(void *user, const struct json *m, struct slice text)
{
    struct talk *t = user;
    struct slice type = json_get_text(m, "type");
    if (t->o.is_verbose)
        say_line(t, "<", text);
    if (t->is_done)
        return;
    if (!t->turn.stop_us) /* afterwards it waits for the end of the sound */
        timer_start(&t->limit, t->loop, TURN_TIMEOUT_MS, on_limit, t);
    if (slice_is(type, "stt") && t->turn.heard.len == 0) {
        t->turn.heard_us = now(t);
        buf_put(&t->turn.heard, json_get_text(m, "text"));
        say_line(t, "it heard:  ", buf_slice(&t->turn.heard));
    } else if (slice_is(type, "llm")) {
        if (!t->turn.token_us)
            t->turn.token_us = now(t);
        if (t->turn.emotion[0] == '\0')
            snprintf(t->turn.emotion, sizeof(t->turn.emotion), SLICE_FMT, SLICE_ARG(json_get_text(m, "emotion")));
    } else if (slice_is(type, "tts")) {
        take_tts(t, m);
    } else if (slice_is(type, "alert")) {
        say_line(t, "it shows:  ", json_get_text(m, "message"));
    }
}

static void keep_audio(struct talk *t, struct slice packet)
{
    struct pcm pcm;
    if (device_hello(t->device)->is_pcm)
        pcm = (struct pcm){ (const int16_t *)(const void *)packet.data, packet.len / 2 };
    else if (decoder_packet(t->decoder, packet, &pcm))
        return;
    pcm_queue_push(&t->reply, pcm);
}

static void on_packet(void *user, struct slice packet, bool is_played)
{
    struct talk *t = user;
    if (!is_played) {
        t->turn.lost++;
        return;
    }
    if (t->turn.packets++ == 0) {
        t->turn.audio_us = now(t);
        if (t->o.abort_after_ms >= 0)
            timer_start(&t->abort_timer, t->loop, (uint64_t)t->o.abort_after_ms, on_abort_due, t);
    }
    keep_audio(t, packet);
}

static void on_played(void *arg)
{
    end_turn(arg);
}

/* The answer is over when the server said so and the speaker is empty. */
static void on_state(void *user, enum device_state from, enum device_state to)
{
    struct talk *t = user;
    if (from != DEVICE_SPEAKING || to == DEVICE_CLOSED || t->is_done || !t->turn.start_us)
        return;
    t->turn.stop_us = now(t);
    const struct speaker *s = device_speaker(t->device);
    t->turn.gap_us = s->gap_us;
    t->turn.pause_us = s->pause_us;
    uint64_t left_us = t->turn.abort_us ? 0 : speaker_left_us(s, now(t));
    timer_start(&t->played, t->loop, left_us / 1000 + 1, on_played, t);
}

static void on_violation(void *user, enum violation v, const char *detail)
{
    struct talk *t = user;
    if (t->o.is_verbose && !t->o.is_json)
        printf("! %s%s%s\n", violation_text(v), detail[0] ? ": " : "", detail);
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct talk *t = user;
    auto_buf struct buf why = { 0 };
    t->is_closed = true;
    if (http_status)
        buf_printf(&why, "the server refused the connection with HTTP %d", http_status);
    else if (!t->hello_us)
        buf_printf(&why, "no connection to the server, or it went before it said hello%s" SLICE_FMT,
                   reason.len ? ": " : "", SLICE_ARG(reason));
    else
        buf_printf(&why, "the server closed the connection (%d " SLICE_FMT ")", code, SLICE_ARG(reason));
    bool is_goodbye = t->turn.is_over || t->turn.stop_us;
    if (is_goodbye && !t->turn.is_over)
        end_turn(t);
    finish(t, t->turns_done == t->o.repeat ? NULL : why.data);
}

static const struct device_events device_events = {
    .on_ready = on_ready,
    .on_text = on_text,
    .on_packet = on_packet,
    .on_state = on_state,
    .on_violation = on_violation,
    .on_close = on_close,
};

/* --- the whole ----------------------------------------------------------------------------------------- */

static enum err prepare_voice(struct talk *t, struct err_note *note)
{
    struct pcm_queue pcm;
    enum err e = OK;
    if (t->o.text)
        return OK;
    pcm_queue_init(&pcm, (size_t)VOICE_SECONDS_MAX * VOICE_RATE_HZ);
    e = t->o.wav ? voice_from_wav(&pcm, t->o.wav, VOICE_RATE_HZ, note) : voice_from_text(&pcm, t->loop, t->o.say, note);
    if (e == OK)
        e = uplink_build(&t->uplink, pcm_queue_peek(&pcm), (uint32_t)t->o.frame_ms, t->o.is_pcm);
    pcm_queue_done(&pcm);
    return e;
}

static enum err find_server(struct talk *t, struct ota_answer *to, struct err_note *note)
{
    if (t->o.url) {
        snprintf(to->websocket_url, sizeof(to->websocket_url), "%s", t->o.url);
        snprintf(to->websocket_token, sizeof(to->websocket_token), "%s", t->o.token ? t->o.token : "");
        return OK;
    }
    struct ota_client who = { t->o.device_id, t->o.client_id, DEVICE_BOARD, DEVICE_FIRMWARE, "en-US" };
    enum err e = boot(to, t->loop, t->o.ota, &who, note);
    if (e)
        return e;
    if (to->has_activation && to->activation_code[0]) {
        snprintf(note->text, sizeof(note->text), "this device must be confirmed first, with the code %s",
                 to->activation_code);
        return ERR_AUTH;
    }
    if (!to->has_websocket) {
        snprintf(note->text, sizeof(note->text), "%s gave no WebSocket URL", t->o.ota);
        return ERR_UPSTREAM;
    }
    if (!t->o.is_json)
        printf("boot:       %s\n            -> %s\n", t->o.ota, to->websocket_url);
    return OK;
}

static enum err converse(struct talk *t, struct err_note *note)
{
    struct tls_context *tls = NULL;
    auto_mem struct ota_answer *to = xnew(struct ota_answer);
    enum err e = find_server(t, to, note);
    if (e == OK && strncmp(to->websocket_url, "wss:", 4) == 0)
        e = tls_client_create(&tls, NULL, true);
    if (e)
        return e;

    t->opened_us = now(t);
    e = device_open(&t->device, &(struct device_opts){.loop = t->loop,
                                                      .url = to->websocket_url,
                                                      .token = to->websocket_token,
                                                      .device_id = t->o.device_id,
                                                      .client_id = t->o.client_id,
                                                      .framing = (enum framing)t->o.framing,
                                                      .mode = t->o.mode,
                                                      .frame_ms = (uint32_t)t->o.frame_ms,
                                                      .is_pcm = t->o.is_pcm,
                                                      .has_mcp = true,
                                                      .tls = tls,
                                                      .on = &device_events,
                                                      .user = t});
    if (e == OK) {
        timer_start(&t->limit, t->loop, TURN_TIMEOUT_MS, on_limit, t);
        if (!t->o.text)
            device_mic(t->device, next_packet, t);
        while (!t->is_done)
            loop_step(t->loop, STEP_MS);
        if (t->why[0])
            snprintf(note->text, sizeof(note->text), "%s", t->why);
    } else {
        snprintf(note->text, sizeof(note->text), "%.120s: %s", to->websocket_url, err_text(e));
    }
    timer_stop(&t->limit);
    timer_stop(&t->abort_timer);
    timer_stop(&t->played);
    tls_free(tls);
    return e == OK && t->why[0] ? ERR_UPSTREAM : e;
}

static void write_reply(struct talk *t)
{
    auto_buf struct buf wav = { 0 };
    if (t->reply.count == 0 || !t->o.out[0])
        return;
    uint32_t rate_hz = device_hello(t->device)->rate_hz;
    if (wav_write(&wav, pcm_queue_peek(&t->reply), rate_hz) || file_write(t->o.out, buf_slice(&wav)))
        fprintf(stderr, "parley: %s could not be written\n", t->o.out);
    else if (!t->o.is_json)
        printf("reply:      %s, %.1f s\n", t->o.out, (double)t->reply.count / rate_hz);
}

static int run(struct talk *t)
{
    struct err_note note = { 0 };
    enum err e = prepare_voice(t, &note);
    if (e == OK)
        e = converse(t, &note);
    bool is_proper = true;
    if (t->device) {
        write_reply(t);
        is_proper = talk_print_faults(t->device, t->o.is_json);
    }
    if (e)
        fprintf(stderr, "parley: %s\n", note.text[0] ? note.text : err_text(e));
    return e == OK && is_proper && t->turns_good == t->o.repeat ? EXIT_FINE : EXIT_BAD;
}

/* The same machine is the same device each time, so that pairing holds. */
static void name_device(char id[18], char client[UUID_TEXT])
{
    char host[128] = "parley";
    uint8_t digest[32];
    gethostname(host, sizeof(host) - 1);
    sha256(slice_of(host), digest);
    snprintf(id, 18, "02:%02x:%02x:%02x:%02x:%02x", digest[0], digest[1], digest[2], digest[3], digest[4]);
    snprintf(client, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x", digest[5],
             digest[6], digest[7], digest[8], digest[9], digest[10], digest[11] & 15, digest[12], digest[13] & 15,
             digest[14], digest[15], digest[16], digest[17], digest[18], digest[19], digest[20]);
}

int command_talk(int argc, char **argv)
{
    char id[18], client[UUID_TEXT];
    name_device(id, client);
    struct talk t = { .o = { .ota = DEFAULT_OTA, .out = DEFAULT_WAV, .device_id = id, .client_id = client,
                             .repeat = 1, .framing = 1, .frame_ms = 60, .abort_after_ms = -1 } };
    struct talk_opts *o = &t.o;
    const struct arg list[] = {
        {"--say", ARG_TEXT, "TEXT", "what to say; spoken by a local voice", .text = &o->say},
        {"--wav", ARG_TEXT, "FILE", "speech from a WAV file instead", .text = &o->wav},
        {"--text", ARG_TEXT, "TEXT", "typed text instead of speech", .text = &o->text},
        {"--mode", ARG_CHOICE, "auto|manual|realtime", "who decides the end of speech", .choice = &o->mode},
        {"--framing", ARG_NUMBER, "1..3", "binary framing", .number = &o->framing, .min = 1, .max = 3},
        {"--frame-ms", ARG_NUMBER, "20..60", "packets of the microphone", .number = &o->frame_ms, .min = 20,
         .max = 60},
        {"--pcm", ARG_FLAG, NULL, "raw PCM instead of Opus, both ways", .flag = &o->is_pcm},
        {"--repeat", ARG_NUMBER, "N", "turns on the same connection", .number = &o->repeat, .min = 1,
         .max = 100000},
        {"--abort-after", ARG_NUMBER, "MS", "press the button so long after the first audio",
         .number = &o->abort_after_ms, .min = 0, .max = 600000},
        {"--ota", ARG_TEXT, "URL", "OTA URL (" DEFAULT_OTA ")", .text = &o->ota},
        {"--url", ARG_TEXT, "URL", "WebSocket URL, without asking OTA", .text = &o->url},
        {"--token", ARG_TEXT, "TOKEN", "for --url", .text = &o->token},
        {"--device-id", ARG_TEXT, "ID", "instead of this machine's own", .text = &o->device_id},
        {"--client-id", ARG_TEXT, "ID", "instead of this machine's own", .text = &o->client_id},
        {"--out", ARG_TEXT, "FILE", "the reply (" DEFAULT_WAV "; empty: none)", .text = &o->out},
        {"--json", ARG_FLAG, NULL, "one JSON object per turn, one at the end", .flag = &o->is_json},
        {"--verbose", ARG_FLAG, NULL, "every message and fault as it comes", .flag = &o->is_verbose},
    };
    int e = args_parse(&(struct args){ "parley talk --say TEXT [options]", list, COUNT(list) }, argc, argv);
    if (e)
        return e - 1;
    if (!!o->say + !!o->wav + !!o->text != 1) {
        fprintf(stderr, "parley: one of --say, --wav, --text (see --help)\n");
        return EXIT_USAGE;
    }
    if (o->frame_ms != 20 && o->frame_ms != 40)
        o->frame_ms = 60;
    if (loop_create(&t.loop, &(struct loop_opts){ .name = "talk" }))
        return EXIT_BAD;
    pcm_queue_init(&t.reply, (size_t)REPLY_SECONDS_MAX * 48000);
    int status = run(&t);

    device_close(t.device);
    loop_end(t.loop);
    uplink_done(&t.uplink);
    decoder_free(t.decoder);
    pcm_queue_done(&t.reply);
    buf_done(&t.turn.heard);
    buf_done(&t.turn.said);
    loop_free(t.loop);
    return status;
}
