/* SPDX-License-Identifier: MIT
 * rates.c -- counters per second and per ten seconds; nothing runs while nothing comes. */
#include "gateway/rates.h"

bool rates_text(struct rates_of_session *r, uint64_t now_ms)
{
    uint64_t second = now_ms / 1000;

    if (second != r->second) {
        bool was_over = second == r->second + 1 && r->texts > RATES_TEXTS_PER_S;
        r->seconds_over = was_over ? r->seconds_over + 1 : 0;
        r->second = second;
        r->texts = 0;
    }
    r->texts++;
    return r->texts <= RATES_TEXTS_PER_S || r->seconds_over + 1 < RATES_TEXT_SECONDS;
}

bool rates_bad_frame(struct rates_of_session *r, uint64_t now_ms)
{
    if (r->bad_frames == 0 || now_ms - r->bad_since_ms > RATES_BAD_FRAMES_MS) {
        r->bad_since_ms = now_ms;
        r->bad_frames = 0;
    }
    return ++r->bad_frames <= RATES_BAD_FRAMES_MAX;
}
