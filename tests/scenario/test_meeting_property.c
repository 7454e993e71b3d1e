/* SPDX-License-Identifier: MIT
 * test_meeting_property.c -- random sequences of what a client may do in meetings, against a simple model of what
 * must stand in the minutes: every text that was acknowledged, once, in order, in the meeting that was open.
 *
 * PARLEY_SEED plays one sequence again. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "base/mem.h"

#define ROUNDS 12
#define STEPS_PER_ROUND 40
#define MEETINGS_MAX (STEPS_PER_ROUND + 1)
#define WORDS 12 /* few, so that texts repeat */
#define ITEMS_MAX 4
#define REPEAT_MS 60000u
#define STEP_MS 200u /* five messages a second: below the limit */

enum phase { PHASE_NONE, PHASE_OPEN, PHASE_FINAL };

struct model {
    struct world *w;
    struct client *c;
    unsigned seed, first_seed, step;
    enum phase phase;
    unsigned meetings;
    struct {
        char id[64];
        struct buf texts; /* one a line */
    } meeting[MEETINGS_MAX];
    uint64_t seen_ms[WORDS]; /* in this meeting; 0: never */
    const char *doing;
};

static unsigned below(struct model *m, unsigned n)
{
    return (unsigned)rand_r(&m->seed) % n;
}

static void must_get(struct model *m, const char *needle)
{
    if (!client_gets(m->c, needle))
        fail_msg("PARLEY_SEED=%u step %u (%s): no %s in %s", m->first_seed, m->step, m->doing, needle,
                 m->c->log.data ? m->c->log.data : "(nothing)");
}

/* What the model keeps of word k; false: a repeat. */
static bool take(struct model *m, unsigned k)
{
    uint64_t now_ms = loop_now_ms(m->w->loop) + 1;
    bool is_new = !m->seen_ms[k] || now_ms - m->seen_ms[k] >= REPEAT_MS;
    m->seen_ms[k] = now_ms;
    if (is_new)
        buf_printf(&m->meeting[m->meetings - 1].texts, "point number %u\n", k);
    return is_new;
}

static void do_start(struct model *m)
{
    m->doing = "start";
    client_say(m->c, MEETING_START);
    must_get(m, "\"meetingId\":\"");
    auto_json struct json *j = client_json(m->c, "\"meetingId\":\"", 0);
    auto_mem char *id = xslicedup(json_get_text(j, "meetingId"));
    if (m->phase == PHASE_OPEN) {
        assert_string_equal(id, m->meeting[m->meetings - 1].id);
        return;
    }
    for (unsigned i = 0; i < m->meetings; i++)
        assert_string_not_equal(id, m->meeting[i].id);
    snprintf(m->meeting[m->meetings++].id, sizeof(m->meeting[0].id), "%s", id);
    memset(m->seen_ms, 0, sizeof(m->seen_ms));
    m->phase = PHASE_OPEN;
}

/* One to four texts, some of them repeats of each other, some nothing but punctuation. */
static void do_snippet(struct model *m)
{
    auto_buf struct buf text = { 0 };
    unsigned count = 1 + below(m, ITEMS_MAX), dropped = 0;

    m->doing = "snippet";
    buf_puts(&text, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[");
    for (unsigned i = 0; i < count; i++) {
        unsigned k = below(m, WORDS + 2);
        if (i)
            buf_puts(&text, ",");
        if (k >= WORDS)
            buf_puts(&text, "{\"tag\":\"t\",\"text\":\" ... \"}");
        else /* white space makes no other text of it */
            buf_printf(&text, "{\"tag\":\"t\",\"text\":\"%spoint  number %u \"}", below(m, 2) ? " " : "", k);
        if (m->phase == PHASE_OPEN)
            dropped += k >= WORDS || !take(m, k);
    }
    buf_puts(&text, "]}");
    client_say(m->c, text.data);
    if (m->phase == PHASE_NONE) {
        must_get(m, "NOT_IN_MEETING");
        return;
    }
    must_get(m, "\"status\":\"ok\",\"phase\":\"snippet\"");
    if (m->phase == PHASE_OPEN) {
        char answer[64] = "\"status\":\"ok\",\"phase\":\"snippet\"}";
        if (dropped)
            snprintf(answer, sizeof(answer), "\"accepted\":%u,\"dropped\":%u", count - dropped, dropped);
        must_get(m, answer);
    }
}

static void do_bad(struct model *m)
{
    static const char *const bad[] = {
        "{\"type\":\"meeting\"}",
        "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":7}",
        "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"t\",\"text\":\"good\"},{\"tag\":\"t\"}]}",
        "{\"type\":\"meeting\",\"phase\":\"dance\"}",
    };
    m->doing = "bad message";
    client_say(m->c, bad[below(m, COUNT(bad))]);
    must_get(m, m->phase == PHASE_FINAL ? "\"status\":\"" : "\"status\":\"error\""); /* late ones are not read */
}

static void do_finalize(struct model *m)
{
    m->doing = "finalize";
    client_say(m->c, FINALIZE);
    if (m->phase == PHASE_OPEN && below(m, 2)) /* right behind it: too late */
        client_say(m->c, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"t\",\"text\":\"late\"}]}");
    if (m->phase == PHASE_NONE) {
        must_get(m, "NOT_IN_MEETING");
        return;
    }
    must_get(m, m->phase == PHASE_OPEN ? "\"stage\":\"done\"" : "\"idempotent\":true");
    client_sync(m->c);
    m->phase = PHASE_FINAL;
}

static void check(struct model *m)
{
    for (unsigned i = 0; i < m->meetings; i++) {
        const char *stored = stored_texts(m->w, m->meeting[i].id);
        const char *wanted = m->meeting[i].texts.len ? m->meeting[i].texts.data : "";
        if (strcmp(stored, wanted) != 0)
            fail_msg("PARLEY_SEED=%u step %u: meeting %u of %u has\n%s\ninstead of\n%s", m->first_seed, m->step, i + 1,
                     m->meetings, stored, wanted);
    }
    if (stored_number(m->w, "SELECT count(*) FROM meeting") != (int64_t)m->meetings)
        fail_msg("PARLEY_SEED=%u: not %u meetings", m->first_seed, m->meetings);
}

static void play(struct world *w, unsigned seed)
{
    struct model m = { .w = w, .c = world_talker(w, "dev1"), .seed = seed, .first_seed = seed };

    for (m.step = 1; m.step <= STEPS_PER_ROUND; m.step++) {
        unsigned what = below(&m, 100);
        client_forget(m.c);
        if (what < 12)
            do_start(&m);
        else if (what < 72)
            do_snippet(&m);
        else if (what < 84)
            do_bad(&m);
        else if (what < 90)
            do_finalize(&m);
        else
            world_advance(w, below(&m, 2) ? 31000 : 3000);
        world_advance(w, STEP_MS);
    }
    client_sync(m.c);
    check(&m);
    for (unsigned i = 0; i < m.meetings; i++)
        buf_done(&m.meeting[i].texts);
}

static void the_minutes_hold_what_was_acknowledged_once_and_in_order(void **state)
{
    const char *given = getenv("PARLEY_SEED");
    unsigned first = given ? (unsigned)strtoul(given, NULL, 10) : 1;

    for (unsigned i = 0; i < (given ? 1 : ROUNDS); i++) {
        struct world w;
        world_start(&w, &(struct world_opts){ .server = "  language: en-US" });
        model_says(GOOD_SUMMARY);
        play(&w, first + i);
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_minutes_hold_what_was_acknowledged_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
