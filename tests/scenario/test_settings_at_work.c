/* SPDX-License-Identifier: MIT
 * test_settings_at_work.c -- settings of a session with other values than their defaults, and what a device then
 * sees. Settings with tests of their own (idle closing, take-over, authentication, meetings ...) are not here. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "metrics/metrics.h"
#include "store/db.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define QUIET "enable_greeting: false\n"
#define ASK(text) "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"" text "\"}"

static struct client *talker(struct world *w, const char *server, const char *more)
{
    auto_mem char *all = xprintf(QUIET "%s", more);
    world_start(w, &(struct world_opts){ .server = server, .more = all });
    return world_talker(w, "dev1");
}

static void turn(struct client *c)
{
    client_say(c, ASK("are you there"));
    for (unsigned i = 0; i < 1000 && !client_count(c, "\"state\":\"stop\""); i++)
        world_advance(c->world, 20);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
}

static void a_hello_is_awaited_as_long_as_the_file_says(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  hello_timeout_seconds: 3\n" });
    struct client *c = world_client(&w, "dev1");
    world_advance(&w, 2900);
    assert_non_null(c->ws);
    world_advance(&w, 200);
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1008);
    world_end(&w);
}

static void keepalives_come_as_often_as_the_file_says(void **state)
{
    static const struct {
        const char *server;
        unsigned in_a_minute;
    } rows[] = { { "  channel_keepalive_seconds: 20\n", 2 }, { "  channel_keepalive_seconds: 0\n", 0 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        struct client *c = talker(&w, rows[i].server, "");
        world_advance(&w, 59000);
        assert_int_equal(client_count(c, "\"keepalive\""), rows[i].in_a_minute);
        world_end(&w);
    }
}

/* Raw bytes: a client of ours would answer by itself and say nothing. */
static void pings_are_sent_only_when_asked_for(void **state)
{
    static const char request[] = "GET /xiaozhi/v1/?device-id=raw HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    static const struct {
        const char *server;
        bool has_ping;
    } rows[] = { { "", false }, { "  websocket_ping_seconds: 5\n", true } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        char got[1024];
        world_start(&w, &(struct world_opts){ .server = rows[i].server });
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server_port(w.server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
        for (unsigned k = 0; k < 20; k++)
            loop_step(w.loop, 1);
        world_advance(&w, 6000);
        ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
        const char *head = n > 0 ? memmem(got, (size_t)n, "\r\n\r\n", 4) : NULL;
        assert_non_null(head);
        assert_int_equal(memmem(head, (size_t)(got + n - head), "\x89\x00", 2) != NULL, rows[i].has_ping);
        close(fd);
        world_end(&w);
    }
}

static void messages_may_be_as_long_as_the_file_says(void **state)
{
    static const struct {
        const char *more;
        bool is_binary;
        size_t fits, too_long;
    } rows[] = {
        { "limits: {text_bytes: 4096}\n", false, 4096, 4097 },
        { "limits: {text_bytes: 131072}\n", false, 131072, 131073 },
        { "limits: {binary_bytes: 4096}\n", true, 4096, 4097 },
        { "limits: {binary_bytes: 65536}\n", true, 65536, 65537 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        auto_mem char *text = xalloc(rows[i].too_long + 1);
        struct client *c = talker(&w, "", rows[i].more);
        memset(text, ' ', rows[i].too_long);
        memcpy(text, "{\"type\":\"ping\"}", 15);
        for (unsigned more = 0; more < 2; more++) {
            text[more ? rows[i].too_long : rows[i].fits] = '\0';
            client_forget(c);
            if (rows[i].is_binary) {
                client_frame(c, text, strlen(text));
                if (!more)
                    client_say(c, "{\"type\":\"ping\"}");
            } else {
                client_say(c, text);
            }
            assert_true(more ? client_closes(c) : client_gets(c, "pong"));
            text[rows[i].fits] = ' ';
        }
        assert_int_equal(c->code, 1009);
        world_end(&w);
    }
}

static void what_was_heard_is_told_as_the_file_says(void **state)
{
    static const struct {
        const char *more;
        unsigned stt, event;
    } rows[] = {
        { "", 1, 0 },
        { "enable_stt_message: false\n", 0, 0 },
        { "enable_transcription_event: true\n", 1, 1 },
        { "enable_transcription_event: false\n", 1, 0 },
        { "enable_stt_message: false\nenable_transcription_event: true\n", 0, 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        struct client *c = talker(&w, "", rows[i].more);
        fake_llm_script("")->replies[0].text = "Yes.";
        fake_asr_script("")->texts[0] = "are you there";
        client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
        for (unsigned k = 0; k < 25; k++) {
            client_frame(c, "\xf8\xff\xfe", 3);
            world_advance(&w, 60);
        }
        client_say(c, "{\"type\":\"listen\",\"state\":\"stop\"}");
        world_advance(&w, 4000);
        assert_int_equal(client_count(c, "\"type\":\"stt\""), rows[i].stt);
        assert_int_equal(client_count(c, "\"event\":\"transcription\""), rows[i].event);
        assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
        world_end(&w);
    }
}

static void an_echo_of_old_clients_can_be_switched_off(void **state)
{
    struct world w;
    struct client *c = talker(&w, "", "compat: {iot_echo: false}\n");
    client_say(c, "{\"type\":\"iot\",\"text\":\"echo me\"}");
    assert_true(client_pings(c));
    assert_int_equal(client_count(c, "echo me"), 0);
    world_end(&w);
}

static void an_error_is_apologised_for_in_the_words_of_the_file(void **state)
{
    char said[512];
    struct world w;
    struct client *c = talker(&w, "", "system_error_response: \"Something broke, I am sorry.\"\n");
    fake_llm_script("")->plan.error = ERR_UPSTREAM;
    turn(c);
    fakes_said(said, sizeof(said));
    assert_non_null(strstr(said, "Something broke, I am sorry."));
    world_end(&w);
}

/* messages.<lang>.<key> overrides the catalogue. */
static void notices_have_the_words_of_the_file(void **state)
{
    struct world w;
    struct client *c = talker(&w, "  language: en\n", "messages: {en: {takeover: \"You are somewhere else now\"}}\n");
    world_talker(&w, "dev1");
    assert_true(client_gets(c, "You are somewhere else now"));
    world_end(&w);
}

static void a_silent_voice_is_given_up_after_the_time_of_the_file(void **state)
{
    static const struct {
        const char *more;
        unsigned least_ms, most_ms;
    } rows[] = { { "tts_timeout: 1\n", 1000, 3500 }, { "tts_timeout: 4\n", 4000, 6500 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        metrics_reset();
        struct client *c = talker(&w, "", rows[i].more);
        fake_llm_script("")->replies[0].text = "Yes.";
        fake_tts_script("")->plan = (struct fake_plan){ .hangs = true, .bad_streams = 1 };
        uint64_t began_ms = loop_now_ms(w.loop);
        turn(c);
        assert_in_range(loop_now_ms(w.loop) - began_ms, rows[i].least_ms, rows[i].most_ms);
        assert_int_equal(metric_label_value(METRIC_turns_total, "tts_error"), 1);
        world_end(&w);
    }
}

/* What is pushed after a hello goes first; a reload counts for those who are there. */
static void statistics_for_all_come_last(void **state)
{
    struct err_note note = { 0 };
    struct world w;
    static const char hello[] = "{\"type\":\"hello\",\"transport\":\"websocket\",\"features\":{\"ui\":true},"
                                "\"audio_params\":{}}";
    world_start(&w, &(struct world_opts){ .more = QUIET });
    struct client *c = world_talker(&w, "dev1");
    world_advance(&w, 12000);
    assert_int_equal(client_count(c, "\"stats\""), 0);
    auto_mem char *path = xprintf("%s/config.yaml", w.dir);
    FILE *f = fopen(path, "a"); /* of a double key the last counts */
    fprintf(f, "server: {auth: {enabled: false}, stats: {broadcast: true}}\n");
    fclose(f);
    assert_ok(server_reload(w.server, &note));
    world_advance(&w, 1100);
    assert_true(client_gets(c, "\"event\":\"stats\""));
    struct client *late = world_client(&w, "dev2");
    client_say(late, hello);
    assert_true(client_gets(late, "\"tasks\":[")); /* a device with a screen is shown its tasks */
    world_advance(&w, 12000);
    assert_true(client_gets(late, "\"event\":\"stats\""));
    assert_true(strstr(late->log.data, "\"tasks\":[") < strstr(late->log.data, "\"event\":\"stats\""));
    static const char *const fields[] = { "\"ts\":", "\"deviceCount\":2", "\"online\":[\"dev", "\"cpuPercent\":",
                                          "\"memPercent\":", "\"memUsedMB\":", "\"memTotalMB\":" };
    world_advance(&w, 12000);
    for (size_t i = 0; i < COUNT(fields); i++)
        if (!client_count(c, fields[i]))
            fail_msg("no %s in %s", fields[i], c->log.data);
    world_end(&w);
}

static enum err count_saved(struct db *db, void *input)
{
    return db_number(input, db, "SELECT count(*) FROM save_job WHERE state = 1");
}

static int64_t saved(struct server *s)
{
    int64_t n = -1;
    assert_ok(store_run(server_store(s), count_saved, &n));
    return n;
}

static bool one_is_saved(void *arg)
{
    return saved(arg) == 1;
}

static bool is_drained(void *arg)
{
    return server_is_drained(((struct world *)arg)->server);
}

/* A save under way is waited for as long as the drain may take; one that hangs is left to the next start. */
static void the_end_waits_for_saves_as_long_as_the_file_says(void **state)
{
    for (unsigned hangs = 0; hangs < 2; hangs++) {
        struct world w;
        world_start(&w, &(struct world_opts){ .more = QUIET "shutdown: {drain_seconds: 20}\n" });
        fake_llm_script("")->replies[0].text = "Yes.";
        turn(world_talker(&w, "dev1")); /* the first use of the memory recalls */
        fake_memory_script("")->plan = (struct fake_plan){ .first_ms = 1000, .hangs = hangs, .bad_stream = 2 };
        uint64_t began_ms = loop_now_ms(w.loop);
        server_drain(w.server, false);
        for (unsigned ms = 0; ms < 30000 && !is_drained(&w); ms += 20) {
            world_advance(&w, 20);
            loop_step(w.loop, 1);
        }
        assert_true(is_drained(&w));
        uint64_t took_ms = loop_now_ms(w.loop) - began_ms;
        assert_in_range(took_ms, hangs ? 20000 : 1000, hangs ? 20800 : 15000);
        assert_int_equal(saved(w.server), hangs ? 0 : 1);
        fake_memory_script("")->plan = (struct fake_plan){ 0 };
        world_restart(&w, NULL);
        assert_true(world_until(&w, one_is_saved, w.server));
        world_end(&w);
    }
}

static enum err ask_synchronous(struct db *db, void *input)
{
    return db_number(input, db, "PRAGMA synchronous");
}

static void what_is_acknowledged_waits_for_the_disk(void **state)
{
    int64_t n = 0;
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), ask_synchronous, &n));
    assert_int_equal(n, 2); /* FULL */
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_is_awaited_as_long_as_the_file_says),
        cmocka_unit_test(keepalives_come_as_often_as_the_file_says),
        cmocka_unit_test(pings_are_sent_only_when_asked_for),
        cmocka_unit_test(messages_may_be_as_long_as_the_file_says),
        cmocka_unit_test(what_was_heard_is_told_as_the_file_says),
        cmocka_unit_test(an_echo_of_old_clients_can_be_switched_off),
        cmocka_unit_test(an_error_is_apologised_for_in_the_words_of_the_file),
        cmocka_unit_test(notices_have_the_words_of_the_file),
        cmocka_unit_test(a_silent_voice_is_given_up_after_the_time_of_the_file),
        cmocka_unit_test(statistics_for_all_come_last),
        cmocka_unit_test(the_end_waits_for_saves_as_long_as_the_file_says),
        cmocka_unit_test(what_is_acknowledged_waits_for_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
