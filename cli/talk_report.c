/* SPDX-License-Identifier: MIT
 * talk_report.c -- a turn and the server's faults in words and in JSON. */
#include "cli/talk.h"

#include <stdio.h>

static double ms_after(uint64_t at_us, uint64_t from_us)
{
    return at_us > from_us && from_us ? (double)(at_us - from_us) / 1000 : 0;
}

static void print_step(const char *name, uint64_t at_us, uint64_t from_us)
{
    if (at_us && from_us)
        printf("  %s %.0f ms", name, ms_after(at_us, from_us));
}

void talk_print(const struct talk_turn *n)
{
    printf("timings:  ");
    print_step("end of speech -> text", n->heard_us, n->end_us);
    print_step("-> first token", n->token_us, n->end_us);
    print_step("-> first audio", n->audio_us, n->end_us);
    if (n->abort_us)
        print_step("| button -> stop", n->stop_us, n->abort_us);
    printf("\n            %u sentences, %u packets", n->sentences, n->packets);
    if (n->lost)
        printf(", %u lost", n->lost);
    if (n->gap_us + n->pause_us)
        printf(", silent %.0f ms within and %.0f ms between sentences", (double)n->gap_us / 1000,
               (double)n->pause_us / 1000);
    printf("\n");
    fflush(stdout);
}

static void put_step(struct jw *w, const char *name, uint64_t at_us, uint64_t from_us)
{
    if (at_us && from_us)
        jw_f64(w, name, ms_after(at_us, from_us));
}

void talk_print_json(const struct talk_turn *n, unsigned number)
{
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_i64(&w, "turn", number);
    jw_str(&w, "heard", buf_slice(&n->heard));
    jw_str(&w, "said", buf_slice(&n->said));
    jw_cstr(&w, "emotion", n->emotion);
    put_step(&w, "text_ms", n->heard_us, n->end_us);
    put_step(&w, "token_ms", n->token_us, n->end_us);
    put_step(&w, "audio_ms", n->audio_us, n->end_us);
    put_step(&w, "stop_ms", n->stop_us, n->end_us);
    put_step(&w, "abort_to_stop_ms", n->stop_us, n->abort_us);
    jw_i64(&w, "sentences", n->sentences);
    jw_i64(&w, "packets", n->packets);
    jw_i64(&w, "lost", n->lost);
    jw_f64(&w, "gap_ms", (double)n->gap_us / 1000);
    jw_f64(&w, "pause_ms", (double)n->pause_us / 1000);
    jw_end(&w);
    printf("%s\n", out.data);
    fflush(stdout);
}

static void print_faults_json(const struct device *d)
{
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_object_as(&w, "violations");
    for (enum violation v = 0; v < VIOLATIONS; v++)
        if (device_violations(d, v))
            jw_i64(&w, violation_name(v), device_violations(d, v));
    jw_end(&w);
    jw_end(&w);
    printf("%s\n", out.data);
}

bool talk_print_faults(const struct device *d, bool is_json)
{
    bool is_proper = true;
    for (enum violation v = 0; v < VIOLATIONS; v++) {
        unsigned n = device_violations(d, v);
        if (n == 0)
            continue;
        is_proper = is_proper && violation_is_timing(v);
        if (!is_json)
            printf("%s %s (%u)\n", violation_is_timing(v) ? "late or early:" : "FAULT:", violation_text(v), n);
    }
    if (is_json)
        print_faults_json(d);
    return is_proper;
}
