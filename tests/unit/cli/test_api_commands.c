/* SPDX-License-Identifier: MIT
 * test_api_commands.c -- parley devices, meetings, tasks, say, pair against a real API in this process,
 * which a thread of its own runs; what they print, what they say when it goes wrong, their exit status. TSAN */
#include "tests/support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/api_client.h"
#include "store/device.h"
#include "store/meeting.h"
#include "store/turn.h"
#include "tests/support/api_world.h"
#include "tests/support/temp.h"

#define WORDS_MAX 16
#define OUTPUT_MAX 65536

static struct api_world w;
static pthread_t server;
static atomic_bool is_stopping;
static char *urls[2];
static struct buf out, err; /* what the last command printed */

static enum err fill(struct db *db, void *input)
{
    enum err e = db_device_seen(db, &(struct device_row){ .id = "aa:bb", .board = "box", .last_seen_ms = 5000 });
    if (!e)
        e = db_turn_add(db, &(struct turn_row){ .device = "aa:bb", .session = "s", .number = 1, .role = "user",
                                                .text = "good\x1b[31m morning" }, NULL);
    if (!e)
        e = db_meeting_open(db, &(struct meeting_row){ .id = "m1", .session = "s", .device = "aa:bb",
                                                       .started_ms = 1000 });
    for (int i = 0; i < 30 && !e; i++)
        e = db_pending_add(db, &(struct segment_row){ .meeting = "m1", .ts_ms = 1000 + i,
                                                      .text = i == 7 ? "讨论预算" : "words" });
    enum meeting_state was;
    if (!e)
        e = db_meeting_finalize(db, "m1", 9000, &was);
    if (!e)
        e = db_meeting_done(db, "m1", &(struct meeting_result){
                                          .title = "周会", .bullets = 1,
                                          .summary = "{\"title\":\"周会\",\"duration\":\"00:00:08\",\"bullets\":[\"b\"],"
                                                     "\"decisions\":[],\"actions\":[\"call Anna\"],\"risks\":[],"
                                                     "\"nextSteps\":[]}" });
    return e;
}

static void *serve(void *arg)
{
    while (!atomic_load(&is_stopping))
        loop_step(w.base.loop, 2);
    return NULL;
}

static void open_server(const char *yaml)
{
    bool has_limit = strstr(yaml, "api_rate_limit") != NULL;
    auto_mem char *full = xprintf("%s\n%s", yaml, has_limit ? "" : "meeting: {api_rate_limit: {enabled: false}}\n");
    api_world_open(&w, full);
    api_world_serve(&w);
    assert_ok(store_run(w.base.store, fill, NULL));
    for (int i = 0; i < 2; i++)
        urls[i] = xprintf("http://127.0.0.1:%u", http_server_port(w.servers[i]));
    setenv("PARLEY_API", urls[API_DEVICE], 1);
    setenv("PARLEY_ADMIN", urls[API_ADMIN], 1);
    unsetenv("PARLEY_API_TOKEN");
}

/* From here on the loop belongs to its own thread. */
static void run_server(void)
{
    atomic_store(&is_stopping, false);
    assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
}

static void start(const char *yaml)
{
    open_server(yaml);
    run_server();
}

static int tear_down(void **state)
{
    if (!atomic_exchange(&is_stopping, true))
        pthread_join(server, NULL);
    api_world_close(&w);
    for (int i = 0; i < 2; i++)
        mem_free(take_ptr(&urls[i]));
    buf_done(&out);
    buf_done(&err);
    return 0;
}

/* --- running a command with its output caught ---- */

static int redirect(int fd, const char *path)
{
    int saved = dup(fd), file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    dup2(file, fd);
    close(file);
    return saved;
}

static void restore(int fd, int saved, const char *name, struct buf *text)
{
    char bytes[OUTPUT_MAX];
    dup2(saved, fd);
    close(saved);
    FILE *f = fopen(temp_path(name), "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f)
        fclose(f);
    buf_clear(text);
    buf_put(text, slice_from(bytes, n));
    buf_puts(text, "");
}

/* One line, split at blanks. */
static int run(const char *line)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = { { "devices", command_devices }, { "meetings", command_meetings }, { "tasks", command_tasks },
                     { "say", command_say }, { "pair", command_pair }, { "serials", command_serials } };
    auto_mem char *text = xstrdup(line);
    char *words[WORDS_MAX];
    int count = 0, status = -1;
    for (char *at = text; at && count < WORDS_MAX; count++) {
        words[count] = at;
        at = strchr(at, ' ');
        if (at)
            *at++ = '\0';
    }
    fflush(stdout);
    fflush(stderr);
    int saved_out = redirect(STDOUT_FILENO, temp_path("out")), saved_err = redirect(STDERR_FILENO, temp_path("err"));
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].name, words[0]) == 0)
            status = commands[i].run(count, words);
    fflush(stdout);
    fflush(stderr);
    restore(STDOUT_FILENO, saved_out, "out", &out);
    restore(STDERR_FILENO, saved_err, "err", &err);
    return status;
}

static bool printed(const char *text)
{
    return slice_contains(buf_slice(&out), slice_of(text));
}

static bool complained(const char *text)
{
    return slice_contains(buf_slice(&err), slice_of(text));
}

/* Runs each line and wants its status and a piece of its output (either stream). */
struct row {
    const char *line;
    int status;
    const char *text;
};

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = run(rows[i].line);
        if (status != rows[i].status || !(printed(rows[i].text) || complained(rows[i].text)))
            fail_msg("%s: %d\n%s%s", rows[i].line, status, out.data, err.data);
    }
}

/* --- what they show ---- */

static void meetings_are_listed_found_shown_and_removed(void **state)
{
    static const struct row rows[] = {
        { "meetings", EXIT_FINE, "meeting  started" },
        { "meetings list --device aa", EXIT_FINE, "00:00:08  aa:bb   周会" },
        { "meetings list --device zz", EXIT_FINE, "No meetings yet" },
        { "meetings search 预算", EXIT_FINE, "讨论预算" },
        { "meetings search nobody said that", EXIT_FINE, "Nobody said that" },
        { "meetings show m1", EXIT_FINE, "Actions\n  - call Anna\n" },
        { "meetings show m1", EXIT_FINE, "... 30 in all; parley meetings transcript m1" },
        { "meetings transcript m1", EXIT_FINE, "讨论预算" },
        { "meetings export m1 --format txt", EXIT_FINE, "讨论预算" },
        { "meetings export m1 --format srt", EXIT_FINE, " --> " },
        { "meetings list --json", EXIT_FINE, "\"meetingId\":\"m1\"" },
        { "meetings finalize m1", EXIT_FINE, "m1: ends now" },
        { "meetings delete m1", EXIT_FINE, "m1: removed" },
        { "meetings delete m1", EXIT_BAD, "`parley meetings list`" },
        { "meetings", EXIT_FINE, "No meetings yet" },
    };
    start("");
    run_rows(rows, COUNT(rows));
}

static void a_meeting_is_exported_into_a_file(void **state)
{
    start("");
    auto_mem char *fine = xprintf("meetings export m1 -o %s", temp_path("minutes.md"));
    auto_mem char *bad = xprintf("meetings export m1 -o %s", temp_path("no/such/folder.md"));
    assert_int_equal(run(fine), EXIT_FINE);
    assert_int_equal(out.len, 0);
    assert_int_equal(access(temp_path("minutes.md"), R_OK), 0);
    assert_int_equal(run(bad), EXIT_BAD);
    assert_true(complained("cannot write"));
}

static void devices_are_listed_asked_and_forgotten(void **state)
{
    static const struct row rows[] = {
        { "devices", EXIT_FINE, "aa:bb   yes" },
        { "devices show AA:BB", EXIT_FINE, "board        box" },
        { "devices turns aa:bb", EXIT_FINE, "good [31m morning" }, /* no escape reaches the terminal */
        { "devices show zz", EXIT_BAD, "`parley devices` lists" },
        { "devices forget aa:bb", EXIT_FINE, "is removed" },
        { "devices turns aa:bb", EXIT_FINE, "Nothing is kept" },
        { "devices unpair aa:bb", EXIT_BAD, "not there" },
        { "devices --json", EXIT_FINE, "{\"items\":[{\"id\":\"aa:bb\"" },
    };
    start("");
    struct presence_entry e = { .device = "aa:bb", .session = "live", .mode = "chat" };
    presence_add(w.presence, &e, NULL, NULL);
    run_rows(rows, COUNT(rows));
}

static void a_connected_device_is_told_to_start_anew(void **state)
{
    static const struct row rows[] = {
        { "devices reboot far", EXIT_BAD, "the device is not connected" },
        { "devices reboot a!b", EXIT_BAD, "this is no device id" },
        { "devices reboot AA:BB", EXIT_FINE, "AA:BB: told" },
        { "devices firmware aa:bb", EXIT_USAGE, "devices firmware DEVICE VERSION" },
        { "devices firmware aa:bb v2", EXIT_BAD, "numbers with dots" },
        { "devices firmware a!b 2.0", EXIT_BAD, "this is no device id" },
        { "devices firmware aa:bb 2.0.1", EXIT_FINE, "aa:bb: gets 2.0.1 at its next boot" },
        { "devices firmware nobody 2.0.1", EXIT_FINE, "No device of that id has ever asked here" },
        { "devices firmware aa:bb none", EXIT_FINE, "aa:bb: no firmware waits" },
    };
    start("");
    struct presence_entry e = { .device = "aa:bb", .session = "live" };
    presence_add(w.presence, &e, NULL, NULL);
    run_rows(rows, COUNT(rows));
    assert_string_equal(w.rebooted, "aa:bb");
}

static void tasks_are_named_by_id_or_number(void **state)
{
    static const struct row rows[] = {
        { "tasks", EXIT_FINE, "No open tasks in group home" },
        { "tasks add water the plants --priority 2", EXIT_FINE, "water the plants: added" },
        { "tasks add second", EXIT_FINE, "added" },
        { "tasks import m1", EXIT_FINE, "1 tasks of meeting m1" },
        { "tasks assign 2 anna", EXIT_FINE, "second: assigned" },
        { "tasks done 1", EXIT_FINE, "water the plants: done" },
        { "tasks done MEET-m1-A1", EXIT_FINE, "call Anna: done" },
        { "tasks", EXIT_FINE, "1   open    0         anna" },
        { "tasks --all", EXIT_FINE, "water the plants" },
        { "tasks done 7", EXIT_BAD, "there is no task 7" },
        { "tasks remove MEET-m1-A1", EXIT_FINE, "MEET-m1-A1: removed" },
        { "tasks remove 1", EXIT_FINE, ": removed" },
        { "tasks remove 1", EXIT_BAD, "there is no task 1" },
        { "tasks", EXIT_FINE, "No open tasks in group home" },
        { "tasks done nothing", EXIT_BAD, "no such task" },
        { "tasks import nothing", EXIT_BAD, "no such meeting" },
        { "tasks add x --priority 9", EXIT_USAGE, "--priority" },
        { "tasks --group other", EXIT_FINE, "No open tasks in group other" },
    };
    start("");
    run_rows(rows, COUNT(rows));
}

static void a_device_says_what_it_is_told(void **state)
{
    static const struct row rows[] = {
        { "say far hello there", EXIT_FINE, "queued: the device is not here" },
        { "say far hello there", EXIT_FINE, "No device with the id far has ever been here. It waits for one until 20" },
        { "say aa:bb dinner is ready --listen", EXIT_FINE, "played: it was said" },
        { "say not!good x", EXIT_BAD, "this is no device id" },
        { "say aa:bb", EXIT_USAGE, "usage: parley say DEVICE TEXT..." },
    };
    start("");
    struct presence_entry e = { .device = "aa:bb", .session = "live" };
    presence_add(w.presence, &e, NULL, NULL);
    run_rows(rows, COUNT(rows));
    assert_string_equal(w.said, "aa:bb:dinner is ready");
    assert_int_equal(run("say far again --key k"), EXIT_FINE);
    auto_mem char *first = xstrdup(out.data);
    assert_int_equal(run("say far again --key k"), EXIT_FINE);
    assert_string_equal(out.data, first); /* the same receipt */
}

static void a_code_is_confirmed_on_the_admin_listener(void **state)
{
    open_server("server:\n  auth:\n    pairing: code");
    struct pair_answer answer;
    struct identity who = dworld_identity("aa:bb", "client", "127.0.0.1", NULL);
    const struct pair_ask ask = { &who, { "en", "box", "1.0", "esp32s3" } };
    auth_pair(w.base.auth, w.base.loop, &ask, &answer, NULL, NULL);
    assert_int_equal(answer.state, PAIR_PENDING);
    run_server();
    assert_int_equal(run("pair"), EXIT_FINE);
    assert_true(printed(answer.code));
    auto_mem char *line = xprintf("pair %s", answer.code);
    assert_int_equal(run(line), EXIT_FINE);
    assert_true(printed("aa:bb is paired"));
    assert_int_equal(run(line), EXIT_BAD);
    assert_true(complained("`parley pair` lists the codes"));
    assert_int_equal(run("pair list"), EXIT_FINE);
    assert_true(printed("No device waits"));
    assert_int_equal(run("devices unpair aa:bb"), EXIT_FINE);
    assert_true(printed("locked out"));
    identity_done(&who);
}

static void write_key(const char *name, struct slice bytes)
{
    FILE *f = fopen(temp_path(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, f), bytes.len);
    fclose(f);
}

static void keys_of_boards_come_from_files_and_are_not_shown(void **state)
{
    static const struct {
        const char *line;
        int status;
        const char *said;
    } rows[] = {
        { "serials", EXIT_FINE, "No keys" },
        { "serials add SN1", EXIT_USAGE, "--key-file FILE is missing" },
        { "serials add SN1 --key-file %s/nothing", EXIT_BAD, "No such file" },
        { "serials add SN1 --key-file %s/short", EXIT_BAD, "holds no key: 16 to 64 bytes" },
        { "serials add SN1 --key-file %s/cut", EXIT_BAD, "holds no key: 16 to 64 bytes" },
        { "serials add SN1 --key-file %s/long", EXIT_BAD, "holds no key: 16 to 64 bytes" },
        { "serials add SN!1 --key-file %s/hex", EXIT_BAD, "serial: 1..63 of" },
        { "serials add SN1 --key-file %s/hex", EXIT_FINE, "SN1: added" },
        { "serials add SN2 --key-file %s/raw", EXIT_FINE, "SN2: added" },
        { "serials", EXIT_FINE, "SN2" },
        { "serials remove SN2", EXIT_FINE, "SN2: removed" },
        { "serials remove SN2", EXIT_BAD, "`parley serials` lists those known" },
    };
    char many[131];
    start("");
    memset(many, '0', sizeof many);
    write_key("short", SLICE("0011\n"));
    write_key("cut", SLICE("00112233445566778899AABBCCDDEEF\n"));
    write_key("long", slice_from(many, sizeof many));
    write_key("hex", SLICE("00112233445566778899AABBCCDDEEFF\n"));
    write_key("raw", SLICE("\x01\x02\xff\x00raw key, as it was burnt..."));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[300];
        snprintf(line, sizeof line, rows[i].line, temp_dir());
        int status = run(line);
        if (status != rows[i].status || !(printed(rows[i].said) || complained(rows[i].said)))
            fail_msg("%s: %d\n%s%s", line, status, out.data, err.data);
        assert_false(printed("AABBCC") || printed("aabbcc") || complained("AABBCC") || printed("0102ff") || printed("as it was burnt"));
    }
}

/* --- when it goes wrong ---- */

static void each_failure_says_what_to_do_next(void **state)
{
    static const struct row rows[] = {
        { "devices --api http://127.0.0.1:1", EXIT_BAD, "./dev run starts it" },
        { "pair --admin http://127.0.0.1:1", EXIT_BAD, "PARLEY_ADMIN" },
        { "devices --api ftp://nowhere", EXIT_BAD, "is no URL; --api wants something like" },
        { "devices", EXIT_BAD, "give --token TOKEN or set PARLEY_API_TOKEN" },
        { "devices --token wrong", EXIT_BAD, "is not the server's server.api_token" },
        { "devices --token right", EXIT_FINE, "aa:bb" },
        { "devices hug aa:bb", EXIT_USAGE, "hug: no such verb" },
        { "devices show", EXIT_USAGE, "usage: parley devices show DEVICE" },
        { "devices --tokens right", EXIT_USAGE, "what is this" },
        { "meetings --help", EXIT_FINE, "transcript MEETING" },
    };
    start("server:\n  api_token: right");
    run_rows(rows, COUNT(rows));
    setenv("PARLEY_API_TOKEN", "right", 1);
    assert_int_equal(run("devices"), EXIT_FINE);
    assert_int_equal(run("devices --token wrong"), EXIT_BAD); /* the option wins */
    assert_false(complained("wrong"));                        /* and is not printed */
}

static void too_many_requests_wait_once_when_the_wait_is_short(void **state)
{
    start("meeting: {api_rate_limit: {qps: 1}}");
    assert_int_equal(run("devices"), EXIT_FINE);
    assert_false(complained("asking again"));
    assert_int_equal(run("devices"), EXIT_FINE);
    assert_true(complained("too many requests; asking again in 1 s"));
    assert_true(printed("aa:bb"));
}

static void a_long_wait_is_left_to_the_person(void **state)
{
    start("");
    for (unsigned i = 0; i < AUTH_WRONG_CODES_PER_MIN; i++)
        assert_int_equal(run("pair 000000"), EXIT_BAD);
    assert_true(complained("no such code"));
    assert_int_equal(run("pair 000000"), EXIT_BAD);
    assert_false(complained("asking again"));
    assert_true(complained("Try again in 60 s"));
}

static void an_option_too_long_for_its_column_has_its_help_below(void **state)
{
    bool is_on = false;
    unsigned choice = 0;
    const struct arg list[] = {
        { "--short", ARG_FLAG, NULL, "a word", .flag = &is_on },
        { "--what", ARG_CHOICE, "one|of|many|words|that|take|room", "what it is", .choice = &choice },
    };
    struct args a = { "parley x", list, COUNT(list), NULL, 0, 0 };
    char *argv[] = { (char *)(uintptr_t) "x", (char *)(uintptr_t) "--help", NULL };
    int saved = redirect(STDOUT_FILENO, temp_path("out"));
    assert_int_not_equal(args_parse(&a, 2, argv), 0);
    fflush(stdout);
    restore(STDOUT_FILENO, saved, "out", &out);
    assert_string_equal(out.data, "usage: parley x\n\n"
                                  "  --short                          a word\n"
                                  "  --what one|of|many|words|that|take|room\n"
                                  "                                   what it is\n");
    buf_done(&out);
    buf_done(&err);
}

static void tables_line_up_with_chinese_in_them(void **state)
{
    static const char *const heads[] = { "a", "b" };
    struct table t;
    int saved = redirect(STDOUT_FILENO, temp_path("out"));
    table_begin(&t, heads, 2);
    table_cell(&t, SLICE("周会"));
    table_cell(&t, SLICE("x\ny"));
    table_cell(&t, SLICE("abcde"));
    table_cell(&t, SLICE(""));
    table_print(&t);
    fflush(stdout);
    restore(STDOUT_FILENO, saved, "out", &out);
    assert_string_equal(out.data, "a      b\n周会   x y\nabcde  -\n");
    buf_done(&out);
    buf_done(&err);
}

#define SERVED(test) cmocka_unit_test_teardown(test, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(meetings_are_listed_found_shown_and_removed), SERVED(a_meeting_is_exported_into_a_file),
        SERVED(devices_are_listed_asked_and_forgotten), SERVED(tasks_are_named_by_id_or_number),
        SERVED(a_connected_device_is_told_to_start_anew),
        SERVED(a_device_says_what_it_is_told), SERVED(a_code_is_confirmed_on_the_admin_listener),
        SERVED(keys_of_boards_come_from_files_and_are_not_shown),
        SERVED(too_many_requests_wait_once_when_the_wait_is_short), SERVED(a_long_wait_is_left_to_the_person),
        SERVED(each_failure_says_what_to_do_next), cmocka_unit_test(tables_line_up_with_chinese_in_them),
        cmocka_unit_test(an_option_too_long_for_its_column_has_its_help_below),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
