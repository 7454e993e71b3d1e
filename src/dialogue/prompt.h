/* SPDX-License-Identifier: MIT
 * prompt.h -- the system prompt: the configured one with its {{variables}}, around it a template.
 *
 * Known: base_prompt, today_date, today_weekday, current_time, device_id, board, language, memory,
 * emojiList. Others become empty. Pure: told the time. */
#ifndef PARLEY_DIALOGUE_PROMPT_H
#define PARLEY_DIALOGUE_PROMPT_H

#include "base/buf.h"

#define PROMPT_MAX_BYTES 65536

struct prompt_facts {
    struct slice base;         /* cfg->prompt, or what a mode wants; may have variables itself */
    struct slice template_text; /* empty: the built-in one */
    const char *device_id, *board, *language;
    struct slice memory;       /* what is known of the person; empty: nothing */
    int64_t wall_ms;
    int zone_minutes;          /* east of UTC */
};
void prompt_put(struct buf *out, const struct prompt_facts *f);

#endif
