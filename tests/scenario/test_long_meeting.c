/* SPDX-License-Identifier: MIT
 * test_long_meeting.c -- a meeting of ten hours on a whole server: it is heard to its end, and it takes no more
 * memory than one session may (limits.session_bytes), since what was said lies in the store. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <malloc.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "config/settings.h"
#include "main/private.h"
#include "tests/support/fake_providers.h"

#define MINUTES 600u
#define ITEMS 10u /* texts a minute: in ten hours more bytes than the session may keep */

/* Without the pages that SQLite keeps, whose bound is its own. (Nothing is seen under the sanitizers.) */
static size_t memory_now(void)
{
    size_t all = mallinfo2().uordblks, pages = (size_t)sqlite3_memory_used();
    return all > pages ? all - pages : 0;
}

static void say_a_minute(struct client *c, unsigned minute)
{
    auto_buf struct buf text = { 0 };
    buf_puts(&text, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[");
    for (unsigned i = 0; i < ITEMS; i++)
        buf_printf(&text, "%s{\"tag\":\"t\",\"text\":\"In minute %u somebody says sentence %u, which is as long as "
                          "sentences in meetings are, and one or two words longer than that.\"}",
                   i ? "," : "", minute, i);
    buf_puts(&text, "]}");
    client_forget(c);
    client_say(c, text.data);
    if (!client_gets(c, "\"phase\":\"snippet\""))
        fail_msg("minute %u: %s", minute, c->log.data);
    assert_int_equal(client_count(c, "\"dropped\""), 0);
    assert_int_equal(client_count(c, "\"error\""), 0);
}

static void a_meeting_of_ten_hours_stays_within_the_memory_of_a_session(void **state)
{
    struct world w;
    size_t most = 0;
    world_start(&w, &(struct world_opts){ .more = "enable_greeting: false\n"
                                                   "limits: {session_bytes: 524288}\n" });
    fake_llm_script("")->replies[0].text = "{\"title\":\"A long day\",\"bullets\":[\"Much was said.\"]}";
    struct client *c = world_talker(&w, "dev1");
    struct config *cfg = config_now(w.server->config);
    size_t limit = (size_t)cfg->limits_session_bytes;
    config_unref(cfg);
    client_say(c, "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"meeting\"}");
    assert_true(client_gets(c, "\"status\":\"ok\""));
    say_a_minute(c, MINUTES);
    world_settle(&w);
    size_t before = memory_now();
    for (unsigned minute = 0; minute < MINUTES; minute++) {
        say_a_minute(c, minute);
        for (unsigned i = 0; i < 10; i++) {
            loop_advance(w.loop, 6000);
            loop_step(w.loop, 0);
        }
        most = MAX(most, memory_now());
    }
    if (most > before + limit)
        fail_msg("%zu bytes more, %zu allowed", most - before, limit);
    client_forget(c);
    client_say(c, "{\"type\":\"meeting\",\"phase\":\"finalize\"}");
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    for (unsigned i = 0; i < 200 && !client_count(c, "A long day"); i++) {
        world_advance(&w, 500);
        loop_step(w.loop, 2);
    }
    assert_true(client_count(c, "A long day") > 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_meeting_of_ten_hours_stays_within_the_memory_of_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
