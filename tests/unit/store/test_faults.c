/* SPDX-License-Identifier: MIT
 * test_faults.c -- what was acknowledged survives kill -9; a full disk is an error and not the end. */
#include "tests/support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "store/db.h"
#include "store/meeting.h"
#include "store/setting.h"
#include "store/store.h"
#include "tests/support/temp.h"

#define ROUNDS 60
#define TIME_MAX_MS 15000

/* --- kill -9 ---- */

#define TEXTS_PER_MEETING 5000 /* far below what one may hold: the long check writes 20,000 and more */

struct text {
    int64_t number;
};

static enum err text_add(struct db *db, void *input)
{
    const struct text *t = input;
    char words[32], meeting[32];
    snprintf(words, sizeof words, "text %lld", (long long)t->number);
    snprintf(meeting, sizeof meeting, "m%lld", (long long)t->number / TEXTS_PER_MEETING);
    int64_t waiting = 0, merged;
    enum err e = db_meeting_open(db, &(struct meeting_row){ .id = meeting, .session = "s", .device = meeting });
    if (!e || e == ERR_EXISTS)
        e = db_pending_add(db, &(struct segment_row){ .meeting = meeting, .text = words, .ts_ms = t->number });
    if (!e)
        e = db_pending_count(db, meeting, &waiting);
    if (!e && waiting >= 20)
        e = db_pending_merge(db, meeting, &merged);
    return e;
}

/* Writes texts for ever; each acknowledged number goes down the pipe. */
static void writer(const char *path, int64_t from, int out)
{
    struct store *s = NULL;
    if (store_open(&s, &(struct store_opts){ .path = path }, NULL) != OK)
        _exit(1);
    for (struct text t = { from };; t.number++) {
        if (store_run(s, text_add, &t) != OK || write(out, &t.number, sizeof t.number) != sizeof t.number)
            _exit(1);
    }
}

/* Segments and pending texts together must be 1..n without a gap. */
static int64_t stored(const char *path)
{
    struct db *db = NULL;
    struct err_note note = { 0 };
    if (db_open(&db, &(struct db_opts){ .path = path }, &note) != OK)
        fail_msg("%s", note.text);
    int64_t count = 0, last = 0, segments = 0, indexed = 0;
    assert_ok(db_number(&count, db, "SELECT (SELECT count(*) FROM segment) + (SELECT count(*) FROM pending_text)"));
    assert_ok(db_number(&last, db, "SELECT max(coalesce((SELECT max(ts_ms) FROM segment), 0),"
                                   " coalesce((SELECT max(ts_ms) FROM pending_text), 0))"));
    assert_int_equal(count, last);
    if (db_number(&segments, db, "SELECT coalesce(sum(segments), 0) FROM meeting") == OK) {
        assert_ok(db_number(&indexed, db, "SELECT count(*) FROM segment_words WHERE segment_words MATCH 'text'"));
        assert_int_equal(segments, indexed);
    }
    db_close(db);
    return last;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    const char *path = temp_path("kill.db");
    const char *wanted_text = getenv("PARLEY_KILL_ROUNDS"); /* the long check wants more */
    uint64_t began_us = clock_mono_us();
    int64_t have = 0, wanted = 0;
    int rounds = 0;
    if (!wanted_text || !slice_to_i64(slice_of(wanted_text), &wanted))
        wanted = ROUNDS;
    for (; rounds < wanted && (wanted > ROUNDS || clock_mono_us() - began_us < TIME_MAX_MS * 1000ULL); rounds++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            writer(path, have + 1, ends[1]);
        }
        close(ends[1]);
        int64_t acked = have, number;
        unsigned want = 1 + rand_below(12); /* killed after so many answers, then a little later */
        while (want-- && read(ends[0], &number, sizeof number) == sizeof number)
            acked = number;
        nanosleep(&(struct timespec){ .tv_nsec = rand_below(3000000) }, NULL);
        kill(child, SIGKILL);
        while (read(ends[0], &number, sizeof number) == sizeof number)
            acked = number;
        close(ends[0]);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        have = stored(path);
        assert_true(have >= acked);
    }
    print_message("%d rounds, %lld texts\n", rounds, (long long)have);
    assert_true(rounds >= 5);
    assert_true(have > rounds);
}

/* --- full disk ---- */

static enum err fill_run(struct db *db, void *input)
{
    static char big[20000];
    memset(big, 'x', sizeof big);
    char key[24];
    snprintf(key, sizeof key, "fill%d", *(int *)input);
    return db_setting_set(db, key, slice_from(big, sizeof big));
}

static enum err fill_count(struct db *db, void *input)
{
    return db_number(input, db, "SELECT count(*) FROM setting WHERE key LIKE 'fill%'");
}

static void a_full_disk_is_an_error_and_nothing_acknowledged_is_lost(void **state)
{
    char dir[200];
    snprintf(dir, sizeof dir, "%s", temp_path("small"));
    mkdir(dir, 0700);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0) {
        print_message("skip: a small tmpfs cannot be mounted here (%s)\n", strerror(errno));
        skip();
    }
    char path[220];
    snprintf(path, sizeof path, "%s/p.db", dir);
    struct store *s = NULL;
    enum err opened = store_open(&s, &(struct store_opts){ .path = path }, NULL), e = OK;
    int acked = 0;
    int64_t kept = -1, kept_again = -1;
    if (!opened) {
        for (int i = 0; i < 100 && !e; i++) {
            e = store_run(s, fill_run, &i);
            acked += !e;
        }
    }
    bool was_healthy = s && store_is_healthy(s);
    enum err counted = s ? store_run(s, fill_count, &kept) : ERR_STORE;
    store_close(s);
    struct err_note note = { 0 };
    bool is_larger = mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=8m") == 0;
    s = NULL;
    enum err again = is_larger ? store_open(&s, &(struct store_opts){ .path = path }, &note) : ERR_IO;
    enum err works = s ? store_run(s, fill_run, &(int){ 1000 }) : ERR_IO;
    enum err counted_again = s ? store_run(s, fill_count, &kept_again) : ERR_IO;
    store_close(s);
    umount(dir);
    assert_ok(opened);
    assert_int_equal(e, ERR_STORE);
    assert_false(was_healthy);
    (void)counted; /* reading may need the disk too */
    assert_true(acked > 0);
    assert_ok(again);
    assert_ok(works);
    assert_ok(counted_again);
    assert_int_equal(kept_again, acked + 1);
}


static int tidy(void **state)
{
    temp_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kill_9),
        cmocka_unit_test(a_full_disk_is_an_error_and_nothing_acknowledged_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, tidy);
}
