/* SPDX-License-Identifier: MIT
 * test_engines.c -- engine processes: started once, started again with back-off, stopped; then the real
 * ones: a sentence spoken by one and understood by another. */
#include "tests/support/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "audio/resample.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "providers/engines.h"
#include "providers/registry.h"
#include "tests/support/temp.h"

struct world {
    struct loop *loop;
    struct engines *engines;
    char *dir, *sockets, *notes;
};

static void write_program(const struct world *w, const char *name, const char *body)
{
    auto_mem char *path = xprintf("%s/%s", w->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\necho \"$@\" >> %s\n%s\n", w->notes, body);
    fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
}

static void open_world(struct world *w)
{
    *w = (struct world){ .dir = xstrdup(temp_dir()) };
    w->sockets = xprintf("%s/sockets", w->dir);
    w->notes = xprintf("%s/notes", w->dir);
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(engines_create(&w->engines, w->loop,
                             &(struct engines_opts){ .program_dir = w->dir, .socket_dir = w->sockets }));
}

static void close_world(struct world *w)
{
    engines_stop(w->engines);
    for (int i = 0; i < 100; i++)
        loop_step(w->loop, 2);
    loop_advance(w->loop, 3000);
    for (int i = 0; i < 20; i++)
        loop_step(w->loop, 2);
    engines_free(w->engines);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    temp_remove();
    mem_free(w->dir);
    mem_free(w->sockets);
    mem_free(w->notes);
}

static unsigned starts(const struct world *w, char *line, size_t bytes)
{
    unsigned count = 0;
    FILE *f = fopen(w->notes, "r");
    while (f && fgets(line, (int)bytes, f))
        count++;
    if (f)
        fclose(f);
    return count;
}

/* Until the program was started `count` times, or a second of real time has passed. */
static unsigned wait_starts(struct world *w, unsigned count)
{
    char line[512];
    for (int i = 0; i < 200 && starts(w, line, sizeof(line)) < count; i++)
        loop_step(w->loop, 5);
    for (int i = 0; i < 20; i++) /* let its end be noticed */
        loop_step(w->loop, 5);
    return starts(w, line, sizeof(line));
}

static void one_process_serves_all_who_want_it(void **state)
{
    struct world w;
    struct stat st;
    char line[512] = "";
    const char *a = NULL, *b = NULL, *c = NULL;
    const char *const args[] = { "--lm=x", NULL };
    open_world(&w);
    write_program(&w, "sleeper", "exec sleep 30");
    assert_ok(engines_want(w.engines, "sleeper", args, &a));
    assert_ok(engines_want(w.engines, "sleeper", args, &b));
    assert_string_equal(a, b);
    assert_int_equal(wait_starts(&w, 1), 1);
    assert_int_equal(starts(&w, line, sizeof(line)), 1);
    assert_non_null(strstr(line, a + strlen("unix:")));
    assert_non_null(strstr(line, "--lm=x"));
    assert_ok(engines_want(w.engines, "sleeper", NULL, &c)); /* other arguments, another process */
    assert_string_not_equal(a, c);
    assert_int_equal(wait_starts(&w, 2), 2);
    assert_int_equal(stat(w.sockets, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    close_world(&w);
}

static void one_that_ends_is_started_again_ever_later(void **state)
{
    static const unsigned waits_ms[] = { 500, 1000, 2000, 4000 };
    struct world w;
    const char *path = NULL;
    unsigned seen = 1;
    open_world(&w);
    write_program(&w, "crasher", "exit 3");
    assert_ok(engines_want(w.engines, "crasher", NULL, &path));
    assert_int_equal(wait_starts(&w, 1), 1);
    for (size_t i = 0; i < COUNT(waits_ms); i++) {
        char line[512];
        loop_advance(w.loop, waits_ms[i] - 1);
        for (int j = 0; j < 5; j++)
            loop_step(w.loop, 5);
        assert_int_equal(starts(&w, line, sizeof(line)), seen);
        loop_advance(w.loop, 1);
        seen++;
        assert_int_equal(wait_starts(&w, seen), seen);
    }
    close_world(&w);
}

static void what_is_not_there_is_not_found(void **state)
{
    static const char *const names[] = { "nobody", "../escape", "", "a/b" };
    struct world w;
    const char *path = NULL;
    open_world(&w);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(engines_want(w.engines, names[i], NULL, &path), ERR_NOT_FOUND);
    assert_null(path);
    engines_stop(w.engines);
    write_program(&w, "sleeper", "exec sleep 30");
    assert_int_equal(engines_want(w.engines, "sleeper", NULL, &path), ERR_STATE);
    close_world(&w);
}

/* ---- real engines ---- */

struct talk {
    struct loop *loop;
    struct buf text;
    struct pcm_queue pcm;
    uint32_t rate_hz;
    bool has_ended;
    struct err_note why;
};

static void on_end(void *user, const struct err_note *why)
{
    struct talk *t = user;
    t->has_ended = true;
    t->why = *why;
}

static void on_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    struct talk *t = user;
    t->rate_hz = rate_hz;
    assert_ok(pcm_queue_put(&t->pcm, pcm));
}

static void on_mark(void *user, uint32_t sentence)
{
}

static void on_text(void *user, const struct asr_text *text)
{
    struct talk *t = user;
    if (text->final)
        buf_put(&t->text, text->text);
}

static void wait_end(struct talk *t)
{
    uint64_t until_us = clock_mono_us() + 20000000;
    while (!t->has_ended && clock_mono_us() < until_us)
        loop_step(t->loop, 50);
    assert_true(t->has_ended);
    if (t->why.err)
        fail_msg("%s: %s", err_name(t->why.err), t->why.text);
    t->has_ended = false;
}

static bool has_engine(const char *dir, const char *name)
{
    auto_mem char *path = xprintf("%s/%s", dir, name);
    return access(path, X_OK) == 0;
}

static void speak(struct talk *t, struct registry *r, const struct use_opts *u, const char *sentence)
{
    static const struct tts_events events = { .on_pcm = on_pcm, .on_mark = on_mark, .on_end = on_end };
    struct tts_use tts;
    pcm_queue_clear(&t->pcm);
    assert_ok(tts_open_for(&tts, r, u, &events, t));
    assert_ok(tts.cls->say(tts.tts, slice_of(sentence)));
    tts.cls->finish(tts.tts);
    wait_end(t);
    tts.cls->close(tts.tts);
}

static void hear(struct talk *t, struct registry *r, const struct use_opts *u)
{
    static const struct asr_events events = { .on_text = on_text, .on_end = on_end };
    struct asr_use asr;
    struct pcm_queue at16 = { 0 };
    buf_clear(&t->text);
    assert_ok(resample_once(pcm_queue_peek(&t->pcm), t->rate_hz, 16000, &at16));
    assert_ok(asr_open_for(&asr, r, u, &events, t));
    while (at16.count) {
        struct pcm part = pcm_queue_peek(&at16);
        part.count = MIN(part.count, (size_t)960);
        assert_ok(asr.cls->feed(asr.asr, part));
        pcm_queue_eat(&at16, part.count);
    }
    asr.cls->finish(asr.asr);
    wait_end(t);
    asr.cls->close(asr.asr);
    pcm_queue_done(&at16);
}

static void what_one_engine_says_another_understands(void **state)
{
    static const struct {
        const char *sentence, *word;
    } rows[] = { { "what time is it", "time" }, { "tell me a joke", "joke" }, { "stop", "stop" } };
    const char *build = getenv("PARLEY_BUILD");
    auto_mem char *dir = xprintf("%s/engines", build ? build : "build");
    if (!has_engine(dir, "flite") || !has_engine(dir, "pocketsphinx")) {
        print_message("skip: flite and pocketsphinx are not built\n");
        skip();
    }
    struct talk t = { 0 };
    auto_mem char *sockets = xprintf("%s/s", temp_dir());
    struct provider_env env = { 0 };
    struct registry *r = NULL;
    struct use_opts u = { .env = &env, .language = "en-US" };
    struct err_note note = { 0 };
    assert_ok(loop_create(&t.loop, &(struct loop_opts){ .name = "test" }));
    env.loop = t.loop;
    assert_ok(engines_create(&env.engines, t.loop, &(struct engines_opts){ .program_dir = dir, .socket_dir = sockets
        }));
    assert_ok(registry_create(&r));
    assert_ok(config_parse(&u.config, SLICE("{}"), "test", &note));
    for (size_t i = 0; i < COUNT(rows); i++) {
        speak(&t, r, &u, rows[i].sentence);
        assert_true(t.pcm.count > t.rate_hz / 4);
        hear(&t, r, &u);
        print_message("\"%s\" was heard as \"%s\"\n", rows[i].sentence, t.text.data ? t.text.data : "");
        assert_true(slice_contains(buf_slice(&t.text), slice_of(rows[i].word)));
    }
    if (has_engine(dir, "espeak-ng")) {
        speak(&t, r, &u, "你好，现在几点？");
        assert_true(t.pcm.count > t.rate_hz / 4);
    }
    engines_stop(env.engines);
    for (int i = 0; i < 400 && loop_timers_armed(t.loop); i++) /* until they are gone, or killed after 2 s */
        loop_step(t.loop, 10);
    engines_free(env.engines);
    config_unref(u.config);
    registry_free(r);
    pcm_queue_done(&t.pcm);
    buf_done(&t.text);
    loop_free(t.loop);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_serves_all_who_want_it),
        cmocka_unit_test(one_that_ends_is_started_again_ever_later),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(what_one_engine_says_another_understands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
