/* SPDX-License-Identifier: MIT
 * test_greeting.c -- the answer to a wake word: at once from its clip, made anew behind it when that is old. */
#include "audio/clip.h"
#include "loop/loop.h"
#include "tests/support/stage.h"

static struct stage w;

static int tidy_up(void **state)
{
    stage_abandon(&w);
    return 0;
}

static const char woken[] = "wakeup_words: [hello parley]\n";

/* From the wake word to the first packet, in ms. */
static uint64_t wake(void)
{
    stage_forget(&w);
    uint64_t begun_ms = loop_now_ms(w.loop);
    dialogue_detect(w.dialogue, SLICE("Hello, Parley!"));
    stage_run(&w, 4000);
    const struct told *first = stage_find(&w, 'a', 0);
    assert_non_null(first);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    return first->at_ms - begun_ms;
}

static void a_greeting_comes_at_once_from_its_clip(void **state)
{
    struct fake_tts_script *tts = fake_tts_script("");
    tts->plan.first_ms = 900; /* a slow voice */
    stage_open(&w, woken, NULL);
    assert_in_range(wake(), 900, 1200);
    assert_int_equal(clip_cache_count(w.clips), 1);
    assert_in_range(wake(), 60, 300);
    assert_int_equal(tts->seen.opens, 1); /* young: nothing was made */
    stage_close(&w);
}

static void an_old_greeting_is_made_anew_while_it_is_played(void **state)
{
    struct fake_tts_script *tts = fake_tts_script("");
    stage_open(&w, woken, NULL);
    wake();
    stage_run(&w, 11000);
    tts->plan.first_ms = 900;
    assert_in_range(wake(), 60, 300);
    assert_int_equal(tts->seen.opens, 2);
    assert_int_equal(tts->seen.live, 0);
    assert_int_equal(clip_cache_count(w.clips), 1);
    assert_in_range(wake(), 60, 300);
    assert_int_equal(tts->seen.opens, 2); /* the new one is young */
    assert_int_equal(w.starts, 3);        /* and nobody heard it being made */
    stage_close(&w);
}

static void a_greeting_that_cannot_be_made_anew_stays_as_it_was(void **state)
{
    struct fake_tts_script *tts = fake_tts_script("");
    stage_open(&w, woken, NULL);
    wake();
    stage_run(&w, 11000);
    tts->plan.error = ERR_UPSTREAM;
    assert_in_range(wake(), 60, 300);
    stage_run(&w, 1000);
    assert_in_range(wake(), 60, 300);
    assert_int_equal(w.outcomes[OUTCOME_completed], 3);
    stage_close(&w);
}

static void a_device_may_leave_while_its_greeting_is_made_anew(void **state)
{
    struct fake_tts_script *tts = fake_tts_script("");
    stage_open(&w, woken, NULL);
    wake();
    stage_run(&w, 11000);
    tts->plan.first_ms = 3000;
    dialogue_detect(w.dialogue, SLICE("hello parley"));
    stage_run(&w, 200);
    assert_int_equal(tts->seen.live, 1);
    stage_close(&w); /* asserts that nothing is left */
}

static void without_the_cache_each_greeting_is_made(void **state)
{
    stage_open(&w, "wakeup_words: [hello parley]\nenable_wakeup_words_response_cache: false\n", NULL);
    wake();
    wake();
    assert_int_equal(fake_tts_script("")->seen.opens, 2);
    assert_int_equal(clip_cache_count(w.clips), 0);
    stage_close(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_greeting_comes_at_once_from_its_clip, tidy_up),
        cmocka_unit_test_teardown(an_old_greeting_is_made_anew_while_it_is_played, tidy_up),
        cmocka_unit_test_teardown(a_greeting_that_cannot_be_made_anew_stays_as_it_was, tidy_up),
        cmocka_unit_test_teardown(a_device_may_leave_while_its_greeting_is_made_anew, tidy_up),
        cmocka_unit_test_teardown(without_the_cache_each_greeting_is_made, tidy_up),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
