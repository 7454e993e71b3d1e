/* SPDX-License-Identifier: MIT
 * vad_silero.c -- the Silero network as a detector: windows of 32 ms, batched over the streams of a loop.
 *
 * A window of digital silence is not given to the network when the one before it had no voice either: it
 * could not change what is decided. */
#include "audio/energy.h"
#include "providers/vad_stream.h"

static bool gate_is_shut(const struct vad *v)
{
    if (vad_stream_hears_voice(v))
        return false;
    return vad_window_is_silence(v) || energy_is_silent((struct pcm){ vad_window(v), SILERO_WINDOW });
}

static void judge(struct vad_env *e, struct vad **streams, size_t count, float *probabilities)
{
    struct silero_job jobs[SILERO_BATCH_MAX];
    size_t at[SILERO_BATCH_MAX], job_count = 0;
    for (size_t i = 0; i < count; i++) {
        const int16_t *samples = vad_window(streams[i]);
        if (gate_is_shut(streams[i])) {
            silero_skip(&streams[i]->silero, samples);
            continue;
        }
        at[job_count] = i;
        jobs[job_count++] = (struct silero_job){ .state = &streams[i]->silero, .samples = samples };
    }
    silero_run(e->weights, jobs, job_count);
    for (size_t i = 0; i < job_count; i++)
        probabilities[at[i]] = jobs[i].probability;
}

static void forget(struct vad *v)
{
    v->silero = (struct silero_state){ 0 };
}

const struct vad_kind vad_kind_silero = {
    .window_samples = SILERO_WINDOW, .needs_weights = true, .judge = judge, .forget = forget,
};

static enum err open_stream(struct vad **out, const struct provider_opts *o, const struct vad_settings *s,
                            const struct vad_events *ev, void *user)
{
    return vad_stream_open(out, &vad_kind_silero, o, s, ev, user);
}

const struct vad_class vad_silero = {
    .name = "silero",
    .rate_hz = VAD_RATE_HZ,
    .open = open_stream,
    .feed = vad_stream_feed,
    .reset = vad_stream_reset,
    .in_speech = vad_stream_in_speech,
    .hears_voice = vad_stream_hears_voice,
    .close = vad_stream_close,
};
