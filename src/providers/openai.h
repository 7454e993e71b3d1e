/* SPDX-License-Identifier: MIT
 * openai.h -- what the three OpenAI-compatible providers share: endpoint, headers, errors in words. */
#ifndef PARLEY_PROVIDERS_OPENAI_H
#define PARLEY_PROVIDERS_OPENAI_H

#include "http/client.h"
#include "providers/provider.h"

enum { OPENAI_HEADERS_MAX = 16, OPENAI_ERROR_BYTES = 65536 };

struct openai_headers {
    struct http_header list[OPENAI_HEADERS_MAX];
    unsigned count;
    char *bearer; /* mem_free */
};
/* Authorization (api_key; none: no header) and the entry's `headers` map. */
void openai_headers_init(struct openai_headers *h, const struct provider_opts *o);
void openai_headers_add(struct openai_headers *h, const char *name, const char *value);
void openai_headers_done(struct openai_headers *h);

/* The endpoint: the first key that is set; `path` is appended unless the URL has it ("/chat/completions").
 * NULL: none is set. Given: mem_free. */
char *openai_endpoint(const struct provider_opts *o, const char *const *keys, const char *path);
/* The same for services of one endpoint: `path` is appended only to a URL that ends in /v1. */
char *openai_service(const struct provider_opts *o, const char *const *keys, const char *path);
enum err openai_check(const struct provider_opts *o, const char *const *keys, struct err_note *note);
bool openai_key_is_placeholder(const struct provider_opts *o);

/* Which error an HTTP status is, and what the body says of it ({"error":{"message":..}}, HTML, ...). */
void openai_explain(struct err_note *note, int status, struct slice body);
/* A transport failure. */
void openai_transport(struct err_note *note, enum err e, const char *text);

/* In on_head: counts whether the connection was there already. */
void openai_acquired(const struct http_call *call);

#endif
