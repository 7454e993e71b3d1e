/* SPDX-License-Identifier: MIT
 * server.c -- builds everything top-down, tears it down in reverse.
 *
 * Loops are built and taken apart while nobody runs them, by the thread that called us; in between each
 * has a thread of its own. So nothing here needs a lock. */
#include "main/private.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_TOPIC "main"
#include "audio/silero.h"
#include "base/log.h"
#include "base/mem.h"
#include "devices/auth.h"
#include "devices/firmware.h"
#include "devices/force.h"
#include "devices/limits.h"
#include "devices/presence.h"
#include "dialogue/saver.h"
#include "http/client.h"
#include "loop/job.h"
#include "metrics/metrics.h"
#include "modes/minutes.h"
#include "providers/engines.h"
#include "providers/vad.h"
#include "store/store.h"

#define SAMPLE_MS 5000          /* gauges of the machine room */
#define DRAIN_LOOK_MS 20
#define CLOSE_STEPS_MAX 300     /* of 10 ms: sockets and child processes that are closing */
#define STALL_WORTH_US 10000

static void fail(struct err_note *note, enum err err, const char *what)
{
    note->err = err;
    if (!note->text[0])
        snprintf(note->text, sizeof(note->text), "%s: %s", what, err_text(err));
}

/* --- configuration --------------------------------------------------------------------------------- */

static enum err write_text(struct server *s, struct err_note *note)
{
    s->config_file = xprintf("%s/config.yaml", s->data_dir);
    FILE *f = fopen(s->config_file, "w");
    if (!f) {
        fail(note, ERR_IO, s->config_file);
        return ERR_IO;
    }
    fprintf(f, "%s\nlog:\n  data_dir: %s\n  log_dir: %s/logs\nstorage:\n  path: %s/parley.db\n", s->opts.config_text,
            s->data_dir, s->data_dir, s->data_dir);
    fclose(f);
    return OK;
}

static char *beside_program(const char *name)
{
    char path[1024];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[MAX(len, 0)] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return xprintf("%s/%s", path, name);
}

static enum err open_config(struct server *s, struct err_note *note)
{
    const struct server_opts *o = &s->opts;

    assert(!o->config_text || o->data_dir);
    if (o->data_dir) {
        s->data_dir = xstrdup(o->data_dir);
        mkdir(s->data_dir, 0700);
    }
    if (o->config_text) {
        enum err err = write_text(s, note);
        if (err)
            return err;
    }
    enum err err = config_holder_create(&s->config, s->config_file ? s->config_file : o->config_path, note);
    if (err) {
        fail(note, err, "the configuration");
        return err;
    }
    struct config *cfg = config_now(s->config);
    metric_set(METRIC_config_generation, config_generation(cfg));
    if (!s->data_dir)
        s->data_dir = xstrdup(cfg->log_data_dir);
    if (o->has_log && logging_start(cfg))
        LOGW(NULL, "log.start", "the log file cannot be written; standard output only");
    s->engines_dir = o->engines_dir ? xstrdup(o->engines_dir) : beside_program("engines");
    config_unref(cfg);
    if (mkdir(s->data_dir, 0700) && access(s->data_dir, W_OK)) {
        snprintf(note->text, sizeof(note->text), "cannot write to the data directory \"%.120s\"", s->data_dir);
        return note->err = ERR_IO;
    }
    return OK;
}

/* --- shared things --------------------------------------------------------------------------------- */

static enum err open_shared(struct server *s, const struct config *cfg, struct err_note *note)
{
    struct store_opts store = { .path = cfg->storage_path, .is_durable = strcmp(cfg->storage_durability, "full") == 0 };
    enum err err = store_open(&s->store, &store, note);

    if (err) {
        fail(note, err, cfg->storage_path);
        return err;
    }
    err = registry_create(&s->registry);
    if (err) {
        fail(note, err, "providers");
        return err;
    }
    if (s->opts.setup)
        s->opts.setup(s->opts.user, s->registry);
    struct workers_opts workers = { .threads = (unsigned)cfg->meeting_threadpool_max_workers,
                                    .queue_max = (unsigned)cfg->limits_worker_queue };
    err = workers_create(&s->workers, &workers);
    if (err) {
        fail(note, err, "worker threads");
        return err;
    }
    LOGI(NULL, "workers.start", "worker pool: %u threads", workers.threads);
    metric_set(METRIC_workers, workers.threads);
    err = auth_open(&s->auth, &(struct auth_opts){ .config = s->config, .store = s->store }, note);
    if (err) {
        fail(note, err, "authentication");
        return err;
    }
    err = force_open(&s->force, s->store);
    if (err) {
        fail(note, err, "forced firmware");
        return err;
    }
    s->presence = presence_create();
    s->rates = rates_create();
    s->firmware = firmware_create();
    s->limits = limits_create(&(struct limits_opts){
        .connections = (unsigned)cfg->limits_connections,
        .per_ip = (unsigned)cfg->limits_per_ip,
        .per_ip_new_per_s = (unsigned)cfg->limits_per_ip_new_per_s,
        .device_connects_per_min = (unsigned)cfg->limits_device_connects_per_min,
    });
    if (tls_client_create(&s->tls_client, NULL, true))
        LOGW(NULL, "tls.client", "no CA bundle: outbound wss is not possible");
    return OK;
}

static enum err open_engines(struct server *s)
{
    auto_mem char *sockets = xprintf("%s/run", s->data_dir);

    if (s->opts.has_no_engines)
        return OK;
    return engines_create(&s->engines, s->loops[0].loop,
                          &(struct engines_opts){ .program_dir = s->engines_dir, .socket_dir = sockets });
}

/* The voice detector's weights: 1 MB, read once, shared by all loops. */
static void open_detector(struct server *s)
{
    struct config *cfg = config_now(s->config);
    const struct conf *entry = config_entry(cfg, "VAD", cfg->selected_module_VAD);
    const char *path = conf_str(entry, "model", "");
    enum err err = *path ? vad_weights_find(&s->vad_weights, path) : ERR_NOT_FOUND;

    if (err)
        err = vad_weights_find(&s->vad_weights, NULL);
    if (err)
        LOGW(NULL, "vad.weights", "why=%s detector=webrtc hint=\"./dev setup fetches silero_vad_v5.onnx\"",
             err_name(err));
    config_unref(cfg);
}

/* --- loops ----------------------------------------------------------------------------------------- */

static void sample(void *arg)
{
    struct server_loop *sl = arg;
    uint64_t stall_us = loop_stall_us(sl->loop);

    if (stall_us > STALL_WORTH_US)
        metric_seconds(METRIC_loop_stall_seconds, (double)stall_us / 1e6);
    if (sl->index == 0) {
        metric_set(METRIC_workers_busy, workers_busy(sl->server->workers));
        metric_set(METRIC_worker_queue, workers_queued(sl->server->workers));
        metric_set(METRIC_store_queue, store_queued(sl->server->store));
    }
    timer_start(&sl->sample_timer, sl->loop, SAMPLE_MS, sample, sl);
}

static enum err open_loops(struct server *s, struct err_note *note)
{
    for (unsigned i = 0; i < s->loop_count; i++) {
        struct server_loop *sl = &s->loops[i];
        sl->server = s;
        sl->index = i;
        snprintf(sl->name, sizeof(sl->name), "loop %u", i);
        struct loop_opts o = { .name = sl->name, .has_manual_clock = s->opts.has_manual_clock };
        enum err err = loop_create(&sl->loop, &o);
        if (err) {
            fail(note, err, "event loop");
            return err;
        }
    }
    enum err err = open_engines(s);
    if (err)
        fail(note, err, "engines");
    return err;
}

static enum err open_rooms(struct server *s, struct err_note *note)
{
    struct gateway_env genv;
    struct api_env aenv;
    enum err err;

    open_detector(s);
    struct saver_opts saver = { .loop = s->loops[0].loop, .env = &s->loops[0].env, .registry = s->registry,
                                .store = s->store, .config = s->config };
    if ((err = saver_create(&s->saver, &saver))) {
        fail(note, err, "memory");
        return err;
    }
    rand_uuid(s->own_mark);
    wishes_of_gateway(s, &genv);
    wishes_of_modes(s, &s->modes);
    if ((err = gateway_create(&s->gateway, &genv))) {
        fail(note, err, "gateway");
        return err;
    }
    for (unsigned i = 0; i < s->loop_count; i++) {
        struct server_loop *sl = &s->loops[i];
        if ((err = http_client_create(&sl->http, sl->loop, NULL))) {
            fail(note, err, "HTTP client");
            return err;
        }
        sl->env = (struct provider_env){ .loop = sl->loop, .workers = s->workers, .http = sl->http,
                                         .engines = s->engines, .tls = s->tls_client, .store = s->store,
                                         .registry = s->registry };
        vad_env_create(&sl->env.vad, sl->loop, s->vad_weights);
        if ((err = gateway_loop_open(&sl->gateway, s->gateway, &sl->env))) {
            fail(note, err, "gateway");
            return err;
        }
    }
    struct minutes_opts minutes = { .loop = s->loops[0].loop, .env = &s->loops[0].env, .shared = &s->modes,
                                    .config = s->config };
    if ((err = minutes_create(&s->minutes, &minutes))) {
        fail(note, err, "meetings");
        return err;
    }
    wishes_of_modes(s, &s->modes);
    if ((err = doors_open(s, note)))
        return err;
    wishes_of_api(s, &aenv); /* knows the port now; no request is read before the loops run */
    if ((err = api_create(&s->api, &aenv)))
        fail(note, err, "API");
    return err;
}

static void *run_loop(void *arg)
{
    struct server_loop *sl = arg;

    loop_run(sl->loop);
    return NULL;
}

static enum err start_threads(struct server *s, struct err_note *note)
{
    upkeep_start(s);
    for (unsigned i = 0; i < s->loop_count; i++) {
        struct server_loop *sl = &s->loops[i];
        if (s->opts.has_manual_clock)
            continue;
        sample(sl);
        if (pthread_create(&sl->thread, NULL, run_loop, sl)) {
            fail(note, ERR_NO_MEMORY, "threads");
            return ERR_NO_MEMORY;
        }
        sl->has_thread = true;
    }
    return OK;
}

static unsigned loops_wanted(const struct server_opts *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (o->has_manual_clock)
        return 1;
    return MIN(o->loops ? o->loops : (unsigned)MAX(cores, 1), SERVER_LOOPS_MAX);
}

enum err server_create(struct server **out, const struct server_opts *o, struct err_note *note)
{
    struct server *s = xnew(struct server);

    s->opts = *o;
    s->loop_count = loops_wanted(o);
    *note = (struct err_note){ 0 };
    enum err err = open_config(s, note);
    if (err == OK) {
        struct config *cfg = config_now(s->config);
        err = open_shared(s, cfg, note);
        config_unref(cfg);
    }
    if (err == OK)
        err = open_loops(s, note);
    if (err == OK)
        err = open_rooms(s, note);
    if (err == OK)
        err = start_threads(s, note);
    if (err) {
        server_free(s);
        return err;
    }
    s->is_serving = true;
    *out = s;
    return OK;
}

/* --- the end --------------------------------------------------------------------------------------- */

static void stop_threads(struct server *s)
{
    for (unsigned i = 0; i < s->loop_count; i++) {
        if (s->loops[i].has_thread)
            loop_stop(s->loops[i].loop);
    }
    for (unsigned i = 0; i < s->loop_count; i++) {
        if (s->loops[i].has_thread)
            pthread_join(s->loops[i].thread, NULL);
        s->loops[i].has_thread = false;
    }
}

static void close_loop(struct server_loop *sl)
{
    timer_stop(&sl->sample_timer);
    gateway_loop_close(sl->gateway);
    doors_close(sl);
}

/* Until sockets and child processes are closed; bounded. */
static void settle(struct loop *l)
{
    for (unsigned i = 0; loop_handles_open(l) && i < CLOSE_STEPS_MAX; i++)
        loop_step(l, 10);
    loop_step(l, 0);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    stop_threads(s);
    for (unsigned i = 0; i < s->loop_count && s->loops[i].loop; i++)
        close_loop(&s->loops[i]);
    s->modes.minutes = NULL; /* what comes back from here on finds nobody ... */
    minutes_close(s->minutes);
    saver_stop(s->saver);
    if (s->loops[0].loop) {
        timer_stop(&s->drain_timer);
        upkeep_stop(s);
    }
    workers_free(s->workers);
    store_close(s->store); /* what is queued is written; answers lie in the loops */
    s->modes.store = NULL; /* ... and no store */
    if (s->engines)
        engines_stop(s->engines);
    for (unsigned i = 0; i < s->loop_count && s->loops[i].loop; i++) {
        loop_step(s->loops[i].loop, 0);
        http_client_free(s->loops[i].http);
        settle(s->loops[i].loop);
    }
    engines_free(s->engines);
    api_free(s->api);
    auth_close(s->auth);
    registry_free(s->registry); /* it may hold timers of the loops */
    for (unsigned i = 0; i < s->loop_count; i++) {
        vad_env_free(s->loops[i].env.vad);
        loop_free(s->loops[i].loop);
    }
    silero_free(s->vad_weights);
    gateway_free(s->gateway);
    saver_free(s->saver);
    presence_free(s->presence);
    limits_free(s->limits);
    rates_free(s->rates);
    firmware_free(s->firmware);
    force_close(s->force);
    tls_free(s->tls_server);
    tls_free(s->tls_client);
    config_holder_free(s->config);
    if (s->opts.has_log)
        log_stop();
    mem_free(s->config_file);
    mem_free(s->data_dir);
    mem_free(s->engines_dir);
    mem_free(s);
}

/* Sessions end their turns, then their conversations are saved. What is not done in time stays in the store. */
static void drain_look(void *arg)
{
    struct server *s = arg;
    struct loop *l = s->loops[0].loop;

    if ((gateway_sessions(s->gateway) > 0 || saver_is_busy(s->saver)) && loop_now_ms(l) < s->drain_until_ms) {
        timer_start(&s->drain_timer, l, DRAIN_LOOK_MS, drain_look, s);
        return;
    }
    LOGI(NULL, "server.drained", "sessions_left=%zu saves_left=%d", gateway_sessions(s->gateway),
         saver_is_busy(s->saver));
    atomic_store(&s->is_drained, true);
    if (s->opts.on_stopped)
        s->opts.on_stopped(s->opts.user);
}

#define DRAIN_EXTRA_MS 500 /* sessions close by themselves at the deadline; give them the moment */

static void begin_drain(struct mail *m)
{
    struct server *s = container_of(m, struct server, drain_mail);
    struct config *cfg = config_now(s->config);
    uint64_t drain_ms = (uint64_t)cfg->shutdown_drain_seconds * 1000;

    config_unref(cfg);
    LOGI(NULL, "server.drain", "sessions=%zu at_most_ms=%llu", gateway_sessions(s->gateway),
         (unsigned long long)drain_ms);
    s->drain_until_ms = loop_now_ms(s->loops[0].loop) + drain_ms + DRAIN_EXTRA_MS;
    gateway_drain(s->gateway, drain_ms);
    drain_look(s);
}

void server_drain(struct server *s, bool is_restart)
{
    if (is_restart)
        atomic_store(&s->wants_restart, true);
    if (atomic_exchange(&s->is_draining, true))
        return;
    s->drain_mail.run = begin_drain;
    loop_post(s->loops[0].loop, &s->drain_mail);
}

/* --- questions ------------------------------------------------------------------------------------- */

bool server_wants_restart(const struct server *s)
{
    return atomic_load(&s->wants_restart);
}

bool server_is_drained(const struct server *s)
{
    return atomic_load(&s->is_drained);
}

void server_ports(const struct server *s, struct server_ports *out)
{
    *out = (struct server_ports){ s->ports[DOOR_DEVICE], s->ports[DOOR_HTTP], s->ports[DOOR_TLS],
                                  s->ports[DOOR_ADMIN] };
}

struct loop *server_loop(struct server *s, unsigned i)
{
    return i < s->loop_count ? s->loops[i].loop : NULL;
}

unsigned server_loops(const struct server *s)
{
    return s->loop_count;
}

struct gateway *server_gateway(struct server *s)
{
    return s->gateway;
}

struct store *server_store(struct server *s)
{
    return s->store;
}

size_t server_sessions(const struct server *s)
{
    return gateway_sessions(s->gateway);
}
