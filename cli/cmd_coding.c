/* SPDX-License-Identifier: MIT
 * cmd_coding.c -- `parley coding --follow LOGFILE|-`: a build or test log told to the server as it grows, and
 * what the server makes of it.
 *
 *   file or pipe -> buildlog (lines, levels, phases) -> coding messages, 40 a second at most -> insights, summary
 *
 * A device of its own (OTA, WebSocket, hello), so the one on the desk is not disturbed. A pipe ends by itself;
 * a file is followed until Ctrl-C, or read once with --once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cli/args.h"
#include "cli/boot.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/table.h"
#include "cli/voice.h"
#include "cli/buildlog.h"
#include "loop/timer.h"
#include "net/tls.h"

#define DEFAULT_OTA "http://127.0.0.1:8003/xiaozhi/ota/"
#define TICK_MS 100
#define MESSAGES_PER_TICK 4 /* 40 a second; the server takes 50 */
#define READ_BYTES 65536
#define HELLO_MS 15000

struct coding {
    struct loop *loop;
    struct device *device;
    struct timer tick, limit;
    struct buildlog *log;
    const char *file, *ota, *url, *token;
    int fd;
    int64_t wait_s;
    bool is_json, is_once, is_file;
    bool has_ended, has_stopped, is_done; /* the log, our stop message, everything */
    unsigned insights;
    char why[200];
};

static volatile sig_atomic_t is_interrupted; /* for the signal handler */

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void fail(struct coding *c, const char *why)
{
    if (!c->why[0])
        snprintf(c->why, sizeof c->why, "%s", why);
    c->is_done = true;
}

/* --- to the server ---- */

static void send(struct coding *c, const char *event, const char *key, const char *value, const char *level)
{
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "type", "coding");
    jw_cstr(&w, "event", event);
    if (level)
        jw_cstr(&w, "level", level);
    if (key)
        jw_cstr(&w, key, value);
    jw_end(&w);
    if (device_send_text(c->device, buf_slice(&out)))
        fail(c, "the connection to the server is gone");
}

static void send_some(struct coding *c)
{
    static const char *const levels[] = { "info", "warn", "error" };
    struct buildlog_item i;
    for (unsigned n = 0; n < MESSAGES_PER_TICK && buildlog_take(c->log, &i); n++) {
        if (i.phase)
            send(c, "phase", "name", i.phase, NULL);
        else if (i.step)
            send(c, "step", "name", i.step, NULL);
        else
            send(c, "log", "text", i.text, levels[i.level]);
        buildlog_item_done(&i);
    }
}

/* --- from the log ---- */

static void read_more(struct coding *c)
{
    char bytes[READ_BYTES];
    while (!c->has_ended && c->log->count < BUILDLOG_QUEUE_MAX / 2) {
        ssize_t n = read(c->fd, bytes, sizeof bytes);
        if (n > 0) {
            buildlog_feed(c->log, slice_from(bytes, (size_t)n));
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0)
            fail(c, "the log cannot be read");
        if (c->is_file && !c->is_once && n == 0) {
            off_t at = lseek(c->fd, 0, SEEK_CUR), end = lseek(c->fd, 0, SEEK_END);
            lseek(c->fd, end < at ? 0 : at, SEEK_SET); /* it was emptied: from its beginning again */
            return;
        }
        c->has_ended = true;
    }
}

static void on_limit(void *arg)
{
    struct coding *c = arg;
    if (!c->has_stopped)
        fail(c, "the server did not answer hello");
    c->is_done = true; /* nothing worth saying: no summary comes */
}

static void on_tick(void *arg)
{
    struct coding *c = arg;
    read_more(c);
    c->has_ended = c->has_ended || is_interrupted;
    if (c->has_ended)
        buildlog_end(c->log);
    send_some(c);
    if (c->has_ended && c->log->count == 0 && !c->is_done) {
        send(c, "stop", NULL, NULL, NULL);
        c->has_stopped = true;
        timer_start(&c->limit, c->loop, (uint64_t)c->wait_s * 1000, on_limit, c);
        return;
    }
    if (!c->is_done)
        timer_start(&c->tick, c->loop, TICK_MS, on_tick, c);
}

/* --- from the server ---- */

static void print_list(const struct json *message, const char *key, const char *name)
{
    const struct json *items = json_get(message, key);
    for (size_t i = 0; i < json_len(items); i++) {
        printf("  %-9s ", i == 0 ? name : "");
        text_print(json_text(json_at(items, i)));
        putchar('\n');
    }
}

static void print_insight(struct coding *c, const struct json *message, struct slice text)
{
    c->insights++;
    if (c->is_json) {
        printf(SLICE_FMT "\n", SLICE_ARG(text));
    } else {
        struct slice phase = json_get_text(message, "phase");
        text_print(json_get_text(message, "event"));
        if (phase.len)
            printf(" (" SLICE_FMT ")", SLICE_ARG(phase));
        putchar('\n');
        print_list(message, "insights", "seen");
        print_list(message, "risks", "risk");
        print_list(message, "actions", "do");
        print_list(message, "nextSteps", "next");
    }
    fflush(stdout);
}

static void on_ready(void *user, const struct hello_answer *hello)
{
    struct coding *c = user;
    timer_stop(&c->limit);
    if (device_send_text(c->device, SLICE("{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"coding\"}")))
        fail(c, "the connection to the server is gone");
    send(c, "start", NULL, NULL, NULL);
    timer_start(&c->tick, c->loop, 1, on_tick, c);
}

static void on_text(void *user, const struct json *message, struct slice text)
{
    struct coding *c = user;
    struct slice type = json_get_text(message, "type"), event = json_get_text(message, "event");
    bool is_error = slice_is(json_get_text(message, "status"), "error") || slice_is(type, "error");
    if (is_error) {
        auto_mem char *why = xprintf("the server refused it: " SLICE_FMT " " SLICE_FMT,
                                     SLICE_ARG(json_get_text(message, "code")),
                                     SLICE_ARG(json_get_text(message, "message")));
        fail(c, why);
    }
    bool is_news = slice_is(type, "coding") && json_is(json_get(message, "insights"), JSON_ARRAY);
    if (!is_news)
        return;
    print_insight(c, message, text);
    c->is_done = c->is_done || (c->has_stopped && slice_is(event, "summary"));
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct coding *c = user;
    auto_mem char *why = http_status ? xprintf("the server refused the connection with %d%s", http_status,
                                               http_status == 401 ? "; pair this machine first: parley pair" : "")
                                     : xprintf("the server closed the connection (%d " SLICE_FMT ")", code,
                                               SLICE_ARG(reason));
    fail(c, why);
}

static const struct device_events events = { .on_ready = on_ready, .on_text = on_text, .on_close = on_close };

/* --- the whole ---- */

/* The same machine and user is the same device each time; another one than that of `parley talk`. */
static void name_device(char id[18], char client[UUID_TEXT])
{
    char text[160] = "parley coding ";
    uint8_t d[32];
    size_t n = strlen(text);
    gethostname(text + n, sizeof text - n - 1);
    sha256(slice_of(text), d);
    snprintf(id, 18, "02:%02x:%02x:%02x:%02x:%02x", d[0], d[1], d[2], d[3], d[4]);
    snprintf(client, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x", d[5], d[6], d[7],
             d[8], d[9], d[10], d[11] & 15, d[12], d[13] & 15, d[14], d[15], d[16], d[17], d[18], d[19], d[20]);
}

static enum err connect_to(struct coding *c, struct tls_context **tls)
{
    char id[18], client[UUID_TEXT];
    struct err_note note = { 0 };
    auto_mem struct ota_answer *to = xnew(struct ota_answer);
    name_device(id, client);
    snprintf(to->websocket_url, sizeof to->websocket_url, "%s", c->url ? c->url : "");
    snprintf(to->websocket_token, sizeof to->websocket_token, "%s", c->token ? c->token : "");
    struct ota_client who = { id, client, DEVICE_BOARD, DEVICE_FIRMWARE, "en-US" };
    enum err e = c->url ? OK : boot(to, c->loop, c->ota, &who, &note);
    if (e)
        snprintf(c->why, sizeof c->why, "%.110s. Is the server running? ./dev run starts it; --ota names another",
                 note.text);
    if (!e && to->has_activation && to->activation_code[0]) {
        snprintf(c->why, sizeof c->why, "this machine must be let in first: parley pair %s", to->activation_code);
        e = ERR_AUTH;
    }
    if (!e && strncmp(to->websocket_url, "wss:", 4) == 0)
        e = tls_client_create(tls, NULL, true);
    struct device_opts o = { .loop = c->loop, .url = to->websocket_url, .token = to->websocket_token, .device_id = id,
                             .client_id = client, .framing = FRAMING_V1, .frame_ms = 60, .tls = *tls, .on = &events,
                             .user = c };
    if (!e)
        e = device_open(&c->device, &o);
    if (e && !c->why[0])
        snprintf(c->why, sizeof c->why, "%.120s: %s", to->websocket_url, err_text(e));
    return e;
}

static int follow(struct coding *c)
{
    struct tls_context *tls = NULL;
    if (connect_to(c, &tls) == OK) {
        timer_start(&c->limit, c->loop, HELLO_MS, on_limit, c);
        while (!c->is_done)
            loop_step(c->loop, TICK_MS);
    }
    timer_stop(&c->tick);
    timer_stop(&c->limit);
    device_close(c->device);
    if (c->why[0])
        fprintf(stderr, "parley: %s\n", c->why);
    else if (!c->is_json)
        printf("%llu lines: %llu errors, %llu warnings%s\n", (unsigned long long)c->log->lines,
               (unsigned long long)c->log->errors, (unsigned long long)c->log->warnings,
               c->insights ? "" : "; nothing worth a remark");
    if (c->log->dropped)
        fprintf(stderr, "parley: %llu lines of information were not sent, the log was too fast\n",
                (unsigned long long)c->log->dropped);
    loop_end(c->loop);
    tls_free(tls);
    return c->why[0] ? EXIT_BAD : EXIT_FINE;
}

static bool open_log(struct coding *c)
{
    bool is_pipe = strcmp(c->file, "-") == 0;
    c->fd = is_pipe ? STDIN_FILENO : open(c->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (c->fd < 0) {
        fprintf(stderr, "parley: %s: %s; --follow wants a log file, or - for a pipe\n", c->file, strerror(errno));
        return false;
    }
    if (is_pipe)
        fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    c->is_file = !is_pipe && lseek(c->fd, 0, SEEK_CUR) >= 0;
    return true;
}

int command_coding(int argc, char **argv)
{
    struct coding c = { .ota = DEFAULT_OTA, .wait_s = 20, .fd = -1 };
    const struct arg list[] = {
        { "--follow", ARG_TEXT, "LOGFILE|-", "the log of a build or of tests; - reads a pipe", .text = &c.file },
        { "--once", ARG_FLAG, NULL, "read the file to its end and stop, instead of until Ctrl-C", .flag = &c.is_once },
        { "--wait", ARG_NUMBER, "SECONDS", "for the summary at the end (20)", .number = &c.wait_s, .min = 1,
          .max = 600 },
        { "--ota", ARG_TEXT, "URL", "OTA URL (" DEFAULT_OTA ")", .text = &c.ota },
        { "--url", ARG_TEXT, "URL", "WebSocket URL, without asking OTA", .text = &c.url },
        { "--token", ARG_TEXT, "TOKEN", "for --url", .text = &c.token },
        { "--json", ARG_FLAG, NULL, "the server's messages as they are", .flag = &c.is_json },
    };
    int e = args_parse(&(struct args){ "parley coding --follow LOGFILE|- [options]", list, COUNT(list) }, argc, argv);
    if (e)
        return e - 1;
    if (!c.file) {
        fprintf(stderr, "parley: which log? make 2>&1 | parley coding --follow -   (see --help)\n");
        return EXIT_USAGE;
    }
    if (!open_log(&c))
        return EXIT_BAD;
    if (loop_create(&c.loop, &(struct loop_opts){ .name = "coding" }))
        return EXIT_BAD;
    is_interrupted = 0;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    c.log = xnew(struct buildlog);
    int status = follow(&c);
    buildlog_done(c.log);
    mem_free(c.log);
    loop_free(c.loop);
    if (c.fd > STDIN_FILENO)
        close(c.fd);
    return status;
}
