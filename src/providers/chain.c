/* SPDX-License-Identifier: MIT
 * chain.c -- what the three chains share: the options of the alias that is being tried. */
#include <stdio.h>

#include "metrics/metrics.h"
#include "providers/resolve.h"

void chain_use_init(struct chain_use *c, const struct use_opts *u)
{
    snprintf(c->language, sizeof(c->language), "%s", u->language ? u->language : "zh-CN");
    c->opts = (struct provider_opts){ .env = u->env, .log = u->log, .idle_ms = IDLE_MS, .total_ms = TOTAL_MS };
}

const struct provider_opts *chain_use_for(struct chain_use *c, const struct chain_plan *p, unsigned at)
{
    struct provider_object *o = p->objects[at];
    bool is_last = at + 1 == p->count;
    c->opts.config = o->config;
    c->opts.settings = o->settings;
    c->opts.overrides = o->overrides;
    c->opts.shared = &o->shared;
    c->opts.alias = o->alias;
    c->opts.language = c->language;
    c->opts.first_byte_ms = FIRST_BYTE_MS;
    if (!is_last)
        c->opts.first_byte_ms = o->kind == KIND_ASR ? FIRST_BYTE_CHAIN_ASR_MS : FIRST_BYTE_CHAIN_MS;
    return &c->opts;
}

void chain_left(const struct chain_plan *p, unsigned at)
{
    if (at + 1 < p->count)
        metric_add_label(METRIC_provider_fallbacks_total, p->objects[at]->alias, 1);
}
