/* SPDX-License-Identifier: MIT
 * load_report.c -- a load run in words and in JSON. */
#include "cli/load.h"

#include <stdio.h>

#include "base/json.h"

#define OWN_SHARE_MAX 0.9
#define OWN_LATE_US_MAX 5000

struct row {
    const char *name, *text;
    size_t at; /* of the histogram in crowd_stats */
};
static const struct row rows[] = {
    { "ota", "boot request", offsetof(struct crowd_stats, ota) },
    { "connect", "dial to 101", offsetof(struct crowd_stats, connect) },
    { "hello", "hello to its answer", offsetof(struct crowd_stats, hello) },
    { "refuse", "dial to refusal", offsetof(struct crowd_stats, refuse) },
    { "busy", "end of speech to told busy", offsetof(struct crowd_stats, busy) },
    { "text", "end of speech to text", offsetof(struct crowd_stats, text) },
    { "start", "end of speech to tts start", offsetof(struct crowd_stats, start) },
    { "audio", "end of speech to first audio", offsetof(struct crowd_stats, audio) },
    { "added", "  of it the server's own", offsetof(struct crowd_stats, added) },
    { "abort", "button to tts stop", offsetof(struct crowd_stats, abort) },
    { "gap", "between packets", offsetof(struct crowd_stats, gap) },
    { "late", "this process late by", offsetof(struct crowd_stats, late) },
};

static const struct histogram *histogram_of(const struct crowd_stats *s, const struct row *r)
{
    return (const struct histogram *)(const void *)((const char *)s + r->at);
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

uint64_t load_errors(const struct crowd_stats *s)
{
    uint64_t sum = 0;
    for (int i = 0; i < CROWD_ERRORS; i++)
        sum += s->errors[i];
    return sum;
}

bool load_is_good(const struct load_result *r)
{
    const struct crowd_stats *s = r->stats;
    bool was_asked = s->turns + s->turns_lost + r->waiting.count[CROWD_WAIT_ANSWER] > 0;
    return s->greeted > 0 && (s->turns_good > 0 || !was_asked);
}

static double share_late(const struct crowd_stats *s)
{
    return s->gaps ? (double)s->gaps_late / (double)s->gaps : 0;
}

/* Of one core, over the whole run. */
static double own_share(const struct load_result *r)
{
    return r->seconds > 0 ? r->own_cpu_s / r->seconds : 0;
}

/* What was measured may then be this process and not the server. */
static bool is_own_limit(const struct load_result *r)
{
    return own_share(r) > OWN_SHARE_MAX || histogram_at(&r->stats->late, 0.99) > OWN_LATE_US_MAX;
}

static const char *own_limit_text(const struct load_result *r)
{
    if (!is_own_limit(r))
        return "";
    return own_share(r) > OWN_SHARE_MAX ? ": this process itself was the limit, read latencies as upper bounds"
                                        : ": this process was late (a busy machine?), read latencies as upper bounds";
}

static void print_audio(const struct load_result *r)
{
    const struct crowd_stats *s = r->stats;
    if (s->packets_out)
        printf("sent        %llu packets, %.0f a second, %llu bytes\n", (unsigned long long)s->packets_out,
               (double)s->packets_out / r->seconds, (unsigned long long)s->bytes_out);
    if (s->packets_in)
        printf("received    %llu packets, %.0f a second, %llu bytes; %.3f %% of gaps over 65 ms, %llu underruns, "
               "%llu thrown away\n",
               (unsigned long long)s->packets_in, (double)s->packets_in / r->seconds, (unsigned long long)s->bytes_in,
               share_late(s) * 100, (unsigned long long)s->underruns, (unsigned long long)s->lost_packets);
}

static void print_server(const struct load_result *r)
{
    if (!r->has_server)
        return;
    printf("server      %.2f s of CPU, %.1f %% of a core at the end; memory %.1f -> %.1f MB, at most %.1f MB",
           r->server_cpu_s, r->server_cpu_steady * 100, (double)r->server_rss_before / 1e6,
           (double)r->server_rss_after / 1e6, (double)r->server_rss_peak / 1e6);
    if (r->alive && strcmp(r->profile, "storm") != 0) /* of a storm the last few are there */
        printf(", %.2f KB for each device", (double)(r->server_rss_after - r->server_rss_before) / 1024 / r->alive);
    printf("\n");
}

/* Figures that are not what they seem. */
static void print_doubts(const struct load_result *r)
{
    const struct crowd_stats *s = r->stats;
    if (s->early)
        printf("early       %llu questions were answered before they were over (a pause in what is said?): "
               "they are in no latency\n", (unsigned long long)s->early);
    if (s->sooner)
        printf("sooner      %llu answers came before the known %.0f ms had passed: are --mock-delays-ms, "
               "--silence-ms and --start-gap-ms right?\n", (unsigned long long)s->sooner, ms(r->known_us));
}

static void print_waiting(const struct load_result *r)
{
    static const char *const texts[CROWD_WAITS] = { "an answer to the boot request", "a connection",
                                                    "an answer to hello", "an answer to a question" };
    for (int i = 0; i < CROWD_WAITS; i++)
        if (r->waiting.count[i])
            printf("waiting     at the end %u for %s, the longest for %.1f s\n", r->waiting.count[i], texts[i],
                   (double)r->waiting.longest_us[i] / 1e6);
}

void load_print(const struct load_result *r)
{
    const struct crowd_stats *s = r->stats;
    printf("%s, %u devices, %.1f s, %s\n", r->profile, r->devices, r->seconds, r->url);
    printf("devices     %llu connected, %llu greeted (%.0f a second while coming), %u there at the end\n",
           (unsigned long long)s->connected, (unsigned long long)s->greeted, r->greet_per_s, r->alive);
    if (s->turns || s->turns_lost)
        printf("turns       %llu, %llu of them good, %llu aborted; %llu lost with their connection\n",
               (unsigned long long)s->turns, (unsigned long long)s->turns_good, (unsigned long long)s->aborts,
               (unsigned long long)s->turns_lost);
    if (s->turns_busy)
        printf("busy        %llu questions answered by being told so\n", (unsigned long long)s->turns_busy);
    print_audio(r);
    print_server(r);
    print_doubts(r);
    printf("\n%-30s %9s %9s %9s %9s %9s\n", "ms", "count", "p50", "p90", "p99", "max");
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct histogram *h = histogram_of(s, &rows[i]);
        if (h->count && (h != &s->added || r->known_us))
            printf("%-30s %9llu %9.2f %9.2f %9.2f %9.2f\n", rows[i].text, (unsigned long long)h->count,
                   ms(histogram_at(h, 0.5)), ms(histogram_at(h, 0.9)), ms(histogram_at(h, 0.99)), ms(h->max));
    }
    for (int i = 0; i < CROWD_ERRORS; i++)
        if (s->errors[i])
            printf("error       %s: %llu%s%s%s\n", crowd_error_name((enum crowd_error)i),
                   (unsigned long long)s->errors[i], s->why[i][0] ? " (the first: " : "", s->why[i],
                   s->why[i][0] ? ")" : "");
    print_waiting(r);
    for (int v = 0; v < VIOLATIONS; v++)
        if (s->violations[v])
            printf("%s %s: %llu\n", violation_is_timing((enum violation)v) ? "early/late " : "FAULT      ",
                   violation_text((enum violation)v), (unsigned long long)s->violations[v]);
    printf("generator   %.0f %% of a core%s\n", own_share(r) * 100,
           own_limit_text(r));
}

static void json_histogram(struct jw *w, const char *name, const struct histogram *h)
{
    if (h->count == 0)
        return;
    jw_object_as(w, name);
    jw_i64(w, "count", (int64_t)h->count);
    jw_f64(w, "mean_ms", histogram_mean(h) / 1000);
    jw_f64(w, "p50_ms", ms(histogram_at(h, 0.5)));
    jw_f64(w, "p90_ms", ms(histogram_at(h, 0.9)));
    jw_f64(w, "p99_ms", ms(histogram_at(h, 0.99)));
    jw_f64(w, "max_ms", ms(h->max));
    jw_end(w);
}

static void json_counts(struct jw *w, const struct crowd_stats *s)
{
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        { "opened", s->opened }, { "connected", s->connected }, { "greeted", s->greeted }, { "left", s->left },
        { "turns", s->turns }, { "turns_good", s->turns_good }, { "turns_lost", s->turns_lost },
        { "turns_busy", s->turns_busy }, { "aborts", s->aborts },
        { "early", s->early }, { "sooner", s->sooner },
        { "packets_out", s->packets_out }, { "packets_in", s->packets_in }, { "bytes_out", s->bytes_out },
        { "bytes_in", s->bytes_in }, { "gaps", s->gaps }, { "gaps_late", s->gaps_late },
        { "underruns", s->underruns }, { "lost_packets", s->lost_packets },
    };
    for (size_t i = 0; i < COUNT(counts); i++)
        jw_i64(w, counts[i].name, (int64_t)counts[i].count);
    jw_f64(w, "gaps_late_share", share_late(s));
    jw_object_as(w, "errors");
    for (int i = 0; i < CROWD_ERRORS; i++)
        if (s->errors[i])
            jw_i64(w, crowd_error_name((enum crowd_error)i), (int64_t)s->errors[i]);
    jw_end(w);
    jw_object_as(w, "first_errors");
    for (int i = 0; i < CROWD_ERRORS; i++)
        if (s->errors[i])
            jw_cstr(w, crowd_error_name((enum crowd_error)i), s->why[i]);
    jw_end(w);
    jw_object_as(w, "violations");
    for (int v = 0; v < VIOLATIONS; v++)
        if (s->violations[v])
            jw_i64(w, violation_name((enum violation)v), (int64_t)s->violations[v]);
    jw_end(w);
}

static void json_waiting(struct jw *w, const struct crowd_waiting *waiting)
{
    static const char *const names[CROWD_WAITS] = { "ota", "connect", "hello", "answer" };
    jw_object_as(w, "waiting");
    for (int i = 0; i < CROWD_WAITS; i++) {
        if (!waiting->count[i])
            continue;
        jw_object_as(w, names[i]);
        jw_i64(w, "count", waiting->count[i]);
        jw_f64(w, "longest_ms", ms(waiting->longest_us[i]));
        jw_end(w);
    }
    jw_end(w);
}

static void json_samples(struct jw *w, const struct load_result *r)
{
    jw_array_as(w, "samples");
    for (unsigned i = 0; i < r->sample_count; i++) {
        const struct load_sample *s = &r->samples[i];
        jw_object(w);
        jw_i64(w, "second", i + 1);
        jw_i64(w, "alive", s->alive);
        jw_i64(w, "speaking", s->speaking);
        jw_i64(w, "greeted", (int64_t)s->greeted);
        jw_i64(w, "turns", (int64_t)s->turns);
        jw_i64(w, "packets_in", (int64_t)s->packets_in);
        jw_i64(w, "packets_out", (int64_t)s->packets_out);
        jw_i64(w, "errors", (int64_t)s->errors);
        if (s->cpu >= 0)
            jw_f64(w, "cpu", s->cpu);
        if (s->rss_bytes)
            jw_i64(w, "rss_bytes", s->rss_bytes);
        if (s->latencies) {
            jw_f64(w, "p50_ms", ms(s->p50_us));
            jw_f64(w, "p99_ms", ms(s->p99_us));
        }
        jw_end(w);
    }
    jw_end(w);
}

void load_json(const struct load_result *r, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "profile", r->profile);
    jw_cstr(&w, "url", r->url);
    jw_i64(&w, "devices", r->devices);
    jw_f64(&w, "seconds", r->seconds);
    jw_i64(&w, "alive", r->alive);
    jw_f64(&w, "greeted_per_s", r->greet_per_s);
    jw_f64(&w, "known_ms", ms(r->known_us));
    jw_f64(&w, "own_cpu_s", r->own_cpu_s);
    jw_bool(&w, "generator_is_limit", is_own_limit(r));
    if (r->has_server) {
        jw_object_as(&w, "server");
        jw_f64(&w, "cpu_s", r->server_cpu_s);
        jw_f64(&w, "cpu_steady", r->server_cpu_steady);
        jw_f64(&w, "steady_s", r->steady_s);
        jw_i64(&w, "rss_before_bytes", r->server_rss_before);
        jw_i64(&w, "rss_after_bytes", r->server_rss_after);
        jw_i64(&w, "rss_peak_bytes", r->server_rss_peak);
        jw_end(&w);
    }
    json_counts(&w, r->stats);
    json_waiting(&w, &r->waiting);
    for (size_t i = 0; i < COUNT(rows); i++)
        json_histogram(&w, rows[i].name, histogram_of(r->stats, &rows[i]));
    json_samples(&w, r);
    jw_end(&w);
}
