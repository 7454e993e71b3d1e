/* SPDX-License-Identifier: MIT
 * tiny.c -- the smallest complete server: one listener, a link, a dialogue, and two toy providers. It
 * shows which pieces a voice server is made of and how they are put together; it is also a smoke test.
 *
 *     tiny [port]      then any device or client on ws://127.0.0.1:<port>/ : say hello, type or talk
 *
 * No ids, no authentication, no idle clocks, no configuration file: those are what src/gateway and
 * src/main add. The toys: a recogniser that always hears "hello" and a voice that beeps;
 * the language model is the built-in one of local rules. Everything runs on one loop, so nothing here needs a lock. */
#include <stdio.h>

#include "audio/tone.h"
#include "base/mem.h"
#include "base/rand.h"
#include "config/config.h"
#include "dialogue/dialogue.h"
#include "gateway/link.h"
#include "loop/timer.h"
#include "protocol/hello.h"
#include "protocol/msg.h"

#define VOICE_HZ 24000
#define FRAME_MS 60
#define QUEUE_MAX_BYTES 262144

/* "fake" is a kind that every configuration accepts. */
static const char settings[] = "selected_module: {ASR: toy, TTS: toy}\n"
                               "ASR: {toy: {type: fake}}\nTTS: {toy: {type: fake}}\n";

/* --- two toys, each behind the real contract. Events never come from inside open, say or finish, so
 * every one of them waits for a timer. ------------------------------------------------------------------ */

struct asr {
    struct timer timer;
    struct grave grave;
    struct loop *loop;
    struct asr_events ev;
    void *user;
};

static void asr_speak(void *arg)
{
    struct asr *a = arg;
    a->ev.on_text(a->user, &(struct asr_text){ .text = SLICE("hello"), .speaker = -1, .final = true });
    if (a->loop)
        a->ev.on_end(a->user, &(struct err_note){ OK, "" });
}

static enum err asr_open(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user)
{
    *out = xnew(struct asr);
    **out = (struct asr){ .loop = o->env->loop, .ev = *ev, .user = user };
    return OK;
}

static enum err asr_feed(struct asr *a, struct pcm pcm) { return OK; }

static void asr_finish(struct asr *a) { timer_start(&a->timer, a->loop, 0, asr_speak, a); }

/* close is legal inside an event: the timer stops now, the memory goes at the top of the loop. */
static void asr_close(struct asr *a)
{
    timer_stop(&a->timer);
    loop_later(a->loop, &a->grave, mem_free, a);
    a->loop = NULL;
}

static const struct asr_class asr_toy = { .name = "fake", .rate_hz = 16000, .open = asr_open, .feed = asr_feed,
                                          .finish = asr_finish, .close = asr_close };

struct tts {
    struct timer timer;
    struct grave grave;
    struct loop *loop;
    struct tts_events ev;
    void *user;
    unsigned said, made;
    bool is_finished;
};

static void tts_speak(void *arg)
{
    struct tts *t = arg;
    struct pcm_queue beep;

    while (t->loop && t->made < t->said) {
        pcm_queue_init(&beep, 0);
        if (tone_make(tone_entry, COUNT(tone_entry), VOICE_HZ, &beep) == OK)
            t->ev.on_pcm(t->user, pcm_queue_peek(&beep), VOICE_HZ);
        pcm_queue_done(&beep);
        if (t->loop)
            t->ev.on_mark(t->user, t->made++);
    }
    if (t->loop && t->is_finished)
        t->ev.on_end(t->user, &(struct err_note){ OK, "" });
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    *out = xnew(struct tts);
    **out = (struct tts){ .loop = o->env->loop, .ev = *ev, .user = user };
    return OK;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    t->said++;
    timer_start(&t->timer, t->loop, 0, tts_speak, t);
    return OK;
}

static void tts_finish(struct tts *t)
{
    t->is_finished = true;
    timer_start(&t->timer, t->loop, 0, tts_speak, t);
}

static void tts_close(struct tts *t)
{
    timer_stop(&t->timer);
    loop_later(t->loop, &t->grave, mem_free, t);
    t->loop = NULL;
}

static const struct tts_class tts_toy = { .name = "fake", .open = tts_open, .say = tts_say, .finish = tts_finish,
                                          .close = tts_close };

/* --- a session: a link, and from hello on a dialogue ---------------------------------------------------- */

struct session {
    struct tiny *tiny;
    struct link *link; /* NULL: closed */
    struct dialogue *dialogue;
    struct hello hello;
    char id[UUID_TEXT];
    struct grave grave;
};

struct tiny {
    struct loop *loop;
    struct config *config;
    struct registry *registry;
    struct provider_env env;
};

static void send(struct session *s, struct buf *json)
{
    link_json(s->link, buf_slice(json), LINK_MUST); /* what does not fit ends in on_overflow */
    buf_done(json);
}

#define SAY(name, ...)                          \
    struct session *s = user;                   \
    struct buf out = { 0 };                     \
    msg_##name(&out, s->id, ##__VA_ARGS__);     \
    send(s, &out)

static void on_stt(void *user, struct slice text) { SAY(stt, text); }
static void on_tts_start(void *user) { SAY(tts_start); }
static void on_sentence_start(void *user, struct slice text) { SAY(tts_sentence_start, text); }
static void on_sentence_end(void *user, struct slice text) { SAY(tts_sentence_end, text); }
static void on_tts_stop(void *user) { SAY(tts_stop); }
static void on_emotion(void *user, const char *name, const char *emoji) { SAY(emotion, name, emoji); }

static enum err on_audio(void *user, struct slice packet, uint32_t timestamp_ms)
{
    return link_audio(((struct session *)user)->link, packet, timestamp_ms);
}

static void on_alert(void *user, const char *status, struct slice text, const char *emotion)
{
    struct session *s = user;
    struct buf out = { 0 };
    msg_alert(&out, status, text, emotion);
    send(s, &out);
}

static void end(struct session *s, int code)
{
    dialogue_close(s->dialogue);
    link_close(s->link, code, (struct slice){ 0 });
    loop_later(s->tiny->loop, &s->grave, mem_free, s);
    s->dialogue = NULL;
    s->link = NULL;
}

static void on_close(void *user, enum err why) { end(user, WS_NORMAL); }
static void on_turn_end(void *user, enum outcome o, const struct turn_times *t) { }
static void on_transcription(void *user, struct slice text) { }
static void on_activity(void *user) { }

static const struct dialogue_out device = {
    .stt = on_stt, .tts_start = on_tts_start, .sentence_start = on_sentence_start, .sentence_end = on_sentence_end,
    .tts_stop = on_tts_stop, .emotion = on_emotion, .audio = on_audio, .alert = on_alert,
    .transcription = on_transcription, .close = on_close, .turn_end = on_turn_end, .activity = on_activity,
};

static void greet(struct session *s, const struct json *message)
{
    static const struct log_ctx quiet;
    struct buf out = { 0 };
    hello_read(&s->hello, message, HELLO_OVER_WEBSOCKET);
    if (!s->hello.is_acked || s->dialogue)
        return;
    link_framing(s->link, framing_pick(false, s->hello.version, 0));
    hello_write(&out, &(struct hello_reply){ .version = framing_pick(false, s->hello.version, 0), .session_id = s->id,
                                            .rate_hz = VOICE_HZ, .frame_ms = FRAME_MS });
    send(s, &out);
    struct dialogue_opts o = { .loop = s->tiny->loop, .env = &s->tiny->env, .registry = s->tiny->registry,
                               .config = s->tiny->config, .log = &quiet, .out = &device, .user = s,
                               .device_id = "tiny", .session_id = s->id, .language = "en-US", .board = "",
                               .firmware = "" };
    if (dialogue_create(&s->dialogue, &o) == OK)
        dialogue_hello(s->dialogue, &(struct dialogue_audio){
                                        .in_rate_hz = s->hello.audio.rate_hz, .in_frame_us = s->hello.audio.frame_us,
                                        .out_rate_hz = VOICE_HZ, .out_frame_us = FRAME_MS * 1000 });
}

static void listen_to(struct session *s, const struct json *message)
{
    struct msg_listen l;
    const char *why;

    if (msg_listen_read(&l, message, &why))
        return;
    if (l.state == MSG_LISTEN_START)
        dialogue_listen_start(s->dialogue, (enum listen_mode)l.mode);
    else if (l.state == MSG_LISTEN_STOP)
        dialogue_listen_stop(s->dialogue);
    else
        dialogue_detect(s->dialogue, l.text);
}

static void on_text(void *user, struct slice text)
{
    struct session *s = user;
    auto_msg struct msg m = { 0 };
    if (msg_parse(&m, text) != CODE_NONE)
        return;
    if (m.type == MSG_hello)
        greet(s, m.root);
    else if (m.type == MSG_listen && s->dialogue)
        listen_to(s, m.root);
    else if (m.type == MSG_abort && s->dialogue)
        dialogue_abort(s->dialogue, false);
}

static void on_binary(void *user, struct slice message)
{
    struct session *s = user;
    struct audio_frame f;

    if (s->dialogue && framing_decode(&f, framing_pick(false, s->hello.version, 0), message) == OK && f.packet.len)
        dialogue_audio_in(s->dialogue, f.packet, f.timestamp_ms);
}

static void on_gone(void *user, int code) { ((struct session *)user)->link = NULL; end(user, WS_NORMAL); }
static void on_overflow(void *user) { end(user, WS_TRY_LATER); }

/* --- the door -------------------------------------------------------------------------------------------- */

static void on_request(void *user, struct http_req *r)
{
    static const struct link_events events = { on_text, on_binary, on_gone, on_overflow };
    if (!http_wants_upgrade(r))
        return http_respond_text(r, 200, "Server is running\n");
    struct session *s = xnew(struct session);
    s->tiny = user;
    rand_uuid(s->id);
    if (link_accept(&s->link, r, &(struct link_opts){ .queue_max_bytes = QUEUE_MAX_BYTES }, &events, s))
        mem_free(s);
}

int main(int argc, char **argv)
{
    struct tiny t = { 0 };
    struct err_note note = { 0 };
    struct http_server *door;
    int64_t port = 8000;

    if (argc > 1 && !slice_to_i64(slice_of(argv[1]), &port))
        return 2;
    if (loop_create(&t.loop, NULL) || registry_create(&t.registry) ||
        config_parse(&t.config, slice_of(settings), "tiny", &note))
        return 1;
    registry_add_asr(t.registry, &asr_toy);
    registry_add_tts(t.registry, &tts_toy);
    t.env = (struct provider_env){ .loop = t.loop, .registry = t.registry };
    struct http_server_opts o = { .listen = { .host = "127.0.0.1", .port = (uint16_t)port } };
    if (http_server_open(&door, t.loop, &o, &(struct http_server_events){ .on_request = on_request }, &t)) {
        fprintf(stderr, "tiny: cannot listen on port %d\n", (int)port);
        return 1;
    }
    printf("tiny listens on ws://127.0.0.1:%u/\n", http_server_port(door));
    fflush(stdout);
    loop_run(t.loop);
    return 0;
}
