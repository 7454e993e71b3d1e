/* SPDX-License-Identifier: MIT
 * provider.c -- how a provider reads its settings: the purpose's overrides first, then its entry. */
#include "providers/provider.h"

static const struct conf *holder(const struct provider_opts *o, const char *key)
{
    if (o->overrides && conf_kind(conf_get(o->overrides, key)) != CONF_NULL)
        return o->overrides;
    return o->settings;
}

const char *opts_str(const struct provider_opts *o, const char *key, const char *otherwise)
{
    return conf_str(holder(o, key), key, otherwise);
}

int64_t opts_int(const struct provider_opts *o, const char *key, int64_t otherwise, int64_t min, int64_t max)
{
    return conf_int(holder(o, key), key, otherwise, min, max);
}

double opts_num(const struct provider_opts *o, const char *key, double otherwise, double min, double max)
{
    return conf_num(holder(o, key), key, otherwise, min, max);
}

bool opts_bool(const struct provider_opts *o, const char *key, bool otherwise)
{
    return conf_bool(holder(o, key), key, otherwise);
}

const char *opts_secret(const struct provider_opts *o, const char *key)
{
    return conf_secret(holder(o, key), key);
}

const char *opts_url(const struct provider_opts *o, const char *key, const char *otherwise)
{
    return conf_url(holder(o, key), key, otherwise);
}

bool opts_has(const struct provider_opts *o, const char *key)
{
    return conf_kind(conf_get(holder(o, key), key)) != CONF_NULL;
}
