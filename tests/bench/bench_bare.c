/* SPDX-License-Identifier: MIT
 * bench_bare.c -- what no server can go below here: libopus, the detector's kernels and the kernel's TCP, for
 * as many devices as are asked for (their states do not fit into a cache, and neither do a server's), on the
 * packets that `parley load` sends and the voice that `parley mock` has.
 *
 *     bench_bare [up|down] [devices] [speech.wav]    200; without a file the mock's voice speaks
 * Each line is NAME MICROSECONDS: CPU for a frame of 60 ms (or NAME BYTES of a packet).
 *
 * TCP: a child on another core has the other end of each connection. Each connection has a frame every 60 ms,
 * not all at the same moment; one recv or one send for each, epoll, nothing else. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <opus/opus.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audio/encoder.h"
#include "audio/silero.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/mock_server.h"
#include "cli/uplink.h"
#include "cli/voice.h"

#define DEVICES 200
#define DEVICES_MAX 5000
#define FRAMES 33           /* of each device in a round: two seconds */
#define ROUNDS 5
#define FRAME_US 60000
#define OUT_HZ 24000
#define OUT_SAMPLES (OUT_HZ * 60 / 1000)
#define TCP_US 2000000      /* of each measurement */
#define WS_UP_BYTES 8       /* header of a masked message of this size; the other way 4 */
#define WS_DOWN_BYTES 4
#define CHUNK_BYTES 7       /* around the PCM of a frame, as HTTP sends it in pieces */
#define PEER_CORE 1

struct ear {                /* one device that speaks */
    OpusDecoder *decoder;
    struct silero_state vad;
    struct uplink_at mic;
    int16_t window[SILERO_WINDOW];
    size_t held;
};

static unsigned devices = DEVICES;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double median(double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (v[k] < v[i]) {
                double held = v[i];
                v[i] = v[k];
                v[k] = held;
            }
    return v[n / 2];
}

static void say(const char *name, double value)
{
    printf("%s %.2f\n", name, value);
    fflush(stdout);
}

/* --- hearing --------------------------------------------------------------------------------------------- */

struct batch {
    const struct silero *net; /* NULL: decoding alone */
    struct silero_job jobs[SILERO_BATCH_MAX];
    int16_t samples[SILERO_BATCH_MAX][SILERO_WINDOW];
    size_t count;
};

static void run_batch(struct batch *b)
{
    if (b->count)
        silero_run(b->net, b->jobs, b->count);
    b->count = 0;
}

static void put_window(struct batch *b, struct ear *e)
{
    if (!b->net)
        return;
    for (size_t i = 0; i < b->count; i++)
        if (b->jobs[i].state == &e->vad) { /* a batch holds one window of a stream */
            run_batch(b);
            break;
        }
    memcpy(b->samples[b->count], e->window, sizeof(e->window));
    b->jobs[b->count] = (struct silero_job){ .state = &e->vad, .samples = b->samples[b->count] };
    if (++b->count == SILERO_BATCH_MAX)
        run_batch(b);
}

static void hear(struct ear *e, struct batch *b)
{
    int16_t pcm[5760];
    struct slice packet;
    if (uplink_is_over(&e->mic))
        e->mic.next = 0;
    if (!uplink_next(&e->mic, &packet))
        die("no packets");
    int count = opus_decode(e->decoder, (const unsigned char *)packet.data, (opus_int32)packet.len, pcm, 5760, 0);
    for (int at = 0; at < count;) {
        size_t part = MIN(SILERO_WINDOW - e->held, (size_t)(count - at));
        memcpy(e->window + e->held, pcm + at, part * sizeof(*pcm));
        e->held += part;
        at += (int)part;
        if (e->held == SILERO_WINDOW) {
            put_window(b, e);
            e->held = 0;
        }
    }
}

static double hear_us(struct ear *ears, const struct silero *net)
{
    static struct batch b;
    double us[ROUNDS];
    b.net = net;
    for (int r = 0; r < ROUNDS; r++) {
        uint64_t start = clock_thread_cpu_us();
        for (unsigned n = 0; n < FRAMES; n++)
            for (unsigned i = 0; i < devices; i++)
                hear(&ears[i], &b);
        run_batch(&b);
        us[r] = (double)(clock_thread_cpu_us() - start) / FRAMES / devices;
    }
    return median(us, ROUNDS);
}

static void bench_hearing(const struct uplink *u)
{
    char path[1024];
    const char *models = getenv("PARLEY_MODELS");
    struct silero *net = NULL;
    struct ear *ears = xalloc(devices * sizeof(*ears));
    int status;
    for (unsigned i = 0; i < devices; i++) {
        ears[i].decoder = opus_decoder_create(UPLINK_RATE_HZ, 1, &status);
        ears[i].mic = (struct uplink_at){ .u = u, .next = (unsigned)((uint64_t)i * u->speech_end / devices) };
    }
    say("decode", hear_us(ears, NULL));
    snprintf(path, sizeof(path), "%s/silero_vad_v5.onnx", models ? models : "models");
    if (silero_load(&net, path, SILERO_AUTO) == OK)
        say("hear", hear_us(ears, net)); /* decoding and detecting */
    silero_free(net);
    for (unsigned i = 0; i < devices; i++)
        opus_decoder_destroy(ears[i].decoder);
    mem_free(ears);
}

/* --- speaking -------------------------------------------------------------------------------------------- */

/* Returns the mean size of a packet. */
static double bench_encoding(struct pcm voice)
{
    OpusEncoder **encoders = xalloc(devices * sizeof(*encoders));
    unsigned char out[1500];
    uint64_t bytes = 0;
    double us[ROUNDS];
    int status;
    size_t frames = voice.count / OUT_SAMPLES;
    for (unsigned i = 0; i < devices; i++) {
        encoders[i] = opus_encoder_create(OUT_HZ, 1, OPUS_APPLICATION_AUDIO, &status);
        opus_encoder_ctl(encoders[i], OPUS_SET_BITRATE(ENCODER_BITRATE));
        opus_encoder_ctl(encoders[i], OPUS_SET_COMPLEXITY(ENCODER_COMPLEXITY));
    }
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t start = clock_thread_cpu_us();
        for (unsigned n = 0; n < FRAMES; n++)
            for (unsigned i = 0; i < devices; i++) {
                size_t at = (r * FRAMES + n + i) % frames;
                bytes += (uint64_t)opus_encode(encoders[i], voice.samples + at * OUT_SAMPLES, OUT_SAMPLES, out, sizeof(out));
            }
        us[r] = (double)(clock_thread_cpu_us() - start) / FRAMES / devices;
    }
    for (unsigned i = 0; i < devices; i++)
        opus_encoder_destroy(encoders[i]);
    mem_free(encoders);
    say("encode", median(us, ROUNDS));
    return (double)bytes / ((double)ROUNDS * FRAMES * devices);
}

/* --- TCP ------------------------------------------------------------------------------------------------- */

static char buffer[65536];

/* Sends a frame of `bytes` on each connection every 60 ms, until `TCP_US` are over; sleeps in between, a
 * millisecond at least. Returns how many. */
static uint64_t send_paced(const int *fds, size_t bytes)
{
    uint64_t sent = 0, begun_us = clock_mono_us(), due = 0, passed_us = 0;
    while (passed_us < TCP_US) {
        for (uint64_t until = passed_us * devices / FRAME_US; due < until; due++)
            sent += send(fds[due % devices], buffer, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)bytes;
        uint64_t wake_us = begun_us + MAX((due + 1) * FRAME_US / devices + 1, passed_us + 1000);
        struct timespec wake = { .tv_sec = (time_t)(wake_us / 1000000), .tv_nsec = (long)(wake_us % 1000000) * 1000 };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        passed_us = clock_mono_us() - begun_us;
    }
    return sent;
}

/* Until the first connection ends. Returns how many bytes came. */
static uint64_t receive_all(const int *fds)
{
    struct epoll_event events[1024];
    uint64_t bytes = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < devices; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.fd = fds[i] };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e))
            die("epoll_ctl");
    }
    for (;;) {
        int count = epoll_wait(epoll, events, COUNT(events), -1);
        for (int i = 0; i < count; i++) {
            ssize_t n = recv(events[i].data.fd, buffer, sizeof(buffer), 0);
            if (n <= 0) {
                close(epoll);
                return bytes;
            }
            bytes += (uint64_t)n;
        }
    }
}

static void connect_all(int *fds, const struct sockaddr_in *to)
{
    int on = 1;
    for (unsigned i = 0; i < devices; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fds[i], (const struct sockaddr *)to, sizeof(*to)))
            die("connect");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
}

static void peer(const struct sockaddr_in *to, size_t bytes, bool is_sender)
{
    cpu_set_t core;
    int *fds = xalloc(devices * sizeof(*fds));
    CPU_ZERO(&core);
    CPU_SET(PEER_CORE, &core);
    (void)!sched_setaffinity(0, sizeof(core), &core);
    connect_all(fds, to);
    if (is_sender)
        send_paced(fds, bytes);
    else
        receive_all(fds);
    _exit(0);
}

/* CPU of this side for a frame of `bytes`. */
static void bench_tcp(const char *name, size_t bytes, bool is_receiving)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int on = 1, *fds = xalloc(devices * sizeof(*fds)), listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listening, (struct sockaddr *)&at, sizeof(at)) || listen(listening, 1024) ||
        getsockname(listening, (struct sockaddr *)&at, &len))
        die("listen");
    pid_t child = fork();
    if (child == 0)
        peer(&at, bytes, is_receiving);
    for (unsigned i = 0; i < devices; i++) {
        fds[i] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fds[i] < 0)
            die("accept");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    uint64_t start = clock_thread_cpu_us();
    uint64_t frames = is_receiving ? receive_all(fds) / bytes : send_paced(fds, bytes);
    double us = (double)(clock_thread_cpu_us() - start) / (double)MAX(frames, 1u);
    for (unsigned i = 0; i < devices; i++)
        close(fds[i]);
    close(listening);
    waitpid(child, NULL, 0);
    mem_free(fds);
    say(name, us);
}

/* --- what is said ---------------------------------------------------------------------------------------- */

static void build_uplink(struct uplink *u, const char *wav, struct pcm voice)
{
    struct err_note note = { 0 };
    struct pcm_queue pcm;
    pcm_queue_init(&pcm, (size_t)VOICE_SECONDS_MAX * VOICE_RATE_HZ);
    if (wav ? voice_from_wav(&pcm, wav, VOICE_RATE_HZ, &note) : pcm_queue_put(&pcm, voice)) {
        fprintf(stderr, "bench_bare: %s: %s\n", wav ? wav : "voice", note.text);
        exit(1);
    }
    if (uplink_build(u, pcm_queue_peek(&pcm), 60, false))
        die("uplink_build");
    pcm_queue_done(&pcm);
}

static void bench_up(const char *wav, struct pcm voice)
{
    struct uplink u;
    build_uplink(&u, wav, voice);
    size_t bytes = u.ends[u.speech_end - 1] / u.speech_end;
    say("up_bytes", (double)bytes);
    bench_hearing(&u);
    bench_tcp("receive_up", bytes + WS_UP_BYTES, true);
    uplink_done(&u);
}

static void bench_down(struct pcm voice)
{
    size_t bytes = (size_t)bench_encoding(voice);
    say("down_bytes", (double)bytes);
    bench_tcp("send_down", bytes + WS_DOWN_BYTES, false);
    bench_tcp("receive_pcm", OUT_SAMPLES * sizeof(int16_t) + CHUNK_BYTES, true);
}

int main(int argc, char **argv)
{
    size_t count;
    int16_t *samples = mock_voice_make(&count);
    const char *what = argc > 1 ? argv[1] : "both";
    struct rlimit files;
    int64_t n;
    if (argc > 2 && slice_to_i64(slice_of(argv[2]), &n) && n > 0 && n <= DEVICES_MAX)
        devices = (unsigned)n;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &files);
    }
    if (strcmp(what, "down") != 0)
        bench_up(argc > 3 ? argv[3] : NULL, (struct pcm){ samples, count });
    if (strcmp(what, "up") != 0)
        bench_down((struct pcm){ samples, count });
    mem_free(samples);
    return 0;
}
