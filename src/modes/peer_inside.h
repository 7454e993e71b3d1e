/* SPDX-License-Identifier: MIT
 * peer_inside.h -- private to peer.c, peer_send.c and peer_queue.c: what one session has under way with others. */
#ifndef PARLEY_MODES_PEER_INSIDE_H
#define PARLEY_MODES_PEER_INSIDE_H

#include "base/list.h"
#include "base/rand.h"
#include "modes/inside.h"
#include "protocol/ids.h"
#include "providers/registry.h"

struct fetch;

struct peer {
    struct modes *modes; /* NULL: closed */
    struct list asking; /* sendings that wait for the model */
    bool is_fetching, looks_again; /* again: something was queued meanwhile */
    struct fetch *spoken;                /* peer_queue.c: what is being spoken; NULL: nothing */
    bool was_audible;
    struct timer later;
    unsigned sendings, refs;
    struct grave grave;
};
struct peer *peer_of(struct modes *m); /* made at the first use */
void peer_unref(void *arg);
void peer_queue_close(struct peer *p);

/* --- one message on its way (peer_send.c) --- */
enum fate { FATE_WAITING, FATE_DELIVERED, FATE_ENQUEUED, FATE_FAILED, FATE_DENIED };

struct target {
    struct sending *sending;
    char id[ID_TEXT];
    char *group;
    enum fate fate;
    bool was_offline;
};

struct sending {
    struct node node; /* in peer.asking */
    struct peer *peer;
    struct loop *loop;
    const struct modes_env *shared;
    struct config *config;
    char id[UUID_TEXT];
    char *from, *text, *req_id;
    const char *category;
    struct target *targets;
    size_t count, waiting;
    struct llm_use llm;
    bool is_asking, is_spoken; /* spoken: said to the device, no message of it */
    struct buf reply, json;
    uint64_t began_ms;
    int64_t now_ms;
    struct timer soon;
    struct grave grave;
};
/* Without targets; text, category, req_id: as they came. To be freed, or asked. */
struct sending *sending_make(struct modes *m, struct slice text, struct slice category, struct slice req_id);
void sending_free(void *arg);
size_t sending_count(const struct sending *s, enum fate fate);
/* Takes it: to the model, then to its targets, then the receipt. */
void sending_ask(struct sending *s);
void sending_stop_asking(struct sending *s); /* the message goes out as it came */

#endif
