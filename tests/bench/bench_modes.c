/* SPDX-License-Identifier: MIT
 * bench_modes.c -- simulated devices that use modes of a running server, and how long its answers took; one
 * line of JSON. What else the server does meanwhile is the caller's (tools/bench_modes.py).
 *
 *     bench_modes minutes URL SECONDS     50 meetings, 200 snippets a second; 10 more begin and finalize meetings
 *     bench_modes tasks URL SECONDS       500 tasks of one group, a change a second, 100 devices get snapshots
 *
 * Devices are called bench-0, bench-1 ...; for tasks the server's workflow.groups must put them into one group. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/device.h"
#include "cli/histogram.h"
#include "loop/timer.h"

#define TALKERS 50
#define FINALIZERS 10
#define SNIPPET_GAP_MS 5
#define FINALIZE_AFTER_MS 700
#define WATCHERS 100
#define TASKS 500
#define TASKS_IN_MESSAGE 100
#define CHANGE_GAP_MS 1000
#define DEVICES_MAX 100
#define SENT_MAX 65536 /* snippets of one run */
#define SETTLE_MS 2000

struct bench {
    struct loop *loop;
    struct dev {
        struct bench *bench;
        struct device *device;
        struct timer timer;
        uint64_t asked_us; /* finalize, or the end of a meeting; 0: nothing */
        bool is_ready;
    } devices[DEVICES_MAX];
    unsigned count, ready, lost;
    struct timer tick, end;
    uint64_t *sent_us;
    unsigned sent, acked, refused, finalized, snapshots, changes;
    uint64_t changed_us;
    struct histogram snippet, finalize, snapshot;
    void (*begin)(struct bench *b); /* all devices are there */
    void (*on_message)(struct dev *v, const struct json *m);
};

static void say(struct dev *v, const char *text)
{
    if (device_send_text(v->device, slice_of(text)))
        v->bench->lost++;
}

static void on_gone(void *arg)
{
    loop_stop(((struct bench *)arg)->loop);
}

static void on_end(void *arg)
{
    struct bench *b = arg;
    timer_stop(&b->tick);
    for (unsigned i = 0; i < b->count; i++) {
        timer_stop(&b->devices[i].timer);
        device_close(b->devices[i].device);
    }
    timer_start(&b->end, b->loop, 100, on_gone, b); /* sockets end at the top of the loop */
}

/* ---- the devices ---- */

static void on_open(void *user)
{
    say(user, "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"audio_params\":{}}");
}

static void on_text(void *user, const struct json *m, struct slice text)
{
    struct dev *v = user;
    struct bench *b = v->bench;
    (void)text;
    if (slice_is(json_get_text(m, "type"), "hello")) {
        if (!v->is_ready && ++b->ready == b->count)
            b->begin(b);
        v->is_ready = true;
        return;
    }
    b->on_message(v, m);
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    (void)reason;
    ((struct dev *)user)->bench->lost++;
    fprintf(stderr, "bench_modes: a device was closed: %d, status %d\n", code, http_status);
}

static void open_devices(struct bench *b, const char *url, unsigned count)
{
    static const struct device_events events = {.on_open = on_open, .on_text = on_text, .on_close = on_close};
    b->count = count;
    for (unsigned i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof(id), "bench-%u", i);
        b->devices[i].bench = b;
        struct device_opts o = {.loop = b->loop, .url = url, .device_id = id, .client_id = id,
                                .framing = FRAMING_V1, .is_scripted = true, .on = &events, .user = &b->devices[i]};
        if (device_open(&b->devices[i].device, &o))
            b->lost++;
    }
}

/* ---- minutes ---- */

#define MEETING(state) "{\"type\":\"mode\",\"state\":\"" state "\",\"mode\":\"meeting\"}"

static void send_snippet(struct dev *v)
{
    struct bench *b = v->bench;
    char text[256];
    if (b->sent == SENT_MAX)
        return;
    snprintf(text, sizeof(text),
             "{\"type\":\"meeting\",\"phase\":\"snippet\",\"reqId\":\"%u\",\"items\":[{\"tag\":\"t\",\"text\":\"Sentence %u "
             "of what people say to each other in a meeting about the next quarter.\"}]}",
             b->sent, b->sent);
    b->sent_us[b->sent++] = clock_mono_us();
    say(v, text);
}

static void on_snippet_time(void *arg)
{
    struct bench *b = arg;
    timer_start(&b->tick, b->loop, SNIPPET_GAP_MS, on_snippet_time, b);
    send_snippet(&b->devices[b->sent % TALKERS]);
}

static void on_finalize_time(void *arg)
{
    struct dev *v = arg;
    v->asked_us = clock_mono_us();
    say(v, "{\"type\":\"meeting\",\"phase\":\"finalize\"}");
}

static void on_minutes(struct dev *v, const struct json *m)
{
    struct bench *b = v->bench;
    bool is_finalizer = v - b->devices >= TALKERS;
    struct slice phase = json_get_text(m, "phase");
    int64_t n;
    if (slice_is(phase, "snippet") && slice_to_i64(json_get_text(m, "reqId"), &n) && n < b->sent) {
        b->acked++;
        histogram_add(&b->snippet, clock_mono_us() - b->sent_us[n]);
    } else if (slice_is(json_get_text(m, "status"), "error")) {
        b->refused++;
    } else if (slice_is(phase, "finalize") && v->asked_us) {
        histogram_add(&b->finalize, clock_mono_us() - v->asked_us);
        v->asked_us = 0;
        b->finalized++;
        say(v, MEETING("start"));
    } else if (is_finalizer && slice_is(json_get_text(m, "type"), "mode") && slice_is(phase, "start")) {
        timer_start(&v->timer, b->loop, FINALIZE_AFTER_MS, on_finalize_time, v);
    }
}

static void begin_minutes(struct bench *b)
{
    for (unsigned i = 0; i < b->count; i++)
        say(&b->devices[i], MEETING("start"));
    timer_start(&b->tick, b->loop, SETTLE_MS, on_snippet_time, b);
}

/* ---- tasks ---- */

static void send_tasks(struct dev *v, unsigned from)
{
    auto_buf struct buf out = {0};
    buf_puts(&out, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[");
    for (unsigned i = from; i < from + TASKS_IN_MESSAGE; i++)
        buf_printf(&out, "%s{\"id\":\"T%u\",\"title\":\"Task %u: look through what was agreed, and tell the others\",\"priority\":%u}",
                   i > from ? "," : "", i, i, i % 4);
    buf_puts(&out, "]}");
    say(v, out.data);
}

static void on_change_time(void *arg)
{
    struct bench *b = arg;
    char text[160];
    timer_start(&b->tick, b->loop, CHANGE_GAP_MS, on_change_time, b);
    snprintf(text, sizeof(text), "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"T%u\",\"owner\":\"change %u\"}]}",
             b->changes % TASKS, b->changes);
    b->changes++;
    b->changed_us = clock_mono_us();
    say(&b->devices[0], text);
}

static void on_tasks(struct dev *v, const struct json *m)
{
    struct bench *b = v->bench;
    if (slice_is(json_get_text(m, "status"), "error"))
        b->refused++;
    if (!json_get(m, "tasks") || !b->changed_us)
        return;
    b->snapshots++;
    histogram_add(&b->snapshot, clock_mono_us() - b->changed_us);
}

static void begin_tasks(struct bench *b)
{
    for (unsigned i = 0; i < TASKS; i += TASKS_IN_MESSAGE)
        send_tasks(&b->devices[0], i);
    for (unsigned i = 0; i < b->count; i++)
        say(&b->devices[i], "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"working\"}");
    timer_start(&b->tick, b->loop, SETTLE_MS, on_change_time, b);
}

/* ---- report ---- */

static void print_ms(const char *name, const struct histogram *h)
{
    printf(",\"%s\":{\"count\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", name, (unsigned long long)h->count,
           (double)histogram_at(h, 0.5) / 1000, (double)histogram_at(h, 0.99) / 1000, (double)h->max / 1000);
}

static void report(const struct bench *b)
{
    printf("{\"lost\":%u,\"ready\":%u,\"refused\":%u,\"sent\":%u,\"acked\":%u,\"finalized\":%u,\"changes\":%u,\"snapshots\":%u",
           b->lost, b->ready, b->refused, b->sent, b->acked, b->finalized, b->changes, b->snapshots);
    print_ms("snippet", &b->snippet);
    print_ms("finalize", &b->finalize);
    print_ms("snapshot", &b->snapshot);
    printf("}\n");
}

int main(int argc, char **argv)
{
    static struct bench b;
    bool is_minutes = argc == 4 && strcmp(argv[1], "minutes") == 0;
    if (!is_minutes && (argc != 4 || strcmp(argv[1], "tasks") != 0)) {
        fprintf(stderr, "usage: bench_modes minutes|tasks URL SECONDS\n");
        return 2;
    }
    if (loop_create(&b.loop, &(struct loop_opts){.name = "bench"}))
        return 1;
    b.sent_us = xalloc(SENT_MAX * sizeof(*b.sent_us));
    b.begin = is_minutes ? begin_minutes : begin_tasks;
    b.on_message = is_minutes ? on_minutes : on_tasks;
    open_devices(&b, argv[2], is_minutes ? TALKERS + FINALIZERS : WATCHERS);
    timer_start(&b.end, b.loop, (uint64_t)strtoul(argv[3], NULL, 10) * 1000 + SETTLE_MS, on_end, &b);
    loop_run(b.loop);
    report(&b);
    loop_free(b.loop);
    mem_free(b.sent_us);
    return b.lost > 0;
}
