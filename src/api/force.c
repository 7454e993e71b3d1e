/* SPDX-License-Identifier: MIT
 * force.c -- on the admin listener: a firmware forced on a device at its next boot, whether newer or older
 * than its own (devices/force.h). */
#include "api/private.h"
#include "devices/force.h"
#include "protocol/ids.h"

static void reply_state(struct api_call *c)
{
    auto_buf struct buf out = { 0 };
    char device[ID_TEXT] = "";
    struct jw w;
    bool is_waiting = c->route->method != HTTP_DELETE;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "state", is_waiting ? "waiting" : "none");
    if (is_waiting && id_normalise(slice_of(c->params[0]), device))
        jw_bool(&w, "deviceKnown", auth_knows_device(c->api->env.auth, device));
    jw_end(&w);
    call_reply_data(c, buf_slice(&out));
}

static void asked(struct api_call *c, enum err e, const char *text)
{
    if (e == ERR_INVALID)
        call_reply_error(c, 400, "version: numbers with dots, such as 2.4.3");
    else if (e == ERR_STATE)
        call_reply_error(c, 409, "this version was sent to the device before; never twice, or it upgrades for ever");
    else if (e)
        call_reply_err(c, e);
    else
        reply_state(c);
}

static void ask(struct api_call *c, struct slice version)
{
    char device[ID_TEXT];
    if (!c->api->env.force)
        call_reply_err(c, ERR_UNSUPPORTED);
    else if (!id_normalise(slice_of(c->params[0]), device))
        call_reply_error(c, 400, "this is no device id");
    else
        force_ask(c->api->env.force, c->loop, device, version, answering_end, answering_new(c, asked));
}

static void force_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    auto_json struct json *v = NULL;
    struct slice version = { NULL, 0 };
    if (json_parse(&v, body, NULL) == OK)
        version = json_get_text(v, "version");
    if (version.len == 0)
        call_reply_error(c, 400, "the body must be a JSON object with version");
    else
        ask(c, version);
}

void serve_force(struct api_call *c)
{
    http_read_body(c->r, BODY_MAX_BYTES, force_body, c);
}

void serve_force_delete(struct api_call *c)
{
    ask(c, SLICE(""));
}
