/* SPDX-License-Identifier: MIT
 * api_client.c -- requests to the HTTP API and the admin listener, and what to do when they fail. */
#include "cli/api_client.h"

#include "base/mem.h"
#include "cli/voice.h"
#include "http/client.h"
#include "loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

#define STEP_MS 50
#define TOTAL_MS 60000
#define PATIENCE_S 10 /* longer waits are left to the person */
#define REPLY_MAX_BYTES (64u << 20)
#define NODES_MAX 1000000
#define WORDS_MAX 64
#define ARGS_MAX 24

struct api_client {
    const char *urls[2]; /* by enum api_side */
    const char *token;
    struct loop *loop;
    struct http_client *http;
};

/* --- one request ---- */

struct asking {
    struct http_call *call;
    unsigned retry_after_s; /* of a 429 */
    struct buf body;
    bool is_done;
    enum err err;
    int status;
    char why[160];
};

static void on_head(void *user, int status, struct slice type)
{
    struct asking *a = user;
    a->retry_after_s = status == 429 ? http_call_retry_after_s(a->call) : 0;
}

static void on_data(void *user, struct slice data)
{
    buf_put(&((struct asking *)user)->body, data);
}

static void on_end(void *user, enum err e, int status, const char *why)
{
    struct asking *a = user;
    a->is_done = true;
    a->err = e;
    a->status = status;
    snprintf(a->why, sizeof a->why, "%s", why ? why : "");
}

static void full_url(const struct api_client *k, const struct api_question *q, struct buf *url)
{
    struct slice base = slice_of(k->urls[q->side]);
    while (base.len && base.data[base.len - 1] == '/')
        base.len--;
    buf_put(url, base);
    buf_puts(url, q->side == SIDE_API ? "/api/v1" : "");
    buf_puts(url, q->path);
}

static void ask(struct api_client *k, const struct api_question *q, const char *url, struct asking *a)
{
    static const struct http_call_events events = { .on_head = on_head, .on_data = on_data, .on_end = on_end };
    auto_buf struct buf bearer = { 0 };
    struct http_header headers[2];
    unsigned n = 0;
    if (k->token && k->token[0]) {
        buf_printf(&bearer, "Bearer %s", k->token);
        headers[n++] = (struct http_header){ "Authorization", buf_slice(&bearer) };
    }
    if (q->body.len)
        headers[n++] = (struct http_header){ "Content-Type", SLICE("application/json") };
    struct http_call_opts o = { .method = q->method, .url = url, .headers = headers, .header_count = n,
                                .body = q->body, .first_byte_ms = TOTAL_MS, .total_ms = TOTAL_MS,
                                .reply_max_bytes = REPLY_MAX_BYTES };
    a->err = http_call_open(&a->call, k->http, &o, &events, a);
    if (a->err)
        return;
    while (!a->is_done)
        loop_step(k->loop, STEP_MS); /* the call is gone after its last event */
}

/* Too many requests: one more try when the server says so, if that is soon. A refused request did nothing. */
static void ask_patiently(struct api_client *k, const struct api_question *q, const char *url, struct asking *a)
{
    ask(k, q, url, a);
    if (a->err || a->status != 429 || a->retry_after_s == 0 || a->retry_after_s > PATIENCE_S)
        return;
    fprintf(stderr, "parley: the server has too many requests; asking again in %u s\n", a->retry_after_s);
    uint64_t until_ms = loop_now_ms(k->loop) + a->retry_after_s * 1000ull;
    while (loop_now_ms(k->loop) < until_ms)
        loop_step(k->loop, STEP_MS);
    buf_done(&a->body);
    *a = (struct asking){ 0 };
    ask(k, q, url, a);
}

/* --- what to do about it ---- */

static void explain_connection(const struct api_client *k, const struct api_question *q, const struct asking *a)
{
    const char *option = q->side == SIDE_API ? "--api" : "--admin";
    if (a->err == ERR_INVALID) {
        fprintf(stderr, "parley: %s is no URL; %s wants something like %s\n", k->urls[q->side], option,
                q->side == SIDE_API ? API_URL_DEFAULT : ADMIN_URL_DEFAULT);
        return;
    }
    fprintf(stderr, "parley: no answer from %s: %s\n", k->urls[q->side], a->why[0] ? a->why : err_text(a->err));
    if (a->err == ERR_CONNECT)
        fprintf(stderr, "  Is the server running? ./dev run starts it here (or build/parleyd -c FILE).\n"
                        "  Is it elsewhere? Name it with %s URL (or %s in the environment).\n",
                option, q->side == SIDE_API ? "PARLEY_API" : "PARLEY_ADMIN");
}

static void advise(const struct api_client *k, const struct api_question *q, int status, unsigned retry_after_s)
{
    bool has_token = k->token && k->token[0];
    switch (status) {
    case 401:
        fprintf(stderr, has_token ? "  The token given is not the server's server.api_token.\n"
                                  : "  This server has an API token: give --token TOKEN or set PARLEY_API_TOKEN.\n"
                                    "  It stands in the server's configuration as server.api_token.\n");
        break;
    case 403:
        fprintf(stderr, "  Run this on the server's own machine with %s, or set server.api_token in its\n"
                        "  configuration and give it with --token (or PARLEY_API_TOKEN).\n",
                q->side == SIDE_API ? "--api " API_URL_DEFAULT : "--admin " ADMIN_URL_DEFAULT);
        break;
    case 404:
        if (q->missing)
            fprintf(stderr, "  %s\n", q->missing);
        break;
    case 429:
        if (retry_after_s)
            fprintf(stderr, "  Try again in %u s.\n", retry_after_s);
        else
            fprintf(stderr, "  Wait a little and try again.\n");
        break;
    default:
        break;
    }
}

static void explain_status(const struct api_client *k, const struct api_question *q, const struct api_answer *a,
                           unsigned retry_after_s)
{
    auto_buf struct buf why = { 0 };
    text_clean(&why, json_get_text(a->json, "error"));
    if (why.len)
        fprintf(stderr, "parley: %s (%d)\n", why.data, a->status);
    else
        fprintf(stderr, "parley: %s answered %d, and not as Parley does\n", k->urls[q->side], a->status);
    advise(k, q, a->status, retry_after_s);
}

bool api_ask_server(struct command *c, const struct api_question *q, struct api_answer *out)
{
    struct api_client *k = c->client;
    auto_buf struct buf url = { 0 };
    struct asking a = { 0 };
    *out = (struct api_answer){ 0 };
    full_url(k, q, &url);
    ask_patiently(k, q, url.data, &a);
    out->status = a.status;
    out->body = a.body;
    if (a.err) {
        explain_connection(k, q, &a);
        return false;
    }
    bool is_fine = a.status >= 200 && a.status < 300;
    if (is_fine && q->is_raw)
        return true;
    if (json_parse(&out->json, buf_slice(&out->body), &(struct json_limits){ .nodes_max = NODES_MAX }))
        out->json = NULL;
    if (is_fine && json_get_bool(out->json, "success", false)) {
        out->data = json_get(out->json, "data");
        return true;
    }
    explain_status(k, q, out, a.retry_after_s);
    return false;
}

void api_answer_done(struct api_answer *a)
{
    json_free(a->json);
    buf_done(&a->body);
    *a = (struct api_answer){ 0 };
}

/* --- text ---- */

void url_piece(struct buf *out, struct slice text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char)text.data[i];
        if (ch && strchr(plain, ch))
            buf_put_byte(out, (char)ch);
        else
            buf_printf(out, "%%%02X", ch);
    }
}

char *url_path(const char *before, const char *piece, const char *behind)
{
    struct buf path = { 0 };
    buf_puts(&path, before);
    url_piece(&path, slice_of(piece));
    buf_puts(&path, behind);
    return buf_take(&path);
}

bool print_json(const struct command *c, const struct api_answer *a)
{
    auto_buf struct buf text = { 0 };
    if (!c->is_json)
        return false;
    json_print(&text, a->data);
    printf("%s\n", text.data);
    return true;
}

void print_line(const char *name, struct slice value)
{
    printf("%-12s ", name);
    text_print(value);
    putchar('\n');
}

void print_duration(struct buf *out, int64_t ms)
{
    int64_t s = MAX(ms, 0) / 1000;
    buf_printf(out, "%02lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60), (long long)(s % 60));
}

/* --- verbs ---- */

static void usage_put(struct buf *out, const struct verb_table *t)
{
    if (t->verb_count == 1) {
        buf_printf(out, "parley %s %s [options]\n\n%s\n", t->name, t->verbs[0].words, t->about);
        return;
    }
    buf_printf(out, "parley %s VERB [options]\n\n%s\n\n", t->name, t->about);
    for (size_t i = 0; i < t->verb_count; i++) {
        const struct verb *v = &t->verbs[i];
        auto_mem char *left = xprintf("%s %s", v->name, v->words);
        buf_printf(out, "  %-26s %s%s\n", left, v->help, i == 0 ? " (the default)" : "");
    }
}

static const char *or_environment(const char *given, const char *variable, const char *otherwise)
{
    const char *set = getenv(variable);
    return given ? given : set && set[0] ? set : otherwise;
}

static int run_connected(const struct verb *v, struct command *c, struct api_client *k)
{
    int status = EXIT_BAD;
    if (loop_create(&k->loop, &(struct loop_opts){ .name = "parley" }))
        return EXIT_BAD;
    if (http_client_create(&k->http, k->loop, &(struct http_client_opts){ 0 }) == OK) {
        c->client = k;
        status = v->run(c);
        fflush(stdout);
        http_client_free(k->http);
    } else {
        fprintf(stderr, "parley: no HTTP client on this machine\n");
    }
    loop_end(k->loop);
    loop_free(k->loop);
    return status;
}

static const struct verb *verb_find(const struct verb_table *t, const char *word)
{
    for (size_t i = 0; i < t->verb_count; i++)
        if (strcmp(t->verbs[i].name, word) == 0)
            return &t->verbs[i];
    return NULL;
}

/* Which verb the words name, and what stands behind it. NULL: told on standard error. */
static const struct verb *verb_choose(const struct verb_table *t, struct command *c)
{
    bool is_single = t->verb_count == 1;
    bool is_named = !is_single && c->word_count > 0;
    const struct verb *v = is_named ? verb_find(t, c->words[0]) : &t->verbs[0];
    if (!v) {
        fprintf(stderr, "parley %s: %s: no such verb; parley %s --help shows them\n", t->name, c->words[0], t->name);
        return NULL;
    }
    c->words += is_named;
    c->word_count -= is_named;
    if (c->word_count < v->words_min || c->word_count > v->words_max) {
        fprintf(stderr, "usage: parley %s %s%s%s\n", t->name, is_single ? "" : v->name, is_single ? "" : " ",
                v->words);
        return NULL;
    }
    return v;
}

int verbs_run(const struct verb_table *t, int argc, char **argv)
{
    const char *words[WORDS_MAX];
    struct api_client k = { 0 };
    struct command c = { .name = t->name, .options = t->options, .words = words };
    auto_buf struct buf usage = { 0 };
    struct arg list[ARGS_MAX] = {
        { "--api", ARG_TEXT, "URL", "the server's HTTP API (" API_URL_DEFAULT ", or PARLEY_API)", .text = &k.urls[0] },
        { "--admin", ARG_TEXT, "URL", "its admin listener (" ADMIN_URL_DEFAULT ", or PARLEY_ADMIN)",
          .text = &k.urls[1] },
        { "--token", ARG_TEXT, "TOKEN", "server.api_token of the server (or PARLEY_API_TOKEN)", .text = &k.token },
        { "--json", ARG_FLAG, NULL, "the data as JSON instead of a table", .flag = &c.is_json },
    };
    assert(4 + t->extra_count <= ARGS_MAX);
    for (size_t i = 0; i < t->extra_count; i++)
        list[4 + i] = t->extra[i];
    usage_put(&usage, t);
    struct args a = { usage.data, list, 4 + t->extra_count, words, WORDS_MAX, 0 };
    int e = args_parse(&a, argc, argv);
    if (e)
        return e - 1;
    k.urls[0] = or_environment(k.urls[0], "PARLEY_API", API_URL_DEFAULT);
    k.urls[1] = or_environment(k.urls[1], "PARLEY_ADMIN", ADMIN_URL_DEFAULT);
    k.token = or_environment(k.token, "PARLEY_API_TOKEN", NULL);
    c.word_count = a.rest_count;
    const struct verb *v = verb_choose(t, &c);
    return v ? run_connected(v, &c, &k) : EXIT_USAGE;
}
