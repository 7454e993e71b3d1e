/* SPDX-License-Identifier: MIT
 * metrics.c -- the numbers behind METRIC_LIST.
 *
 * A thread adds to one of a few shards, so that two loops seldom write to one cache line; reading
 * adds the shards up. Gauges live in shard 0 only, because they can be set. Values by label stand in
 * a table per metric, made with the first use; its entries are only ever added. */
#include "metrics/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"

#define SHARDS 8
#define LABELS_MAX 64           /* values per metric, "other" included */
#define LABEL_BYTES_MAX 64
#define SECONDS_MAX 1e6         /* a longer measurement is one of this length */
#define SUM_UNIT 1e9            /* sums are kept in nanoseconds */

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const struct row {
    const char *name, *help, *label;
    enum kind kind;
} rows[METRIC_COUNT] = {
#define X(id, kind_, help_, label_) [METRIC_##id] = { #id, help_, label_, kind_ },
    METRIC_LIST(X)
#undef X
};

static const double bounds[] = { 0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                 0.01,    0.02,    0.05,   0.1,     0.15,   0.2,   0.3,    0.5,
                                 0.8,     1,       1.5,    2.5,     5,      10,    30 };
#define BUCKETS (COUNT(bounds) + 1)

typedef _Atomic int64_t cell;

struct label {
    _Atomic(char *) text; /* NULL: free; set once */
    cell value;
};

struct labels {
    struct label entries[LABELS_MAX];
};

static struct shard {
    _Alignas(64) cell values[METRIC_COUNT]; /* a histogram's sum */
    cell buckets[METRIC_COUNT][BUCKETS];
} shards[SHARDS];

static _Atomic(struct labels *) labelled[METRIC_COUNT];
static pthread_mutex_t labels_lock = PTHREAD_MUTEX_INITIALIZER; /* for adding entries */
static atomic_uint threads_seen;

static struct shard *my_shard(void)
{
    static _Thread_local unsigned mine; /* 0: not given yet */
    if (mine == 0)
        mine = 1 + atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed) % SHARDS;
    return &shards[mine - 1];
}

static void add(cell *to, int64_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static int64_t get(const cell *from)
{
    return atomic_load_explicit((cell *)from, memory_order_relaxed);
}

void metric_add(enum metric m, int64_t n)
{
    add(rows[m].kind == GAUGE ? &shards[0].values[m] : &my_shard()->values[m], n);
}

void metric_set(enum metric m, int64_t value)
{
    atomic_store_explicit(&shards[0].values[m], value, memory_order_relaxed);
}

void metric_seconds(enum metric m, double seconds)
{
    if (!(seconds > 0))
        seconds = 0;
    seconds = fmin(seconds, SECONDS_MAX);
    size_t bucket = 0;
    while (bucket < COUNT(bounds) && seconds > bounds[bucket])
        bucket++;
    struct shard *s = my_shard();
    add(&s->values[m], (int64_t)(seconds * SUM_UNIT));
    add(&s->buckets[m][bucket], 1);
}

static struct labels *labels_of(enum metric m)
{
    struct labels *l = atomic_load_explicit(&labelled[m], memory_order_acquire);
    if (l)
        return l;
    struct labels *fresh = xnew(struct labels);
    if (atomic_compare_exchange_strong(&labelled[m], &l, fresh))
        return fresh;
    mem_free(fresh); /* another thread was first */
    return l;
}

static struct label *find_label(struct labels *l, const char *text)
{
    for (size_t i = 0; i < LABELS_MAX; i++) {
        const char *have = atomic_load_explicit(&l->entries[i].text, memory_order_acquire);
        if (!have)
            return NULL;
        if (strncmp(have, text, LABEL_BYTES_MAX) == 0)
            return &l->entries[i];
    }
    return NULL;
}

/* Under the lock. The last entry is kept for all values there was no room for. */
static struct label *make_label(struct labels *l, const char *text)
{
    struct label *e = find_label(l, text);
    for (size_t i = 0; i < LABELS_MAX && !e; i++) {
        if (atomic_load_explicit(&l->entries[i].text, memory_order_relaxed))
            continue;
        bool last = i == LABELS_MAX - 1;
        struct slice s = last ? SLICE("other") : slice_from(text, strnlen(text, LABEL_BYTES_MAX));
        atomic_store_explicit(&l->entries[i].text, xslicedup(s), memory_order_release);
        e = &l->entries[i];
    }
    return e ? e : &l->entries[LABELS_MAX - 1];
}

void metric_add_label(enum metric m, const char *label_value, int64_t n)
{
    const char *text = label_value && *label_value ? label_value : "none";
    struct labels *l = labels_of(m);
    struct label *e = find_label(l, text);
    if (!e) {
        pthread_mutex_lock(&labels_lock);
        e = make_label(l, text);
        pthread_mutex_unlock(&labels_lock);
    }
    add(&e->value, n);
}

int64_t metric_value(enum metric m)
{
    int64_t sum = 0;
    for (size_t i = 0; i < SHARDS; i++)
        sum += get(&shards[i].values[m]);
    return sum;
}

int64_t metric_label_value(enum metric m, const char *label_value)
{
    struct label *e = find_label(labels_of(m), label_value);
    return e ? get(&e->value) : 0;
}

static uint64_t bucket_count(enum metric m, size_t bucket)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SHARDS; i++)
        sum += (uint64_t)get(&shards[i].buckets[m][bucket]);
    return sum;
}

uint64_t metric_count(enum metric m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        sum += bucket_count(m, i);
    return sum;
}

/* ---- the text ---- */

static void print_label_value(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_puts(out, "\\n");
        else if (*text == '"' || *text == '\\')
            buf_printf(out, "\\%c", *text);
        else
            buf_put_byte(out, *text);
    }
}

static void print_labelled(struct buf *out, enum metric m)
{
    const struct labels *l = atomic_load_explicit(&labelled[m], memory_order_acquire);
    for (size_t i = 0; l && i < LABELS_MAX; i++) {
        const char *text = atomic_load_explicit(&((struct labels *)l)->entries[i].text, memory_order_acquire);
        if (!text)
            break;
        buf_printf(out, "parley_%s{%s=\"", rows[m].name, rows[m].label);
        print_label_value(out, text);
        buf_printf(out, "\"} %lld\n", (long long)get(&l->entries[i].value));
    }
}

static void print_histogram(struct buf *out, enum metric m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        sum += bucket_count(m, i);
        buf_printf(out, "parley_%s_bucket{le=\"", rows[m].name);
        if (i < COUNT(bounds))
            buf_printf(out, "%g", bounds[i]);
        else
            buf_puts(out, "+Inf");
        buf_printf(out, "\"} %llu\n", (unsigned long long)sum);
    }
    buf_printf(out, "parley_%s_sum %.9g\n", rows[m].name, (double)metric_value(m) / SUM_UNIT);
    buf_printf(out, "parley_%s_count %llu\n", rows[m].name, (unsigned long long)sum);
}

void metrics_print(struct buf *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    for (int i = 0; i < METRIC_COUNT; i++) {
        enum metric m = (enum metric)i;
        buf_printf(out, "# HELP parley_%s %s\n# TYPE parley_%s %s\n", rows[m].name, rows[m].help, rows[m].name,
                   kinds[rows[m].kind]);
        if (rows[m].kind == HISTOGRAM)
            print_histogram(out, m);
        else if (rows[m].label)
            print_labelled(out, m);
        else
            buf_printf(out, "parley_%s %lld\n", rows[m].name, (long long)metric_value(m));
    }
}

void metrics_reset(void)
{
    for (size_t s = 0; s < SHARDS; s++)
        for (size_t m = 0; m < METRIC_COUNT; m++) {
            atomic_store(&shards[s].values[m], 0);
            for (size_t b = 0; b < BUCKETS; b++)
                atomic_store(&shards[s].buckets[m][b], 0);
        }
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        struct labels *l = atomic_load(&labelled[m]);
        for (size_t i = 0; l && i < LABELS_MAX; i++)
            atomic_store(&l->entries[i].value, 0);
    }
}
