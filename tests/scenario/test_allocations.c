/* SPDX-License-Identifier: MIT
 * test_allocations.c -- once a stream runs, an inbound audio frame costs no allocation: from the bytes of the
 * socket over WebSocket, framing, Opus and the voice detector to the recogniser.
 *
 * This program puts itself in front of the C library's allocator and counts what the loop's thread asks for while
 * the server works on a frame. The sanitizers bring their own allocator: there nothing can be counted, and the
 * tests are skipped. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audio/encoder.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "protocol/framing.h"
#include "store/store.h"

#define SPEECH "/usr/share/pocketsphinx/test/data/goforward.raw"
#define RATE_HZ 16000u
#define FRAME_MS 60u
#define FRAMES_MAX 64
#define FRAME_BYTES_MAX 2048
#define WARM_MS 10000u   /* until a stream runs: buffers have their size */
#define COUNTED_MS 46000u /* together less than limits.utterance_seconds */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_COUNT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAN_COUNT 0
#endif
#endif
#ifndef CAN_COUNT
#define CAN_COUNT 1
#endif

static _Thread_local bool is_counting;
static _Thread_local unsigned counted;

#if CAN_COUNT
/* glibc's own names; free() stays its own. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *ptr, size_t bytes);

void *malloc(size_t bytes)
{
    counted += is_counting;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    counted += is_counting;
    return __libc_calloc(count, bytes);
}

void *realloc(void *ptr, size_t bytes)
{
    counted += is_counting;
    return __libc_realloc(ptr, bytes);
}
#endif

/* --- a device made of bytes, so that nothing of the test allocates while the server works ------------------ */

struct wire {
    struct world w;
    int fd, service;     /* service: where recognisers are looked for; it listens and never answers */
    int guest;           /* the recogniser's connection to it */
    size_t guest_bytes;  /* what came there */
    char got[65536];
    size_t got_bytes;
    struct {
        uint8_t bytes[FRAME_BYTES_MAX];
        size_t len;
    } frames[FRAMES_MAX];
    unsigned frame_count;
};

static size_t put_frame(uint8_t *to, uint8_t opcode, const void *data, size_t len)
{
    size_t head = len < 126 ? 6 : 8;
    to[0] = (uint8_t)(0x80 | opcode);
    to[1] = (uint8_t)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        to[2] = (uint8_t)(len >> 8);
        to[3] = (uint8_t)len;
    }
    memcpy(to + head - 4, "\x11\x22\x33\x44", 4);
    for (size_t i = 0; i < len; i++)
        to[head + i] = ((const uint8_t *)data)[i] ^ to[head - 4 + (i & 3)];
    return head + len;
}

static void send_all(struct wire *d, const void *data, size_t len)
{
    assert_int_equal(send(d->fd, data, len, MSG_NOSIGNAL), len);
}

static void send_text(struct wire *d, const char *text)
{
    uint8_t frame[1024];
    assert_true(strlen(text) < 1000);
    send_all(d, frame, put_frame(frame, 1, text, strlen(text)));
}

static void read_some(struct wire *d)
{
    char waste[65536];
    ssize_t n = recv(d->fd, d->got + d->got_bytes, sizeof(d->got) - 1 - d->got_bytes, MSG_DONTWAIT);
    if (n > 0)
        d->got_bytes += (size_t)n;
    d->got[d->got_bytes] = '\0';
    if (d->guest < 0)
        d->guest = accept4(d->service, NULL, NULL, SOCK_NONBLOCK);
    while (d->guest >= 0 && (n = recv(d->guest, waste, sizeof(waste), MSG_DONTWAIT)) > 0)
        d->guest_bytes += (size_t)n;
}

static bool has_got(const struct wire *d, const char *needle)
{
    return memmem(d->got, d->got_bytes, needle, strlen(needle)) != NULL;
}

static void wait_for(struct wire *d, const char *needle)
{
    for (unsigned i = 0; i < 2000 && !has_got(d, needle); i++) {
        loop_step(d->w.loop, 2);
        read_some(d);
    }
    if (!has_got(d, needle))
        fail_msg("no %s in: %s", needle, d->got);
}

static int listener(uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void dial(struct wire *d, const char *hello)
{
    static const char request[] = "GET /xiaozhi/v1/?device-id=dev1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server_port(d->w.server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    d->fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    assert_int_equal(connect(d->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0); /* each piece by itself */
    send_all(d, request, sizeof(request) - 1);
    wait_for(d, "101 Switching");
    send_text(d, hello);
    wait_for(d, "session_id");
}

/* --- what is said ------------------------------------------------------------------------------------------ */

enum sound { QUIET, NOISE, SPEECH_OF_A_PERSON };

static bool fill(int16_t *samples, size_t count, enum sound s, FILE *speech)
{
    static uint32_t seed = 1;
    for (size_t i = 0; i < count && s != SPEECH_OF_A_PERSON; i++) {
        seed = seed * 1664525 + 1013904223;
        samples[i] = (int16_t)((int)(seed >> 16) % (s == QUIET ? 8 : 12000));
    }
    return s != SPEECH_OF_A_PERSON || fread(samples, sizeof(*samples), count, speech) == count;
}

/* framing: what stands before each packet, as the hello's version has it. */
static void make_frames(struct wire *d, enum sound s, bool is_pcm, enum framing framing)
{
    struct encoder *encoder = NULL;
    int16_t samples[RATE_HZ * FRAME_MS / 1000];
    FILE *speech = s == SPEECH_OF_A_PERSON ? fopen(SPEECH, "rb") : NULL;
    struct encoder_opts o = { .rate_hz = RATE_HZ, .frame_us = FRAME_MS * 1000, .bitrate = 24000, .complexity = -1 };
    assert_ok(encoder_create(&encoder, &o));
    while (d->frame_count < FRAMES_MAX - 2 && fill(samples, COUNT(samples), s, speech)) {
        uint8_t message[FRAME_BYTES_MAX];
        struct slice packet = slice_from(samples, sizeof(samples) / 2); /* 30 ms of PCM */
        if (!is_pcm)
            assert_ok(encoder_frame(encoder, (struct pcm){ samples, COUNT(samples) }, &packet));
        size_t head = framing_encode(framing, message, packet.len, d->frame_count * FRAME_MS);
        memcpy(message + head, packet.data, packet.len);
        d->frames[d->frame_count].len = put_frame(d->frames[d->frame_count].bytes, 2, message, head + packet.len);
        d->frame_count++;
    }
    assert_true(d->frame_count > 20);
    encoder_free(encoder);
    if (speech)
        fclose(speech);
}

/* One frame on its way in; `cut`: in two pieces, each read by itself. */
static void hear_frame(struct wire *d, unsigned number, size_t cut, bool counts)
{
    const uint8_t *bytes = d->frames[number % d->frame_count].bytes;
    size_t len = d->frames[number % d->frame_count].len;
    size_t first = MIN(cut ? cut : len, len);
    send_all(d, bytes, first);
    is_counting = counts;
    loop_step(d->w.loop, 0);
    is_counting = false;
    if (first < len)
        send_all(d, bytes + first, len - first);
    is_counting = counts;
    loop_advance(d->w.loop, FRAME_MS);
    is_counting = false;
    read_some(d);
}

struct row {
    const char *name, *config, *hello, *listen;
    enum sound sound;
    bool is_pcm;
    enum framing framing;
    size_t cut;
    size_t service_bytes; /* so much comes to the recogniser in the end */
};

#define HELLO_OF(version, format, rate)                                                            \
    "{\"type\":\"hello\",\"version\":" version ",\"transport\":\"websocket\",\"audio_params\":"      \
    "{\"format\":\"" format "\",\"sample_rate\":" rate ",\"channels\":1,\"frame_duration\":60}}"
#define START(mode) "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"" mode "\"}"
#define WITH(vad, asr) "selected_module: {VAD: " vad ", ASR: " asr ", LLM: f, TTS: f, Memory: f}\n"
#define ENTRIES                                                                                    \
    "VAD: {f: {type: fake}, SileroVAD: {type: silero}, W: {type: webrtc}}\n"                         \
    "ASR: {f: {type: fake}, p: {type: fake_opus}, y: {type: wyoming, uri: \"tcp://127.0.0.1:%1$u\"},\n" \
    "  o: {type: openai, base_url: \"http://127.0.0.1:%1$u/v1\"},\n"                                 \
    "  w: {type: openai, base_url: \"http://127.0.0.1:%1$u/v1\", format: wav}}\n"

static const struct row rows[] = {
    { "silence, silero", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("auto"), QUIET },
    { "silence, realtime", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("realtime"), QUIET },
    { "silence, webrtc", WITH("W", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("auto"), QUIET },
    { "noise, silero", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("auto"), NOISE },
    { "speech to wyoming, by hand", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("manual"),
      SPEECH_OF_A_PERSON, .service_bytes = 1500000 },
    { "packets to a service, by hand", WITH("SileroVAD", "o") ENTRIES, HELLO_OF("1", "opus", "16000"),
      START("manual"), SPEECH_OF_A_PERSON, .service_bytes = 50000 },
    { "wav to a service, by hand", WITH("SileroVAD", "w") ENTRIES, HELLO_OF("1", "opus", "16000"), START("manual"),
      SPEECH_OF_A_PERSON, .service_bytes = 1500000 },
    { "packets to a chain", WITH("SileroVAD", "o") ENTRIES "fallback: {ASR: [p]}\n", HELLO_OF("1", "opus", "16000"),
      START("manual"), SPEECH_OF_A_PERSON, .service_bytes = 50000 },
    { "samples to a chain", WITH("SileroVAD", "y") ENTRIES "fallback: {ASR: [f]}\n", HELLO_OF("1", "opus", "16000"),
      START("manual"), SPEECH_OF_A_PERSON, .service_bytes = 1500000 },
    { "version 2", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("2", "opus", "16000"), START("auto"), QUIET,
      .framing = FRAMING_V2 },
    { "version 3", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("3", "opus", "16000"), START("auto"), QUIET,
      .framing = FRAMING_V3 },
    { "cut in the payload", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("auto"), QUIET,
      .cut = 20 },
    { "cut in the head", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "opus", "16000"), START("auto"), QUIET,
      .cut = 1 },
    { "samples of a device", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "pcm", "16000"), START("auto"), QUIET,
      .is_pcm = true },
    { "samples at another rate", WITH("SileroVAD", "y") ENTRIES, HELLO_OF("1", "pcm", "24000"), START("auto"), QUIET,
      .is_pcm = true },
};

static enum err nothing(struct db *db, void *input)
{
    return OK;
}

/* What was asked of the store has been answered. */
static void settle(struct wire *d)
{
    for (unsigned i = 0; i < 10; i++) {
        assert_ok(store_run(server_store(d->w.server), nothing, NULL));
        loop_step(d->w.loop, 1);
    }
}

/* The stream has run: every frame was taken, and what was said came to the recogniser. */
static void check_heard(struct wire *d, const struct row *r, unsigned frames)
{
    assert_int_equal(metric_value(METRIC_frames_in_total), frames);
    send_text(d, "{\"type\":\"listen\",\"state\":\"stop\"}");
    for (unsigned i = 0; i < 500 && d->guest_bytes < r->service_bytes; i++) {
        loop_step(d->w.loop, 2);
        read_some(d);
    }
    if (d->guest_bytes < r->service_bytes)
        fail_msg("%s: %zu bytes for the recogniser", r->name, d->guest_bytes);
}

static unsigned allocations_of(const struct row *r)
{
    static struct wire d;
    uint16_t port;

    memset(&d, 0, sizeof(d));
    d.guest = -1;
    d.service = listener(&port);
    auto_mem char *entries = xprintf(r->config, port);
    auto_mem char *more = xprintf("enable_greeting: false\n%s", entries);
    world_start(&d.w, &(struct world_opts){ .more = more });
    make_frames(&d, r->sound, r->is_pcm, r->framing);
    dial(&d, r->hello);
    send_text(&d, r->listen);
    settle(&d);
    metrics_reset();
    unsigned number = 0, before = counted;
    for (; number < WARM_MS / FRAME_MS; number++)
        hear_frame(&d, number, r->cut, false);
    for (; number < (WARM_MS + COUNTED_MS) / FRAME_MS; number++)
        hear_frame(&d, number, r->cut, true);
    check_heard(&d, r, number);
    close(d.fd);
    if (d.guest >= 0)
        close(d.guest);
    close(d.service);
    unsigned n = counted - before;
    world_end(&d.w);
    return n;
}

static void a_frame_of_a_running_stream_allocates_nothing(void **state)
{
    if (!CAN_COUNT)
        skip();
    unsigned bad = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned n = allocations_of(&rows[i]);
        if (n > 0) {
            print_error("%s: %u allocations in %u frames\n", rows[i].name, n, COUNTED_MS / FRAME_MS);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_a_running_stream_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
