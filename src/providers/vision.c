/* SPDX-License-Identifier: MIT
 * vision.c -- see vision.h. */
#include "providers/vision.h"

#include "config/settings.h"

static const struct llm_class *seeing_class(struct registry *r, struct config *cfg, const struct conf **settings)
{
    const char *alias = cfg->selected_module_VLLM;
    if (!alias || !alias[0])
        return NULL;
    *settings = config_entry(cfg, "VLLM", alias);
    const struct llm_class *cls = registry_llm_class(r, conf_str(*settings, "type", alias));
    return cls && (cls->caps & LLM_VISION) ? cls : NULL;
}

bool vision_is_there(struct registry *r, struct config *cfg)
{
    const struct conf *settings;
    return seeing_class(r, cfg, &settings) != NULL;
}

enum err vision_open(struct llm_use *out, struct registry *r, const struct use_opts *u,
                     const struct llm_request *rq, const struct llm_events *ev, void *user)
{
    const struct conf *settings;
    const char *alias = u->config->selected_module_VLLM;
    const struct llm_class *cls = seeing_class(r, u->config, &settings);
    if (!cls)
        return alias && alias[0] ? ERR_UNSUPPORTED : ERR_NOT_FOUND;
    struct provider_opts o = { .env = u->env, .config = u->config, .settings = settings, .alias = alias,
                               .language = u->language, .log = u->log, .first_byte_ms = VISION_MS,
                               .idle_ms = VISION_MS, .total_ms = VISION_MS };
    struct err_note note = { 0 };
    enum err e = cls->check ? cls->check(&o, &note) : OK;
    struct llm *llm;
    if (!e)
        e = cls->open(&llm, &o, rq, ev, user);
    if (!e)
        *out = (struct llm_use){ cls, llm };
    return e;
}
