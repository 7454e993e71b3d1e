/* SPDX-License-Identifier: MIT
 * speaker.c -- the playback model and its table of faults. */
#include "cli/speaker.h"

struct row {
    const char *name, *text;
    bool is_timing;
};
static const struct row rows[VIOLATIONS] = {
#define X(id, timing, sentence) [VIOLATION_##id] = { #id, sentence, timing },
    VIOLATION_LIST(X)
#undef X
};

const char *violation_name(enum violation v)
{
    return rows[v].name;
}

const char *violation_text(enum violation v)
{
    return rows[v].text;
}

bool violation_is_timing(enum violation v)
{
    return rows[v].is_timing;
}

static void report(struct speaker *s, enum violation v)
{
    if (s->on_violation)
        s->on_violation(s->user, v);
}

void speaker_init(struct speaker *s, void (*on_violation)(void *user, enum violation v), void *user)
{
    *s = (struct speaker){ .on_violation = on_violation, .user = user, .frame_us = 60000 };
}

void speaker_format(struct speaker *s, uint32_t frame_us)
{
    s->frame_us = frame_us;
}

/* Entering speaking clears the queue and resets the decoder. */
void speaker_start(struct speaker *s, uint64_t now_us)
{
    if (s->is_started)
        report(s, VIOLATION_double_start);
    s->is_started = s->was_started = s->is_sentence_new = true;
    s->is_aborted = false;
    s->start_us = now_us;
    s->packets = s->lost = 0;
    s->first_us = s->gap_us = s->pause_us = 0;
    memset(s->arrivals_us, 0, sizeof(s->arrivals_us));
    speaker_flush(s);
}

void speaker_sentence(struct speaker *s)
{
    s->is_sentence_new = true;
}

uint64_t speaker_left_us(const struct speaker *s, uint64_t now_us)
{
    return s->play_end_us > now_us ? s->play_end_us - now_us : 0;
}

static void check_arrival(struct speaker *s, uint64_t now_us)
{
    s->arrivals_us[s->arrival_at] = now_us;
    s->arrival_at = (s->arrival_at + 1) % SPEAKER_BURST_PACKETS;
    uint64_t oldest_us = s->arrivals_us[s->arrival_at]; /* four packets ago; 0: fewer came */
    if (oldest_us != 0 && now_us - oldest_us <= SPEAKER_BURST_US)
        report(s, VIOLATION_burst);
    if (s->packets == 0 && now_us < s->start_us + SPEAKER_START_GAP_US)
        report(s, VIOLATION_too_soon);
}

static void check_timestamp(struct speaker *s, const uint32_t *timestamp_ms)
{
    if (!timestamp_ms)
        return;
    if (*timestamp_ms == 0 || *timestamp_ms <= s->last_timestamp_ms)
        report(s, VIOLATION_bad_timestamp);
    s->last_timestamp_ms = *timestamp_ms;
}

static void note_gap(struct speaker *s, uint64_t now_us)
{
    if (s->packets == 0 || now_us <= s->play_end_us + SPEAKER_GAP_SLACK_US)
        return;
    uint64_t silent_us = now_us - s->play_end_us;
    if (s->is_sentence_new) {
        s->pause_us += silent_us;
    } else {
        s->gap_us += silent_us;
        report(s, VIOLATION_starved);
    }
}

bool speaker_packet(struct speaker *s, uint64_t now_us, uint32_t duration_us, const uint32_t *timestamp_ms)
{
    if (!s->is_started) {
        report(s, s->was_started ? VIOLATION_audio_after_stop : VIOLATION_audio_before_start);
        return false;
    }
    check_timestamp(s, timestamp_ms);
    check_arrival(s, now_us);
    if (duration_us != s->frame_us)
        report(s, VIOLATION_wrong_duration);
    note_gap(s, now_us);

    uint64_t left_us = speaker_left_us(s, now_us);
    if (left_us > (uint64_t)SPEAKER_QUEUE_PACKETS * s->frame_us) {
        report(s, VIOLATION_overfull);
        s->lost++;
        return false;
    }
    if (left_us > (uint64_t)SPEAKER_AHEAD_PACKETS * s->frame_us || left_us > SPEAKER_AHEAD_US)
        report(s, VIOLATION_too_far_ahead);

    if (s->packets++ == 0)
        s->first_us = now_us;
    s->is_sentence_new = false;
    s->play_end_us = MAX(s->play_end_us, now_us) + (duration_us ? duration_us : s->frame_us);
    return true;
}

void speaker_stop(struct speaker *s, uint64_t now_us)
{
    if (!s->is_started) {
        report(s, VIOLATION_stop_without_start);
        return;
    }
    s->is_started = false;
    if (s->packets == 0 || s->is_aborted)
        return;
    if (speaker_left_us(s, now_us) > SPEAKER_CUT_US)
        report(s, VIOLATION_stop_too_early);
    else if (now_us > s->play_end_us + SPEAKER_STOP_LATE_US)
        report(s, VIOLATION_stop_late);
}

void speaker_abort(struct speaker *s)
{
    s->is_aborted = true;
}

void speaker_flush(struct speaker *s)
{
    s->play_end_us = 0;
}

void speaker_end(struct speaker *s)
{
    if (s->is_started)
        report(s, VIOLATION_missing_stop);
    s->is_started = false;
}
