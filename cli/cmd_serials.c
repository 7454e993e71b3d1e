/* SPDX-License-Identifier: MIT
 * cmd_serials.c -- `parley serials`: keys of boards that confirm themselves (admin listener). The key comes
 * from a file, so that it stands in no list of processes and no history of a shell. */
#include "cli/api_client.h"

#include "base/crypto.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define MISSING "No such serial number; `parley serials` lists those known."
#define KEY_MIN_BYTES 16
#define KEY_MAX_BYTES 64
#define FILE_MAX_BYTES (2 * KEY_MAX_BYTES + 2) /* hex and a line's end */

struct serials_options {
    const char *key_file;
};

static int list(struct command *c)
{
    static const char *const heads[] = { "serial", "proved by device" };
    auto_answer struct api_answer a = { 0 };
    struct table t;
    if (!api_ask_server(c, &(struct api_question){ .side = SIDE_ADMIN, .path = "/serials?limit=500" }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    const struct json *items = json_get(a.data, "items");
    size_t count = json_len(items);
    if (count == 0) {
        printf("No keys. A board with a serial number and a key burnt in confirms itself once the server knows\n"
               "both: parley serials add SERIAL --key-file FILE\n");
        return EXIT_FINE;
    }
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < count; i++) {
        table_cell(&t, json_get_text(json_at(items, i), "serial"));
        table_cell(&t, json_get_text(json_at(items, i), "deviceId"));
    }
    table_print(&t);
    int64_t total = json_get_i64(a.data, "total", 0);
    if (total > (int64_t)count)
        printf("... and %lld more\n", (long long)(total - (int64_t)count));
    return EXIT_FINE;
}

static bool is_hex(struct slice s)
{
    uint8_t bytes[KEY_MAX_BYTES];
    return s.len % 2 == 0 && s.len / 2 <= sizeof bytes && hex_decode(s, bytes, s.len / 2);
}

static bool is_hex_digits(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isxdigit((unsigned char)s.data[i]))
            return false;
    return true;
}

/* The file has the key in hex, or its bytes as they were burnt. Says what is wrong. */
static bool key_read(const char *path, char hex[2 * KEY_MAX_BYTES + 1])
{
    char bytes[FILE_MAX_BYTES + 1];
    bool is_standard = strcmp(path, "-") == 0;
    FILE *f = is_standard ? stdin : fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "parley: %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t len = fread(bytes, 1, sizeof bytes, f);
    if (!is_standard)
        fclose(f);
    struct slice text = slice_trim(slice_from(bytes, len));
    if (text.len >= 2 * KEY_MIN_BYTES && is_hex(text)) {
        snprintf(hex, 2 * KEY_MAX_BYTES + 1, SLICE_FMT, SLICE_ARG(text));
        return true;
    }
    if (len >= KEY_MIN_BYTES && len <= KEY_MAX_BYTES && !is_hex_digits(text)) { /* those are hex that is cut */
        hex_encode(bytes, len, hex);
        return true;
    }
    fprintf(stderr, "parley: %s holds no key: %d to %d bytes, as they are or in hex\n", path, KEY_MIN_BYTES,
            KEY_MAX_BYTES);
    return false;
}

static int add(struct command *c)
{
    const struct serials_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf body = { 0 };
    auto_mem char *path = url_path("/serials/", c->words[0], "");
    char hex[2 * KEY_MAX_BYTES + 1];
    struct jw w;
    if (!o->key_file) {
        fprintf(stderr, "parley serials add: --key-file FILE is missing (- is standard input)\n");
        return EXIT_USAGE;
    }
    if (!key_read(o->key_file, hex))
        return EXIT_BAD;
    jw_init(&w, &body);
    jw_object(&w);
    jw_cstr(&w, "key", hex);
    jw_end(&w);
    struct api_question q = { .side = SIDE_ADMIN, .method = "POST", .path = path, .body = buf_slice(&body) };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: added; the board that proves it is paired by itself\n", c->words[0]);
    return EXIT_FINE;
}

static int remove_(struct command *c)
{
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = url_path("/serials/", c->words[0], "");
    struct api_question q = { .side = SIDE_ADMIN, .method = "DELETE", .path = path, .missing = MISSING };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: removed; a board that is paired already stays so (parley devices unpair)\n", c->words[0]);
    return EXIT_FINE;
}

int command_serials(int argc, char **argv)
{
    static const struct verb verbs[] = {
        { "list", "", "serial numbers whose key is known", 0, 0, list },
        { "add", "SERIAL", "a board's key, from --key-file", 1, 1, add },
        { "remove", "SERIAL", "forgets its key", 1, 1, remove_ },
    };
    struct serials_options o = { 0 };
    const struct arg extra[] = {
        { "--key-file", ARG_TEXT, "FILE", "add: the key, as bytes or in hex (-: standard input)", .text = &o.key_file },
    };
    const struct verb_table t = {
        .name = "serials", .about = "Boards with a serial number and a key burnt in, which confirm themselves.",
        .verbs = verbs, .verb_count = COUNT(verbs), .extra = extra, .extra_count = COUNT(extra), .options = &o,
    };
    return verbs_run(&t, argc, argv);
}
