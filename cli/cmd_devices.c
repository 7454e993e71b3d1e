/* SPDX-License-Identifier: MIT
 * cmd_devices.c -- `parley devices`: who is here, what was said, forget, start anew, lock out. */
#include "cli/api_client.h"

#include "base/mem.h"

#include <stdio.h>

#define MISSING "No such device; `parley devices` lists those seen."

struct devices_options {
    int64_t limit;
};

static char *path_of(const struct command *c, const char *rest)
{
    return url_path("/devices/", c->words[0], rest);
}

static int list(struct command *c)
{
    static const char *const heads[] = { "device", "online", "mode", "last seen", "board", "firmware", "name" };
    auto_answer struct api_answer a = { 0 };
    struct table t;
    if (!api_ask_server(c, &(struct api_question){ .path = "/devices?limit=500" }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    const struct json *items = json_get(a.data, "items");
    if (json_len(items) == 0) {
        printf("No device has been here. build/parley talk --text \"hello\" is one; docs/devices.md tells how to\n"
               "point a board at this server.\n");
        return EXIT_FINE;
    }
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *d = json_at(items, i);
        table_cell(&t, json_get_text(d, "id"));
        table_cell(&t, json_get_bool(d, "online", false) ? SLICE("yes") : SLICE("-"));
        table_cell(&t, json_get_text(d, "mode"));
        table_time(&t, json_get_i64(d, "lastSeen", json_get_i64(d, "since", 0)));
        table_cell(&t, json_get_text(d, "board"));
        table_cell(&t, json_get_text(d, "firmware"));
        table_cell(&t, json_get_text(d, "name"));
    }
    table_print(&t);
    return EXIT_FINE;
}

static int show(struct command *c)
{
    static const char *const fields[] = { "id", "name", "mode", "sessionId", "board", "firmware", "language" };
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = path_of(c, "");
    if (!api_ask_server(c, &(struct api_question){ .path = path, .missing = MISSING }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    print_line("online", json_get_bool(a.data, "online", false) ? SLICE("yes") : SLICE("no"));
    for (size_t i = 0; i < COUNT(fields); i++)
        if (json_get_text(a.data, fields[i]).len)
            print_line(fields[i], json_get_text(a.data, fields[i]));
    return EXIT_FINE;
}

static int turns(struct command *c)
{
    static const char *const heads[] = { "at", "who", "outcome", "text" };
    const struct devices_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_mem char *rest = xprintf("/turns?limit=%lld", (long long)o->limit);
    auto_mem char *path = path_of(c, rest);
    struct table t;
    if (!api_ask_server(c, &(struct api_question){ .path = path, .missing = MISSING }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    if (json_len(a.data) == 0) {
        printf("Nothing is kept of what was said with %s.\n", c->words[0]);
        return EXIT_FINE;
    }
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < json_len(a.data); i++) {
        const struct json *turn = json_at(a.data, i);
        table_time(&t, json_get_i64(turn, "startedAt", 0));
        table_cell(&t, json_get_text(turn, "role"));
        table_cell(&t, json_get_text(turn, "outcome"));
        table_cell(&t, json_get_text(turn, "text"));
    }
    table_print(&t);
    return EXIT_FINE;
}

static int forget(struct command *c)
{
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = path_of(c, "/data");
    struct api_question q = { .method = "DELETE", .path = path, .missing = MISSING };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: everything said, remembered and recorded with it is removed\n", c->words[0]);
    return EXIT_FINE;
}

static int unpair(struct command *c)
{
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = path_of(c, "/pair");
    struct api_question q = { .side = SIDE_ADMIN, .method = "DELETE", .path = path, .missing = MISSING };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: locked out; its session ends now. `parley pair` lets it in again\n", c->words[0]);
    return EXIT_FINE;
}

static int firmware(struct command *c)
{
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = path_of(c, "/firmware");
    auto_buf struct buf body = { 0 };
    struct jw w;
    bool is_none = strcmp(c->words[1], "none") == 0;
    jw_init(&w, &body);
    jw_object(&w);
    jw_cstr(&w, "version", c->words[1]);
    jw_end(&w);
    struct api_question q = { .side = SIDE_ADMIN, .method = is_none ? "DELETE" : "POST", .path = path };
    if (!is_none)
        q.body = buf_slice(&body);
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    if (is_none)
        printf("%s: no firmware waits for it\n", c->words[0]);
    else
        printf("%s: gets %s at its next boot, once; the log says `ota.force`\n%s", c->words[0], c->words[1],
               json_get_bool(a.data, "deviceKnown", true) ? "" : "  No device of that id has ever asked here.\n");
    return EXIT_FINE;
}

static int reboot(struct command *c)
{
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = path_of(c, "/reboot");
    struct api_question q = { .side = SIDE_ADMIN, .method = "POST", .path = path, .body = SLICE("{}"),
                              .missing = "Only a connected device can be told; `parley devices` shows who is online." };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: told; a board starts anew within seconds, other clients may not care\n", c->words[0]);
    return EXIT_FINE;
}

int command_devices(int argc, char **argv)
{
    static const struct verb verbs[] = {
        { "list", "", "all that were here", 0, 0, list },
        { "show", "DEVICE", "one, and what it does now", 1, 1, show },
        { "turns", "DEVICE", "what was said last [--limit N]", 1, 1, turns },
        { "forget", "DEVICE", "removes everything kept of it", 1, 1, forget },
        { "firmware", "DEVICE VERSION", "forces it at the next boot; `none` takes that back", 2, 2, firmware },
        { "reboot", "DEVICE", "has it start anew (admin listener)", 1, 1, reboot },
        { "unpair", "DEVICE", "locks it out (admin listener)", 1, 1, unpair },
    };
    struct devices_options o = { .limit = 10 };
    const struct arg extra[] = {
        { "--limit", ARG_NUMBER, "N", "turns: so many (10)", .number = &o.limit, .min = 1, .max = 100 },
    };
    const struct verb_table t = {
        .name = "devices", .about = "The devices of this server.",
        .verbs = verbs, .verb_count = COUNT(verbs), .extra = extra, .extra_count = COUNT(extra), .options = &o,
    };
    return verbs_run(&t, argc, argv);
}
