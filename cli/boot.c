/* SPDX-License-Identifier: MIT
 * boot.c -- one OTA request, with a device's headers. */
#include "cli/boot.h"

#include "http/client.h"

#include <stdio.h>

#define STEP_MS 50
#define TIMEOUT_MS 30000

struct fetch {
    struct buf body;
    bool is_done;
    enum err err;
    int status;
    char why[120];
};

static void on_data(void *user, struct slice data)
{
    struct fetch *f = user;
    buf_put(&f->body, data);
}

static void on_end(void *user, enum err e, int status, const char *why)
{
    struct fetch *f = user;
    f->is_done = true;
    f->err = e;
    f->status = status;
    snprintf(f->why, sizeof(f->why), "%s", why ? why : "");
}

static enum err judge(struct fetch *f, struct ota_answer *out, const char *url, struct err_note *note)
{
    note->err = f->err ? f->err : f->status != 200 ? ERR_UPSTREAM : ota_read_answer(out, buf_slice(&f->body));
    if (f->err)
        snprintf(note->text, sizeof(note->text), "%s: %s", url, f->why[0] ? f->why : err_text(f->err));
    else if (f->status != 200)
        snprintf(note->text, sizeof(note->text), "%s answered %d; a device needs 200", url, f->status);
    else if (note->err)
        snprintf(note->text, sizeof(note->text), "%s: not an answer that a device can read", url);
    return note->err;
}

enum err boot(struct ota_answer *out, struct loop *l, const char *url, const struct ota_client *who,
              struct err_note *note)
{
    static const struct http_call_events events = { .on_data = on_data, .on_end = on_end };
    auto_buf struct buf body = { 0 }, agent = { 0 };
    struct fetch f = { 0 };
    struct http_client *client;
    struct http_call *call;

    ota_write_request(&body, who);
    buf_printf(&agent, "%s/%s", who->board, who->version);
    const struct http_header headers[] = {
        { "Activation-Version", SLICE("1") },           { "Client-Id", slice_of(who->client_id) },
        { "Device-Id", slice_of(who->device_id) },      { "User-Agent", buf_slice(&agent) },
        { "Accept-Language", slice_of(who->language) }, { "Content-Type", SLICE("application/json") },
    };
    enum err e = http_client_create(&client, l, &(struct http_client_opts){ 0 });
    if (e)
        return e;
    e = http_call_open(&call, client,
                       &(struct http_call_opts){ .method = "POST", .url = url, .headers = headers,
                                                 .header_count = COUNT(headers), .body = buf_slice(&body),
                                                 .total_ms = TIMEOUT_MS },
                       &events, &f);
    while (e == OK && !f.is_done)
        loop_step(l, STEP_MS);
    if (e == OK) {
        e = judge(&f, out, url, note); /* the call is gone after its last event */
    } else {
        snprintf(note->text, sizeof(note->text), "%s: %s", url, err_text(e));
    }
    http_client_free(client);
    loop_step(l, 0);
    buf_done(&f.body);
    return e;
}
