/* SPDX-License-Identifier: MIT
 * bench_store.c -- durable commits of single texts from one waiting caller, and searching 1,000 meetings
 * of 500 segments. Figures depend on the disk under /tmp.
 *
 *     bench_store [PATH]     PATH: only makes a database with these meetings there, for a server to search in */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/db.h"
#include "store/meeting.h"
#include "store/store.h"
#include "tests/support/temp.h"

#define MEETINGS 1000
#define SEGMENTS 500
#define COMMITS 300
#define ROUNDS 5

static void must(enum err e, const char *what)
{
    if (e) {
        fprintf(stderr, "%s: %s\n", what, err_name(e));
        exit(1);
    }
}

static enum err fill(struct db *db, void *input)
{
    static const char *const words[] = { "我们今天讨论下个季度的预算和人员安排", "the next release is planned for the end of May",
                                         "请大家看一下第三页的图表", "Anna will call the customer tomorrow" };
    int m = *(int *)input;
    char id[16];
    snprintf(id, sizeof id, "m%d", m);
    enum err e = db_run(db, "INSERT INTO meeting (id, session, device, state, started_ms) VALUES (?1, 's', 'd', 2, ?2)",
                        db_s(id), db_i(m));
    for (int i = 0; i < SEGMENTS && !e; i++)
        e = db_run(db, "INSERT INTO segment (meeting, ts_ms, text) VALUES (?1, ?2, ?3)", db_s(id), db_i(i),
                   db_s(m % 100 == 50 && i == 7 ? "独特的词语 unique" : words[(m + i) % 4]));
    return e;
}

static enum err open_one(struct db *db, void *input)
{
    return db_meeting_open(db, &(struct meeting_row){ .id = "live", .session = "s", .device = "live" });
}

static enum err add_one(struct db *db, void *input)
{
    int64_t waiting = 0, merged;
    enum err e = db_pending_add(db, &(struct segment_row){ .meeting = "live", .text = "a text", .ts_ms = 1 });
    if (!e)
        e = db_pending_count(db, "live", &waiting);
    return !e && waiting >= 100 ? db_pending_merge(db, "live", &merged) : e;
}

struct find {
    const char *typed;
    size_t count;
};

static enum err find(struct db *db, void *input)
{
    struct find *f = input;
    struct arena a = { 0 };
    struct search_hit *hits;
    const struct search_filter filter = { .typed = slice_of(f->typed), .limit = 20 };
    enum err e = db_segment_search(db, &filter, &a, &hits, &f->count);
    arena_done(&a);
    return e;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void fill_all(struct store *s)
{
    for (int m = 0; m < MEETINGS; m++)
        must(store_run(s, fill, &m), "fill");
}

int main(int argc, char **argv)
{
    struct store *s = NULL;
    if (argc > 1) {
        must(store_open(&s, &(struct store_opts){ .path = argv[1] }, NULL), "open");
        fill_all(s);
        store_close(s);
        return 0;
    }
    must(store_open(&s, &(struct store_opts){ .path = temp_path("bench.db"), .is_durable = true }, NULL), "open");
    must(store_run(s, open_one, NULL), "meeting");
    static uint64_t took[COMMITS];
    for (int i = 0; i < COMMITS; i++) {
        uint64_t from = clock_mono_us();
        must(store_run(s, add_one, NULL), "text");
        took[i] = clock_mono_us() - from;
    }
    qsort(took, COMMITS, sizeof took[0], by_size);
    printf("store.text_durable_us p50 %llu p99 %llu\n", (unsigned long long)took[COMMITS / 2],
           (unsigned long long)took[COMMITS * 99 / 100]);
    fill_all(s);
    static const char *const typed[] = { "独特", "预", "预算和人员", "customer", "讨论 安排", "nothing", "安人", "customer 预算" };
    for (size_t i = 0; i < COUNT(typed); i++) {
        struct find f = { typed[i], 0 };
        uint64_t best = UINT64_MAX;
        for (int r = 0; r < ROUNDS; r++) {
            uint64_t from = clock_mono_us();
            must(store_run(s, find, &f), "search");
            uint64_t us = clock_mono_us() - from;
            best = us < best ? us : best;
        }
        printf("store.search_us %llu  hits %zu  \"%s\"\n", (unsigned long long)best, f.count, typed[i]);
    }
    store_close(s);
    temp_remove();
    return 0;
}
