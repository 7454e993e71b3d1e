/* SPDX-License-Identifier: MIT
 * test_template.c -- the file around the prompt; read by a worker thread: TSAN. */
#include "base/buf.h"
#include "dialogue/inside.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "tests/support/stage.h"
#include "tests/support/temp.h"

static struct stage w;

static void open_with_workers(struct workers **pool, const char *path)
{
    char yaml[600];
    snprintf(yaml, sizeof yaml, "prompt: \"Be kind.\"\nprompt_template: \"%s\"\n", path);
    stage_open(&w, yaml, NULL);
    dialogue_close(w.dialogue);
    loop_step(w.loop, 0);
    assert_ok(workers_create(pool, &(struct workers_opts){ .threads = 1, .queue_max = 8 }));
    w.env.workers = *pool;
    assert_ok(dialogue_create(&w.dialogue, &w.opts));
}

static void a_file_stands_around_the_prompt(void **state)
{
    struct workers *pool;
    const char *path = temp_path("template.txt");
    FILE *f = fopen(path, "w");
    fputs("<{{base_prompt}} on {{board}}>\n", f);
    fclose(f);
    open_with_workers(&pool, path);
    for (int i = 0; i < 300 && w.dialogue->template_job; i++)
        loop_step(w.loop, 10);
    auto_buf struct buf out = { 0 };
    talk_prompt(w.dialogue, &out);
    assert_string_equal(out.data, "<Be kind. on board>");
    stage_close(&w);
    workers_free(pool);
    temp_remove();
}

static void a_missing_file_is_no_error(void **state)
{
    struct workers *pool;
    open_with_workers(&pool, "/nowhere/at/all.txt");
    for (int i = 0; i < 300 && w.dialogue->template_job; i++)
        loop_step(w.loop, 10);
    auto_buf struct buf out = { 0 };
    talk_prompt(w.dialogue, &out);
    assert_memory_equal(out.data, "Be kind.", 8);
    stage_close(&w);
    workers_free(pool);
}

static void a_session_may_end_while_it_is_read(void **state)
{
    struct workers *pool;
    open_with_workers(&pool, "/nowhere/at/all.txt");
    dialogue_close(w.dialogue);
    w.dialogue = NULL;
    w.is_closed = true;
    workers_free(pool);
    stage_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_stands_around_the_prompt),
        cmocka_unit_test(a_missing_file_is_no_error),
        cmocka_unit_test(a_session_may_end_while_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
