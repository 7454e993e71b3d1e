/* SPDX-License-Identifier: MIT
 * TSAN: the writer thread, and writers of several threads. */
#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "tests/support/test.h"

#define LOG_TOPIC "test"

static char folder[64];

static int make_folder(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/parley-log-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[400];
    DIR *dir = opendir(folder);
    log_tap(NULL, NULL);
    log_stop();
    for (struct dirent *d; dir && (d = readdir(dir));) {
        snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
    return rmdir(folder);
}

static struct buf read_back(const char *name)
{
    struct buf text = { 0 };
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t got;
    while ((got = fread(buf_reserve(&text, 4096), 1, 4096, f)) > 0)
        text.len += got;
    fclose(f);
    buf_put(&text, (struct slice){ 0 });
    return text;
}

static struct log_opts opts(void)
{
    return (struct log_opts){ .level = LOG_DEBUG, .dir = folder, .file = "t.log", .message_max_bytes = 2000, .fd = -1 };
}

static void a_line_has_time_level_topic_event_and_ids(void **state)
{
    struct log_opts o = opts();
    struct log_ctx ctx = { .ids = "sid=1 dev=aa:bb" };
    assert_ok(log_start(&o));
    assert_int_equal(log_start(&o), ERR_STATE);
    LOGI(&ctx, "session.open", "framing=%d", 1);
    LOGT(&ctx, "not.shown", "x");
    LOGW(NULL, "bare", "%s", "");
    log_stop();
    auto_buf struct buf text = read_back("t.log");
    assert_non_null(strstr(text.data, "Z INFO test session.open sid=1 dev=aa:bb framing=1\n"));
    assert_non_null(strstr(text.data, "Z WARN test bare\n"));
    assert_null(strstr(text.data, "not.shown"));
}

static void levels_are_per_process_and_per_session(void **state)
{
    struct log_opts o = opts();
    o.level = LOG_WARN;
    log_configure(&o);
    assert_false(log_enabled(LOG_INFO, NULL));
    assert_true(log_enabled(LOG_ERROR, NULL));
    assert_true(log_enabled(LOG_DEBUG, &(struct log_ctx){ .level = LOG_DEBUG }));
    assert_false(log_enabled(LOG_WARN, &(struct log_ctx){ .level = LOG_ERROR }));
    assert_true(log_enabled(LOG_TRACE, &(struct log_ctx){ .trace = true }));
}

static void no_line_can_be_forged_or_be_too_long(void **state)
{
    struct log_opts o = opts();
    auto_buf struct buf big = { 0 };
    for (int i = 0; i < 3400; i++)
        buf_puts(&big, "\xE4\xBD\xA0");
    assert_ok(log_start(&o));
    LOGI(NULL, "in", "text=%s", "x\n2026 ERROR forged");
    LOGI(NULL, "in", "text=%s token=abc", big.data);
    log_stop();
    auto_buf struct buf text = read_back("t.log");
    struct slice rest = buf_slice(&text);
    assert_true(slice_contains(slice_cut(&rest, '\n'), SLICE("x\\n2026 ERROR forged")));
    struct slice line = slice_cut(&rest, '\n');
    assert_true(line.len > 1900 && line.len < 2100);
    assert_true(utf8_valid(line));
    assert_true(slice_ends(line, SLICE("token=***")));
    assert_int_equal(rest.len, 0);
}

static void a_full_file_is_put_aside_and_old_ones_go(void **state)
{
    struct log_opts o = opts();
    char old_path[400], other_path[400];
    snprintf(old_path, sizeof(old_path), "%s/t.log.20200101-000000", folder);
    snprintf(other_path, sizeof(other_path), "%s/other.log", folder);
    struct utimbuf long_ago = { 1577836800, 1577836800 };
    const char *paths[] = { old_path, other_path };
    for (size_t i = 0; i < COUNT(paths); i++) {
        close(open(paths[i], O_CREAT | O_WRONLY, 0600));
        utime(paths[i], &long_ago);
    }
    o.rotate_bytes = 2000;
    o.retention_days = 30;
    for (int round = 0; round < 5; round++) {
        assert_ok(log_start(&o));
        for (int i = 0; i < 8; i++)
            LOGI(NULL, "fill", "n=%d %s", i, "some words to make the line longer, and a few more of them, and more");
        log_stop();
    }
    int kept = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *d; (d = readdir(dir));)
        kept += strncmp(d->d_name, "t.log", 5) == 0;
    closedir(dir);
    assert_in_range(kept, 2, 5);
    assert_int_not_equal(access(old_path, F_OK), 0);
    assert_int_equal(access(other_path, F_OK), 0);
    struct stat st;
    snprintf(old_path, sizeof(old_path), "%s/t.log", folder);
    assert_int_equal(stat(old_path, &st), 0);
    assert_true(st.st_size <= 2000);
}

static size_t count_lines(struct slice text, const char *word)
{
    size_t count = 0;
    while (text.data && text.len)
        count += slice_contains(slice_cut(&text, '\n'), slice_of(word));
    return count;
}

/* A pipe nobody reads: callers never wait, debug goes first, then info, the loss is told. */
static void a_blocked_output_stalls_nobody(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log_opts o = { .level = LOG_DEBUG, .message_max_bytes = 2000, .fd = ends[1], .queue_lines = 50 };
    assert_ok(log_start(&o));
    uint64_t before_us = clock_mono_us();
    for (int i = 0; i < 3000; i++) {
        LOGD(NULL, "noise", "n=%d %s", i, "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789");
        if (i % 10 == 0)
            LOGI(NULL, "info", "n=%d", i);
    }
    for (int i = 0; i < 20; i++)
        LOGW(NULL, "warn", "n=%d", i);
    for (int i = 0; i < 20; i++)
        LOGD(NULL, "late", "n=%d", i);
    assert_true(clock_mono_us() - before_us < 2000000);

    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    auto_buf struct buf text = { 0 };
    uint64_t until_us = clock_mono_us() + 4000000;
    while (clock_mono_us() < until_us &&
           (text.len == 0 || !strstr(text.data, "lines dropped") || !strstr(text.data, "warn n=19"))) {
        ssize_t got = read(ends[0], buf_reserve(&text, 4096), 4096);
        text.len += got > 0 ? (size_t)got : 0;
        buf_put(&text, (struct slice){ 0 });
    }
    log_stop();
    for (ssize_t got; (got = read(ends[0], buf_reserve(&text, 4096), 4096)) > 0;)
        text.len += (size_t)got;
    buf_put(&text, (struct slice){ 0 });
    assert_int_equal(count_lines(buf_slice(&text), " WARN test warn "), 20);
    assert_true(count_lines(buf_slice(&text), "noise") < 3000);
    assert_true(count_lines(buf_slice(&text), "lines dropped") >= 1);
    close(ends[0]);
    close(ends[1]);
}

/* With a file beside it the blocked output loses lines, the file none. */
static void a_blocked_output_does_not_hold_up_the_file(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log_opts o = opts();
    o.fd = ends[1];
    o.queue_lines = 100000;
    assert_ok(log_start(&o));
    for (int i = 0; i < 20000; i++)
        LOGI(NULL, "fill", "n=%d %s", i, "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789");
    uint64_t before_us = clock_mono_us();
    log_stop();
    assert_true(clock_mono_us() - before_us < 3000000);
    auto_buf struct buf text = read_back("t.log");
    assert_int_equal(count_lines(buf_slice(&text), " fill "), 20000);
    close(ends[0]);
    close(ends[1]);
}

static void *many_lines(void *name)
{
    for (int i = 0; i < 500; i++)
        LOGI(NULL, "thread", "who=%s n=%d.", (const char *)name, i);
    return NULL;
}

static void lines_of_several_threads_keep_their_order(void **state)
{
    struct log_opts o = opts();
    char names[4][4] = { "t0", "t1", "t2", "t3" };
    pthread_t threads[4];
    o.queue_lines = 100000;
    assert_ok(log_start(&o));
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_lines, names[i]), 0);
    for (int i = 0; i < 50; i++)
        log_configure(&o);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    log_stop();
    auto_buf struct buf text = read_back("t.log");
    for (size_t t = 0; t < COUNT(threads); t++) {
        const char *at = text.data;
        for (int i = 0; i < 500; i++) {
            char wanted[40];
            snprintf(wanted, sizeof(wanted), "who=%s n=%d.", names[t], i);
            at = strstr(at, wanted);
            assert_non_null(at);
        }
    }
}

static void count_tapped(void *user, struct slice line)
{
    atomic_fetch_add((atomic_int *)user, 1);
    assert(line.len && line.data[line.len - 1] != '\n');
}

static void a_tap_sees_every_line(void **state)
{
    atomic_int seen = 0;
    struct log_opts o = opts();
    log_configure(&o);
    log_tap(count_tapped, &seen);
    LOGI(NULL, "a", "x");
    LOGE(NULL, "b", "y");
    LOGT(NULL, "c", "z");
    assert_int_equal(seen, 2);
}

#define log_test(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(a_line_has_time_level_topic_event_and_ids), log_test(levels_are_per_process_and_per_session),
        log_test(no_line_can_be_forged_or_be_too_long),      log_test(a_full_file_is_put_aside_and_old_ones_go),
        log_test(a_blocked_output_stalls_nobody),            log_test(a_blocked_output_does_not_hold_up_the_file),
        log_test(lines_of_several_threads_keep_their_order), log_test(a_tap_sees_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
