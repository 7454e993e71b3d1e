/* SPDX-License-Identifier: MIT
 * device.h -- a simulated device: what firmware 2.4 does between a socket and a person. One model for
 * `parley talk`, the scenario tests and load: some hundred bytes each, nothing allocated per packet.
 *
 *   open -> CONNECTING -> hello -> IDLE -> listen -> LISTENING <-> SPEAKING
 *              microphone: `next` is asked for a packet every frame while it is open
 *              speaker:    speaker.h, which also finds the server's faults
 *
 * auto: tts stop -> play out -> listen start again. realtime: one listen start, the microphone stays open.
 * manual: until device_listen_stop. Scripted devices (tests) do nothing by themselves: no hello, no
 * listen start, no MCP answers. Loop thread; device_close is legal in every event. */
#ifndef PARLEY_CLI_DEVICE_H
#define PARLEY_CLI_DEVICE_H

#include "base/json.h"
#include "cli/speaker.h"
#include "loop/loop.h"
#include "protocol/framing.h"
#include "protocol/hello.h"

struct device;
struct tls_context;

#define DEVICE_FIRMWARE "2.4.2"
#define DEVICE_BOARD "parley-simulated"

enum device_state { DEVICE_CONNECTING, DEVICE_IDLE, DEVICE_LISTENING, DEVICE_SPEAKING, DEVICE_CLOSED };

struct device_events {  /* any may be NULL */
    void (*on_open)(void *user);                                   /* the WebSocket stands */
    void (*on_ready)(void *user, const struct hello_answer *hello); /* hello was answered */
    void (*on_text)(void *user, const struct json *message, struct slice text); /* after the model saw it */
    void (*on_packet)(void *user, struct slice packet, bool is_played);
    void (*on_state)(void *user, enum device_state from, enum device_state to);
    void (*on_violation)(void *user, enum violation v, const char *detail); /* detail may be "" */
    /* The last event. code: WebSocket's; http_status != 0: the upgrade was refused with it. */
    void (*on_close)(void *user, int code, struct slice reason, int http_status);
};

struct device_opts {
    struct loop *loop;
    const char *url, *token;             /* token NULL or "": none. All strings are copied or used at once */
    const char *device_id, *client_id;   /* NULL: header left out */
    enum framing framing;
    enum msg_listen_mode mode;
    uint32_t rate_hz, frame_ms;          /* of the microphone; 0: 16000, 60 */
    bool is_pcm, has_mcp, has_aec, is_scripted;
    struct tls_context *tls;
    const struct device_events *on;      /* borrowed for life */
    void *user;
};
must_check enum err device_open(struct device **out, const struct device_opts *o);
void device_close(struct device *d);     /* closes TCP as devices do; silence after it; NULL is fine */

/* Where packets of the microphone come from; false: none this time. Borrowed until the next call. */
typedef bool device_mic_fn(void *user, struct slice *packet);
void device_mic(struct device *d, device_mic_fn *next, void *user);

/* What a person does. */
void device_listen(struct device *d);                    /* button: listen start, the microphone opens */
void device_listen_stop(struct device *d);               /* manual: released */
void device_type(struct device *d, struct slice text);   /* typed text: detect alone, abort before it if speaking */
void device_abort(struct device *d, bool by_wake_word);

/* The wire itself, for scripts. */
enum err device_send_text(struct device *d, struct slice text);
enum err device_send_packet(struct device *d, struct slice packet, uint32_t timestamp_ms); /* in its framing */
enum err device_send_binary(struct device *d, struct slice bytes);

enum device_state device_state(const struct device *d);
const char *device_session(const struct device *d);      /* "" before hello */
const struct hello_answer *device_hello(const struct device *d);
const struct speaker *device_speaker(const struct device *d);
unsigned device_violations(const struct device *d, enum violation v);

#endif
