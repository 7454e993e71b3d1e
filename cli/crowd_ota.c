/* SPDX-License-Identifier: MIT
 * crowd_ota.c -- what each device of a crowd asks at boot, over a connection of its own as a device does. */
#include "cli/crowd_ota.h"

#include <stdio.h>

#include "base/mem.h"
#include "cli/crowd.h"
#include "cli/device.h"
#include "http/client.h"

#define TIMEOUT_MS 10000

struct crowd_ota_client {
    struct loop *loop;
    struct http_client *http;
    char url[512];
};

struct crowd_ota {
    struct crowd_ota_client *client;
    struct http_call *call;
    struct buf body;
    uint64_t asked_us;
    crowd_ota_fn *done;
    void *user;
};

enum err crowd_ota_open(struct crowd_ota_client **out, struct loop *l, const char *url)
{
    struct crowd_ota_client *c = xnew(struct crowd_ota_client);
    c->loop = l;
    snprintf(c->url, sizeof(c->url), "%s", url);
    enum err e = http_client_create(&c->http, l, NULL);
    if (e) {
        mem_free(c);
        return e;
    }
    *out = c;
    return OK;
}

void crowd_ota_close(struct crowd_ota_client *c)
{
    if (!c)
        return;
    http_client_free(c->http);
    mem_free(c);
}

void crowd_ota_drop(struct crowd_ota *o)
{
    if (!o)
        return;
    http_call_close(o->call);
    buf_done(&o->body);
    mem_free(o);
}

static void on_data(void *user, struct slice data)
{
    struct crowd_ota *o = user;
    buf_put(&o->body, data);
}

static void explain(char *out, size_t size, enum err err, int status, const char *note)
{
    if (status && status != 200)
        snprintf(out, size, "HTTP %d", status);
    else if (err)
        snprintf(out, size, "%s", note && note[0] ? note : err_text(err));
    else
        snprintf(out, size, "what came is no answer to a boot request");
}

static void on_end(void *user, enum err err, int status, const char *note)
{
    struct crowd_ota *o = user;
    auto_mem struct ota_answer *answer = xnew(struct ota_answer);
    bool is_good = err == OK && status == 200 && ota_read_answer(answer, buf_slice(&o->body)) == OK;
    uint64_t took_us = loop_now_us(o->client->loop) - o->asked_us;
    crowd_ota_fn *done = o->done;
    void *owner = o->user;
    char why[CROWD_WHY_MAX];
    explain(why, sizeof(why), err, status, note);
    crowd_ota_drop(o);
    done(owner, is_good ? answer : NULL, took_us, why);
}

enum err crowd_ota_ask(struct crowd_ota **out, struct crowd_ota_client *c, const char *device, const char *client,
                       crowd_ota_fn *done, void *user)
{
    static const struct http_call_events events = { .on_data = on_data, .on_end = on_end };
    auto_buf struct buf body = { 0 };
    struct ota_client who = { device, client, DEVICE_BOARD, DEVICE_FIRMWARE, "en-US" };
    ota_write_request(&body, &who);
    const struct http_header headers[] = {
        { "Activation-Version", SLICE("1") }, { "Client-Id", slice_of(client) }, { "Device-Id", slice_of(device) },
        { "User-Agent", SLICE(DEVICE_BOARD "/" DEVICE_FIRMWARE) }, { "Content-Type", SLICE("application/json") },
        { "Connection", SLICE("close") },
    };
    struct crowd_ota *o = xnew(struct crowd_ota);
    o->client = c;
    o->asked_us = loop_now_us(c->loop);
    o->done = done;
    o->user = user;
    enum err e = http_call_open(&o->call, c->http,
                                &(struct http_call_opts){ .method = "POST", .url = c->url, .headers = headers,
                                                          .header_count = COUNT(headers), .body = buf_slice(&body),
                                                          .total_ms = TIMEOUT_MS },
                                &events, o);
    if (e) {
        mem_free(o);
        return e;
    }
    *out = o;
    return OK;
}
