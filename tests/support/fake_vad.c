/* SPDX-License-Identifier: MIT
 * fake_vad.c -- the fake detector: what is loud is speech. */
#include "tests/support/fake_inside.h"

#include "base/mem.h"

enum { VAD_EVENTS_MAX = 64, VAD_WINDOW = 512, LOUD_MEAN = 300 };

struct vad {
    struct soon soon;
    struct vad_settings settings;
    const struct vad_events *ev;
    void *user;
    uint64_t samples;              /* fed since the reset */
    uint64_t window_sum;
    uint64_t last_voiced_ms;
    bool in_speech;
    struct vad_note {
        enum { NOTE_WINDOW, NOTE_SPEECH, NOTE_SILENCE } kind;
        uint64_t ms;
        float p;
    } notes[VAD_EVENTS_MAX];
    unsigned note_count;
};

static void vad_tell(void *owner)
{
    struct vad *v = owner;
    struct vad_note notes[VAD_EVENTS_MAX];
    unsigned count = v->note_count;
    memcpy(notes, v->notes, sizeof(notes));
    v->note_count = 0;
    for (unsigned i = 0; i < count && !v->soon.is_closed; i++) {
        if (notes[i].kind == NOTE_SPEECH)
            v->ev->on_speech(v->user, notes[i].ms);
        else if (notes[i].kind == NOTE_SILENCE)
            v->ev->on_silence(v->user, notes[i].ms);
        else if (v->ev->on_window)
            v->ev->on_window(v->user, notes[i].ms, notes[i].p);
    }
}

static void vad_free(void *owner)
{
    mem_free(owner);
}

static enum err vad_open(struct vad **out, const struct provider_opts *o, const struct vad_settings *s,
                         const struct vad_events *ev, void *user)
{
    struct vad *v = xnew(struct vad);
    v->settings = *s;
    v->ev = ev;
    v->user = user;
    soon_init(&v->soon, o->env->loop, vad_tell, vad_free, v);
    fake_opened();
    *out = v;
    return OK;
}

static void vad_note(struct vad *v, int kind, uint64_t ms, float p)
{
    if (v->note_count < VAD_EVENTS_MAX)
        v->notes[v->note_count++] = (struct vad_note){ .kind = kind, .ms = ms, .p = p };
    soon_kick(&v->soon);
}

static void vad_window(struct vad *v)
{
    uint64_t end_ms = v->samples / 16;
    bool is_loud = v->window_sum / VAD_WINDOW > LOUD_MEAN;
    v->window_sum = 0;
    vad_note(v, NOTE_WINDOW, end_ms, is_loud ? 0.95f : 0.02f);
    if (is_loud) {
        v->last_voiced_ms = end_ms;
        if (!v->in_speech)
            vad_note(v, NOTE_SPEECH, end_ms - VAD_WINDOW / 16, 0);
        v->in_speech = true;
    } else if (v->in_speech && end_ms - v->last_voiced_ms >= v->settings.min_silence_ms) {
        v->in_speech = false;
        vad_note(v, NOTE_SILENCE, v->last_voiced_ms, 0);
    }
}

static void vad_feed(struct vad *v, struct pcm pcm)
{
    for (size_t i = 0; i < pcm.count; i++) {
        int s = pcm.samples ? pcm.samples[i] : 0;
        v->window_sum += (unsigned)(s < 0 ? -s : s);
        if (++v->samples % VAD_WINDOW == 0)
            vad_window(v);
    }
}

static void vad_reset(struct vad *v)
{
    v->samples = v->window_sum = v->last_voiced_ms = 0;
    v->in_speech = false;
    v->note_count = 0;
}

static bool vad_in_speech(const struct vad *v)
{
    return v->in_speech;
}

static void vad_close(struct vad *v)
{
    fake_closed();
    soon_close(&v->soon);
}

const struct vad_class fake_vad = {
    .name = "fake", .rate_hz = 16000,
    .open = vad_open, .feed = vad_feed, .reset = vad_reset, .in_speech = vad_in_speech,
    .hears_voice = vad_in_speech, .close = vad_close,
};
