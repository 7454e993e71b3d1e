/* SPDX-License-Identifier: MIT
 * insight.h -- what a build or an editor reported: a bounded ring of lines, counters, the text for a model,
 * and heuristics where no model answers. State of one session. Pure. */
#ifndef PARLEY_MODES_INSIGHT_H
#define PARLEY_MODES_INSIGHT_H

#include "base/json.h"

#define INSIGHT_NAME_BYTES 64
#define INSIGHT_ITEM_BYTES 240
#define INSIGHT_ITEMS_MAX 20

enum insight_level { LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

struct insight_line {
    char *text; /* cleaned and cut */
    enum insight_level level;
};

struct insight_log {
    struct insight_line *lines; /* ring of lines_max */
    unsigned lines_max, first, count;
    unsigned text_max_bytes;
    unsigned errors, warnings, tests_failed;
    bool is_running, has_result, was_success;
    char phase[INSIGHT_NAME_BYTES + 1], step[INSIGHT_NAME_BYTES + 1];
    char last_event[INSIGHT_NAME_BYTES + 1];
};

enum insight_list { INSIGHT_INSIGHTS, INSIGHT_RISKS, INSIGHT_ACTIONS, INSIGHT_NEXT, INSIGHT_LISTS };
struct insight {
    char *items[INSIGHT_LISTS][INSIGHT_ITEMS_MAX];
    unsigned counts[INSIGHT_LISTS];
    unsigned caps[INSIGHT_LISTS]; /* insights 5, risks 4, actions 6, nextSteps 6 */
};

void insight_log_init(struct insight_log *g, unsigned lines_max, unsigned text_max_bytes);
void insight_log_done(struct insight_log *g);
void insight_log_clear(struct insight_log *g); /* lines and counters; running stays */
size_t insight_log_bytes(const struct insight_log *g);
must_check bool insight_level_read(struct slice name, enum insight_level *out);
/* Collapses white space, drops code fences, cuts. True: the text had to be cut. */
bool insight_log_put(struct insight_log *g, enum insight_level level, struct slice text);
void insight_log_step(struct insight_log *g, bool is_phase, struct slice name);
/* Newest lines that fit into max_bytes, in order, then a line of counters: the model's input. */
void insight_log_prompt(const struct insight_log *g, size_t max_bytes, struct buf *out);

void insight_init(struct insight *s, unsigned insights_max, unsigned others_max);
void insight_done(struct insight *s);
bool insight_is_empty(const struct insight *s);
bool insight_read(struct insight *s, struct slice reply); /* as summary_read */
void insight_guess(struct insight *s, const struct insight_log *g); /* heuristics */
void insight_write(const struct insight *s, struct jw *w); /* the four lists as members */

#endif
