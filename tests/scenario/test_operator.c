/* SPDX-License-Identifier: MIT
 * test_operator.c -- what the person who runs a server reads: the line each founding behaviour owes them, at its
 * level and with its fields, the gauges beside it, and nothing of what devices say. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/log.h"
#include "metrics/metrics.h"
#include "store/db.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define PLAIN "enable_greeting: false\nexit_commands: [leave]\nlimits: {device_connects_per_min: 100000}\n"
#define ASK(text) "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"" text "\"}"

static const struct world_opts plain = { .more = PLAIN };
static struct buf lines;

static void keep_line(void *user, struct slice line)
{
    buf_put(&lines, line);
    buf_puts(&lines, "\n");
}

static int listen_to_log(void **state)
{
    buf_clear(&lines);
    buf_puts(&lines, "");
    log_tap(keep_line, NULL);
    return 0;
}

static int stop_listening(void **state)
{
    log_tap(NULL, NULL);
    log_configure(&(struct log_opts){ .level = LOG_INFO, .message_max_bytes = 2000 });
    buf_done(&lines);
    return 0;
}

static unsigned seen(const char *needle)
{
    unsigned count = 0;
    for (const char *at = lines.data; at && (at = strstr(at, needle)); at += strlen(needle))
        count++;
    return count;
}

static void must_see(const char *needle)
{
    if (!seen(needle))
        fail_msg("no \"%s\" in %zu bytes of log", needle, lines.len);
}

static void must_not_see(const char *needle)
{
    const char *at = lines.data ? strstr(lines.data, needle) : NULL;
    if (!at)
        return;
    while (at > lines.data && at[-1] != '\n')
        at--;
    fail_msg("%.*s", (int)strcspn(at, "\n"), at);
}

static bool has_line(void *arg)
{
    return seen(arg) > 0;
}

/* Lines of other threads take real time. */
static void must_come(struct world *w, const char *needle)
{
    if (!world_until(w, has_line, (void *)(uintptr_t)needle))
        fail_msg("no \"%s\" in:\n%s", needle, lines.data);
}

/* ---- A1, A2 ---- */

static void the_start_names_the_size_of_the_pool(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = PLAIN "meeting: {threadpool_max_workers: 65}\n" });
    must_see("INFO main workers.start worker pool: 64 threads");
    must_see("WARN config config.value key=meeting.threadpool_max_workers line=");
    assert_int_equal(metric_value(METRIC_workers), 64);
    assert_int_equal(metric_value(METRIC_workers_busy), 0);
    assert_int_equal(metric_value(METRIC_worker_queue), 0);
    world_end(&w);
}

static void each_device_says_where_its_id_came_from(void **state)
{
    static const struct {
        const char *path, *headers[3], *line;
    } rows[] = {
        { "/xiaozhi/v1/?device-id=Q1", { NULL }, "INFO devices identity dev=q1 source=query" },
        { "/xiaozhi/v1/", { "X-Device-ID: H1", NULL }, "INFO devices identity dev=h1 source=header" },
        { "/xiaozhi/v1/", { "Client-Id: C1", NULL }, "INFO devices identity dev=c1 source=client" },
        { "/xiaozhi/v1/", { NULL }, "WARN devices identity.auto dev=auto-" },
        { "/xiaozhi/v1/?device-id=../../etc", { NULL }, "WARN devices identity.refused dev=auto-" },
    };
    struct world w;
    world_start(&w, &plain);
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_clear(&lines);
        assert_true(client_opens(world_dial(&w, rows[i].path, rows[i].headers)));
        must_see(rows[i].line);
    }
    world_end(&w);
}

static void an_unnamed_client_shows_its_path_and_header_names_only(void **state)
{
    static const char *const headers[] = { "X-Colour: a-value-nobody-sees", NULL };
    struct world w;
    char path[700] = "/xiaozhi/v1/";
    world_start(&w, &plain);
    assert_true(client_opens(world_dial(&w, "/xiaozhi/v1/?colour=query-value-nobody-sees", headers)));
    must_see("path=\"/xiaozhi/v1/?...\" headers=\"");
    must_see("X-Colour");
    must_not_see("nobody-sees");
    for (size_t i = strlen(path); i < 600; i++)
        path[i] = i % 8 ? 'p' : '.';
    buf_clear(&lines);
    assert_true(client_opens(world_dial(&w, path, NULL)));
    const char *shown = strstr(lines.data, "path=\"");
    assert_non_null(shown);
    assert_int_equal(strchr(shown + 6, '"') - (shown + 6), 256);
    world_end(&w);
}

static void a_session_names_its_switches_once(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = PLAIN "meeting: {disable_tts: no}\nenable_stt_message: false\n" });
    struct client *c = world_talker(&w, "dev1");
    client_say(c, HELLO); /* again */
    assert_true(client_pings(c));
    must_see("meeting.disable_tts=0 working.disable_tts=1 enable_stt_message=0 enable_transcription_event=auto");
    assert_int_equal(seen("INFO gateway session.switches"), 1);
    world_end(&w);
}

/* ---- A4 ---- */

static void an_idle_close_says_which_clock_and_after_how_long(void **state)
{
    struct world w;
    metrics_reset();
    world_start(&w, &plain);
    struct client *c = world_talker(&w, "dev1");
    loop_advance(w.loop, 660000);
    assert_true(client_gets(c, "timeout_warning"));
    loop_advance(w.loop, 10000);
    world_advance(&w, 100);
    assert_true(client_closes(c));
    must_see("INFO gateway idle close ");
    must_see("device=dev1 layer=message after=600");
    assert_int_equal(metric_label_value(METRIC_idle_closes_total, "message"), 1);
    must_not_see(" WARN ");
    must_not_see(" ERROR ");
    world_end(&w);
}

/* ---- A7 ---- */

static void a_saved_conversation_tells_its_delay_and_tries(void **state)
{
    struct world w;
    world_start(&w, &plain);
    fake_llm_script("")->replies[0].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    client_say(c, ASK("are you there"));
    world_advance(&w, 3000);
    client_vanish(c);
    must_come(&w, "INFO memory memory.saved device=dev1 delay_ms=");
    must_see("tries=1");
    world_end(&w);
}

static enum err make_due(struct db *db, void *input)
{
    return db_run(db, "UPDATE save_job SET next_try_ms = 0 WHERE tries = ?1", db_i(1));
}

static void a_failed_try_is_an_error_without_its_secret_and_waits_for_the_next_start(void **state)
{
    struct world w;
    world_start(&w, &plain);
    fake_llm_script("")->replies[0].text = "Yes.";
    fake_memory_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM, .bad_stream = 2,
                                                       .error_text = "refused api_key=sk-nobody-sees-this" };
    struct client *c = world_talker(&w, "dev1");
    client_say(c, ASK("are you there"));
    world_advance(&w, 3000);
    client_vanish(c);
    must_come(&w, "ERROR memory memory.save device=dev1 try=1 err=UPSTREAM note=\"refused api_key=");
    must_not_see("nobody-sees");
    world_settle(&w);
    assert_ok(store_run(server_store(w.server), make_due, NULL));
    buf_clear(&lines);
    world_restart(&w, NULL);
    must_come(&w, "WARN memory memory.start waiting=1 made_again=0");
    must_come(&w, "INFO memory memory.saved device=dev1 ");
    must_see("tries=2");
    world_end(&w);
}

/* ---- A8 ---- */

static void takeovers_are_told_and_too_many_of_them_warned_of(void **state)
{
    struct world w;
    world_start(&w, &plain);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 3)
            assert_int_equal(seen("WARN gateway takeover.often"), 0);
        world_talker(&w, "dev1");
        world_settle(&w);
        assert_int_equal(seen("device=dev1 old="), i);
    }
    assert_int_equal(seen(" new="), 3);
    must_see("device=dev1 in_last_minute=3");
    assert_int_equal(seen("WARN gateway takeover.often"), 1);
    world_end(&w);
}

/* The firmware never says goodbye: that is no event worth a warning. */
static void a_device_that_vanishes_is_no_warning(void **state)
{
    struct world w;
    world_start(&w, &plain);
    struct client *c = world_talker(&w, "dev1");
    buf_clear(&lines);
    client_vanish(c);
    must_come(&w, "INFO gateway session.close ");
    must_not_see(" WARN ");
    must_not_see(" ERROR ");
    world_end(&w);
}

/* ---- B4 ---- */

static void what_a_sample_file_brought_is_named_at_the_start_and_by_a_reload(void **state)
{
    struct err_note note = { 0 };
    struct world w;
    world_start(&w, &(struct world_opts){ .has_auth = true, .more = PLAIN,
                                          .server = "    tokens: [{token: your-token1, name: your-device-name1}]\n"
                                                    "    allowed_devices: [\"11:22:33:44:55:66\"]\n" });
    for (unsigned i = 0; i < 2; i++) {
        must_see("WARN devices auth.placeholder key=server.auth.tokens ignored=1 of a sample file");
        must_see("WARN devices auth.placeholder key=server.auth.allowed_devices ignored=11:22:33:44:55:66");
        must_not_see("your-token1");
        buf_clear(&lines);
        if (i == 0)
            assert_ok(server_reload(w.server, &note));
    }
    world_end(&w);
}

/* ---- A9, B2 ---- */

static void what_is_said_in_meetings_and_builds_is_in_no_line(void **state)
{
    static const char *const said[] = {
        "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"meeting\"}",
        "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"a\",\"text\":\"the kAnArIe sings\"}]}",
        "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"a\",\"txt\":\"the kAnArIe sings\"}]}",
        "{\"type\":\"meeting\",\"phase\":\"finalize\"}",
        "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"coding\"}",
        "{\"type\":\"coding\",\"event\":\"log\",\"level\":\"error\",\"text\":\"kAnArIe.c:1: error\"}",
        "{\"type\":\"coding\",\"event\":\"log\",\"level\":\"kAnArIe\",\"text\":\"x\"}",
        "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"coding\"}",
        "{\"type\":\"config_update\",\"prompt\":\"kAnArIe\"}",
    };
    struct world w;
    world_start(&w, &plain);
    log_configure(&(struct log_opts){ .level = LOG_TRACE, .message_max_bytes = 2000 });
    fake_llm_script("")->replies[0].text = "{\"title\":\"the kAnArIe\",\"bullets\":[\"kAnArIe\"]}";
    struct client *c = world_talker(&w, "dev1");
    for (size_t i = 0; i < COUNT(said); i++) {
        client_say(c, said[i]);
        world_advance(&w, 3000);
        loop_step(w.loop, 5);
    }
    world_advance(&w, 20000);
    assert_true(client_count(c, "kAnArIe") > 0); /* it was there to be logged */
    must_see("config_update.ignored sid=");
    must_see("keys=type,prompt");
    must_see(" TRACE gateway message.in ");
    must_not_see("kAnArIe");
    world_end(&w);
}

static void an_unknown_type_is_warned_of_once(void **state)
{
    struct world w;
    world_start(&w, &plain);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 3; i++)
        client_say(c, "{\"type\":\"nonsense\"}");
    assert_true(client_pings(c));
    assert_int_equal(seen("WARN gateway message.unknown"), 1);
    must_not_see("type=ping");
    world_end(&w);
}

#define HEARD(test) cmocka_unit_test_setup_teardown(test, listen_to_log, stop_listening)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEARD(the_start_names_the_size_of_the_pool),
        HEARD(each_device_says_where_its_id_came_from),
        HEARD(an_unnamed_client_shows_its_path_and_header_names_only),
        HEARD(a_session_names_its_switches_once),
        HEARD(an_idle_close_says_which_clock_and_after_how_long),
        HEARD(a_saved_conversation_tells_its_delay_and_tries),
        HEARD(a_failed_try_is_an_error_without_its_secret_and_waits_for_the_next_start),
        HEARD(takeovers_are_told_and_too_many_of_them_warned_of),
        HEARD(a_device_that_vanishes_is_no_warning),
        HEARD(what_a_sample_file_brought_is_named_at_the_start_and_by_a_reload),
        HEARD(what_is_said_in_meetings_and_builds_is_in_no_line),
        HEARD(an_unknown_type_is_warned_of_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
