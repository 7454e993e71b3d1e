/* SPDX-License-Identifier: MIT
 * asr_wyoming.c -- a recogniser in another process that speaks Wyoming: our pocketsphinx engine (the
 * embedded default) or any server (faster-whisper, vosk ...) over TCP.
 *
 *   open: transcribe, audio-start    feed: audio-chunk ...    finish: audio-stop --> transcript
 *   streaming servers: transcript-start, transcript-chunk ..., transcript, transcript-stop
 *
 * Settings: those of wyoming_link.h, language (none: not named), model_name. */
#include <stdio.h>

#include "base/mem.h"
#include "providers/asr.h"
#include "providers/wyoming_link.h"

enum { RATE_HZ = 16000, TEXT_MAX = 65536 };

struct asr {
    struct soon soon;
    struct wyoming_link link;
    struct buf partial;
    struct buf chunk;             /* being written: its memory serves every frame */
    uint64_t samples;
    bool is_finished, has_ended;
    const struct asr_events *ev;
    void *user;
};

static void end(struct asr *a, const struct err_note *why)
{
    struct err_note note = *why;
    if (a->has_ended)
        return;
    a->has_ended = true;
    wyoming_link_close(&a->link);
    a->ev->on_end(a->user, &note);
}

static void tell(struct asr *a, struct slice text, bool is_final)
{
    struct asr_text t = { .text = text, .end_ms = (uint32_t)(a->samples * 1000 / RATE_HZ), .speaker = -1,
                          .final = is_final };
    if (text.len)
        a->ev->on_text(a->user, &t);
}

static void on_event(void *user, const struct wyoming_event *e)
{
    struct asr *a = user;
    struct err_note why = { 0 };
    if (slice_is(e->type, "transcript")) {
        tell(a, slice_trim(wyoming_text(e, "text")), true);
        end(a, &why);
    } else if (slice_is(e->type, "transcript-chunk")) {
        if (buf_put(&a->partial, wyoming_text(e, "text")) == OK)
            tell(a, slice_trim(buf_slice(&a->partial)), false);
    } else if (slice_is(e->type, "transcript-stop")) {
        tell(a, slice_trim(buf_slice(&a->partial)), true);
        end(a, &why);
    } else if (slice_is(e->type, "error")) {
        why.err = ERR_UPSTREAM;
        snprintf(why.text, sizeof(why.text), SLICE_FMT, SLICE_ARG(wyoming_text(e, "text")));
        end(a, &why);
    }
}

static void on_down(void *user, const struct err_note *why)
{
    end(user, why);
}

static const struct wyoming_link_events link_events = { .on_event = on_event, .on_down = on_down };

static void free_asr(void *arg)
{
    struct asr *a = arg;
    wyoming_link_done(&a->link);
    buf_done(&a->partial);
    buf_done(&a->chunk);
    mem_free(a);
}

static enum err asr_open(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user)
{
    auto_buf struct buf first = { 0 };
    struct asr *a = xnew(struct asr);
    a->ev = ev;
    a->user = user;
    a->partial.max = TEXT_MAX;
    soon_init(&a->soon, o->env->loop, NULL, free_asr, a);
    enum err e = wyoming_link_open(&a->link, o, opts_str(o, "engine", "pocketsphinx"), &link_events, a);
    if (e) {
        mem_free(a);
        return e;
    }
    wyoming_transcribe(&first, slice_of(opts_str(o, "language", "")));
    wyoming_audio_start(&first, RATE_HZ);
    e = wyoming_link_write(&a->link, &first);
    if (e) {
        free_asr(a);
        return e;
    }
    *out = a;
    return OK;
}

static enum err asr_feed(struct asr *a, struct pcm pcm)
{
    if (a->is_finished || a->has_ended)
        return ERR_STATE;
    buf_clear(&a->chunk);
    wyoming_audio_chunk(&a->chunk, RATE_HZ, pcm);
    enum err e = wyoming_link_write(&a->link, &a->chunk);
    if (!e)
        a->samples += pcm.count;
    return e;
}

static void asr_finish(struct asr *a)
{
    auto_buf struct buf last = { 0 };
    if (a->is_finished || a->has_ended)
        return;
    a->is_finished = true;
    wyoming_audio_stop(&last);
    a->link.waiting.max = 0; /* the last word always fits */
    buf_put(&a->link.waiting, buf_slice(&last));
    buf_clear(&last);
    (void)wyoming_link_write(&a->link, &last); /* a failure comes as on_down */
}

static void asr_close(struct asr *a)
{
    a->has_ended = true;
    wyoming_link_close(&a->link);
    soon_close(&a->soon);
}

extern const struct asr_class asr_wyoming;
const struct asr_class asr_wyoming = {
    .name = "wyoming", .caps = ASR_PARTIALS, .rate_hz = RATE_HZ,
    .open = asr_open, .feed = asr_feed, .finish = asr_finish, .close = asr_close,
};
