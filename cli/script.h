/* SPDX-License-Identifier: MIT
 * script.h -- .talk files: a conversation as data, played by one device.
 *
 *     given asr "what time is it"                   for whoever sets up the server (tests)
 *     >  {"type":"hello", ... }                     the device says      ($sid: what was captured)
 *     >  audio 1200ms tone                          ... or streams, at the pace of its packets
 *     <  {"type":"stt","text":"what time is it",...}  within 500ms       the server must answer
 *     <  audio >= 500ms        <  no audio for 300ms       <  close 1000
 *     advance 5000ms
 *
 * Messages are expected in order: one of another type is passed over, one of the same type that does not
 * match is a failure, except after `some`. In a pattern "..." allows further fields and $name captures, or
 * must equal what it captured. Full text: docs/talks.md. */
#ifndef PARLEY_CLI_SCRIPT_H
#define PARLEY_CLI_SCRIPT_H

#include "base/json.h"

#define SCRIPT_LINES_MAX 400
#define SCRIPT_VARS_MAX 16
#define SCRIPT_VAR_BYTES 128

enum script_op {
    OP_GIVEN, OP_OPEN, OP_SEND, OP_SEND_AUDIO, OP_SEND_PACKET, OP_SEND_BINARY, OP_CLOSE, OP_EXPECT, OP_EXPECT_SOME,
    OP_EXPECT_NO, OP_EXPECT_AUDIO, OP_NO_AUDIO, OP_NOTHING, OP_EXPECT_CLOSE, OP_ADVANCE,
};
struct script_line {
    enum script_op op;
    unsigned number;       /* in the file */
    char *text;            /* given: the rest; send: the message; expect: the pattern; audio: the source; hex */
    struct json *pattern;  /* expect */
    uint64_t ms;           /* audio, advance, no ... for; audio: at least */
    uint64_t within_ms;    /* 0: the runner's default */
    int code;              /* close; 0: any */
};
struct script {
    struct script_line lines[SCRIPT_LINES_MAX];
    size_t count;
};
/* note: "line N: what is wrong". */
must_check enum err script_parse(struct script *s, struct slice text, struct err_note *note);
void script_done(struct script *s);

struct script_vars {
    struct {
        char name[32], value[SCRIPT_VAR_BYTES];
    } list[SCRIPT_VARS_MAX];
    size_t count;
};
const char *script_var(const struct script_vars *v, struct slice name); /* NULL: not captured */
bool script_var_set(struct script_vars *v, struct slice name, struct slice value); /* false: no room */
/* Does the message fit the pattern? Captures only if it does. why (may be NULL): what does not fit. */
bool script_match(const struct json *pattern, const struct json *message, struct script_vars *v, struct buf *why);
/* $name replaced by what was captured. ERR_NOT_FOUND: never captured. */
must_check enum err script_fill(struct buf *out, struct slice text, const struct script_vars *v);
/* "word" or "quoted text" from the front of *rest; false: nothing left. Escapes: \" \\ \n. */
bool script_word(struct slice *rest, struct buf *out);

/* --- playing one ------------------------------------------------------------------------------------- */

struct loop;
struct device;
struct pcm;
struct pcm_queue;

struct script_host {
    struct loop *loop;
    bool has_manual_clock;
    bool (*is_busy)(void *user); /* other threads have work begun: a manual clock waits for it; NULL: never */
    const char *url, *token, *device_id, *client_id;
    /* `given` lines when the conversation begins; NULL: only those about the device count. */
    unsigned expect_ms; /* default of within; 0: 5000 */
    /* Speech for `audio say "..."` and files; NULL: not available. */
    enum err (*speech)(void *user, struct slice source, struct pcm_queue *out, struct err_note *note);
    void *user;
    bool is_verbose;
};
/* note: "line N: ...". Timing faults count only with a manual clock. */
must_check enum err script_run(const struct script *s, const struct script_host *h, struct err_note *note);

#endif
