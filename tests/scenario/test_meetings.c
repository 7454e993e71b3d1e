/* SPDX-License-Identifier: MIT
 * test_meetings.c -- meetings against a whole server: start, texts, live transcript, checkpoints, finalize,
 * mode changes, voice. What comes of them: test_meeting_end.c. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include <unistd.h>

#include "audio/wav.h"
#include "base/mem.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define S 1000ull
static const struct world_opts english = { .server = "  language: en-US" };

/* --- start ------------------------------------------------------------------------------------------- */

static void a_meeting_begins_with_its_id_a_caption_and_a_tone(void **state)
{
    struct world w;
    char id[64], again[64];
    struct client *c = meeting_world(&w, &english, id);
    assert_int_equal(strlen(id), 36);
    for (unsigned i = 0; i < 100 && client_count(c, "\"state\":\"stop\"") == 0; i++)
        world_advance(&w, 20);
    const char *start = strstr(c->log.data, "\"type\":\"tts\"");
    const char *caption = strstr(c->log.data, "Meeting mode is on"), *tone = strstr(c->log.data, "<audio>");
    assert_true(start && caption && tone && start < caption && caption < tone);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
    client_forget(c);
    meeting_begins(c, again); /* the active mode again: nothing happens */
    assert_string_equal(again, id);
    world_advance(&w, 2 * S);
    assert_int_equal(client_count(c, "\"type\":\"tts\""), 0);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM meeting"), 1);
    world_end(&w);
}

static void no_tone_is_played_where_none_is_wanted(void **state)
{
    struct world w;
    char id[64];
    const struct world_opts o = { .server = "  language: en-US", .more = "meeting: {entry_tone: none}" };
    struct client *c = meeting_world(&w, &o, id);
    world_advance(&w, 2 * S);
    assert_int_equal(c->frames, 0);
    assert_int_equal(client_count(c, "\"state\":\"start\""), 2); /* of the mode, of speech */
    assert_true(client_gets(c, "Meeting mode is on"));
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
    world_end(&w);
}

/* Two seconds of a tone. */
static void write_tone(const char *path)
{
    static int16_t samples[16000 * 2];
    auto_buf struct buf wav = { 0 };
    for (size_t i = 0; i < COUNT(samples); i++)
        samples[i] = (int16_t)(i % 40 < 20 ? 5000 : -5000);
    assert_ok(wav_write(&wav, (struct pcm){ samples, COUNT(samples) }, 16000));
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(wav.data, 1, wav.len, f), wav.len);
    assert_int_equal(fclose(f), 0);
}

/* Frames of the announcement. */
static unsigned frames_of_the_tone(const char *path)
{
    struct world w;
    char id[64];
    auto_mem char *more = xprintf("meeting: {entry_tone: \"%s\"}", path);
    world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = more });
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 50; i++) /* a worker reads it */
        client_sync(c);
    meeting_begins(c, id);
    for (unsigned i = 0; i < 200 && client_count(c, "\"state\":\"stop\"") == 0; i++)
        world_advance(&w, 20);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
    unsigned frames = c->frames;
    world_end(&w);
    return frames;
}

static void the_tone_may_come_from_a_file(void **state)
{
    char path[] = "/tmp/parley-tone-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_tone(path);
    unsigned built_in = frames_of_the_tone("builtin"), from_file = frames_of_the_tone(path);
    unlink(path);
    assert_in_range(built_in, 1, 20);
    assert_in_range(from_file, 33, 35);
    assert_int_equal(frames_of_the_tone("/nowhere/entry.wav"), built_in);
}

/* --- texts ------------------------------------------------------------------------------------------- */

static void bad_messages_get_their_code_and_store_nothing(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "{\"type\":\"meeting\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"meeting\",\"phase\":\"dance\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"meeting\",\"phase\":7}", "SCHEMA_INVALID" },
        { "{\"type\":\"meeting\",\"phase\":\"snippet\"}", "missing items" },
        { "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":{}}", "missing items" },
        { "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[7]}", "missing tag" },
        { "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"text\":\"x\"}]}", "missing tag" },
        { "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"t\"}]}", "missing text" },
        { "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"t\",\"text\":null}]}", "missing text" },
    };
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(c);
        client_say(c, rows[i].text);
        if (!client_gets(c, rows[i].answer))
            fail_msg("%s: no %s", rows[i].text, rows[i].answer);
        assert_int_equal(client_count(c, "\"status\":\"ok\""), 0);
    }
    auto_buf struct buf many = { 0 };
    buf_puts(&many, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"reqId\":\"r9\",\"items\":[");
    for (unsigned i = 0; i < 51; i++)
        buf_printf(&many, "%s{\"tag\":\"t\",\"text\":\"text %u\"}", i ? "," : "", i);
    buf_puts(&many, "]}");
    client_forget(c);
    client_say(c, many.data);
    assert_true(client_gets(c, "at most 50"));
    assert_int_equal(client_count(c, "\"reqId\":\"r9\""), 1);
    assert_string_equal(stored_texts(&w, id), "");
    world_end(&w);
}

static void outside_a_meeting_nothing_is_acknowledged(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    meeting_says(c, "into the void", "NOT_IN_MEETING");
    client_forget(c);
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "NOT_IN_MEETING"));
    client_forget(c);
    client_say(c, MEETING_END); /* a mode that is not active: ok, no effect */
    assert_true(client_gets(c, "\"status\":\"ok\""));
    assert_int_equal(client_count(c, "finalize"), 0);
    world_end(&w);
}

static void a_text_said_again_within_a_minute_is_one_text(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    meeting_says(c, "we ship in May", "\"status\":\"ok\",\"phase\":\"snippet\"}");
    world_advance(&w, 59 * S);
    meeting_says(c, "we  ship in May", "\"accepted\":0,\"dropped\":1");
    world_advance(&w, 61 * S); /* from the last time it was seen */
    meeting_says(c, "we ship in May", "\"status\":\"ok\",\"phase\":\"snippet\"}");
    assert_string_equal(stored_texts(&w, id), "we ship in May\nwe ship in May\n");
    world_end(&w);
}

static void texts_are_cut_cleaned_and_their_terms_replaced(void **state)
{
    struct world w;
    char id[64];
    const struct world_opts o = { .more = "meeting: {industry: cars, target_lang: en, term_map: "
                                          "{\"*\": {esp: E1}, en: {esp: E2}, \"industry:cars\": {esp: ESP32}}}" };
    struct client *c = meeting_world(&w, &o, id);
    meeting_says(c, "  the esp   board!!!  ", "\"status\":\"ok\"");
    meeting_says(c, "  ...  ", "\"dropped\":1");
    auto_buf struct buf big = { 0 };
    buf_puts(&big, "x");
    while (big.len < 3000)
        buf_puts(&big, "\xe6\xb0\xb4");
    meeting_says(c, big.data, "\"status\":\"ok\"");
    const char *texts = stored_texts(&w, id);
    assert_int_equal(strncmp(texts, "the ESP32 board!\n", 17), 0);
    size_t len = strlen(texts) - 18;
    assert_true(len <= 2048 && len > 2040 && len % 3 == 1);
    world_end(&w);
}

static void the_201st_waiting_text_is_dropped_and_the_answer_says_so(void **state)
{
    struct world w;
    char id[64];
    const struct world_opts o = { .more = "meeting: {merge_interval_ms: 60000, "
                                          "transcript_push_interval_ms: 15000}" };
    struct client *c = meeting_world(&w, &o, id);
    for (unsigned round = 0; round < 5; round++) {
        auto_buf struct buf text = { 0 };
        buf_puts(&text, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[");
        for (unsigned i = 0; i < 45; i++)
            buf_printf(&text, "%s{\"tag\":\"t\",\"text\":\"text %u of %u\"}", i ? "," : "", i, round);
        buf_puts(&text, "]}");
        client_say(c, text.data);
    }
    assert_true(client_gets(c, "\"accepted\":20,\"dropped\":25"));
    stored_texts(&w, id);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment"), 200);
    world_end(&w);
}

static void the_eleventh_message_of_a_second_is_refused(void **state)
{
    struct world w;
    char id[64], text[32];
    struct client *c = meeting_world(&w, NULL, id);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "text number %u", i);
        meeting_says(c, text, "\"status\":\"ok\"");
    }
    meeting_says(c, "one too many", "RATE_LIMITED");
    world_advance(&w, 1 * S);
    meeting_says(c, "in time again", "\"status\":\"ok\"");
    world_end(&w);
}

static void a_text_the_store_refused_is_no_repeat_when_it_comes_again(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    client_sync(c);
    store_fail_nth(server_store(w.server), 1);
    meeting_says(c, "worth two tries", "\"status\":\"error\"");
    meeting_says(c, "worth two tries", "\"status\":\"ok\",\"phase\":\"snippet\"}");
    assert_string_equal(stored_texts(&w, id), "worth two tries\n");
    world_end(&w);
}

static void the_transcript_comes_every_five_seconds_also_when_empty_and_never_changes(void **state)
{
    struct world w;
    char id[64], first[200];
    struct client *c = meeting_world(&w, NULL, id);
    world_advance(&w, 5 * S);
    assert_true(client_gets(c, "\"segments\":[],\"totalSegments\":0"));
    meeting_says(c, "first point", "\"status\":\"ok\"");
    world_advance(&w, 5 * S);
    assert_true(client_gets(c, "\"totalSegments\":1"));
    auto_json struct json *a = client_json(c, "\"totalSegments\":1", 0);
    auto_buf struct buf seg = { 0 };
    json_print(&seg, json_at(json_get(a, "segments"), 0));
    snprintf(first, sizeof(first), "%s", seg.data);
    assert_non_null(strstr(first, "\"speakerId\":\"dev1\""));
    meeting_says(c, "second point", "\"status\":\"ok\"");
    world_advance(&w, 5 * S);
    assert_true(client_gets(c, "\"totalSegments\":2"));
    assert_non_null(strstr(client_message(c, "\"totalSegments\":2", 0), first));
    meeting_ends(c);
    client_forget(c);
    world_advance(&w, 60 * S);
    assert_true(client_stays_without(c, "\"phase\":\"transcript\""));
    world_end(&w);
}

static void a_long_transcript_is_cut_to_what_the_client_takes_with_its_true_total(void **state)
{
    static const char *const browser[] = { "Device-Id: big", "Client-Id: c", "Origin: http://127.0.0.1", NULL };
    struct world w;
    char id[64];
    world_start(&w, NULL);
    struct client *small = world_talker(&w, "small");
    struct client *big = world_dial(&w, "/xiaozhi/v1/", browser);
    assert_true(client_opens(big));
    client_say(big, HELLO);
    struct client *both[] = { small, big };
    for (size_t i = 0; i < 2; i++) {
        meeting_begins(both[i], id);
        auto_buf struct buf text = { 0 };
        buf_puts(&text, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[");
        for (unsigned k = 0; k < 40; k++)
            buf_printf(&text, "%s{\"tag\":\"t\",\"text\":\"%u %0400u\"}", k ? "," : "", k, k);
        buf_puts(&text, "]}");
        client_say(both[i], text.data);
        assert_true(client_gets(both[i], "\"status\":\"ok\",\"phase\":\"snippet\""));
    }
    world_advance(&w, 5 * S);
    assert_true(client_gets(small, "\"totalSegments\":40"));
    assert_true(client_gets(big, "\"totalSegments\":40"));
    auto_json struct json *s = client_json(small, "\"totalSegments\":40", 0);
    auto_json struct json *b = client_json(big, "\"totalSegments\":40", 0);
    assert_true(strlen(client_message(small, "\"totalSegments\":40", 0)) <= 8192);
    size_t shown = json_len(json_get(s, "segments"));
    assert_true(shown > 10 && shown < 40);
    assert_int_equal(strncmp(json_get_text(json_at(json_get(s, "segments"), shown - 1), "text").data, "39 ", 3), 0);
    assert_int_equal(json_len(json_get(b, "segments")), 40);
    world_end(&w);
}

static void checkpoints_sum_up_what_is_new_and_clear_nothing(void **state)
{
    struct world w;
    char id[64];
    const struct world_opts o = { .more = "meeting: {checkpoint_interval_min: 1}" };
    struct client *c = meeting_world(&w, &o, id);
    model_says(GOOD_SUMMARY);
    world_advance(&w, 61 * S); /* nothing said: no call */
    client_sync(c);
    assert_int_equal(model_calls(), 0);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    world_advance(&w, 61 * S);
    for (unsigned i = 0; i < 20 && !client_count(c, "\"checkpoint\":true"); i++) {
        client_sync(c);
        world_advance(&w, 20);
    }
    auto_json struct json *m = client_json(c, "\"checkpoint\":true", 0);
    check_summary(m);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM checkpoint"), 1);
    assert_string_equal(stored_texts(&w, id), "we ship in May\n");
    world_advance(&w, 61 * S); /* nothing new: no second one */
    client_sync(c);
    assert_int_equal(model_calls(), 1);
    world_end(&w);
}

/* --- the end ----------------------------------------------------------------------------------------- */

static void finalize_is_acknowledged_then_comes_the_summary_then_the_segments(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, &english, id);
    model_says(GOOD_SUMMARY);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    world_advance(&w, 1 * S);
    client_forget(c);
    uint64_t before = loop_now_ms(w.loop);
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    assert_true(loop_now_ms(w.loop) - before < 100);
    auto_json struct json *ack = client_json(c, "\"phase\":\"finalize\"", 0);
    assert_slice_is(json_get_text(ack, "meetingId"), id);
    assert_int_equal(json_get_i64(ack, "pendingCount", -1), 1);
    assert_true(json_get_i64(ack, "startedAt", 0) > 0);
    assert_true(json_get_text(ack, "sessionId").len > 0);
    assert_true(client_gets(c, "\"stage\":\"done\""));
    static const char *const order[] = { "\"phase\":\"finalize\"", "\"stage\":\"prepare\"", "\"stage\":\"llm_start\"",
                                         "\"stage\":\"llm_done\"", "\"phase\":\"summary\"", "\"phase\":\"transcript\"",
                                         "\"stage\":\"done\"" };
    const char *at = c->log.data;
    for (size_t i = 0; i < COUNT(order); i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("%s is missing or out of order in\n%s", order[i], c->log.data);
    }
    auto_json struct json *m = client_json(c, "\"phase\":\"summary\"", 0);
    check_summary(m);
    assert_slice_is(json_get_text(json_get(m, "summary"), "title"), "Plan");
    assert_slice_is(json_get_text(json_get(m, "summary"), "duration"), "00:00:05"); /* at least five seconds */
    assert_null(json_get(m, "idempotent"));
    assert_non_null(strstr(client_message(c, "\"phase\":\"transcript\"", 0), "we ship in May"));
    assert_non_null(strstr(stored_summary(&w, id), "We ship in May"));
    world_end(&w);
}

static void input_after_finalize_changes_nothing(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    meeting_says(c, "before", "\"status\":\"ok\"");
    client_say(c, FINALIZE);
    client_say(c, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"t\",\"text\":\"while\"}]}");
    assert_true(client_gets(c, "\"stage\":\"done\""));
    auto_mem char *summary = xstrdup(stored_summary(&w, id));
    client_forget(c);
    meeting_says(c, "after", "\"status\":\"ok\",\"phase\":\"snippet\"}");
    client_sync(c);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment"), 1);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM pending_text"), 0);
    assert_string_equal(stored_summary(&w, id), summary);
    world_end(&w);
}

static void ten_finalizes_at_once_make_one_summary_and_nine_repeats(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, NULL);
    model_says(GOOD_SUMMARY);
    fake_llm_script("")->plan.first_ms = 2000;
    struct client *c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    for (unsigned i = 0; i < 10; i++)
        client_say(c, FINALIZE);
    client_sync(c);
    assert_int_equal(client_count(c, "\"phase\":\"finalize\""), 10);
    world_advance(&w, 3 * S);
    assert_true(client_gets(c, "\"stage\":\"done\""));
    assert_int_equal(model_calls(), 1);
    assert_int_equal(client_count(c, "\"phase\":\"summary\""), 10);
    assert_int_equal(client_count(c, "\"idempotent\":true"), 9);
    client_forget(c);
    client_say(c, FINALIZE); /* and much later */
    assert_true(client_gets(c, "\"idempotent\":true"));
    assert_int_equal(model_calls(), 1);
    world_end(&w);
}

static void leaving_the_mode_finalizes_and_then_says_ok(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    meeting_says(c, "before the end", "\"status\":\"ok\"");
    client_forget(c);
    client_say(c, MEETING_END);
    assert_true(client_gets(c, "\"stage\":\"done\""));
    const char *ack = strstr(c->log.data, "\"phase\":\"finalize\""), *ok = strstr(c->log.data, "\"state\":\"end\"");
    assert_true(ack && ok && ack < ok);
    assert_string_equal(stored_texts(&w, id), "before the end\n");
    world_end(&w);
}

static void another_mode_begins_only_when_the_meeting_is_closed(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    meeting_says(c, "one thing", "\"status\":\"ok\"");
    client_forget(c);
    client_say(c, WORKING_START);
    assert_true(client_gets(c, "\"mode\":\"working\""));
    const char *ack = strstr(c->log.data, "\"phase\":\"finalize\""), *ok = strstr(c->log.data, "\"mode\":\"working\"");
    assert_true(ack && ack < ok);
    assert_true(client_gets(c, "\"stage\":\"done\""));
    /* and when it cannot be closed, the meeting goes on */
    meeting_begins(c, id);
    client_sync(c);
    client_forget(c);
    store_fail_nth(server_store(w.server), 1);
    client_say(c, WORKING_START);
    assert_true(client_gets(c, "INTERNAL_ERROR"));
    client_sync(c);
    assert_int_equal(client_count(c, "\"mode\":\"working\",\"phase\""), 0);
    meeting_says(c, "still recording", "\"status\":\"ok\"");
    assert_string_equal(stored_texts(&w, id), "still recording\n");
    world_end(&w);
}

static void two_meetings_on_one_connection_both_record(void **state)
{
    struct world w;
    char first[64], second[64];
    struct client *c = meeting_world(&w, NULL, first);
    meeting_says(c, "in the first", "\"status\":\"ok\"");
    meeting_ends(c);
    client_forget(c);
    meeting_begins(c, second);
    assert_string_not_equal(first, second);
    assert_int_equal(client_count(c, "\"resumed\""), 0);
    meeting_says(c, "in the first", "\"status\":\"ok\",\"phase\":\"snippet\"}"); /* no repeat: another meeting */
    world_advance(&w, 5 * S);
    assert_true(client_gets(c, "\"totalSegments\":1"));
    meeting_ends(c);
    assert_string_equal(stored_texts(&w, first), "in the first\n");
    assert_string_equal(stored_texts(&w, second), "in the first\n");
    world_end(&w);
}

static void a_voice_begins_and_ends_a_meeting(void **state)
{
    struct world w;
    world_start(&w, &english);
    struct client *c = world_talker(&w, "dev1");
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"please start meeting\"}");
    assert_true(client_gets(c, "\"intent\":\"mode_switch\",\"target_mode\":\"meeting\""));
    assert_true(client_gets(c, "\"meetingId\":\""));
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"the budget is too small\"}");
    client_sync(c);
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"end meeting\"}");
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    client_sync(c);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment WHERE text LIKE 'the budget%'"), 1);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment"), 1);
    world_end(&w);
}

static void speech_in_a_meeting_is_recorded_and_the_model_stays_silent(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    world_advance(&w, 2 * S);
    client_forget(c);
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"Let us talk about the budget\"}");
    client_sync(c);
    world_advance(&w, 1 * S);
    assert_int_equal(model_calls(), 0);
    assert_int_equal(client_count(c, "<audio>"), 0);
    assert_string_equal(stored_texts(&w, id), "Let us talk about the budget\n");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_meeting_begins_with_its_id_a_caption_and_a_tone),
        cmocka_unit_test(no_tone_is_played_where_none_is_wanted),
        cmocka_unit_test(the_tone_may_come_from_a_file),
        cmocka_unit_test(bad_messages_get_their_code_and_store_nothing),
        cmocka_unit_test(outside_a_meeting_nothing_is_acknowledged),
        cmocka_unit_test(a_text_said_again_within_a_minute_is_one_text),
        cmocka_unit_test(texts_are_cut_cleaned_and_their_terms_replaced),
        cmocka_unit_test(the_201st_waiting_text_is_dropped_and_the_answer_says_so),
        cmocka_unit_test(the_eleventh_message_of_a_second_is_refused),
        cmocka_unit_test(a_text_the_store_refused_is_no_repeat_when_it_comes_again),
        cmocka_unit_test(the_transcript_comes_every_five_seconds_also_when_empty_and_never_changes),
        cmocka_unit_test(a_long_transcript_is_cut_to_what_the_client_takes_with_its_true_total),
        cmocka_unit_test(checkpoints_sum_up_what_is_new_and_clear_nothing),
        cmocka_unit_test(finalize_is_acknowledged_then_comes_the_summary_then_the_segments),
        cmocka_unit_test(input_after_finalize_changes_nothing),
        cmocka_unit_test(ten_finalizes_at_once_make_one_summary_and_nine_repeats),
        cmocka_unit_test(leaving_the_mode_finalizes_and_then_says_ok),
        cmocka_unit_test(another_mode_begins_only_when_the_meeting_is_closed),
        cmocka_unit_test(two_meetings_on_one_connection_both_record),
        cmocka_unit_test(a_voice_begins_and_ends_a_meeting),
        cmocka_unit_test(speech_in_a_meeting_is_recorded_and_the_model_stays_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
