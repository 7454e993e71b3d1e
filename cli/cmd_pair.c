/* SPDX-License-Identifier: MIT
 * cmd_pair.c -- `parley pair`: codes that devices show, confirmed by a person (admin listener). */
#include "cli/api_client.h"

#include "base/mem.h"

#include <stdio.h>

static int list(struct command *c)
{
    static const char *const heads[] = { "code", "device", "board", "asked", "good until", "client" };
    auto_answer struct api_answer a = { 0 };
    struct table t;
    if (!api_ask_server(c, &(struct api_question){ .side = SIDE_ADMIN, .path = "/pairing" }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    if (json_len(a.data) == 0) {
        printf("No device waits. A new one shows (and speaks) a code of six digits when it has asked the OTA URL.\n");
        return EXIT_FINE;
    }
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < json_len(a.data); i++) {
        const struct json *p = json_at(a.data, i);
        table_cell(&t, json_get_text(p, "code"));
        table_cell(&t, json_get_text(p, "deviceId"));
        table_cell(&t, json_get_text(p, "board"));
        table_time(&t, json_get_i64(p, "createdAt", 0));
        table_time(&t, json_get_i64(p, "expiresAt", 0));
        table_cell(&t, json_get_text(p, "clientId"));
    }
    table_print(&t);
    return EXIT_FINE;
}

/* `parley pair 123456`: any word but `list` is a code. */
static int pair(struct command *c)
{
    if (c->word_count == 0 || strcmp(c->words[0], "list") == 0)
        return list(c);
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = url_path("/pairing/", c->words[0], "");
    struct api_question q = { .side = SIDE_ADMIN, .method = "POST", .path = path,
                              .missing = "`parley pair` lists the codes that wait; "
                                         "a device asks for a new one by itself." };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a)) {
        text_print(json_get_text(a.data, "deviceId"));
        printf(" is paired; it connects within seconds\n");
    }
    return EXIT_FINE;
}

int command_pair(int argc, char **argv)
{
    static const struct verb verbs[] = { { "", "[list|CODE]", "the codes that wait, or confirm one", 0, 1, pair } };
    const struct verb_table t = {
        .name = "pair", .about = "Lets a new device in.",
        .verbs = verbs, .verb_count = COUNT(verbs),
    };
    return verbs_run(&t, argc, argv);
}
