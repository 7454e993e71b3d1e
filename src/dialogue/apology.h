/* SPDX-License-Identifier: MIT
 * apology.h -- from how a turn failed to what a person is told: the one place. */
#ifndef PARLEY_DIALOGUE_APOLOGY_H
#define PARLEY_DIALOGUE_APOLOGY_H

#include "dialogue/dialogue.h"

#define APOLOGY_MS 2500 /* an apology that is not heard by then is shown instead */

/* The outcome of a stage that failed with e. */
enum outcome apology_outcome(enum outcome stage, enum err e);
/* What is said; borrowed from cfg or static. */
const char *apology_text(const struct config *cfg, const char *language, enum outcome o);
/* The title of the alert that stands in for it. */
const char *apology_title(const struct config *cfg, const char *language);

#endif
