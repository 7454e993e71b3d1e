/* SPDX-License-Identifier: MIT
 * refresh.c -- a new clip of a greeting while the old one is played: a speaker that nobody hears says it, and what
 * it records takes the old one's place in the cache. One at a time; a failure leaves the old clip. */
#include "audio/clip.h"
#include "dialogue/inside.h"

static void on_nothing(void *user)
{
}

static void on_text(void *user, struct slice text)
{
}

static enum err on_audio(void *user, struct slice packet, uint32_t timestamp_ms)
{
    return OK;
}

static void refresh_free(void *arg)
{
    struct dialogue *d = arg;
    speaker_free(take_ptr(&d->refresher));
}

static void on_over(void *user)
{
    struct dialogue *d = user;
    loop_later(d->o.loop, &d->refresh_grave, refresh_free, d);
}

static void on_failed(void *user, const struct err_note *why)
{
    on_over(user);
}

static const struct speaker_events unheard = {
    .tts_start = on_nothing, .tts_stop = on_nothing, .sentence_start = on_text, .sentence_end = on_text,
    .audio = on_audio, .on_first = on_nothing, .on_played = on_over, .on_failed = on_failed,
};

static bool is_old(const struct dialogue *d, const struct clip *clip)
{
    return loop_now_ms(d->o.loop) - clip_made_ms(clip) > REFRESH_MS;
}

void refresh_greeting(struct dialogue *d, struct clip_cache *clips, struct slice text)
{
    struct use_opts use = talk_use(d);
    struct clip_key key = { text, slice_of(d->voice), d->audio.out_rate_hz, d->audio.out_frame_us };
    struct clip *clip = clips && !d->refresher ? clip_cache_get(clips, &key) : NULL;
    bool is_wanted = clip && is_old(d, clip);
    clip_unref(clip);
    if (!is_wanted)
        return;
    struct speaker_format f = talk_speaker_format(d);
    f.has_end_tone = false;
    speaker_create(&d->refresher, d->o.loop, d->o.registry, &unheard, d);
    speaker_set_format(d->refresher, &f);
    speaker_begin(d->refresher, &use);
    (void)!speaker_record(d->refresher, clips, text, d->voice);
}

void refresh_close(struct dialogue *d)
{
    speaker_free(take_ptr(&d->refresher));
}
