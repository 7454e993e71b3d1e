/* SPDX-License-Identifier: MIT
 * bench_ws.c -- the WebSocket edge on its own: echoes per second with server and client on one thread,
 * what the codec alone costs, and the resident bytes of an idle connection (server's side only: the
 * clients are bare sockets of a child process).
 *
 *     bench_ws [connections] [seconds]         default 2000, 2 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/ws.h"
#include "http/ws_codec.h"

#define FRAME_BYTES 120 /* 60 ms of Opus */
#define PAIRS 100

struct bench {
    struct loop *loop;
    struct http_server *server;
    struct ws **accepted;
    unsigned accepted_count, connections_max, opens;
    uint64_t echoes;
    char frame[FRAME_BYTES];
};

struct peer {
    struct bench *b;
    struct ws *ws;
};

static void on_server_binary(void *user, struct slice data)
{
    struct peer *p = user;
    (void)ws_send_binary(p->ws, (struct slice){ NULL, 0 }, data);
}

static void on_client_binary(void *user, struct slice data)
{
    struct peer *p = user;
    p->b->echoes++;
    (void)ws_send_binary(p->ws, (struct slice){ NULL, 0 }, data);
}

static void on_text(void *user, struct slice text)
{
    (void)user, (void)text;
}

static void on_open(void *user)
{
    struct peer *p = user;
    p->b->opens++;
    (void)ws_send_binary(p->ws, (struct slice){ NULL, 0 }, slice_from(p->b->frame, FRAME_BYTES));
}

static void on_close(void *user, int code, struct slice reason, int status)
{
    (void)code, (void)reason, (void)status;
    mem_free(user);
}

static const struct ws_events server_ws = { .on_text = on_text, .on_binary = on_server_binary, .on_close = on_close };
static const struct ws_events client_ws = { on_open, on_text, on_client_binary, NULL, NULL, on_close };

static void on_request(void *user, struct http_req *r)
{
    struct peer *p = xnew(struct peer);
    p->b = user;
    if (ws_accept(&p->ws, r, NULL, &server_ws, p) == OK)
        p->b->accepted_count++;
}

static const struct http_server_events events = { .on_request = on_request };

static size_t resident_bytes(void)
{
    long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A child that connects, upgrades and then only holds its sockets. */
static pid_t hold_sockets(uint16_t port, unsigned count)
{
    static const char upgrade[] = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    pid_t child = fork();
    if (child != 0)
        return child;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    for (unsigned i = 0; i < count; i++) {
        char reply[512];
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
            write(fd, upgrade, sizeof(upgrade) - 1) < 0 || read(fd, reply, sizeof(reply)) <= 0)
            _exit(1);
    }
    pause();
    _exit(0);
}

static void measure_idle(struct bench *b)
{
    unsigned warm = b->connections_max / 10 + 1;
    pid_t first = hold_sockets(http_server_port(b->server), warm); /* so that pools exist */
    while (b->accepted_count < warm)
        loop_step(b->loop, 10);
    size_t before = resident_bytes();
    uint64_t cpu = clock_thread_cpu_us();
    pid_t child = hold_sockets(http_server_port(b->server), b->connections_max);
    while (b->accepted_count < warm + b->connections_max)
        loop_step(b->loop, 10);
    cpu = clock_thread_cpu_us() - cpu;
    double bytes = (double)(resident_bytes() - before) / b->connections_max;
    printf("idle connection            %8.0f bytes resident, %u of them\n", bytes, b->connections_max);
    printf("accept and upgrade         %8.1f us of CPU each\n", (double)cpu / b->connections_max);
    kill(child, SIGKILL);
    kill(first, SIGKILL);
    waitpid(child, NULL, 0);
    waitpid(first, NULL, 0);
    for (int i = 0; i < 2000; i++)
        loop_step(b->loop, 0);
}

static void measure_echo(struct bench *b, unsigned seconds)
{
    char url[60];
    struct peer *peers[PAIRS];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", http_server_port(b->server));
    for (unsigned i = 0; i < PAIRS; i++) {
        peers[i] = xnew(struct peer);
        peers[i]->b = b;
        if (ws_connect(&peers[i]->ws, b->loop, &(struct ws_connect_opts){ .url = url }, &client_ws, peers[i]) != OK)
            exit(1);
    }
    while (b->opens < PAIRS)
        loop_step(b->loop, 10);
    uint64_t began = clock_mono_us(), cpu = clock_thread_cpu_us();
    b->echoes = 0;
    while (clock_mono_us() - began < seconds * 1000000ull)
        loop_step(b->loop, 10);
    cpu = clock_thread_cpu_us() - cpu;
    /* Each echo is two messages sent and two received on this thread. */
    printf("echo of %d bytes          %8.0f a second of one core, %.2f us a message\n", FRAME_BYTES,
           (double)b->echoes / (double)cpu * 1e6, (double)cpu / (double)b->echoes / 2);
    for (unsigned i = 0; i < PAIRS; i++) {
        ws_drop(peers[i]->ws);
        mem_free(peers[i]);
    }
    for (int i = 0; i < 2000; i++)
        loop_step(b->loop, 0);
}

static uint64_t codec_messages;

static void on_codec_message(void *user, bool is_text, struct slice data)
{
    (void)user, (void)is_text, (void)data;
    codec_messages++;
}

static void measure_codec(struct bench *b)
{
    static const struct ws_codec_events codec_events = { .on_message = on_codec_message };
    char frame[WS_HEAD_MAX + FRAME_BYTES];
    struct ws_codec c;
    const uint8_t mask[4] = { 1, 2, 3, 4 };
    uint64_t rounds = 5000000, cpu = clock_thread_cpu_us();
    ws_codec_init(&c, true, 1000, 1000, &codec_events, NULL);
    for (uint64_t i = 0; i < rounds; i++) {
        size_t head = ws_head((uint8_t *)frame, WS_BINARY, FRAME_BYTES, mask);
        memcpy(frame + head, b->frame, FRAME_BYTES);
        ws_codec_feed(&c, frame, head + FRAME_BYTES);
    }
    cpu = clock_thread_cpu_us() - cpu;
    printf("codec alone                %8.1f ns a frame (%llu)\n", (double)cpu * 1000 / (double)rounds,
           (unsigned long long)codec_messages);
    ws_codec_done(&c);
}

int main(int argc, char **argv)
{
    struct bench b = { .connections_max = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000 };
    unsigned seconds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const struct http_server_opts o = { .listen = { .host = "127.0.0.1", .backlog = 4096 } };
    if (loop_create(&b.loop, &(struct loop_opts){ .name = "bench" }) != OK ||
        http_server_open(&b.server, b.loop, &o, &events, &b) != OK)
        return 1;
    measure_codec(&b);
    measure_idle(&b);
    measure_echo(&b, seconds);
    http_server_close(b.server);
    for (int i = 0; i < 100; i++)
        loop_step(b.loop, 0);
    loop_free(b.loop);
    return 0;
}
