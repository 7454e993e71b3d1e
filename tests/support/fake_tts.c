/* SPDX-License-Identifier: MIT
 * fake_tts.c -- the scripted synthesiser: a tone, or silent packets, as long as the text. */
#include "tests/support/fake_inside.h"

#include "base/mem.h"
#include "base/utf8.h"

FAKE_SCRIPT(tts, FAKE_TTS)

enum { SENTENCES_MAX = 64, TONE_RATE_HZ = 24000 };

struct tts {
    struct player player;
    struct fake_tts_script *script;
    const struct tts_events *ev;
    void *user;
    uint32_t left_ms[SENTENCES_MAX]; /* audio still to give, by sentence */
    uint32_t sentences, at, phase;
    bool is_finished, is_paused, is_opus;
};

static void give_tone(struct tts *t, uint32_t ms)
{
    static const int16_t wave[8] = { 0, 5657, 8000, 5657, 0, -5657, -8000, -5657 };
    int16_t samples[TONE_RATE_HZ / 1000 * 240];
    size_t count = MIN((size_t)ms * (TONE_RATE_HZ / 1000), COUNT(samples));
    for (size_t i = 0; i < count; i++)
        samples[i] = wave[(t->phase++ / 7) % 8];
    t->ev->on_pcm(t->user, (struct pcm){ samples, count }, TONE_RATE_HZ);
}

static enum step tts_step(void *owner, unsigned n)
{
    struct tts *t = owner;
    if (t->is_paused)
        return STEP_WAIT;
    if (t->at == t->sentences)
        return t->is_finished ? STEP_END : STEP_WAIT;
    uint32_t *left = &t->left_ms[t->at % SENTENCES_MAX];
    if (*left == 0) {
        t->ev->on_mark(t->user, t->at++);
        return STEP_MORE;
    }
    uint32_t chunk_ms = t->is_opus ? 20 : t->script->chunk_ms ? t->script->chunk_ms : 60;
    uint32_t ms = MIN(chunk_ms, *left);
    *left -= ms;
    if (t->is_opus)
        t->ev->on_opus(t->user, SLICE("\xf8\xff\xfe"), 20000);
    else
        give_tone(t, ms);
    return STEP_MORE;
}

static void tts_end(void *owner, const struct err_note *why)
{
    struct tts *t = owner;
    t->ev->on_end(t->user, why);
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    struct tts *t = xnew(struct tts);
    t->script = script_for(o);
    t->ev = ev;
    t->user = user;
    enum err e = player_open(&t->player, o, &t->script->plan, &t->script->seen, t);
    if (e) {
        mem_free(t);
        return e;
    }
    t->player.step = tts_step;
    t->player.end = tts_end;
    *out = t;
    return OK;
}

static enum err tts_open_opus(struct tts **out, const struct provider_opts *o, const struct tts_events *ev,
                              void *user)
{
    enum err e = tts_open(out, o, ev, user);
    if (!e)
        (*out)->is_opus = ev->on_opus != NULL;
    return e;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    if (++t->script->says == t->script->busy_at || t->sentences - t->at == SENTENCES_MAX)
        return ERR_BUSY;
    fake_note(FAKE_SAID, text);
    uint32_t ms = t->script->sentence_ms;
    if (!ms)
        ms = (uint32_t)utf8_chars(text) * (t->script->char_ms ? t->script->char_ms : 50);
    t->left_ms[t->sentences++ % SENTENCES_MAX] = t->is_opus ? (ms + 19) / 20 * 20 : ms;
    player_start(&t->player);
    return OK;
}

static void tts_finish(struct tts *t)
{
    t->is_finished = true;
    t->script->seen.finishes++;
    player_start(&t->player);
}

static void tts_pause(struct tts *t, bool is_paused)
{
    t->is_paused = is_paused;
    if (!is_paused)
        player_start(&t->player);
}

static void tts_close(struct tts *t)
{
    player_close(&t->player);
}

const struct tts_class fake_tts = {
    .name = "fake", .caps = TTS_STREAMS,
    .open = tts_open, .say = tts_say, .finish = tts_finish, .pause = tts_pause, .close = tts_close,
};
const struct tts_class fake_tts_opus = {
    .name = "fake_opus", .caps = TTS_STREAMS | TTS_NATIVE_OPUS,
    .open = tts_open_opus, .say = tts_say, .finish = tts_finish, .pause = tts_pause, .close = tts_close,
};
