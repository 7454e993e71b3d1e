/* SPDX-License-Identifier: MIT
 * counts.c -- what a turn adds to the metrics when it ends. */
#include "dialogue/inside.h"
#include "metrics/metrics.h"

static void span(enum metric m, uint64_t from_us, uint64_t to_us)
{
    if (from_us && to_us >= from_us)
        metric_seconds(m, (double)(to_us - from_us) / 1e6);
}

/* What is ours of the way from the text to the first packet: all that nobody else worked on. */
static void count_added(const struct exchange *x, uint64_t sound_us)
{
    const struct turn_times *t = &x->times;
    if (sound_us && t->heard_us && x->asked_us >= t->heard_us && t->first_audio_us >= sound_us)
        metric_seconds(METRIC_turn_server_added_seconds,
                       (double)(x->asked_us - t->heard_us + t->first_audio_us - sound_us) / 1e6);
}

static void count_times(const struct exchange *x, uint64_t sound_us)
{
    const struct turn_times *t = &x->times;
    if (!x->question.len)
        return;
    if (!x->is_typed) {
        span(METRIC_turn_end_of_turn_delay_seconds, t->t0_us, t->decided_us);
        span(METRIC_turn_transcription_delay_seconds, t->t0_us, t->heard_us);
        span(METRIC_turn_e2e_seconds, t->t0_us, t->first_audio_us);
    }
    span(METRIC_turn_llm_ttft_seconds, x->asked_us, t->first_token_us);
    span(METRIC_turn_llm_ttfs_seconds, x->asked_us, t->first_sentence_us);
    span(METRIC_turn_tts_ttfb_seconds, t->first_sentence_us, sound_us);
    count_added(x, sound_us);
}

void counts_turn(struct dialogue *d)
{
    const struct exchange *x = d->x;
    metric_add_label(METRIC_turns_total, outcome_name(x->outcome), 1);
    bool was_cut = x->outcome == OUTCOME_interrupted || x->outcome == OUTCOME_aborted;
    if (was_cut && x->times.first_audio_us)
        metric_add(METRIC_interruptions_total, 1);
    count_times(x, speaker_sound_us(d->speaker));
    counts_packets(d);
}

void counts_packets(struct dialogue *d)
{
    uint64_t bad = hearing_bad_packets(d->hearing);
    if (bad > d->bad_counted)
        metric_add(METRIC_opus_errors_total, (int64_t)(bad - d->bad_counted));
    d->bad_counted = bad;
}
