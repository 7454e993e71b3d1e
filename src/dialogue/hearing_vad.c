/* SPDX-License-Identifier: MIT
 * hearing_vad.c -- the detector: where speech begins a take opens, where it ends the take ends. */
#include "dialogue/hearing_inside.h"

#define LOG_TOPIC "dialogue"

static void on_speech(void *user, uint64_t start_ms)
{
    struct hearing *h = user;
    (void)start_ms;
    if (!h->listening || h->muted || h->current || h->mode == LISTEN_MANUAL)
        return;
    struct take *t = take_open(h);
    if (!t)
        return;
    preroll_feed(h, t);
    h->ev->on_voice(h->user);
}

static void on_silence(void *user, uint64_t end_ms)
{
    struct hearing *h = user;
    uint64_t fed_ms = h->vad_samples * 1000 / HEARING_RATE_HZ, now = loop_now_us(h->loop);
    uint64_t ago_us = fed_ms > end_ms ? (fed_ms - end_ms) * 1000 : 0;
    take_end(h, now > ago_us ? now - ago_us : now);
}

static const struct vad_events vad_events = { .on_speech = on_speech, .on_silence = on_silence };

static const struct conf *vad_conf(const struct hearing *h)
{
    const struct conf *selected = config_node(h->use.config, "selected_module");
    return config_entry(h->use.config, "VAD", conf_str(selected, "VAD", ""));
}

bool vad_ready(struct hearing *h)
{
    if (h->vad.vad || h->vad_failed)
        return h->vad.vad != NULL;
    const struct conf *c = vad_conf(h);
    struct vad_settings set = {
        .threshold = (float)conf_num(c, "threshold", 0.5, 0, 1),
        .threshold_low = (float)conf_num(c, "threshold_low", 0.3, 0, 1),
        .min_silence_ms = (unsigned)conf_int(c, "min_silence_duration_ms", 500, 100, 3000),
        .voiced_windows = 3, .of_windows = 5,
    };
    enum err e = vad_open_for(&h->vad, h->registry, &h->use, &set, &vad_events, h);
    h->vad_samples = 0;
    if (!e)
        return true;
    h->vad = (struct vad_use){ 0 };
    h->vad_failed = true;
    LOGE(h->use.log, "hearing.vad", "err=%s effect=auto_listening_hears_nothing", err_name(e));
    return false;
}

void vad_close(struct hearing *h)
{
    if (h->vad.vad)
        h->vad.cls->close(h->vad.vad);
    h->vad = (struct vad_use){ 0 };
}

void vad_restart(struct hearing *h)
{
    if (h->vad.vad)
        h->vad.cls->reset(h->vad.vad);
    h->vad_samples = 0;
}
