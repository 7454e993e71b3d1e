/* SPDX-License-Identifier: MIT
 * cmd_say.c -- `parley say DEVICE TEXT`: a device says something, now or when it comes. */
#include "cli/api_client.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>

struct say_options {
    bool is_listening;
    int64_t ttl_s;
    const char *key;
};

static const char *meaning(struct slice state)
{
    static const struct {
        const char *state, *text;
    } rows[] = {
        { "played", "it was said" },
        { "accepted", "the device is here and says it" },
        { "fetched", "the device has taken it" },
        { "busy", "the device is in the middle of something; nothing was said. Try again later" },
        { "queued", "the device is not here; it hears it when it comes" },
        { "expired", "it waited too long and was dropped" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (slice_is(state, rows[i].state))
            return rows[i].text;
    return "";
}

static void tell_of_waiting(const struct command *c, const struct json *receipt)
{
    char until[20];
    if (json_get_bool(receipt, "deviceKnown", true))
        return;
    clock_text(json_get_i64(receipt, "expiresAt", 0), clock_zone_offset_minutes(), until);
    printf("  No device with the id %s has ever been here. It waits for one until %s.\n"
           "  `parley devices` lists those seen.\n",
           c->words[0], until);
}

static int say(struct command *c)
{
    const struct say_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf text = { 0 }, body = { 0 };
    auto_mem char *path = url_path("/devices/", c->words[0], "/say");
    struct jw w;
    for (size_t i = 1; i < c->word_count; i++)
        buf_printf(&text, "%s%s", i > 1 ? " " : "", c->words[i]);
    jw_init(&w, &body);
    jw_object(&w);
    jw_str(&w, "text", buf_slice(&text));
    jw_bool(&w, "auto_listen", o->is_listening);
    if (o->ttl_s > 0)
        jw_i64(&w, "ttl", o->ttl_s);
    if (o->key)
        jw_cstr(&w, "idempotencyKey", o->key);
    jw_end(&w);
    struct api_question q = { .method = "POST", .path = path, .body = buf_slice(&body),
                              .missing = "No such device; `parley devices` lists those seen." };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    struct slice state = json_get_text(a.data, "state");
    if (!print_json(c, &a)) {
        printf("%.*s: %s (receipt %.*s)\n", SLICE_ARG(state), meaning(state),
               SLICE_ARG(json_get_text(a.data, "id")));
        tell_of_waiting(c, a.data);
    }
    return slice_is(state, "busy") || slice_is(state, "expired") ? EXIT_BAD : EXIT_FINE;
}

int command_say(int argc, char **argv)
{
    static const struct verb verbs[] = { { "DEVICE", "DEVICE TEXT...", "", 2, 60, say } };
    struct say_options o = { 0 };
    const struct arg extra[] = {
        { "--listen", ARG_FLAG, NULL, "the device listens afterwards", .flag = &o.is_listening },
        { "--ttl", ARG_NUMBER, "SECONDS", "how long it waits for an absent device", .number = &o.ttl_s, .min = 1,
          .max = 604800 },
        { "--key", ARG_TEXT, "KEY", "a repeat with the same key is not said again", .text = &o.key },
    };
    const struct verb_table t = {
        .name = "say", .about = "Has a device say something.",
        .verbs = verbs, .verb_count = COUNT(verbs), .extra = extra, .extra_count = COUNT(extra), .options = &o,
    };
    return verbs_run(&t, argc, argv);
}
