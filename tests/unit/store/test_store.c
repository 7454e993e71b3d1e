/* SPDX-License-Identifier: MIT
 * test_store.c -- the writer and reader threads: order, rollback alone, bounds, cancel, faults. TSAN */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "store/db.h"
#include "store/setting.h"
#include "store/store.h"
#include "tests/support/temp.h"

struct put {
    char key[24];
    bool must_fail;
    enum err done; /* ERR_COUNT: not heard */
    int *order;
    int place;
};

static enum err put_run(struct db *db, void *input)
{
    struct put *p = input;
    enum err e = db_setting_set(db, p->key, SLICE("1"));
    return e ? e : p->must_fail ? ERR_STATE : OK;
}

static void put_done(void *owner, enum err err, void *input)
{
    struct put *p = input;
    p->done = err;
    if (p->order)
        p->place = ++*p->order;
}

static const struct store_op_class put_class = { .name = "put", .run = put_run, .done = put_done };

static enum err count_run(struct db *db, void *input)
{
    return db_number((int64_t *)input, db, "SELECT count(*) FROM setting WHERE key LIKE 'k%'");
}

static int64_t count_keys(struct store *s)
{
    int64_t n = -1;
    assert_ok(store_run(s, count_run, &n));
    return n;
}

static struct store *open_file(const char *name)
{
    struct store *s = NULL;
    struct err_note note = { 0 };
    enum err e = store_open(&s, &(struct store_opts){ .path = temp_path(name), .busy_wait_ms = 50 }, &note);
    if (e)
        fail_msg("%s", note.text);
    return s;
}

static struct loop *loop_new(void)
{
    struct loop *l = NULL;
    assert_ok(loop_create(&l, &(struct loop_opts){ .name = "test" }));
    return l;
}

static void settle(struct store *s, struct loop *l)
{
    for (int i = 0; i < 2000 && store_queued(s); i++)
        loop_step(l, 5);
    loop_step(l, 1);
}

static void an_op_that_fails_is_rolled_back_alone(void **state)
{
    struct store *s = open_file("alone.db");
    struct loop *l = loop_new();
    enum { N = 600 };
    static struct put puts[N];
    int order = 0;
    for (int i = 0; i < N; i++) {
        puts[i] = (struct put){ .must_fail = i % 3 == 0, .done = ERR_COUNT, .order = &order };
        snprintf(puts[i].key, sizeof puts[i].key, "k%d", i);
        assert_ok(store_start(NULL, s, l, &put_class, &puts[i], NULL));
    }
    settle(s, l);
    for (int i = 0; i < N; i++) {
        assert_int_equal(puts[i].done, i % 3 == 0 ? ERR_STATE : OK);
        assert_int_equal(puts[i].place, i + 1);
    }
    assert_int_equal(count_keys(s), N - N / 3);
    assert_true(store_is_healthy(s));
    store_close(s);
    loop_free(l);
}

static void the_nth_op_can_be_made_to_fail_for_every_n(void **state)
{
    for (unsigned nth = 1; nth <= 6; nth++) {
        struct store *s = NULL;
        assert_ok(store_open(&s, &(struct store_opts){ .path = ":memory:" }, NULL));
        struct loop *l = loop_new();
        struct put puts[6];
        store_fail_nth(s, nth);
        for (unsigned i = 0; i < 6; i++) {
            puts[i] = (struct put){ .done = ERR_COUNT };
            snprintf(puts[i].key, sizeof puts[i].key, "k%u", i);
            assert_ok(store_start(NULL, s, l, &put_class, &puts[i], NULL));
        }
        settle(s, l);
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(puts[i].done, i + 1 == nth ? ERR_STORE : OK);
        assert_int_equal(count_keys(s), 5);
        store_close(s);
        loop_free(l);
    }
}

/* Holds the writer until told. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool is_in, may_leave;
};

static enum err gate_run(struct db *db, void *input)
{
    struct gate *g = input;
    pthread_mutex_lock(&g->lock);
    g->is_in = true;
    pthread_cond_broadcast(&g->change);
    while (!g->may_leave)
        pthread_cond_wait(&g->change, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return OK;
}

static void gate_shut(struct gate *g, struct store *s, const struct store_op_class *cls)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->change, NULL);
    assert_ok(store_start(NULL, s, NULL, cls, g, NULL));
    pthread_mutex_lock(&g->lock);
    while (!g->is_in)
        pthread_cond_wait(&g->change, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->may_leave = true;
    pthread_cond_broadcast(&g->change);
    pthread_mutex_unlock(&g->lock);
}

static const struct store_op_class gate_class = { .name = "gate", .run = gate_run };
static const struct store_op_class read_gate_class = { .name = "gate", .run = gate_run, .is_read_only = true };

static void a_full_queue_says_busy_and_takes_nothing(void **state)
{
    struct store *s = NULL;
    assert_ok(store_open(&s, &(struct store_opts){ .path = ":memory:", .queue_max = 4 }, NULL));
    struct loop *l = loop_new();
    struct gate g = { .is_in = false };
    gate_shut(&g, s, &gate_class);
    struct put puts[4];
    for (int i = 0; i < 4; i++) {
        puts[i] = (struct put){ .done = ERR_COUNT };
        snprintf(puts[i].key, sizeof puts[i].key, "k%d", i);
        assert_int_equal(store_start(NULL, s, l, &put_class, &puts[i], NULL), i < 3 ? OK : ERR_BUSY);
    }
    gate_open(&g);
    settle(s, l);
    assert_int_equal(puts[2].done, OK);
    assert_int_equal(puts[3].done, ERR_COUNT);
    store_close(s);
    loop_free(l);
}

static atomic_int freed;
static void count_free(void *input)
{
    atomic_fetch_add(&freed, 1);
}

static void a_cancelled_owner_hears_nothing_and_the_op_still_runs(void **state)
{
    struct store *s = open_file("cancel.db");
    struct loop *l = loop_new();
    struct store_op_class cls = put_class;
    cls.free_input = count_free;
    struct put p = { .key = "k", .done = ERR_COUNT };
    struct store_op *op = NULL;
    freed = 0;
    assert_ok(store_start(&op, s, l, &cls, &p, &p));
    store_cancel(op);
    store_cancel(NULL);
    settle(s, l);
    assert_int_equal(p.done, ERR_COUNT);
    assert_int_equal(freed, 1);
    assert_int_equal(count_keys(s), 1);
    store_close(s);
    loop_free(l);
}

static void a_long_read_delays_no_commit(void **state)
{
    struct store *s = open_file("read.db");
    struct loop *l = loop_new();
    struct gate g = { .is_in = false };
    gate_shut(&g, s, &read_gate_class);
    struct put p = { .key = "k", .done = ERR_COUNT };
    assert_ok(store_start(NULL, s, l, &put_class, &p, NULL));
    for (int i = 0; i < 1000 && p.done == ERR_COUNT; i++)
        loop_step(l, 5);
    assert_int_equal(p.done, OK); /* while the reader still reads */
    gate_open(&g);
    settle(s, l);
    store_close(s);
    loop_free(l);
}

static void closing_runs_what_is_queued(void **state)
{
    struct store *s = open_file("closing.db");
    struct loop *l = loop_new();
    static struct put puts[100];
    for (int i = 0; i < 100; i++) {
        puts[i] = (struct put){ .done = ERR_COUNT };
        snprintf(puts[i].key, sizeof puts[i].key, "k%d", i);
        assert_ok(store_start(NULL, s, l, &put_class, &puts[i], NULL));
    }
    store_close(s);
    for (int i = 0; i < 10; i++)
        loop_step(l, 0);
    assert_int_equal(puts[99].done, OK);
    s = open_file("closing.db");
    assert_int_equal(count_keys(s), 100);
    store_close(s);
    loop_free(l);
}

enum { WRITERS = 4, PUTS = 150 };
static void *write_many(void *arg)
{
    struct store *s = ((void **)arg)[0];
    struct put p = { .key = "" };
    for (int i = 0; i < PUTS; i++) {
        snprintf(p.key, sizeof p.key, "k%p.%d", arg, i);
        if (store_run(s, put_run, &p) != OK)
            return arg;
    }
    return NULL;
}

static void many_threads_write_at_once(void **state)
{
    struct store *s = open_file("many.db");
    pthread_t threads[WRITERS];
    void *args[WRITERS][1];
    for (int i = 0; i < WRITERS; i++) {
        args[i][0] = s;
        pthread_create(&threads[i], NULL, write_many, args[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(count_keys(s), WRITERS * PUTS);
    store_close(s);
}

static void a_database_locked_from_outside_is_busy_and_then_works_again(void **state)
{
    struct store *s = open_file("locked.db");
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(temp_path("locked.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct put p = { .key = "k1" };
    assert_int_equal(store_run(s, put_run, &p), ERR_BUSY);
    assert_false(store_is_healthy(s));
    int64_t n = -1;
    struct loop *l = loop_new();
    const struct store_op_class reading = { .name = "count", .run = count_run, .is_read_only = true };
    assert_ok(store_start(NULL, s, l, &reading, &n, NULL)); /* reading goes on */
    settle(s, l);
    assert_int_equal(n, 0);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_ok(store_run(s, put_run, &p));
    assert_true(store_is_healthy(s));
    store_close(s);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_op_that_fails_is_rolled_back_alone),
        cmocka_unit_test(the_nth_op_can_be_made_to_fail_for_every_n),
        cmocka_unit_test(a_full_queue_says_busy_and_takes_nothing),
        cmocka_unit_test(a_cancelled_owner_hears_nothing_and_the_op_still_runs),
        cmocka_unit_test(a_long_read_delays_no_commit),
        cmocka_unit_test(closing_runs_what_is_queued),
        cmocka_unit_test(many_threads_write_at_once),
        cmocka_unit_test(a_database_locked_from_outside_is_busy_and_then_works_again),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
