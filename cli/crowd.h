/* SPDX-License-Identifier: MIT
 * crowd.h -- many simulated devices on one loop, each living by a profile, and what was measured of the
 * server meanwhile.
 *
 *   starting (at a rate, a bounded number at once) -> [OTA] -> connect -> hello -> the profile's life
 *   storm: hello -> gone -> again       talk: question -> answer (or: busy) -> pause -> question ...
 *
 * Times are taken when bytes arrive here; whether this process was itself late is in stats.late. */
#ifndef PARLEY_CLI_CROWD_H
#define PARLEY_CLI_CROWD_H

#include "cli/device.h"
#include "cli/histogram.h"
#include "cli/uplink.h"

struct crowd;

#define CROWD_DEVICES_MAX 19500
#define CROWD_WHY_MAX 96
#define CROWD_GAP_LATE_US 65000 /* between two packets of a sentence: later than a device expects */

enum profile { PROFILE_IDLE, PROFILE_TALK, PROFILE_LISTEN, PROFILE_PLAY, PROFILE_STORM, PROFILE_MIXED };
#define PROFILE_NAMES "idle|talk|listen|play|storm|mixed"

enum identity_form { IDENTITY_HEADERS, IDENTITY_QUERY, IDENTITY_BOTH };
#define IDENTITY_NAMES "headers|query|both"

struct crowd_opts {
    struct loop *loop;
    const char *url;             /* WebSocket; NULL: asked of `ota` */
    const char *ota;             /* NULL: not asked */
    const char *token;
    struct tls_context *tls;
    enum profile profile;
    enum identity_form identity;
    enum msg_listen_mode mode;   /* of talk */
    enum framing framing;
    unsigned devices, per_second /* started; 0: as fast as they are answered */, at_once;
    unsigned first_number;       /* device ids begin with it */
    const struct uplink *uplink; /* talk, listen; borrowed for life */
    const char *text;            /* play: what is typed to make it speak */
    const char *busy_text;       /* with this sentence a server says that it is busy; NULL: Parley's, in any language */
    unsigned pause_ms;           /* between two questions, on average */
    unsigned spread_ms;          /* the first question comes within this; 0: pause_ms (talk), a frame (play) */
    unsigned known_us_before_audio; /* of a spoken turn: what is not the server's own: providers, silence, start gap */
    unsigned known_us_typed;     /* of a typed one (play): without recogniser and silence */
    unsigned abort_percent, abort_after_ms; /* of talk's and play's answers: the button is pressed */
    unsigned turn_timeout_ms, hello_timeout_ms;
    bool is_pcm;
    bool may_leave_host;         /* else only loopback is connected to, whatever an OTA answer says */
};

enum crowd_error { CROWD_OTA, CROWD_CONNECT, CROWD_REFUSED, CROWD_BUSY, CROWD_CLOSED, CROWD_NO_HELLO, CROWD_NO_ANSWER,
                   CROWD_NOTHING_HEARD, CROWD_ERRORS };
const char *crowd_error_name(enum crowd_error e);

struct crowd_stats {
    uint64_t opened, connected, greeted, left;     /* tries; 101; hello answered; closed by us after hello */
    uint64_t turns, turns_good, turns_lost, aborts; /* ended; with text and audio; the connection went meanwhile */
    uint64_t turns_busy;                            /* answered by a sentence that says so: not in turns, `added` */
    uint64_t early, sooner; /* turns whose answer came before the question was over (without latencies); before what is
                             * known had passed: then the known delays are wrong, and `added` is 0 */
    uint64_t begun_us, complete_us, complete_greeted; /* when all had come, and how many hellos that took; 0: not yet */
    uint64_t packets_out, packets_in, bytes_in, bytes_out; /* of audio, without framing */
    uint64_t gaps, gaps_late, underruns, lost_packets;
    uint64_t errors[CROWD_ERRORS];
    char why[CROWD_ERRORS][CROWD_WHY_MAX];          /* of the first one of each */
    uint64_t violations[VIOLATIONS];
    struct histogram ota, connect, hello;           /* us: request to answer; dial to 101; hello to its answer */
    struct histogram refuse;                        /* us: dial to a refusal, by status or by a close before hello */
    struct histogram busy;                          /* us: end of speech to the sentence of turns_busy */
    struct histogram text, start, audio, added;     /* us after the end of speech; added: audio less what is known */
    struct histogram gap, abort;                    /* us between packets; from button to tts stop */
    struct histogram late;                          /* us: how late this process's own ticks were, those missed too */
};

/* Who waits now, and the longest wait. Waits that are too long become errors; these are not yet. */
enum crowd_wait { CROWD_WAIT_OTA, CROWD_WAIT_CONNECT, CROWD_WAIT_HELLO, CROWD_WAIT_ANSWER, CROWD_WAITS };
struct crowd_waiting {
    unsigned count[CROWD_WAITS];
    uint64_t longest_us[CROWD_WAITS];
};

must_check enum err crowd_open(struct crowd **out, const struct crowd_opts *o);
const struct crowd_stats *crowd_stats(const struct crowd *c);
unsigned crowd_alive(const struct crowd *c);        /* greeted and still connected */
bool crowd_is_local(const char *url);               /* its host is this one: 127.x, ::1, localhost */
/* `url` with identity and token (NULL: none) as query values, as browsers give them. */
void crowd_url_with_query(struct buf *out, const char *url, const char *device, const char *client, const char *token);
unsigned crowd_speaking(const struct crowd *c);     /* being spoken to */
void crowd_waiting(const struct crowd *c, struct crowd_waiting *out);
/* What was added since the last call, for a progress line: latency of `added` (talk, mixed), gaps (play), hello
 * to its answer (idle, listen, storm). */
void crowd_recent(struct crowd *c, struct histogram *latency);
void crowd_close(struct crowd *c);                  /* NULL is fine; memory goes with the loop's next round */

#endif
