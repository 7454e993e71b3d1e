/* SPDX-License-Identifier: MIT
 * test_summary.c -- seven fields, always, whatever a model says. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "modes/summary.h"

/* Reads `reply`, writes the summary, parses it again: every field there, no null, caps kept. */
static struct json *round_trip(struct summary *s, struct slice reply)
{
    struct buf out = {0};
    struct jw w;
    summary_read(s, reply);
    jw_init(&w, &out);
    jw_object(&w);
    summary_write(s, "Meeting minutes", &w, "summary");
    jw_end(&w);
    struct json *j = NULL;
    assert_ok(json_parse(&j, buf_slice(&out), NULL));
    buf_done(&out);
    const struct json *o = json_get(j, "summary");
    assert_int_equal(json_len(o), 7);
    assert_true(json_get_text(o, "title").len > 0);
    assert_int_equal(json_get_text(o, "duration").len, 8);
    for (int l = 0; l < SUMMARY_LISTS; l++) {
        const struct json *list = json_get(o, summary_key((enum summary_list)l));
        assert_true(json_is(list, JSON_ARRAY));
        assert_true(json_len(list) <= (l == SUMMARY_BULLETS ? 6 : 4));
        for (size_t i = 0; i < json_len(list); i++)
            assert_true(json_text(json_at(list, i)).len > 0);
    }
    return j;
}

static void a_good_answer_is_taken_as_it_is(void **state)
{
    struct summary s = {.duration_ms = 3661000};
    struct json *j =
        round_trip(&s, SLICE("{\"title\":\"Plan\",\"bullets\":[\"a\",\"b\"],\"decisions\":[\"c\"],"
                             "\"actions\":[],\"risks\":[\"r\"],\"nextSteps\":[\"n\"]}"));
    const struct json *o = json_get(j, "summary");
    assert_slice_is(json_get_text(o, "title"), "Plan");
    assert_slice_is(json_get_text(o, "duration"), "01:01:01");
    assert_slice_is(json_text(json_at(json_get(o, "bullets"), 1)), "b");
    assert_int_equal(json_len(json_get(o, "actions")), 0);
    json_free(j);
    summary_done(&s);
}

static void prose_around_json_is_cut_off(void **state)
{
    struct summary s = {0};
    assert_true(
        summary_read(&s, SLICE("Sure! Here it is:\n```json\n{\"bullets\":[\"x\"]}\n```\nHope it helps.")));
    assert_string_equal(s.items[SUMMARY_BULLETS][0], "x");
    summary_done(&s);
}

static void lists_are_trimmed_freed_of_repeats_and_capped(void **state)
{
    struct summary s = {0};
    assert_true(summary_read(
        &s, SLICE("{\"bullets\":[\" a \",\"a\",1,null,{},[\"n\"],\"\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"],"
                  "\"risks\":[\"1\",\"2\",\"3\",\"4\",\"5\"],\"actions\":\"only one\"}")));
    assert_int_equal(s.counts[SUMMARY_BULLETS], 6);
    assert_string_equal(s.items[SUMMARY_BULLETS][0], "a");
    assert_string_equal(s.items[SUMMARY_BULLETS][5], "f");
    assert_int_equal(s.counts[SUMMARY_RISKS], 4);
    assert_string_equal(s.items[SUMMARY_ACTIONS][0], "only one");
    summary_done(&s);
}

static void a_title_has_thirty_characters_at_most(void **state)
{
    struct summary s = {0};
    assert_true(summary_read(
        &s, SLICE("{\"title\":\"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三\"}")));
    assert_int_equal(strlen(s.title), 90);
    summary_done(&s);
}

static void a_useless_answer_changes_nothing(void **state)
{
    static const char *const rows[] = {"",
                                       "null",
                                       "[]",
                                       "{}",
                                       "I cannot",
                                       "{\"bullets\":",
                                       "}{",
                                       "{\"title\":3}",
                                       "{\"bullets\":{\"a\":1}}",
                                       "\xff\xfe",
                                       "{\"bullets\":[null]}"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct summary s = {0};
        summary_add(&s, SUMMARY_BULLETS, SLICE("kept"));
        assert_false(summary_read(&s, slice_of(rows[i])));
        assert_int_equal(s.counts[SUMMARY_BULLETS], 1);
        summary_done(&s);
    }
}

/* A good answer, damaged at random a thousand times: the summary is valid each time. */
static void a_thousand_bad_answers_give_a_thousand_valid_summaries(void **state)
{
    static const char good[] =
        "Here: {\"title\":\"计划\",\"duration\":\"x\",\"bullets\":[\"一\",\"two\"],\"decisions\":[\"d\"],"
        "\"actions\":[\"a\",\"b\"],\"risks\":[],\"nextSteps\":[\"n\"]} done";
    uint32_t seed = 7;
    for (int round = 0; round < 1000; round++) {
        char text[sizeof(good)];
        memcpy(text, good, sizeof(good));
        size_t len = sizeof(good) - 1;
        for (unsigned k = 0; k < 1 + (unsigned)round % 6; k++) {
            seed = seed * 1664525 + 1013904223;
            size_t at = (seed >> 8) % len;
            if (seed & 1)
                text[at] = (char)(seed >> 16);
            else
                len = at + 1;
        }
        struct summary s = {0};
        json_free(round_trip(&s, slice_from(text, len)));
        summary_done(&s);
    }
}

static void bullets_are_guessed_from_what_was_said(void **state)
{
    struct slice said[] = {SLICE("Hm"),
                           SLICE("We ship the first version on Friday"),
                           SLICE("yes"),
                           SLICE("Anna writes the tests until Wednesday"),
                           SLICE("ok"),
                           SLICE("Ben calls the printer"),
                           SLICE("We ship the first version on Friday"),
                           SLICE("no"),
                           SLICE("fine")};
    struct summary s = {0};
    summary_guess(&s, said, COUNT(said));
    assert_in_range(s.counts[SUMMARY_BULLETS], 3, 6);
    assert_string_equal(s.items[SUMMARY_BULLETS][0], "We ship the first version on Friday");
    summary_done(&s);
    summary_guess(&s, said, 1);
    assert_int_equal(s.counts[SUMMARY_BULLETS], 1);
    summary_done(&s);
    summary_guess(&s, NULL, 0);
    assert_int_equal(s.counts[SUMMARY_BULLETS], 0);
}

static void a_second_long_meeting_lasts_five(void **state)
{
    char clock[16];
    summary_clock(summary_duration_ms(1000, 1500, 2000, 5000), clock);
    assert_string_equal(clock, "00:00:05");
    summary_clock(summary_duration_ms(0, 36000000, 100, 5000), clock);
    assert_string_equal(clock, "10:00:00");
    summary_clock(UINT64_MAX, clock);
    assert_string_equal(clock, "999:59:59");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_is_taken_as_it_is),
        cmocka_unit_test(prose_around_json_is_cut_off),
        cmocka_unit_test(lists_are_trimmed_freed_of_repeats_and_capped),
        cmocka_unit_test(a_title_has_thirty_characters_at_most),
        cmocka_unit_test(a_useless_answer_changes_nothing),
        cmocka_unit_test(a_thousand_bad_answers_give_a_thousand_valid_summaries),
        cmocka_unit_test(bullets_are_guessed_from_what_was_said),
        cmocka_unit_test(a_second_long_meeting_lasts_five),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
