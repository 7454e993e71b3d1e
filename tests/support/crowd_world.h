/* SPDX-License-Identifier: MIT
 * crowd_world.h -- a server with known delays and known faults, and a crowd of devices that measures it. The clock
 * is moved by hand, so every figure is known. */
#ifndef PARLEY_TESTS_SUPPORT_CROWD_WORLD_H
#define PARLEY_TESTS_SUPPORT_CROWD_WORLD_H

#include "cli/crowd.h"
#include "http/ws.h"
#include "loop/timer.h"

#define CWORLD_CLIENTS_MAX 200

/* What the server does wrong, and how slow it is. */
struct cworld_script {
    unsigned boot_ms, accept_ms;       /* until the boot request, the upgrade is answered; for one device */
    unsigned hello_ms, answer_ms, start_gap_ms, frames, frame_ms, stop_ms;
    unsigned slow_frame, slow_ms;      /* after this frame the next comes so much later; 0: none */
    bool is_slow_again;                /* and after twice, three times as many */
    unsigned skipped_frame;            /* this one never comes; 0: none */
    unsigned sentence_frame;           /* with this one a new sentence begins; 0: none */
    unsigned answers_after;            /* thinks after so many packets that it has heard all; 0: it is told */
    unsigned refuses_with;             /* this status instead of an upgrade */
    unsigned busy_ms;                  /* upgraded, then "try again later" after this; 0: not */
    unsigned closes_with;              /* this code, in the third packet; 0: not */
    bool starts_twice, stops_twice, speaks_before_start;
    bool forgets_stop, hangs_up, hangs_up_speaking, ignores_hello, is_deaf, is_mute, bursts, speaks_after_stop;
    const char *busy_text;             /* the sentence of its answers; NULL: "y" */
    const char *ota_url, *ota_token;   /* what the boot request is answered */
};

struct cworld_client {
    struct cworld *world;
    struct ws *ws;
    struct timer timer;
    unsigned frames, heard;
    bool is_answering;
};

struct cworld {
    struct loop *loop;
    struct http_server *http;
    struct cworld_script script;
    struct cworld_client clients[CWORLD_CLIENTS_MAX];
    unsigned count, audio_in, loud_in, asked, boots; /* loud: that are not all zeros */
    char url[64], ota[64], first_target[300], first_bearer[64], last_id[24];
    struct http_req *late;     /* is answered when the timer fires */
    struct timer late_timer;
    struct crowd *crowd;
    struct uplink uplink;
};

int cworld_setup(void **state);
int cworld_teardown(void **state);
void cworld_pass(struct cworld *w, unsigned ms);
/* A crowd as `o` says (one device unless it says more, without a boot request unless it names one) for so long. */
const struct crowd_stats *cworld_go(struct cworld *w, struct crowd_opts o, unsigned ms);
/* As many ms as that, but for the ends of buckets and of rounds; else the test fails. */
void cworld_near(uint64_t us, unsigned ms);

#endif
