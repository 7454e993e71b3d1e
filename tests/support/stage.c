/* SPDX-License-Identifier: MIT
 * stage.c -- a dialogue between fakes. */
#include "tests/support/stage.h"

#include <math.h>

#include "audio/clip.h"
#include "audio/encoder.h"
#include "loop/loop.h"

static const char fakes_yaml[] =
    "server: {language: en-US}\n"
    "selected_module: {VAD: f, ASR: f, LLM: f, TTS: f, Memory: f}\n"
    "VAD: {f: {type: fake}}\n"
    "ASR: {f: {type: fake}}\n"
    "LLM: {f: {type: fake}}\n"
    "TTS: {f: {type: fake}}\n"
    "Memory: {f: {type: fake}}\n";

static void note(struct stage *w, char what, struct slice text)
{
    if (w->is_closed) {
        w->broken++;
        w->broke = "told after close";
        return;
    }
    if (w->told_count < TOLD_MAX) {
        struct told *t = &w->told[w->told_count++];
        t->at_ms = loop_now_ms(w->loop);
        t->what = what;
        snprintf(t->text, sizeof t->text, SLICE_FMT, SLICE_ARG(text));
    }
    if (w->close_at == what) {
        w->close_at = 0;
        w->is_closed = true;
        dialogue_close(w->dialogue);
        w->dialogue = NULL;
    }
}

static void rule(struct stage *w, bool holds, const char *text)
{
    if (holds)
        return;
    w->broken++;
    w->broke = text;
}

static void out_stt(void *user, struct slice text)
{
    note(user, 'T', text);
}

static void out_start(void *user)
{
    struct stage *w = user;
    rule(w, !w->is_open, "start inside start");
    w->is_open = true;
    w->starts++;
    note(w, '(', SLICE(""));
}

static void out_stop(void *user)
{
    struct stage *w = user;
    if (w->is_open)
        w->stops++;
    else
        w->bare_stops++;
    w->is_open = false;
    note(w, ')', SLICE(""));
}

static void out_sentence_start(void *user, struct slice text)
{
    struct stage *w = user;
    rule(w, w->is_open, "sentence outside");
    note(w, '[', text);
}

static void out_sentence_end(void *user, struct slice text)
{
    struct stage *w = user;
    rule(w, w->is_open, "sentence end outside");
    note(w, ']', text);
}

static void out_emotion(void *user, const char *name, const char *emoji)
{
    struct stage *w = user;
    rule(w, w->is_open, "emotion outside");
    rule(w, *emoji, "emotion without emoji");
    note(w, 'e', slice_of(name));
}

static enum err out_audio(void *user, struct slice packet, uint32_t timestamp_ms)
{
    struct stage *w = user;
    rule(w, w->is_open, "audio outside start and stop");
    rule(w, timestamp_ms > w->last_stamp, "time stamp does not grow");
    rule(w, packet.len > 0, "empty packet");
    w->last_stamp = timestamp_ms;
    w->frames++;
    note(w, 'a', SLICE(""));
    return w->audio_answer;
}

static void out_alert(void *user, const char *status, struct slice text, const char *emotion)
{
    struct stage *w = user;
    rule(w, *status && text.len && *emotion, "alert with an empty string");
    w->alerts++;
    note(w, '!', text);
}

static void out_transcription(void *user, struct slice text)
{
    struct stage *w = user;
    rule(w, text.len > 0, "empty transcription");
}

static void out_close(void *user, enum err why)
{
    struct stage *w = user;
    rule(w, !w->is_open, "close before stop");
    w->closes++;
    note(w, 'x', slice_of(err_name(why)));
}

static void out_turn_end(void *user, enum outcome o, const struct turn_times *t)
{
    struct stage *w = user;
    rule(w, !w->is_open, "turn ended before stop");
    w->turns++;
    w->last_outcome = o;
    w->last_times = *t;
    w->outcomes[o]++;
    note(w, '.', slice_of(outcome_name(o)));
}

static void out_activity(void *user)
{
}

static const struct dialogue_out stage_out = {
    .stt = out_stt, .tts_start = out_start, .tts_stop = out_stop, .sentence_start = out_sentence_start,
    .sentence_end = out_sentence_end, .emotion = out_emotion, .audio = out_audio, .alert = out_alert,
    .transcription = out_transcription, .close = out_close, .turn_end = out_turn_end, .activity = out_activity,
};

static size_t packet_make(char out[400], double gain)
{
    struct encoder *e;
    int16_t samples[960];
    struct slice packet = { 0 };
    assert_ok(encoder_create(&e, &(struct encoder_opts){ .rate_hz = 16000, .frame_us = 60000, .complexity = -1 }));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 960; i++)
            samples[i] = (int16_t)(gain * sin((round * 960 + i) * 2 * M_PI * 400 / 16000));
        assert_ok(encoder_frame(e, (struct pcm){ samples, 960 }, &packet));
    }
    assert_true(packet.len > 0 && packet.len <= 400);
    memcpy(out, packet.data, packet.len);
    size_t len = packet.len;
    encoder_free(e);
    return len;
}

void stage_open(struct stage *w, const char *more, const struct dialogue_opts *with)
{
    char yaml[4096];
    struct err_note why;
    *w = (struct stage){ 0 };
    snprintf(yaml, sizeof yaml, "%s%s", more ? more : "", fakes_yaml);
    assert_ok(config_parse(&w->config, slice_of(yaml), "test", &why));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    loop_advance(w->loop, 1000);
    assert_ok(registry_create(&w->registry));
    fakes_add(NULL, w->registry);
    w->env = (struct provider_env){ .loop = w->loop, .registry = w->registry };
    clip_cache_create(&w->clips, 1 << 20);
    w->loud_len = packet_make(w->loud, 9000);
    w->quiet_len = packet_make(w->quiet, 0);
    if (with)
        w->opts = *with;
    w->opts.loop = w->loop;
    w->opts.env = &w->env;
    w->opts.registry = w->registry;
    w->opts.config = w->config;
    w->opts.log = &w->log;
    w->opts.out = &stage_out;
    w->opts.user = w;
    w->opts.device_id = "aa:bb:cc:dd:ee:ff";
    w->opts.language = "en-US";
    w->opts.session_id = "session";
    w->opts.board = w->opts.board ? w->opts.board : "board";
    w->opts.firmware = w->opts.firmware ? w->opts.firmware : "2.2.4";
    w->opts.clips = w->clips;
    w->admission = (struct admission){ .loop = w->loop };
    w->opts.admission = &w->admission;
    assert_ok(dialogue_create(&w->dialogue, &w->opts));
    struct dialogue_audio audio = { .format = AUDIO_OPUS, .in_rate_hz = 16000, .in_frame_us = 60000,
                                    .out_rate_hz = 24000, .out_frame_us = 60000 };
    dialogue_hello(w->dialogue, &audio);
    stage_run(w, 10);
}

static void hang_up(struct stage *w)
{
    if (w->dialogue) {
        w->is_closed = true;
        dialogue_close(w->dialogue);
        w->dialogue = NULL;
    }
    loop_step(w->loop, 0);
    loop_advance(w->loop, 10);
}

static void stage_free(struct stage *w)
{
    clip_cache_free(w->clips);
    registry_free(w->registry);
    config_unref(w->config);
    loop_free(w->loop);
    w->loop = NULL;
    fakes_reset();
}

void stage_abandon(struct stage *w)
{
    if (!w->loop)
        return;
    hang_up(w);
    stage_free(w);
}

void stage_close(struct stage *w)
{
    hang_up(w);
    assert_int_equal(fakes_live(), 0);
    assert_int_equal(w->admission.turns, 0);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    if (w->broken)
        fail_msg("%u rules broken, the last: %s; story %s", w->broken, w->broke, stage_story(w));
    stage_free(w);
}

void stage_run(struct stage *w, unsigned ms)
{
    loop_step(w->loop, 0);
    for (unsigned at = 0; at < ms; at += 5) {
        loop_advance(w->loop, MIN(5u, ms - at));
        loop_step(w->loop, 0);
    }
}

static void send(struct stage *w, const char *packet, size_t len, unsigned ms)
{
    for (unsigned at = 0; at < ms; at += 60) {
        if (w->dialogue)
            dialogue_audio_in(w->dialogue, slice_from(packet, len), 0);
        stage_run(w, 60);
    }
}

void stage_speak(struct stage *w, unsigned ms)
{
    send(w, w->loud, w->loud_len, ms);
}

void stage_pause(struct stage *w, unsigned ms)
{
    send(w, w->quiet, w->quiet_len, ms);
}

void stage_ask(struct stage *w)
{
    if (w->dialogue)
        dialogue_listen_start(w->dialogue, LISTEN_AUTO);
    stage_pause(w, 600);
    stage_speak(w, 900);
    stage_pause(w, 720);
}

bool stage_until(struct stage *w, char what, unsigned ms)
{
    size_t from = w->told_count;
    for (unsigned at = 0; at < ms; at += 5) {
        for (; from < w->told_count; from++) {
            if (w->told[from].what == what)
                return true;
        }
        stage_run(w, 5);
    }
    return false;
}

const char *stage_story(const struct stage *w)
{
    static char story[TOLD_MAX];
    size_t n = 0;
    for (size_t i = 0; i < w->told_count; i++) {
        if (w->told[i].what != 'a')
            story[n++] = w->told[i].what;
    }
    story[n] = 0;
    return story;
}

const struct told *stage_find(const struct stage *w, char what, unsigned nth)
{
    for (size_t i = 0; i < w->told_count; i++) {
        if (w->told[i].what == what && nth-- == 0)
            return &w->told[i];
    }
    return NULL;
}

void stage_forget(struct stage *w)
{
    w->told_count = 0;
}
