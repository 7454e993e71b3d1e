/* SPDX-License-Identifier: MIT
 * load.c -- `parley load`: a crowd of simulated devices for a bounded time, and a report.
 *
 *   options -> voice -> crowd -> a sample each second -> words, JSON, plot
 *
 * It is a tool for servers of one's own: only loopback is connected to unless that is confirmed twice. */
#include "cli/load.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/voice.h"
#include "cli/watch.h"
#include "loop/timer.h"
#include "net/tls.h"

#define DEFAULT_OTA "http://127.0.0.1:8003/xiaozhi/ota/"
#define DEFAULT_SAY "what time is it"
#define DEFAULT_TEXT "tell me a long story"
#define FILES_SPARE 200 /* descriptors beside one for each device */
#define SAMPLE_MS 1000
#define DELAY_MS_MAX 600000

struct options {
    const char *url, *ota, *token, *say, *wav, *text, *busy_text, *delays, *svg;
    unsigned profile, mode, identity;
    int64_t devices, seconds, rate, at_once, framing, pause_ms, silence_ms, start_gap_ms, abort_percent,
        abort_after_ms, spread_ms, pid, first;
    bool is_json, is_quiet, is_mine, is_sure, is_pcm;
};

struct run {
    struct options o;
    struct loop *loop;
    struct crowd *crowd;
    struct uplink uplink;
    struct timer sample;
    struct load_sample *samples;
    unsigned sample_count;
    struct histogram recent;
    struct load_result result;
    struct watch server_last, server_first, server_steady, own_first;
    uint64_t begin_us, server_last_us;
    uint64_t steady_us;             /* steady: the first sample after all devices had come */
};

static struct loop *running; /* for the signal handler */

static void on_signal(int number)
{
    (void)number;
    loop_stop(running);
}

/* --- while it runs --------------------------------------------------------------------------------------- */

static void watch_server(struct run *r, struct load_sample *s)
{
    struct watch now;
    s->cpu = -1;
    if (!r->o.pid || !watch_read(&now, (int)r->o.pid))
        return;
    uint64_t now_us = loop_now_us(r->loop);
    s->cpu = (double)(now.cpu_us - r->server_last.cpu_us) / (double)MAX(1u, now_us - r->server_last_us);
    r->server_last_us = now_us;
    s->rss_bytes = now.rss_bytes;
    r->server_last = now;
    r->result.server_rss_peak = MAX(r->result.server_rss_peak, now.rss_bytes);
}

static void tell_progress(const struct run *r, const struct load_sample *s)
{
    fprintf(stderr, "%3u s  %5u devices  %5u speaking  turns %llu  errors %llu", r->sample_count, s->alive,
            s->speaking, (unsigned long long)s->turns, (unsigned long long)s->errors);
    if (s->latencies)
        fprintf(stderr, "  p50 %.1f p99 %.1f ms", (double)s->p50_us / 1000, (double)s->p99_us / 1000);
    if (s->cpu >= 0)
        fprintf(stderr, "  server %.0f %% %.1f MB", s->cpu * 100, (double)s->rss_bytes / 1e6);
    fprintf(stderr, isatty(2) ? "   \r" : "\n");
}

static void note_steady(struct run *r)
{
    if (r->steady_us || !crowd_stats(r->crowd)->complete_us)
        return;
    r->steady_us = loop_now_us(r->loop);
    if (r->o.pid)
        (void)!watch_read(&r->server_steady, (int)r->o.pid);
}

static void take_sample(struct run *r)
{
    const struct crowd_stats *s = crowd_stats(r->crowd);
    note_steady(r);
    crowd_recent(r->crowd, &r->recent);
    struct load_sample *to = &r->samples[r->sample_count++];
    *to = (struct load_sample){
        .alive = crowd_alive(r->crowd), .speaking = crowd_speaking(r->crowd), .greeted = s->greeted,
        .turns = s->turns, .packets_in = s->packets_in, .packets_out = s->packets_out, .errors = load_errors(s),
        .p50_us = histogram_at(&r->recent, 0.5), .p99_us = histogram_at(&r->recent, 0.99),
        .latencies = r->recent.count,
    };
    watch_server(r, to);
    if (!r->o.is_quiet)
        tell_progress(r, to);
}

static void on_sample(void *arg);

/* At whole seconds from the begin, however late the one before was. */
static void sample_next(struct run *r)
{
    uint64_t due_ms = r->begin_us / 1000 + (r->sample_count + 1ull) * SAMPLE_MS, now_ms = loop_now_ms(r->loop);
    timer_start(&r->sample, r->loop, due_ms > now_ms ? due_ms - now_ms : 0, on_sample, r);
}

static void on_sample(void *arg)
{
    struct run *r = arg;
    take_sample(r);
    if (r->sample_count == (unsigned)r->o.seconds)
        loop_stop(r->loop); /* the last one ends the run */
    else
        sample_next(r);
}

/* --- before ---------------------------------------------------------------------------------------------- */

static bool raise_files(unsigned devices)
{
    struct rlimit limit;
    rlim_t wanted = devices + FILES_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return false;
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = MIN(wanted, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
        return true;
    fprintf(stderr, "parley: %u devices need %llu open files and this process may have %llu (ulimit -Hn)\n", devices,
            (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
    return false;
}

static bool may_go_there(const struct options *o)
{
    bool is_local = (!o->url || crowd_is_local(o->url)) && (!o->ota || crowd_is_local(o->ota));
    if (is_local || (o->is_mine && o->is_sure))
        return true;
    fprintf(stderr, "parley: that is not this machine. A load test is for servers of your own: to go on, say so "
                    "twice with --target-is-mine --yes-really\n");
    return false;
}

struct known { /* of a question that is spoken, of one that is typed; ms from its end to the first audio */
    unsigned spoken_ms, typed_ms;
};

/* "300,500,200" of recogniser, model and voice; missing ones are 0. The start gap runs beside model and voice: tts
 * start is said when the text is there. */
static bool read_known(struct known *out, const struct options *o)
{
    struct slice rest = slice_of(o->delays);
    int64_t ms[3] = { 0 };
    for (size_t i = 0; rest.data; i++)
        if (i == COUNT(ms) || !slice_to_i64(slice_cut(&rest, ','), &ms[i]) || ms[i] < 0 || ms[i] > DELAY_MS_MAX)
            return false;
    int64_t silence_ms = o->mode == MSG_LISTEN_MANUAL ? 0 : o->silence_ms;
    out->typed_ms = (unsigned)MAX(ms[1] + ms[2], o->start_gap_ms);
    out->spoken_ms = (unsigned)(ms[0] + silence_ms) + out->typed_ms;
    return true;
}

static bool is_url(const char *option, const char *url, const char *scheme, const char *tls_scheme)
{
    if (!url || slice_starts(slice_of(url), slice_of(scheme)) || slice_starts(slice_of(url), slice_of(tls_scheme)))
        return true;
    fprintf(stderr, "parley: %s wants %sHOST:PORT/PATH or %s..., not %s\n", option, scheme, tls_scheme, url);
    return false;
}

static bool prepare_voice(struct run *r)
{
    struct err_note note = { 0 };
    struct pcm_queue pcm;
    enum err e;
    if (r->o.profile != PROFILE_TALK && r->o.profile != PROFILE_LISTEN && r->o.profile != PROFILE_MIXED)
        return true;
    pcm_queue_init(&pcm, (size_t)VOICE_SECONDS_MAX * VOICE_RATE_HZ);
    if (r->o.wav)
        e = voice_from_wav(&pcm, r->o.wav, VOICE_RATE_HZ, &note);
    else
        e = voice_from_text(&pcm, r->loop, r->o.say, &note);
    if (e == OK)
        e = uplink_build(&r->uplink, pcm_queue_peek(&pcm), 60, r->o.is_pcm);
    pcm_queue_done(&pcm);
    if (e)
        fprintf(stderr, "parley: no voice to speak with: %s\n", note.text[0] ? note.text : err_text(e));
    return e == OK;
}

/* --- after ----------------------------------------------------------------------------------------------- */

static void sum_up(struct run *r)
{
    struct load_result *out = &r->result;
    struct watch now, own = { 0 };
    uint64_t end_us = loop_now_us(r->loop);
    note_steady(r);
    out->stats = crowd_stats(r->crowd);
    out->alive = crowd_alive(r->crowd);
    crowd_waiting(r->crowd, &out->waiting);
    out->seconds = (double)(end_us - r->begin_us) / 1e6;
    const struct crowd_stats *stats = out->stats;
    bool is_over = stats->complete_us && r->o.profile != PROFILE_STORM; /* a storm never ends coming */
    uint64_t coming_us = (is_over ? stats->complete_us : end_us) - stats->begun_us;
    out->greet_per_s = (double)(is_over ? stats->complete_greeted : stats->greeted) / ((double)coming_us / 1e6);
    (void)!watch_read(&own, 0);
    out->own_cpu_s = (double)(own.cpu_us - r->own_first.cpu_us) / 1e6;
    out->samples = r->samples;
    out->sample_count = r->sample_count;
    out->has_server = r->o.pid && watch_read(&now, (int)r->o.pid);
    if (!out->has_server)
        return;
    out->server_cpu_s = (double)(now.cpu_us - r->server_first.cpu_us) / 1e6;
    out->server_rss_before = r->server_first.rss_bytes;
    out->server_rss_after = now.rss_bytes;
    out->server_rss_peak = MAX(out->server_rss_peak, now.rss_bytes);
    uint64_t steady_from = r->steady_us ? r->steady_us : r->begin_us;
    int64_t cpu_from = r->steady_us ? r->server_steady.cpu_us : r->server_first.cpu_us;
    out->steady_s = r->steady_us ? (double)(end_us - steady_from) / 1e6 : 0;
    if (end_us > steady_from)
        out->server_cpu_steady = (double)(now.cpu_us - cpu_from) / (double)(end_us - steady_from);
}

static int tell(struct run *r)
{
    int status = EXIT_FINE;
    if (r->o.svg) {
        auto_buf struct buf svg = { 0 };
        load_plot(&r->result, &svg);
        if (file_write(r->o.svg, buf_slice(&svg))) {
            fprintf(stderr, "parley: %s could not be written\n", r->o.svg);
            status = EXIT_BAD;
        }
    }
    if (r->o.is_json) {
        auto_buf struct buf out = { 0 };
        load_json(&r->result, &out);
        printf("%s\n", out.data);
    } else {
        load_print(&r->result);
    }
    return load_is_good(&r->result) ? status : EXIT_BAD;
}

static int run(struct run *r)
{
    const struct options *o = &r->o;
    struct tls_context *tls = NULL;
    struct known known;
    if (!read_known(&known, o)) {
        fprintf(stderr, "parley: --mock-delays-ms wants up to three numbers with commas between them: recogniser, "
                        "model, voice\n");
        return EXIT_USAGE;
    }
    if (!prepare_voice(r) || tls_client_create(&tls, NULL, false))
        return EXIT_BAD;
    struct crowd_opts c = {
        .loop = r->loop, .url = o->url, .ota = o->ota, .token = o->token, .tls = tls,
        .profile = (enum profile)o->profile, .identity = (enum identity_form)o->identity,
        .mode = (enum msg_listen_mode)o->mode, .framing = (enum framing)o->framing,
        .devices = (unsigned)o->devices, .per_second = (unsigned)o->rate, .at_once = (unsigned)o->at_once,
        .first_number = (unsigned)o->first, .uplink = &r->uplink, .text = o->text,
        .busy_text = o->busy_text, .pause_ms = (unsigned)o->pause_ms, .spread_ms = (unsigned)o->spread_ms,
        .known_us_before_audio = known.spoken_ms * 1000, .known_us_typed = known.typed_ms * 1000,
        .abort_percent = (unsigned)o->abort_percent, .abort_after_ms = (unsigned)o->abort_after_ms,
        .is_pcm = o->is_pcm, .may_leave_host = o->is_mine && o->is_sure,
    };
    static const char *const names[] = { "idle", "talk", "listen", "play", "storm", "mixed" };
    r->result = (struct load_result){
        .profile = names[o->profile], .url = o->url ? o->url : o->ota, .devices = c.devices,
        .known_us = o->profile == PROFILE_PLAY ? c.known_us_typed : c.known_us_before_audio,
    };
    (void)!watch_read(&r->own_first, 0);
    if (o->pid && !watch_read(&r->server_first, (int)o->pid))
        fprintf(stderr, "parley: process %lld cannot be seen\n", (long long)o->pid);
    r->server_last = r->server_first;
    /* Making the voice took its time: from a fresh round on, the end is a whole number of seconds after the begin. */
    (void)loop_step(r->loop, 0);
    r->begin_us = r->server_last_us = loop_now_ms(r->loop) * 1000;
    int status = EXIT_BAD;
    if (crowd_open(&r->crowd, &c) == OK) {
        r->samples = xalloc((size_t)o->seconds * sizeof(*r->samples));
        sample_next(r);
        running = r->loop;
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        loop_run(r->loop);
        timer_stop(&r->sample);
        if (!o->is_quiet && isatty(2))
            fprintf(stderr, "\n");
        sum_up(r);
        status = tell(r);
        crowd_close(r->crowd);
    }
    loop_end(r->loop);
    tls_free(tls);
    return status;
}

int command_load(int argc, char **argv)
{
    struct run *r = xnew(struct run);
    struct options *o = &r->o;
    *o = (struct options){ .say = DEFAULT_SAY, .text = DEFAULT_TEXT, .delays = "0", .devices = 100, .seconds = 20,
                           .framing = 1, .pause_ms = 1000, .abort_after_ms = 500 };
    const struct arg list[] = {
        {"--profile", ARG_CHOICE, PROFILE_NAMES, "what the devices do (idle)", .choice = &o->profile},
        {"--devices", ARG_NUMBER, "N", "how many (100; at most 19500)", .number = &o->devices, .min = 1,
         .max = CROWD_DEVICES_MAX},
        {"--seconds", ARG_NUMBER, "N", "for how long (20; at most 7200)", .number = &o->seconds, .min = 1,
         .max = LOAD_SECONDS_MAX},
        {"--rate", ARG_NUMBER, "N", "devices started per second (0: as they are answered)", .number = &o->rate,
         .min = 0, .max = 100000},
        {"--at-once", ARG_NUMBER, "N", "on their way at one time (64)", .number = &o->at_once, .min = 0,
         .max = 10000},
        {"--ota", ARG_TEXT, "URL", "boot URL that each device asks first (" DEFAULT_OTA ")", .text = &o->ota},
        {"--url", ARG_TEXT, "URL", "WebSocket URL; nothing is asked at boot, unless --ota is given for a token",
         .text = &o->url},
        {"--token", ARG_TEXT, "TOKEN", "the same for all", .text = &o->token},
        {"--identity", ARG_CHOICE, IDENTITY_NAMES, "where device id, client id and token go (headers)",
         .choice = &o->identity},
        {"--first", ARG_NUMBER, "N", "device ids are numbered from here", .number = &o->first, .min = 0,
         .max = 2000000000},
        {"--mode", ARG_CHOICE, "auto|manual|realtime", "talk: who decides the end of speech (auto)",
         .choice = &o->mode},
        {"--framing", ARG_NUMBER, "1..3", "binary framing (1)", .number = &o->framing, .min = 1, .max = 3},
        {"--pcm", ARG_FLAG, NULL, "raw PCM instead of Opus", .flag = &o->is_pcm},
        {"--wav", ARG_TEXT, "FILE", "what is said", .text = &o->wav},
        {"--say", ARG_TEXT, "TEXT", "what is said, by a local voice (" DEFAULT_SAY ")", .text = &o->say},
        {"--text", ARG_TEXT, "TEXT", "play: what is typed to get an answer", .text = &o->text},
        {"--busy-text", ARG_TEXT, "TEXT", "with this sentence the server says that it is busy (Parley's own)",
         .text = &o->busy_text},
        {"--pause-ms", ARG_NUMBER, "N", "between an answer and the next question (1000)", .number = &o->pause_ms,
         .min = 0, .max = 600000},
        {"--spread-ms", ARG_NUMBER, "N", "first questions come within this (talk: a pause; play: a frame)",
         .number = &o->spread_ms, .min = 0, .max = 600000},
        {"--mock-delays-ms", ARG_TEXT, "A,L,T", "known delays of recogniser, model and voice", .text = &o->delays},
        {"--silence-ms", ARG_NUMBER, "N", "silence that ends speech (auto, realtime): known, too",
         .number = &o->silence_ms, .min = 0, .max = 60000},
        {"--start-gap-ms", ARG_NUMBER, "N", "from tts start to first audio, beside model and voice: known, too",
         .number = &o->start_gap_ms, .min = 0, .max = 60000},
        {"--abort-percent", ARG_NUMBER, "N", "of the answers are cut off by the button",
         .number = &o->abort_percent, .min = 0, .max = 100},
        {"--abort-after-ms", ARG_NUMBER, "N", "after the first audio (500)", .number = &o->abort_after_ms, .min = 0,
         .max = 600000},
        {"--pid", ARG_NUMBER, "PID", "of the server, when it runs here: its CPU and memory are told",
         .number = &o->pid, .min = 1, .max = INT32_MAX},
        {"--json", ARG_FLAG, NULL, "one JSON object instead of words", .flag = &o->is_json},
        {"--svg", ARG_TEXT, "FILE", "a plot of latency over load", .text = &o->svg},
        {"--quiet", ARG_FLAG, NULL, "no line a second", .flag = &o->is_quiet},
        {"--target-is-mine", ARG_FLAG, NULL, "another machine may be connected to ...", .flag = &o->is_mine},
        {"--yes-really", ARG_FLAG, NULL, "... when this is given as well", .flag = &o->is_sure},
    };
    static const char usage[] =
        "parley load [options]\n"
        "Simulated devices, for a bounded time, against a server of your own. wss: any certificate will do.\n\n"
        "  parley load --profile talk --devices 50              a Parley on this machine\n"
        "  parley load --profile talk --url ws://127.0.0.1:8000/xiaozhi/v1/ --mode manual\n"
        "                                                       another server, without boot request\n\n"
        "Status: 0; 1 when no device was greeted or no question answered; 2 for a wrong option.";
    int status = args_parse(&(struct args){ usage, list, COUNT(list) }, argc, argv) - 1;
    if (status < 0 && !o->url && !o->ota)
        o->ota = DEFAULT_OTA;
    if (status < 0 && (!is_url("--url", o->url, "ws://", "wss://") || !is_url("--ota", o->ota, "http://", "https://") ||
                       !may_go_there(o) || !raise_files((unsigned)o->devices)))
        status = EXIT_USAGE;
    if (status < 0 && loop_create(&r->loop, &(struct loop_opts){ .name = "load" }))
        status = EXIT_BAD;
    if (status < 0)
        status = run(r);
    if (r->loop)
        loop_free(r->loop);
    uplink_done(&r->uplink);
    mem_free(r->samples);
    mem_free(r);
    return status;
}
