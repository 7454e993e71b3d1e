/* SPDX-License-Identifier: MIT
 * rules.c -- bounds. Out of range means the nearest limit, except for the keys in this table. */
#include "config/inner.h"

#define CHOICES_MAX 6

struct rule {
    const char *key;
    bool has_floor;
    int64_t floor;        /* this and less: the default instead of the least */
    bool above_initial;   /* over the greatest: the default */
    bool zero_is_fine;    /* 0 means off, although the least is more */
    int64_t choices[CHOICES_MAX]; /* nothing else: the default */
};

static const struct rule rules[] = {
    { "meeting.threadpool_max_workers", .has_floor = true, .floor = 0 },
    { "close_connection_no_voice_time", .has_floor = true, .floor = 0 },
    { "log.max_message_length", .has_floor = true, .floor = 63, .above_initial = true },
    { "server.channel_keepalive_seconds", .zero_is_fine = true },
    { "tts_audio_send_delay", .zero_is_fine = true },
    { "xiaozhi.audio_params.sample_rate", .choices = { 8000, 12000, 16000, 24000, 48000 } },
    { "xiaozhi.audio_params.frame_duration", .choices = { 20, 40, 60, 80, 100, 120 } },
};

static const struct rule *rule_of(const char *key)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (strcmp(rules[i].key, key) == 0)
            return &rules[i];
    static const struct rule none = { "" };
    return &none;
}

int64_t rule_int(const struct setting_row *row, int64_t given, int64_t initial, const char **why)
{
    const struct rule *r = rule_of(row->key);
    int64_t min = (int64_t)row->min, max = (int64_t)row->max;
    if (row->min == 0 && row->max == 0)
        return given;
    if (r->zero_is_fine && given == 0)
        return 0;
    for (size_t i = 0; r->choices[0] && i < CHOICES_MAX; i++)
        if (given == r->choices[i] && given)
            return given;
    if (r->choices[0]) {
        *why = "not one of the values possible";
        return initial;
    }
    if (given >= min && given <= max)
        return given;
    *why = "out of range";
    if (given < min)
        return r->has_floor && given <= r->floor ? initial : min;
    return r->above_initial ? initial : max;
}
