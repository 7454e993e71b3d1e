/* SPDX-License-Identifier: MIT
 * modes_world.c -- see modes_world.h. */
#include "tests/support/modes_world.h"

#include "tests/support/test.h"

#include "base/mem.h"
#include "store/meeting.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

struct client *world_device(struct world *w, const char *device)
{
    auto_mem char *header = xprintf("Device-Id: %s", device);
    const char *headers[] = { header, "Client-Id: client-1", "Authorization: Bearer device-token", NULL };
    struct client *c = world_dial(w, "/xiaozhi/v1/", headers);
    assert_true(client_opens(c));
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    return c;
}

void client_says(struct client *c, const char *fmt, ...)
{
    auto_buf struct buf text = { 0 };
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    client_say(c, text.data);
}

const char *client_message(const struct client *c, const char *needle, unsigned nth)
{
    static char line[70000];
    const char *at = c->log.data;
    while (at && *at) {
        const char *end = strchrnul(at, '\n');
        if ((size_t)(end - at) < sizeof(line)) {
            memcpy(line, at, (size_t)(end - at));
            line[end - at] = '\0';
            if (strstr(line, needle) && nth-- == 0)
                return line;
        }
        at = *end ? end + 1 : end;
    }
    return NULL;
}

struct json *client_json(const struct client *c, const char *needle, unsigned nth)
{
    const char *text = client_message(c, needle, nth);
    struct json *j = NULL;
    if (!text)
        fail_msg("%s never came (%u); got:\n%s", needle, nth, c->log.data ? c->log.data : "");
    assert_ok(json_parse(&j, slice_of(text), &(struct json_limits){ .nodes_max = 65536 }));
    return j;
}

static bool is_idle(void *arg)
{
    return store_queued(server_store(((struct world *)arg)->server)) == 0;
}

void client_sync(struct client *c)
{
    for (unsigned round = 0; round < 2; round++) {
        assert_true(client_pings(c));
        assert_true(world_until(c->world, is_idle, c->world));
        world_settle(c->world);
        loop_step(c->world->loop, 5);
    }
}

bool client_stays_without(struct client *c, const char *needle)
{
    client_sync(c);
    client_sync(c);
    return client_count(c, needle) == 0;
}

struct client *meeting_world(struct world *w, const struct world_opts *o, char id[64])
{
    world_start(w, o);
    struct client *c = world_talker(w, "dev1");
    meeting_begins(c, id);
    return c;
}

void meeting_begins(struct client *c, char id[64])
{
    unsigned before = client_count(c, "\"phase\":\"start\",\"meetingId\":\"");
    client_say(c, MEETING_START);
    assert_true(client_gets_all(c, "\"phase\":\"start\",\"meetingId\":\"", before + 1));
    auto_json struct json *j = client_json(c, "\"phase\":\"start\",\"meetingId\":\"", before);
    assert_slice_is(json_get_text(j, "status"), "ok");
    snprintf(id, 64, SLICE_FMT, SLICE_ARG(json_get_text(j, "meetingId")));
}

void meeting_says(struct client *c, const char *text, const char *answer)
{
    unsigned before = client_count(c, answer);
    client_says(c, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"t\",\"text\":\"%s\"}]}", text);
    if (!client_gets_all(c, answer, before + 1))
        fail_msg("%.60s: no %s; got:\n%s", text, answer, c->log.data ? c->log.data : "");
}

void meeting_ends(struct client *c)
{
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "\"stage\":\"done\""));
}

void model_says(const char *text)
{
    fake_llm_script("")->replies[0].text = text;
}

unsigned model_calls(void)
{
    return fake_llm_script("")->seen.opens;
}

void check_summary(const struct json *message)
{
    static const char *const lists[] = { "bullets", "decisions", "actions", "risks", "nextSteps" };
    const struct json *s = json_get(message, "summary");
    assert_true(json_is(json_get(s, "title"), JSON_STRING));
    assert_true(json_get_text(s, "title").len > 0);
    assert_int_equal(json_get_text(s, "duration").len, 8);
    for (size_t i = 0; i < COUNT(lists); i++) {
        const struct json *list = json_get(s, lists[i]);
        assert_true(json_is(list, JSON_ARRAY));
        assert_true(json_len(list) <= (i == 0 ? 6 : 4));
        for (size_t k = 0; k < json_len(list); k++)
            assert_true(json_is(json_at(list, k), JSON_STRING));
    }
    assert_int_equal(json_get_i64(message, "bulletsLength", -1), (int64_t)json_len(json_get(s, "bullets")));
}

/* --- the database ------------------------------------------------------------------------------------ */

struct question {
    const char *sql, *meeting;
    int64_t number;
    char *text;
};

static enum err run_sql(struct db *db, void *input)
{
    struct question *q = input;
    return db_run(db, q->sql);
}

void stored_sql(struct world *w, const char *sql)
{
    struct question q = { .sql = sql };
    assert_ok(store_run(server_store(w->server), run_sql, &q));
}

static enum err run_number(struct db *db, void *input)
{
    struct question *q = input;
    return db_number(&q->number, db, q->sql);
}

int64_t stored_number(struct world *w, const char *sql)
{
    struct question q = { .sql = sql };
    assert_ok(store_run(server_store(w->server), run_number, &q));
    return q.number;
}

static enum err run_texts(struct db *db, void *input)
{
    struct question *q = input;
    struct arena a = { 0 };
    struct buf out = { 0 };
    struct segment_row *rows;
    int64_t merged;
    size_t count = 0;
    enum err e = db_pending_merge(db, q->meeting, &merged);
    if (!e)
        e = db_segment_list(db, &(struct segment_filter){ .meeting = q->meeting, .limit = DB_ROWS_MAX }, &a, &rows,
                            &count);
    buf_puts(&out, "");
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s\n", rows[i].text);
    arena_done(&a);
    q->text = buf_take(&out);
    return e;
}

static const char *keep(char *text)
{
    static char *kept;
    mem_free(kept);
    kept = text;
    return kept ? kept : "";
}

const char *stored_texts(struct world *w, const char *meeting)
{
    struct question q = { .meeting = meeting };
    assert_ok(store_run(server_store(w->server), run_texts, &q));
    return keep(q.text);
}

static enum err run_summary(struct db *db, void *input)
{
    struct question *q = input;
    struct arena a = { 0 };
    struct meeting_row row;
    enum err e = db_meeting_get(db, q->meeting, &a, &row);
    q->text = e ? NULL : xstrdup(row.summary);
    arena_done(&a);
    return e;
}

const char *stored_summary(struct world *w, const char *meeting)
{
    struct question q = { .meeting = meeting };
    assert_ok(store_run(server_store(w->server), run_summary, &q));
    return keep(q.text);
}

/* --- HTTP -------------------------------------------------------------------------------------------- */

int modes_http(struct world *w, const char *method, const char *path, struct buf *out)
{
    auto_mem char *line = xprintf("%s %s", method, path);
    buf_clear(out);
    return world_http(w, server_port(w->server), line, NULL, NULL, out);
}
