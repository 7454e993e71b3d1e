/* SPDX-License-Identifier: MIT
 * apology.c -- outcomes as sentences. */
#include "dialogue/apology.h"

#include "config/catalogue.h"
#include "config/settings.h"

enum outcome apology_outcome(enum outcome stage, enum err e)
{
    return e == ERR_BUSY || e == ERR_LIMIT ? OUTCOME_busy : stage;
}

const char *apology_text(const struct config *cfg, const char *language, enum outcome o)
{
    if (o == OUTCOME_limit)
        return catalogue_text(cfg, language, "turn.limit");
    if (o == OUTCOME_busy)
        return catalogue_text(cfg, language, "server.busy");
    if (*cfg->system_error_response)
        return cfg->system_error_response;
    return catalogue_text(cfg, language, "turn.error");
}

const char *apology_title(const struct config *cfg, const char *language)
{
    return catalogue_text(cfg, language, "chat.title");
}
