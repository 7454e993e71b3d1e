/* SPDX-License-Identifier: MIT
 * serials.c -- on the admin listener: the keys of boards that confirm themselves (serial number and hmac).
 * Keys come in and never go out. */
#include "api/private.h"
#include "store/device.h"

#define LIST_DEFAULT 100
#define LIST_MAX 500

static enum err list_run(struct db *db, struct work *w)
{
    struct serial_row *rows;
    size_t count;
    int64_t total;
    enum err e = db_serial_count(db, &total);
    if (!e)
        e = db_serial_list(db, w->offset, w->limit, &w->arena, &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    jw_array_as(&j, "items");
    for (size_t i = 0; i < count; i++) {
        jw_object(&j);
        jw_cstr(&j, "serial", rows[i].serial);
        jw_cstr(&j, "deviceId", rows[i].device);
        jw_end(&j);
    }
    jw_end(&j);
    page_put(&j, w, total);
    jw_end(&j);
    return OK;
}

void serve_serials(struct api_call *c)
{
    struct work *w = work_new(list_run);
    work_page(c, w, LIST_DEFAULT, LIST_MAX);
    work_start(c, w, true);
}

static void changed(struct api_call *c, enum err e, const char *text)
{
    auto_buf struct buf out = { 0 };
    struct jw w;
    if (e) {
        call_reply_error(c, err_http(e),
                         e == ERR_INVALID     ? "serial: 1..63 of [0-9A-Za-z._:-]; key: 16..64 bytes in hex"
                         : e == ERR_NOT_FOUND ? "no such serial number"
                         : e == ERR_LIMIT     ? "too many serial numbers"
                                              : err_text(e));
        return;
    }
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "serial", c->params[0]);
    jw_end(&w);
    call_reply_data(c, buf_slice(&out));
}

static void serial_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    auto_json struct json *v = NULL;
    if (json_parse(&v, body, NULL) || !json_is(v, JSON_OBJECT)) {
        call_reply_error(c, 400, "the body must be a JSON object with key");
        return;
    }
    auth_serial_add(c->api->env.auth, c->loop, slice_of(c->params[0]), json_get_text(v, "key"), answering_end,
                    answering_new(c, changed));
}

void serve_serial_put(struct api_call *c)
{
    http_read_body(c->r, BODY_MAX_BYTES, serial_body, c);
}

void serve_serial_delete(struct api_call *c)
{
    auth_serial_remove(c->api->env.auth, c->loop, slice_of(c->params[0]), answering_end, answering_new(c, changed));
}
