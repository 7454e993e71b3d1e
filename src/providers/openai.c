/* SPDX-License-Identifier: MIT
 * openai.c -- endpoint and key rules of `type: openai` entries, and their failures in words. */
#include "providers/openai.h"

#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "metrics/metrics.h"

#define LOG_TOPIC "provider"

void openai_headers_add(struct openai_headers *h, const char *name, const char *value)
{
    if (h->count < OPENAI_HEADERS_MAX)
        h->list[h->count++] = (struct http_header){ name, slice_of(value) };
}

void openai_headers_init(struct openai_headers *h, const struct provider_opts *o)
{
    *h = (struct openai_headers){ 0 };
    const char *key = opts_secret(o, "api_key");
    if (key && *key) {
        h->bearer = xprintf("Bearer %s", key);
        openai_headers_add(h, "Authorization", h->bearer);
    }
    const struct conf *more = conf_get(o->settings, "headers");
    for (size_t i = 0; conf_kind(more) == CONF_MAP && i < conf_count(more); i++)
        openai_headers_add(h, conf_key_at(more, i), conf_text(conf_at(more, i)));
}

void openai_headers_done(struct openai_headers *h)
{
    mem_free(h->bearer);
    *h = (struct openai_headers){ 0 };
}

static struct slice without_tail(struct slice url, const char *tail)
{
    if (slice_ends(url, slice_of(tail)))
        url.len -= strlen(tail);
    while (url.len && url.data[url.len - 1] == '/')
        url.len--;
    return url;
}

char *openai_endpoint(const struct provider_opts *o, const char *const *keys, const char *path)
{
    const char *found = NULL;
    for (; !found && *keys; keys++)
        found = opts_url(o, *keys, NULL);
    if (!found || !*found)
        return NULL;
    struct slice url = without_tail(slice_of(found), "");
    if (slice_ends(url, SLICE("/models"))) {
        LOGW(o->log, "provider.config", "alias=%s problem=\"the URL ends in /models, which is left out\"",
             o->alias ? o->alias : "");
        url = without_tail(url, "/models");
    }
    if (slice_ends(url, slice_of(path)))
        path = "";
    return xprintf(SLICE_FMT "%s", SLICE_ARG(url), path);
}

char *openai_service(const struct provider_opts *o, const char *const *keys, const char *path)
{
    char *url = openai_endpoint(o, keys, "");
    if (!url || !slice_ends(slice_of(url), SLICE("/v1")))
        return url;
    char *whole = xprintf("%s%s", url, path);
    mem_free(url);
    return whole;
}

bool openai_key_is_placeholder(const struct provider_opts *o)
{
    const char *written = opts_has(o, "api_key") ? opts_str(o, "api_key", "") : "";
    return *written && !opts_secret(o, "api_key");
}

enum err openai_check(const struct provider_opts *o, const char *const *keys, struct err_note *note)
{
    auto_mem char *url = openai_endpoint(o, keys, "");
    if (!url)
        snprintf(note->text, sizeof(note->text), "%s is not set", keys[0]);
    else if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        snprintf(note->text, sizeof(note->text), "%s is no http URL", keys[0]);
    else if (openai_key_is_placeholder(o))
        snprintf(note->text, sizeof(note->text), "api_key is not filled in");
    else
        return OK;
    return note->err = ERR_INVALID;
}

static void put_text(struct err_note *note, int status, struct slice text)
{
    auto_buf struct buf clean = { 0 };
    log_clean(&clean, text, sizeof(note->text) - 24);
    snprintf(note->text, sizeof(note->text), "HTTP %d: %.*s", status, (int)MIN(clean.len, sizeof(note->text) - 24),
             clean.data ? clean.data : "");
}

static struct slice message_of(const struct json *root)
{
    const struct json *error = json_get(root, "error");
    struct slice text = json_get_text(error, "message");
    if (!text.len)
        text = json_text(error);
    if (!text.len)
        text = json_get_text(root, "message");
    if (!text.len)
        text = json_get_text(root, "detail");
    return text;
}

static enum err err_of_status(int status)
{
    switch (status) {
    case 400: case 404: case 413: case 415: case 422: return ERR_UPSTREAM;
    case 401: case 403: return ERR_AUTH;
    case 429: return ERR_LIMIT;
    case 408: case 504: return ERR_TIMEOUT;
    default: return ERR_UPSTREAM;
    }
}

void openai_explain(struct err_note *note, int status, struct slice body)
{
    auto_json struct json *root = NULL;
    struct slice text = slice_trim(body);
    note->err = err_of_status(status);
    if (text.len && text.data[0] == '<')
        put_text(note, status, SLICE("a web page instead of an answer"));
    else if (text.len && json_parse(&root, text, NULL) == OK && message_of(root).len)
        put_text(note, status, message_of(root));
    else if (text.len && text.data[0] != '{')
        put_text(note, status, slice_sub(text, 0, utf8_cut(text, 120)));
    else
        put_text(note, status, text.len ? SLICE("an unreadable answer") : SLICE("an empty answer"));
}

void openai_transport(struct err_note *note, enum err e, const char *text)
{
    note->err = e;
    snprintf(note->text, sizeof(note->text), "%s", text && *text ? text : err_text(e));
}

void openai_acquired(const struct http_call *call)
{
    metric_add_label(METRIC_connection_acquire_total, http_call_is_reused(call) ? "true" : "false", 1);
}
