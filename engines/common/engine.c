/* SPDX-License-Identifier: MIT
 * engine.c -- a small blocking Wyoming server around one engine.
 *
 * main thread: listen -> load models -> accept ... until a signal. Early callers wait in the backlog
 * while models load. */
#include "engines/common/engine.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_BYTES 16384
#define CHUNK_SAMPLES 2048
#define SAMPLES_MAX (ENGINE_SECONDS_MAX * ENGINE_RATE_HZ)
#define THREAD_STACK_BYTES (4u << 20)

struct server {
    const struct engine_class *cls;
    void *self;                  /* the engine's own */
    pthread_mutex_t engine;      /* one caller at a time */
    pthread_mutex_t lock;        /* of the count below */
    unsigned connections;
};

struct connection {
    struct server *server;
    int fd;
    struct wyoming wyoming;
    struct engine_sink sink;
    struct wyoming_format format;
    int16_t *samples;
    size_t sample_count;
    struct buf text;             /* of a synthesis that comes in pieces */
    bool is_streaming;
};

const char *engine_arg(const struct engine_args *a, const char *name, const char *otherwise)
{
    size_t len = strlen(name);
    for (int i = 1; i < a->count; i++) {
        const char *arg = a->list[i];
        if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, name, len) == 0 && arg[2 + len] == '=')
            return arg + 3 + len;
    }
    return otherwise;
}

/* --- writing -------------------------------------------------------------------------------------- */

/* flags MSG_DONTWAIT: as much as goes now. */
static void sink_flush(struct engine_sink *s, int flags)
{
    while (s->out.len && !s->is_broken) {
        ssize_t n = send(s->fd, s->out.data, s->out.len, flags | MSG_NOSIGNAL);
        if (n > 0) {
            buf_eat(&s->out, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            return;
        } else if (n == 0 || errno != EINTR) {
            s->is_broken = true;
        }
    }
    if (s->is_broken)
        buf_clear(&s->out);
}

bool engine_sink_put(struct engine_sink *s, uint32_t rate_hz, struct pcm pcm)
{
    if (!s->has_started)
        wyoming_audio_start(&s->out, rate_hz);
    s->has_started = true;
    s->rate_hz = rate_hz;
    while (pcm.count && !s->is_broken) {
        struct pcm part = { pcm.samples, MIN(pcm.count, (size_t)CHUNK_SAMPLES) };
        wyoming_audio_chunk(&s->out, rate_hz, part);
        pcm = (struct pcm){ pcm.samples + part.count, pcm.count - part.count };
        sink_flush(s, MSG_DONTWAIT);
    }
    return !s->is_broken;
}

static void send_info(struct connection *c)
{
    const struct engine_class *cls = c->server->cls;
    auto_buf struct buf data = { 0 };
    struct jw w;
    jw_init(&w, &data);
    jw_object(&w);
    jw_array_as(&w, cls->recognise ? "asr" : "tts");
    jw_object(&w);
    jw_cstr(&w, "name", cls->name);
    jw_cstr(&w, "description", cls->about);
    jw_cstr(&w, "version", cls->version);
    jw_bool(&w, "installed", true);
    jw_object_as(&w, "attribution");
    jw_cstr(&w, "name", cls->name);
    jw_cstr(&w, "url", "");
    jw_end(&w);
    if (cls->recognise) {
        jw_array_as(&w, "models");
        jw_object(&w);
        jw_cstr(&w, "name", cls->name);
        jw_bool(&w, "installed", true);
        jw_raw(&w, "languages", slice_of(cls->languages_json));
        jw_end(&w);
        jw_end(&w);
    } else {
        jw_bool(&w, "supports_synthesize_streaming", true);
        jw_raw(&w, "voices", slice_of(cls->voices_json ? cls->voices_json : "[]"));
    }
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    wyoming_write(&c->sink.out, "info", buf_slice(&data), (struct slice){ NULL, 0 });
}

/* --- events --------------------------------------------------------------------------------------- */

static void audio_start(struct connection *c, const struct wyoming_event *e)
{
    c->sample_count = 0;
    if (wyoming_format_read(e, &c->format) || c->format.rate_hz != ENGINE_RATE_HZ) {
        c->format.rate_hz = 0;
        wyoming_error(&c->sink.out, SLICE("16 bit, 16000 Hz is wanted"));
    }
}

static void audio_chunk(struct connection *c, const struct wyoming_event *e)
{
    size_t width = 2u * c->format.channels;
    if (c->format.rate_hz == 0)
        return;
    if (!c->samples)
        c->samples = xalloc(SAMPLES_MAX * sizeof(int16_t));
    for (size_t at = 0; at + width <= e->payload.len && c->sample_count < SAMPLES_MAX; at += width) {
        int16_t pair[2] = { 0 };
        memcpy(pair, e->payload.data + at, width);
        c->samples[c->sample_count++] =
            c->format.channels == 2 ? (int16_t)((pair[0] + pair[1]) / 2) : pair[0];
    }
}

static bool peer_is_there(const struct connection *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };
    return poll(&p, 1, 0) == 0 || !(p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void transcribe(struct connection *c)
{
    auto_buf struct buf text = { 0 };
    pthread_mutex_lock(&c->server->engine);
    if (c->sample_count && peer_is_there(c))
        c->server->cls->recognise(c->server->self, (struct pcm){ c->samples, c->sample_count }, &text);
    pthread_mutex_unlock(&c->server->engine);
    c->sample_count = 0;
    wyoming_transcript(&c->sink.out, slice_trim(buf_slice(&text)), SLICE("en"));
}

static void synthesize(struct connection *c, struct slice text, const struct wyoming_voice *voice)
{
    struct engine_sink *s = &c->sink;
    s->has_started = false;
    pthread_mutex_lock(&c->server->engine);
    bool is_spoken = c->server->cls->speak(c->server->self, slice_sub(text, 0, ENGINE_TEXT_MAX), voice, s);
    pthread_mutex_unlock(&c->server->engine);
    if (!is_spoken) {
        wyoming_error(&s->out, SLICE("no such voice"));
        return;
    }
    if (!s->has_started)
        wyoming_audio_start(&s->out, s->rate_hz ? s->rate_hz : ENGINE_RATE_HZ);
    wyoming_audio_stop(&s->out);
}

static struct wyoming_voice voice_of(const struct wyoming_event *e)
{
    const struct json *voice = wyoming_get(e, "voice");
    return (struct wyoming_voice){ .name = json_get_text(voice, "name"),
                                   .language = json_get_text(voice, "language"),
                                   .speaker = json_get_text(voice, "speaker") };
}

static void on_asr_event(struct connection *c, const struct wyoming_event *e)
{
    if (slice_is(e->type, "audio-start"))
        audio_start(c, e);
    else if (slice_is(e->type, "audio-chunk"))
        audio_chunk(c, e);
    else if (slice_is(e->type, "audio-stop"))
        transcribe(c);
}

static void on_tts_event(struct connection *c, const struct wyoming_event *e)
{
    struct wyoming_voice voice = voice_of(e);
    if (slice_is(e->type, "synthesize")) {
        if (!c->is_streaming) /* streaming clients send it too, for old servers */
            synthesize(c, wyoming_text(e, "text"), &voice);
    } else if (slice_is(e->type, "synthesize-start")) {
        c->is_streaming = true;
        buf_clear(&c->text);
    } else if (slice_is(e->type, "synthesize-chunk")) {
        (void)buf_put(&c->text, wyoming_text(e, "text"));
    } else if (slice_is(e->type, "synthesize-stop")) {
        synthesize(c, buf_slice(&c->text), &voice);
        wyoming_write(&c->sink.out, "synthesize-stopped", (struct slice){ NULL, 0 }, (struct slice){ NULL, 0 });
        c->is_streaming = false;
    }
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    struct wyoming_event e;
    char bytes[READ_BYTES];
    ssize_t n = 0;
    while (!c->sink.is_broken && ((n = recv(c->fd, bytes, sizeof(bytes), 0)) > 0 || (n < 0 && errno == EINTR))) {
        if (n < 0)
            continue;
        if (wyoming_feed(&c->wyoming, slice_from(bytes, (size_t)n)))
            break;
        while (!c->sink.is_broken && wyoming_next(&c->wyoming, &e)) {
            if (slice_is(e.type, "describe"))
                send_info(c);
            else if (c->server->cls->recognise)
                on_asr_event(c, &e);
            else
                on_tts_event(c, &e);
            sink_flush(&c->sink, 0);
        }
        if (c->wyoming.err)
            break;
    }
    close(c->fd);
    wyoming_done(&c->wyoming);
    buf_done(&c->sink.out);
    buf_done(&c->text);
    mem_free(c->samples);
    pthread_mutex_lock(&c->server->lock);
    c->server->connections--;
    pthread_mutex_unlock(&c->server->lock);
    mem_free(c);
    return NULL;
}

/* --- the program ------------------------------------------------------------------------------------ */

static void take_connection(struct server *s, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    pthread_mutex_lock(&s->lock);
    bool is_full = s->connections == ENGINE_CONNECTIONS_MAX;
    s->connections += !is_full;
    pthread_mutex_unlock(&s->lock);
    if (is_full) {
        close(fd);
        return;
    }
    struct connection *c = xnew(struct connection);
    c->server = s;
    c->fd = c->sink.fd = fd;
    c->text.max = ENGINE_TEXT_MAX;
    c->format = (struct wyoming_format){ ENGINE_RATE_HZ, 2, 1 };

    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, serve, c)) {
        close(fd);
        mem_free(c);
        pthread_mutex_lock(&s->lock);
        s->connections--;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_attr_destroy(&attributes);
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(at.sun_path)) {
        fprintf(stderr, "the socket's path is too long: %s\n", path);
        return -1;
    }
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    mode_t mask = umask(0177);
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0;
    umask(mask);
    if (is_bound)
        return fd;
    fprintf(stderr, "cannot listen at %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static const char *socket_path(const struct engine_args *a)
{
    for (int i = 1; i < a->count; i++) {
        if (strncmp(a->list[i], "--", 2) != 0)
            return strncmp(a->list[i], "unix:", 5) == 0 ? a->list[i] + 5 : a->list[i];
    }
    return NULL;
}

/* SIGTERM and SIGINT as something to wait for; threads made later inherit the mask. */
static int catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int engine_main(int argc, char **argv, const struct engine_class *cls)
{
    struct engine_args args = { argc, argv };
    const char *path = socket_path(&args);
    pid_t parent = getppid();
    if (!path) {
        fprintf(stderr, "usage: %s [--option=value ...] SOCKET\n%s\n", argv[0], cls->about);
        return 2;
    }
    int signals = catch_signals();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || signals < 0)
        return 1;
    int listener = listen_at(path);
    void *self = listener >= 0 ? cls->load(&args) : NULL;
    if (!self) {
        if (listener >= 0)
            unlink(path);
        return 1;
    }
    struct server s = { .cls = cls, .self = self, .engine = PTHREAD_MUTEX_INITIALIZER,
                        .lock = PTHREAD_MUTEX_INITIALIZER };
    struct pollfd fds[2] = { { .fd = signals, .events = POLLIN }, { .fd = listener, .events = POLLIN } };
    while (!(fds[0].revents & POLLIN)) {
        if (poll(fds, 2, -1) > 0 && fds[1].revents & POLLIN)
            take_connection(&s, listener);
    }
    unlink(path);
    _exit(0); /* threads may be inside the engine: nothing of theirs needs saving */
}
