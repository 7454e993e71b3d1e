/* SPDX-License-Identifier: MIT
 * cmd_tasks.c -- `parley tasks`: the shared list of a group. A task is named by its id or by its number in
 * the list. */
#include "cli/api_client.h"

#include <stdio.h>

#define MISSING "No such task; `parley tasks list` shows them with their numbers."

struct tasks_options {
    const char *group, *owner;
    int64_t priority;
    bool is_all;
};

static bool fetch(struct command *c, struct api_answer *a)
{
    const struct tasks_options *o = c->options;
    auto_buf struct buf path = { 0 };
    buf_puts(&path, "/workflow?groupKey=");
    url_piece(&path, slice_of(o->group));
    return api_ask_server(c, &(struct api_question){ .path = path.data }, a);
}

static bool is_open(const struct json *task)
{
    return !slice_is(json_get_text(task, "status"), "done");
}

static int list(struct command *c)
{
    static const char *const heads[] = { "no", "status", "priority", "owner", "id", "title" };
    const struct tasks_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    struct table t;
    if (!fetch(c, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    const struct json *items = json_get(a.data, "items");
    size_t shown = 0;
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0, number = 0; i < json_len(items); i++) {
        const struct json *task = json_at(items, i);
        number += is_open(task);
        if (!is_open(task) && !o->is_all)
            continue;
        shown++;
        if (is_open(task))
            table_number(&t, (int64_t)number);
        else
            table_cell(&t, SLICE(""));
        table_cell(&t, json_get_text(task, "status"));
        table_number(&t, json_get_i64(task, "priority", 0));
        table_cell(&t, json_get_text(task, "owner"));
        table_cell(&t, json_get_text(task, "id"));
        table_cell(&t, json_get_text(task, "title"));
    }
    if (shown)
        table_print(&t);
    else
        printf("No open tasks in group %s. parley tasks add \"water the plants\" makes one.\n", o->group);
    buf_done(&t.cells);
    return EXIT_FINE;
}

/* The id of a word: an id itself, or the number of an open task as the list shows it. */
static bool id_of(struct command *c, const char *word, struct buf *id)
{
    int64_t number;
    if (!slice_to_i64(slice_of(word), &number)) {
        buf_puts(id, word);
        return true;
    }
    auto_answer struct api_answer a = { 0 };
    if (!fetch(c, &a))
        return false;
    const struct json *items = json_get(a.data, "items");
    for (size_t i = 0, at = 0; i < json_len(items); i++) {
        const struct json *task = json_at(items, i);
        at += is_open(task);
        bool is_it = (is_open(task) && (int64_t)at == number) || slice_is(json_get_text(task, "id"), word);
        if (is_it) {
            buf_put(id, json_get_text(task, "id"));
            return true;
        }
    }
    fprintf(stderr, "parley: there is no task %s\n  %s\n", word, MISSING);
    return false;
}

/* A JSON object that begins with the group. */
static void body_begin(struct jw *w, struct buf *body, const struct tasks_options *o)
{
    jw_init(w, body);
    jw_object(w);
    jw_cstr(w, "groupKey", o->group);
}

struct edit {
    const char *id, *title, *owner, *status; /* NULL: as it is */
};

static int put(struct command *c, const struct edit *edit, const char *said)
{
    const struct tasks_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf body = { 0 };
    struct jw w;
    body_begin(&w, &body, o);
    if (edit->id)
        jw_cstr(&w, "id", edit->id);
    if (edit->title)
        jw_cstr(&w, "title", edit->title);
    if (edit->owner)
        jw_cstr(&w, "owner", edit->owner);
    if (edit->status)
        jw_cstr(&w, "status", edit->status);
    if (o->priority >= 0)
        jw_i64(&w, "priority", o->priority);
    jw_end(&w);
    struct api_question q = { .method = "POST", .path = "/workflow/tasks", .body = buf_slice(&body),
                              .missing = MISSING };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    text_print(json_get_text(a.data, "title"));
    printf(": %s (%.*s)\n", said, SLICE_ARG(json_get_text(a.data, "id")));
    return EXIT_FINE;
}

static int add(struct command *c)
{
    const struct tasks_options *o = c->options;
    auto_buf struct buf title = { 0 };
    for (size_t i = 0; i < c->word_count; i++)
        buf_printf(&title, "%s%s", i ? " " : "", c->words[i]);
    return put(c, &(struct edit){ .title = title.data, .owner = o->owner }, "added");
}

static int done(struct command *c)
{
    auto_buf struct buf id = { 0 };
    if (!id_of(c, c->words[0], &id))
        return EXIT_BAD;
    return put(c, &(struct edit){ .id = id.data, .status = "done" }, "done");
}

static int assign(struct command *c)
{
    auto_buf struct buf id = { 0 };
    if (!id_of(c, c->words[0], &id))
        return EXIT_BAD;
    return put(c, &(struct edit){ .id = id.data, .owner = c->words[1] }, "assigned");
}

static int take_away(struct command *c)
{
    const struct tasks_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf id = { 0 }, path = { 0 };
    if (!id_of(c, c->words[0], &id))
        return EXIT_BAD;
    buf_puts(&path, "/workflow/tasks/");
    url_piece(&path, buf_slice(&id));
    buf_puts(&path, "?groupKey=");
    url_piece(&path, slice_of(o->group));
    if (!api_ask_server(c, &(struct api_question){ .method = "DELETE", .path = path.data, .missing = MISSING }, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: removed\n", id.data);
    return EXIT_FINE;
}

static int import(struct command *c)
{
    const struct tasks_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf body = { 0 };
    struct jw w;
    body_begin(&w, &body, o);
    if (c->word_count)
        jw_cstr(&w, "meetingId", c->words[0]);
    jw_end(&w);
    struct api_question q = { .method = "POST", .path = "/workflow/import-from-meeting", .body = buf_slice(&body),
                              .missing = "No such meeting; `parley meetings list` shows them." };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%lld tasks of meeting %.*s are in group %s\n", (long long)json_get_i64(a.data, "imported", 0),
               SLICE_ARG(json_get_text(a.data, "meetingId")), o->group);
    return EXIT_FINE;
}

int command_tasks(int argc, char **argv)
{
    static const struct verb verbs[] = {
        { "list", "", "open tasks (--all: also those done)", 0, 0, list },
        { "add", "TITLE...", "a new one [--owner WHO] [--priority 0..3]", 1, 40, add },
        { "done", "TASK", "marks one done", 1, 1, done },
        { "assign", "TASK WHO", "gives it to a device or a person", 2, 2, assign },
        { "remove", "TASK", "takes it off the list", 1, 1, take_away },
        { "import", "[MEETING]", "a meeting's actions as tasks (the newest)", 0, 1, import },
    };
    struct tasks_options o = { .group = "home", .priority = -1 };
    const struct arg extra[] = {
        { "--group", ARG_TEXT, "GROUP", "whose list (home)", .text = &o.group },
        { "--owner", ARG_TEXT, "WHO", "add: whose task it is", .text = &o.owner },
        { "--priority", ARG_NUMBER, "0..3", "add: how urgent", .number = &o.priority, .min = 0, .max = 3 },
        { "--all", ARG_FLAG, NULL, "list: also what is done", .flag = &o.is_all },
    };
    const struct verb_table t = {
        .name = "tasks", .about = "The shared tasks of a group. TASK is an id or a number of the list.",
        .verbs = verbs, .verb_count = COUNT(verbs), .extra = extra, .extra_count = COUNT(extra), .options = &o,
    };
    return verbs_run(&t, argc, argv);
}
