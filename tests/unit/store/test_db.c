/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/db.h"
#include "store/migrate.h"
#include "store/setting.h"
#include "store/words.h"
#include "tests/support/temp.h"

static void a_new_database_is_migrated_to_the_newest_version(void **state)
{
    struct db *db = temp_db();
    int64_t version = 0;
    assert_ok(db_number(&version, db, "PRAGMA user_version"));
    assert_int_equal(version, migrations_known());
    db_close(db);
}

static void folders_are_made_and_the_file_is_private(void **state)
{
    struct db *db = NULL;
    struct err_note note;
    const char *path = temp_path("a/b/p.db");
    assert_ok(db_open(&db, &(struct db_opts){ .path = path, .is_durable = true }, &note));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    auto_query struct query q;
    db_query(&q, db, "PRAGMA journal_mode");
    assert_true(query_next(&q));
    assert_slice_is(query_text(&q, 0), "wal");
    query_done(&q);
    int64_t sync = 0;
    assert_ok(db_number(&sync, db, "PRAGMA synchronous"));
    assert_int_equal(sync, 2);
    db_close(db);
}

static void a_database_of_a_newer_parley_is_refused_and_left_alone(void **state)
{
    struct db *db = NULL;
    struct err_note note;
    const char *path = temp_path("newer.db");
    assert_ok(db_open(&db, &(struct db_opts){ .path = path }, &note));
    assert_ok(db_script(db, "PRAGMA user_version=999"));
    db_close(db);
    db = NULL;
    assert_int_equal(db_open(&db, &(struct db_opts){ .path = path }, &note), ERR_STORE);
    assert_null(db);
    assert_non_null(strstr(note.text, "newer Parley"));
}

static void a_damaged_file_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *name;
        off_t at;
    } rows[] = { { "head.db", 0 }, { "middle.db", 4096 * 3 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct db *db = NULL;
        struct err_note note;
        const char *path = temp_path(rows[i].name);
        assert_ok(db_open(&db, &(struct db_opts){ .path = path }, &note));
        assert_ok(db_setting_set(db, "k", SLICE("v")));
        db_close(db);
        int fd = open(path, O_WRONLY);
        char junk[3000];
        memset(junk, 0x5a, sizeof junk);
        assert_int_equal(pwrite(fd, junk, sizeof junk, rows[i].at), sizeof junk);
        close(fd);
        db = NULL;
        assert_int_equal(db_open(&db, &(struct db_opts){ .path = path }, &note), ERR_STORE);
        assert_true(strlen(note.text) > 20);
    }
}

static void a_place_that_cannot_be_written_is_an_io_error(void **state)
{
    struct db *db = NULL;
    struct err_note note;
    assert_int_equal(db_open(&db, &(struct db_opts){ .path = "/proc/none/p.db" }, &note), ERR_IO);
    assert_non_null(strstr(note.text, "/proc/none"));
}

static void constraint_failures_have_their_own_errors(void **state)
{
    struct db *db = temp_db();
    assert_ok(db_run(db, "INSERT INTO setting VALUES ('a', '1')"));
    assert_int_equal(db_run(db, "INSERT INTO setting VALUES ('a', '2')"), ERR_EXISTS);
    assert_int_equal(db_run(db, "INSERT INTO pair (device, client, state, created_ms, changed_ms)"
                                " VALUES ('x', 'y', 0, 0, 0)"), ERR_NOT_FOUND);
    assert_int_equal(db_run(db, "INSERT INTO setting VALUES ('n', NULL)"), ERR_INVALID);
    assert_int_equal(db_run(db, "INSERT INTO nowhere VALUES (1)"), ERR_STORE);
    db_close(db);
}

static void a_statement_may_run_inside_itself(void **state)
{
    struct db *db = temp_db();
    assert_ok(db_script(db, "INSERT INTO setting VALUES ('a','1'),('b','2')"));
    static const char sql[] = "SELECT key FROM setting ORDER BY key";
    unsigned seen = 0;
    auto_query struct query outer;
    db_query(&outer, db, sql);
    while (query_next(&outer)) {
        auto_query struct query inner;
        db_query(&inner, db, sql);
        while (query_next(&inner))
            seen++;
    }
    assert_int_equal(seen, 4);
    query_done(&outer);
    db_close(db);
}

static void settings_are_made_once(void **state)
{
    struct db *db = temp_db();
    auto_buf struct buf a = { 0 }, b = { 0 }, c = { 0 };
    assert_int_equal(db_setting_get(db, "k", &a), ERR_NOT_FOUND);
    assert_ok(db_setting_once(db, "k", SLICE("first"), &a));
    assert_ok(db_setting_once(db, "k", SLICE("second"), &b));
    assert_slice_is(buf_slice(&a), "first");
    assert_slice_is(buf_slice(&b), "first");
    assert_ok(db_setting_set(db, "k", SLICE("third")));
    assert_ok(db_setting_get(db, "k", &c));
    assert_slice_is(buf_slice(&c), "third");
    db_close(db);
}

static void texts_with_quotes_nul_and_any_bytes_are_stored_as_they_are(void **state)
{
    struct db *db = temp_db();
    struct slice odd = SLICE("it's \"q\" \0 ; DROP TABLE setting; \xf0\x9f\x98\x80");
    auto_buf struct buf out = { 0 };
    assert_ok(db_setting_set(db, "k", odd));
    assert_ok(db_setting_get(db, "k", &out));
    assert_true(slice_eq(buf_slice(&out), odd));
    db_close(db);
}

static void chinese_characters_become_words(void **state)
{
    static const struct {
        const char *typed, *query;
    } rows[] = {
        { "会议", "\" 会  议 \"" },
        { "hello world", "\"hello\" \"world\"" },
        { "A3会", "\"A3 会 \"" },
        { "say \"x\"", "\"say\" \" x \"" },
        { "，。!", NULL },
        { "", NULL },
        { "  -- *", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        assert_int_equal(words_query(&out, slice_of(rows[i].typed)), rows[i].query != NULL);
        if (rows[i].query)
            assert_slice_is(buf_slice(&out), rows[i].query);
    }
}

static void an_excerpt_is_cut_at_characters_around_the_place(void **state)
{
    auto_buf struct buf text = { 0 };
    for (int i = 0; i < 100; i++)
        buf_puts(&text, "开会");
    buf_puts(&text, "目标target");
    for (int i = 0; i < 100; i++)
        buf_puts(&text, "结束");
    struct slice cut = words_excerpt(buf_slice(&text), SLICE("TARGET"), 100);
    assert_true(cut.len <= 100);
    assert_true(slice_contains(cut, SLICE("目标target")));
    assert_true(slice_starts(cut, SLICE("开")) || slice_starts(cut, SLICE("会")));
}

static int tidy(void **state)
{
    temp_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_database_is_migrated_to_the_newest_version),
        cmocka_unit_test(folders_are_made_and_the_file_is_private),
        cmocka_unit_test(a_database_of_a_newer_parley_is_refused_and_left_alone),
        cmocka_unit_test(a_damaged_file_is_refused_with_a_sentence),
        cmocka_unit_test(a_place_that_cannot_be_written_is_an_io_error),
        cmocka_unit_test(constraint_failures_have_their_own_errors),
        cmocka_unit_test(a_statement_may_run_inside_itself),
        cmocka_unit_test(settings_are_made_once),
        cmocka_unit_test(texts_with_quotes_nul_and_any_bytes_are_stored_as_they_are),
        cmocka_unit_test(chinese_characters_become_words),
        cmocka_unit_test(an_excerpt_is_cut_at_characters_around_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, tidy);
}
