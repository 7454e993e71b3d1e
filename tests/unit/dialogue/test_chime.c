/* SPDX-License-Identifier: MIT
 * test_chime.c -- the sound after an answer, from a file. A worker reads it: TSAN. */
#include "audio/clip.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "tests/support/stage.h"
#include "tests/support/temp.h"

static struct stage w;
static struct workers *workers;

static int tidy_up(void **state)
{
    stage_abandon(&w);
    workers_free(workers);
    workers = NULL;
    temp_remove();
    return 0;
}

/* A WAV of so many ms at rate_hz; bytes: how much of it is written. */
static void file_write(unsigned ms, uint32_t rate_hz, size_t bytes)
{
    size_t count = (size_t)ms * rate_hz / 1000;
    auto_buf struct buf wav = { 0 };
    int16_t *samples = xalloc(count * sizeof *samples);
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(i % 40 < 20 ? 5000 : -5000);
    assert_ok(wav_write(&wav, (struct pcm){ samples, count }, rate_hz));
    FILE *f = fopen(temp_path("chime.wav"), "we");
    assert_non_null(f);
    assert_true(fwrite(wav.data, 1, MIN(wav.len, bytes), f) > 0);
    assert_int_equal(fclose(f), 0);
    mem_free(samples);
}

/* Packets of one answer, with the file at hand or what stands in for it. */
static unsigned packets_of_an_answer(bool *was_read)
{
    auto_mem char *yaml = xprintf("enable_stop_tts_notify: true\nstop_tts_notify_voice: \"%s\"\n",
                                  temp_path("chime.wav"));
    fake_tts_script("")->sentence_ms = 600;
    fake_llm_script("")->replies[0].text = "Yes.";
    stage_open(&w, yaml, NULL);
    assert_ok(workers_create(&workers, &(struct workers_opts){ .threads = 1, .queue_max = 8 }));
    w.env.workers = workers;
    struct dialogue_audio audio = { .in_rate_hz = 16000, .out_rate_hz = 24000, .out_frame_us = 60000 };
    dialogue_hello(w.dialogue, &audio);
    for (int i = 0; i < 1000 && (workers_queued(workers) || workers_busy(workers)); i++)
        loop_step(w.loop, 5);
    for (int i = 0; i < 100 && !clip_cache_count(w.clips); i++) /* its mail */
        loop_step(w.loop, 5);
    *was_read = clip_cache_count(w.clips) == 1;
    dialogue_detect(w.dialogue, SLICE("is it so"));
    stage_run(&w, 12000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    unsigned frames = w.frames;
    if (*was_read) { /* the next session of this loop has it at once */
        w.last_stamp = 0;
        dialogue_close(w.dialogue);
        assert_ok(dialogue_create(&w.dialogue, &w.opts));
        dialogue_hello(w.dialogue, &audio);
        dialogue_detect(w.dialogue, SLICE("is it so"));
        stage_run(&w, 12000);
        assert_int_equal(w.frames, 2 * frames);
    }
    dialogue_close(w.dialogue);
    w.dialogue = NULL;
    w.is_closed = true;
    for (int i = 0; i < 5; i++)
        loop_step(w.loop, 1);
    workers_free(workers);
    workers = NULL;
    stage_close(&w);
    return frames;
}

static void the_file_is_played_after_the_answer(void **state)
{
    static const struct {
        unsigned ms, rate_hz, packets;
    } rows[] = { { 600, 24000, 20 }, { 600, 16000, 20 }, { 300, 44100, 15 }, { 9000, 8000, 10 + 84 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool was_read;
        file_write(rows[i].ms, rows[i].rate_hz, SIZE_MAX);
        unsigned packets = packets_of_an_answer(&was_read);
        assert_true(was_read);
        assert_in_range(packets, rows[i].packets - 1, rows[i].packets + 1);
    }
}

static void without_a_good_file_two_notes_are_played(void **state)
{
    bool was_read;
    unsigned missing = packets_of_an_answer(&was_read);
    assert_false(was_read);
    assert_in_range(missing, 11, 30);
    file_write(600, 24000, 10);
    assert_int_equal(packets_of_an_answer(&was_read), missing);
    assert_false(was_read);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_file_is_played_after_the_answer, tidy_up),
        cmocka_unit_test_teardown(without_a_good_file_two_notes_are_played, tidy_up),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
