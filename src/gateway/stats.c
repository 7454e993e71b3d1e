/* SPDX-License-Identifier: MIT
 * stats.c -- one message for all listeners of a loop; fields that cannot be read are left out. */
#include "gateway/session.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define PROC_MAX_BYTES 2048
#define IDS_MAX_BYTES 7000 /* what fits below 8 KB beside the rest; the count stays true */

/* procfs answers from memory: no disk, no wait. */
static bool read_proc(const char *path, char out[PROC_MAX_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t got = read(fd, out, PROC_MAX_BYTES - 1);
    close(fd);
    out[MAX(got, 0)] = '\0';
    return got > 0;
}

static void put_cpu(struct jw *w, struct stats *st)
{
    char text[PROC_MAX_BYTES];
    unsigned long long v[8] = { 0 }, all = 0;

    if (!read_proc("/proc/stat", text))
        return;
    if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
               &v[7]) != 8)
        return;
    for (unsigned i = 0; i < COUNT(v); i++)
        all += v[i];
    uint64_t busy = all - v[3] - v[4];
    if (st->cpu_all && all > st->cpu_all)
        jw_i64(w, "cpuPercent", (int64_t)((busy - st->cpu_busy) * 100 / (all - st->cpu_all)));
    st->cpu_busy = busy;
    st->cpu_all = all;
}

static void put_memory(struct jw *w)
{
    char text[PROC_MAX_BYTES];
    long long total_kb = 0, free_kb = 0;

    if (!read_proc("/proc/meminfo", text))
        return;
    const char *total = strstr(text, "MemTotal:"), *available = strstr(text, "MemAvailable:");
    if (!total || !available || sscanf(total, "MemTotal: %lld", &total_kb) != 1 ||
        sscanf(available, "MemAvailable: %lld", &free_kb) != 1 || total_kb <= 0)
        return;
    jw_i64(w, "memPercent", (total_kb - free_kb) * 100 / total_kb);
    jw_i64(w, "memUsedMB", (total_kb - free_kb) / 1024);
    jw_i64(w, "memTotalMB", total_kb / 1024);
}

static void write_stats(struct gateway_loop *gl, struct buf *out)
{
    struct presence *presence = gateway_env_of(gl->gateway)->presence;
    struct arena arena = { 0 };
    struct presence_entry *list = NULL;
    struct jw w;
    size_t count = presence_list(presence, &arena, &list), bytes = 0;

    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "server");
    jw_cstr(&w, "event", "stats");
    jw_i64(&w, "ts", clock_wall_ms());
    jw_i64(&w, "deviceCount", (int64_t)count);
    jw_array_as(&w, "online");
    for (size_t i = 0; i < count && bytes < IDS_MAX_BYTES; i++) {
        jw_cstr(&w, NULL, list[i].device);
        bytes += strlen(list[i].device) + 3;
    }
    jw_end(&w);
    put_cpu(&w, &gl->stats);
    put_memory(&w);
    jw_end(&w);
    arena_done(&arena);
}

static bool listens(const struct session *s)
{
    bool is_told = s->home->config->server_stats_broadcast && loop_now_ms(s->loop) - s->greeted_ms >= STATS_LOOK_MS;
    return session_is_open(s) && s->dialogue && (s->wants_stats || is_told);
}

static void look(void *arg);

static void send_all(struct gateway_loop *gl)
{
    auto_buf struct buf out = { 0 };
    uint64_t now_ms = loop_now_ms(gl->loop);
    uint64_t version = presence_version(gateway_env_of(gl->gateway)->presence);
    bool is_due = version != gl->stats.version || now_ms - gl->stats.sent_ms >= STATS_EVERY_MS;
    bool is_anybody = false;

    list_each(&gl->sessions, n)
    {
        struct session *s = container_of(n, struct session, node);
        if (!listens(s))
            continue;
        is_anybody = true;
        if (!is_due)
            break;
        if (!out.len)
            write_stats(gl, &out);
        link_json(s->link, buf_slice(&out), LINK_STATS);
    }
    if (is_due) {
        gl->stats.version = version;
        gl->stats.sent_ms = now_ms;
    }
    if (is_anybody || (gl->config->server_stats_broadcast && !list_empty(&gl->sessions)))
        timer_start(&gl->stats.timer, gl->loop, STATS_LOOK_MS, look, gl);
}

static void look(void *arg)
{
    send_all(arg);
}

void stats_subscribe(struct session *s)
{
    auto_buf struct buf out = { 0 };
    struct gateway_loop *gl = s->home;

    write_stats(gl, &out);
    link_json(s->link, buf_slice(&out), LINK_STATS);
    if (timer_armed(&gl->stats.timer))
        return;
    gl->stats.version = presence_version(gateway_env_of(gl->gateway)->presence);
    gl->stats.sent_ms = loop_now_ms(gl->loop);
    timer_start(&gl->stats.timer, gl->loop, STATS_LOOK_MS, look, gl);
}

void stats_watch(struct gateway_loop *gl)
{
    if (timer_armed(&gl->stats.timer))
        return;
    gl->stats.version = 0; /* of no presence table: the next look tells */
    timer_start(&gl->stats.timer, gl->loop, STATS_LOOK_MS, look, gl);
}

void stats_stop(struct gateway_loop *gl)
{
    timer_stop(&gl->stats.timer);
}
