/* SPDX-License-Identifier: MIT
 * dworld.c -- see dworld.h. */
#include "tests/support/dworld.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/temp.h"

int64_t dworld_now_ms = 1700000000000;

int64_t dworld_clock(void)
{
    return dworld_now_ms;
}

static void must(enum err e, const char *what, const struct err_note *note)
{
    if (e) {
        fprintf(stderr, "%s: %s %s\n", what, err_name(e), note ? note->text : "");
        abort();
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

static void open_rest(struct dworld *w)
{
    struct err_note note = { 0 };
    must(store_open(&w->store, &(struct store_opts){ .path = temp_path("world.db") }, &note), "store", &note);
    must(auth_open(&w->auth, &(struct auth_opts){ w->config, w->store, dworld_clock }, &note), "auth", &note);
}

void dworld_open(struct dworld *w, const char *yaml)
{
    struct err_note note = { 0 };
    *w = (struct dworld){ 0 };
    temp_remove();
    dworld_now_ms = 1700000000000;
    write_file(temp_path("config.yaml"), yaml);
    must(config_holder_create(&w->config, temp_path("config.yaml"), &note), "config", &note);
    must(loop_create(&w->loop, &(struct loop_opts){ .name = "world" }), "loop", NULL);
    open_rest(w);
}

void dworld_config(struct dworld *w, const char *yaml)
{
    struct err_note note = { 0 };
    write_file(temp_path("config.yaml"), yaml);
    must(config_reload(w->config, &note), "reload", &note);
}

void dworld_reopen(struct dworld *w)
{
    auth_close(w->auth);
    store_close(w->store);
    loop_step(w->loop, 0);
    open_rest(w);
}

void dworld_close(struct dworld *w)
{
    store_close(w->store); /* its last answers name auth */
    for (int i = 0; i < 3; i++)
        loop_step(w->loop, 0);
    auth_close(w->auth);
    config_holder_free(w->config);
    loop_free(w->loop);
    dworld_forget();
}

void dworld_forget(void)
{
    temp_remove();
}

bool dworld_until(struct dworld *w, const bool *flag)
{
    uint64_t until_us = clock_mono_us() + 5000000;
    while (!*flag && clock_mono_us() < until_us)
        loop_step(w->loop, 20);
    return *flag;
}

void dworld_hear(void *user, enum err err)
{
    struct dworld_answer *h = user;
    h->is_done = true;
    h->err = err;
}

enum err dworld_heard(struct dworld *w, const struct dworld_answer *h)
{
    if (!dworld_until(w, &h->is_done))
        must(ERR_TIMEOUT, "an answer", NULL);
    return h->err;
}

void dworld_settle(struct dworld *w)
{
    uint64_t until_us = clock_mono_us() + 5000000;
    while (store_queued(w->store) && clock_mono_us() < until_us)
        loop_step(w->loop, 2);
    loop_step(w->loop, 0);
}

struct identity dworld_identity(const char *device, const char *client, const char *address, const char *token)
{
    struct identity who = { .source = ID_HEADER, .token = xstrdup(token) };
    if (!id_normalise(slice_of(device), who.device) || !id_normalise(slice_of(client), who.client))
        abort();
    snprintf(who.raw_device, sizeof who.raw_device, "%s", device);
    snprintf(who.raw_client, sizeof who.raw_client, "%s", client);
    if (!net_addr_parse(slice_of(address), &who.peer))
        abort();
    return who;
}
