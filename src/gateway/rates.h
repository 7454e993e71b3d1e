/* SPDX-License-Identifier: MIT
 * rates.h -- how much one session may ask: text messages per second, broken frames. Pure: told the time. */
#ifndef PARLEY_GATEWAY_RATES_H
#define PARLEY_GATEWAY_RATES_H

#include "base/base.h"

#define RATES_TEXTS_PER_S 50
#define RATES_TEXT_SECONDS 2       /* this many seconds over it in a row end the session */
#define RATES_BAD_FRAMES_MAX 50
#define RATES_BAD_FRAMES_MS 10000

struct rates_of_session {
    uint64_t second;               /* the one being counted */
    unsigned texts, seconds_over;
    uint64_t bad_since_ms;
    unsigned bad_frames;
};
/* One more text message; false: too many for too long. */
bool rates_text(struct rates_of_session *r, uint64_t now_ms);
/* One more broken frame; false: too many. */
bool rates_bad_frame(struct rates_of_session *r, uint64_t now_ms);

#endif
