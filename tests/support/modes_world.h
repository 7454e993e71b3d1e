/* SPDX-License-Identifier: MIT
 * modes_world.h -- on top of gate_world: what tests of modes ask again and again. */
#ifndef PARLEY_TESTS_SUPPORT_MODES_WORLD_H
#define PARLEY_TESTS_SUPPORT_MODES_WORLD_H

#include "base/json.h"
#include "tests/support/gate_world.h"

#define MEETING_START "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"meeting\"}"
#define MEETING_END "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"meeting\"}"
#define FINALIZE "{\"type\":\"meeting\",\"phase\":\"finalize\"}"
#define WORKING_START "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"working\"}"
#define GOOD_SUMMARY "{\"title\":\"Plan\",\"bullets\":[\"We ship in May\"],\"decisions\":[\"May\"],\"actions\":[]," \
                     "\"risks\":[],\"nextSteps\":[\"Tell Anna\"]}"

/* With world_opts.has_auth and DEVICE_TOKEN below server: a client that is no operator (without auth everybody
 * on loopback is one). It has said hello. */
#define DEVICE_TOKEN "    tokens: [{token: device-token, role: device}]\n  language: en-US"
struct client *world_device(struct world *w, const char *device);
/* Starts the world, in which dev1 is in a meeting; id gets its id. */
struct client *meeting_world(struct world *w, const struct world_opts *o, char id[64]);
/* Starts (or resumes) a meeting. */
void meeting_begins(struct client *c, char id[64]);
/* One text in a snippet message; waits for the answer, which must have `answer` in it. */
void meeting_says(struct client *c, const char *text, const char *answer);
/* Finalizes it; returns when the summary was told. */
void meeting_ends(struct client *c);
/* The fake model: what it answers, how often it was asked. */
void model_says(const char *text);
unsigned model_calls(void);
void client_says(struct client *c, const char *fmt, ...) printf_like(2, 3);
/* The nth (0: first) message with that text in it, whole; NULL: none. Valid until the next call. */
const char *client_message(const struct client *c, const char *needle, unsigned nth);
/* The same parsed; to be freed. Fails the test when there is none. */
struct json *client_json(const struct client *c, const char *needle, unsigned nth);
/* All that was sent before was handled: a ping was answered. Then what the store still owes. */
void client_sync(struct client *c);
bool client_stays_without(struct client *c, const char *needle); /* after all that is under way */

/* A summary message: seven fields of the right types, lists within their caps. */
void check_summary(const struct json *message);

/* Straight from the database of the world's server. */
void stored_sql(struct world *w, const char *sql);
int64_t stored_number(struct world *w, const char *sql);
/* Texts of a meeting in order, one a line, pending ones merged first. Valid until the next call. */
const char *stored_texts(struct world *w, const char *meeting);
const char *stored_summary(struct world *w, const char *meeting);

/* world_http at the server itself, without headers and body. */
int modes_http(struct world *w, const char *method, const char *path, struct buf *out);

#endif
