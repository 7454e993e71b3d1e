/* SPDX-License-Identifier: MIT
 * talk.c -- everything a dialogue takes from the configuration and from what is known of the device. */
#include "audio/pacer.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dialogue/inside.h"
#include "dialogue/prompt.h"

/* A token is estimated for four bytes or less, so the history takes at most half of limits.session_bytes. */
#define HISTORY_BYTES_SHARE 8

struct use_opts talk_use(const struct dialogue *d)
{
    return (struct use_opts){ .env = d->o.env, .config = d->config, .language = d->o.language, .log = d->o.log };
}

void talk_read(struct dialogue *d)
{
    struct use_opts use = talk_use(d);
    intent_of(d->config, &d->intent);
    d->history.tokens_max = (unsigned)MIN(d->config->limits_dialogue_tokens,
                                          d->config->limits_session_bytes / HISTORY_BYTES_SHARE);
    if (d->hearing)
        hearing_set_use(d->hearing, &use, (unsigned)d->config->limits_utterance_seconds);
    quota_open(d);
}

struct hearing *talk_hearing(struct dialogue *d)
{
    struct use_opts use = talk_use(d);
    if (!timer_armed(&d->patience))
        rest_later(d);
    if (d->hearing)
        return d->hearing;
    hearing_create(&d->hearing, d->o.loop, d->o.registry, &dialogue_ear, d);
    hearing_set_use(d->hearing, &use, (unsigned)d->config->limits_utterance_seconds);
    hearing_set_format(d->hearing, d->audio.format, d->audio.in_rate_hz);
    hearing_set_tap(d->hearing, d->mode_class && d->mode_class->on_audio);
    hearing_set_order(d->hearing, d->is_continuous);
    hearing_set_boundaries(d->hearing, d->fallback_ms);
    return d->hearing;
}

/* "2.2.1" -> 20201; 0: unknown. */
static unsigned version_number(const char *text)
{
    unsigned parts[3] = { 0 };
    struct slice rest = slice_of(text);
    for (int i = 0; i < 3 && rest.data; i++) {
        int64_t n;
        struct slice part = slice_cut(&rest, '.');
        if (!slice_to_i64(part, &n) || n < 0 || n > 99)
            break;
        parts[i] = (unsigned)n;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

/* Boards without PSRAM: by the chip they report at OTA, or by their name. */
static bool is_small_board(const struct dialogue_opts *o)
{
    return strstr(o->chip, "c3") || strstr(o->chip, "C3") || strstr(o->board, "c3") || strstr(o->board, "C3");
}

/* What fits into the queue of the device, which drops the newest packet when it is full. */
static unsigned lead_max(unsigned version)
{
    return version && version < 10602 ? 4 : version && version < 10606 ? 9 : PACER_AHEAD_PACKETS;
}

struct speaker_format talk_speaker_format(const struct dialogue *d)
{
    const struct config *c = d->config;
    const struct conf *board = conf_get(c->audio_boards, d->o.board);
    int64_t lead = is_small_board(&d->o) ? PACER_LEAD_SMALL : c->audio_lead_packets;
    unsigned version = version_number(d->o.firmware);
    return (struct speaker_format){
        .format = d->audio.format, .rate_hz = d->audio.out_rate_hz, .frame_us = d->audio.out_frame_us,
        .lead_frames = MIN((unsigned)conf_int(board, "lead_packets", lead, 2, 10), lead_max(version)),
        .start_gap_ms = (unsigned)conf_int(board, "start_gap_ms", c->audio_start_gap_ms, 60, 500),
        .ramp_ms = (unsigned)c->tts_audio_send_delay,
        .tail_ms = version && version < 20202 ? PACER_TAIL_OLD_MS : PACER_TAIL_MS,
        .timeout_ms = (unsigned)c->tts_timeout * 1000,
        .has_end_tone = c->enable_stop_tts_notify,
    };
}

void talk_format(struct dialogue *d)
{
    struct speaker_format f = talk_speaker_format(d);
    if (!d->speaker) {
        speaker_create(&d->speaker, d->o.loop, d->o.registry, &exchange_speaker, (struct dialogue *)d);
        speaker_set_silent(d->speaker, d->is_muted);
    }
    speaker_set_format(d->speaker, &f);
    mem_free(d->voice);
    d->voice = xprintf("%s#%u#%s", d->config->selected_module_TTS, config_generation(d->config), d->o.language);
    chime_open(d);
}

int talk_zone_minutes(const struct dialogue *d)
{
    double hours = d->config->server_timezone_offset;
    return hours == hours ? (int)(hours * 60) : clock_zone_offset_minutes(); /* NAN: unset */
}

void talk_prompt(const struct dialogue *d, struct buf *out)
{
    const char *own = d->mode_class && d->mode_class->prompt ? d->mode_class->prompt(d->mode) : NULL;
    struct prompt_facts f = {
        .base = slice_of(own ? own : d->config->prompt),
        .device_id = d->o.device_id, .board = d->o.board, .language = d->o.language,
        .template_text = buf_slice(&d->template_text),
        .memory = buf_slice(&d->memory),
        .wall_ms = clock_wall_ms(), .zone_minutes = talk_zone_minutes(d),
    };
    prompt_put(out, &f);
}
