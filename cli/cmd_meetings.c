/* SPDX-License-Identifier: MIT
 * cmd_meetings.c -- `parley meetings`: what was said, found again, as a file, summed up. */
#include "cli/api_client.h"

#include "base/mem.h"

#include <stdio.h>

#define MISSING "No such meeting; `parley meetings list` shows them."
#define TRANSCRIPT_PAGE 500

struct meetings_options {
    int64_t limit;
    const char *format, *out, *device;
};

static struct slice text_at(const struct json *v, const char *key)
{
    return json_get_text(v, key);
}

/* /meetings/<id><rest> */
static char *path_of(const struct command *c, const char *rest)
{
    return url_path("/meetings/", c->words[0], rest);
}

static int list(struct command *c)
{
    static const char *const heads[] = { "meeting", "started", "length", "device", "title" };
    const struct meetings_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf path = { 0 };
    struct table t;
    buf_printf(&path, "/meetings/recent?limit=%lld", (long long)o->limit);
    if (o->device) {
        buf_puts(&path, "&deviceId=");
        url_piece(&path, slice_of(o->device));
    }
    if (!api_ask_server(c, &(struct api_question){ .path = path.data }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    if (json_len(a.data) == 0) {
        printf("No meetings yet. Say \"start meeting\" to a device to hold one.\n");
        return EXIT_FINE;
    }
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < json_len(a.data); i++) {
        const struct json *m = json_at(a.data, i);
        auto_buf struct buf length = { 0 };
        bool is_open = json_is(json_get(m, "endedAt"), JSON_NULL);
        print_duration(&length, json_get_i64(m, "durationMs", 0));
        table_cell(&t, text_at(m, "meetingId"));
        table_time(&t, json_get_i64(m, "startedAt", 0));
        table_cell(&t, is_open ? SLICE("open") : buf_slice(&length));
        table_cell(&t, text_at(m, "deviceId"));
        table_cell(&t, text_at(m, "title"));
    }
    table_print(&t);
    return EXIT_FINE;
}

static int search(struct command *c)
{
    static const char *const heads[] = { "meeting", "said at", "words" };
    const struct meetings_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf path = { 0 }, words = { 0 };
    struct table t;
    for (size_t i = 0; i < c->word_count; i++)
        buf_printf(&words, "%s%s", i ? " " : "", c->words[i]);
    buf_printf(&path, "/meetings/search?limit=%lld&q=", (long long)o->limit);
    url_piece(&path, buf_slice(&words));
    if (!api_ask_server(c, &(struct api_question){ .path = path.data }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    if (json_len(a.data) == 0) {
        printf("Nobody said that in a meeting.\n");
        return EXIT_FINE;
    }
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < json_len(a.data); i++) {
        const struct json *hit = json_at(a.data, i);
        table_cell(&t, text_at(hit, "meetingId"));
        table_time(&t, json_get_i64(hit, "ts", 0));
        table_cell(&t, text_at(hit, "excerpt"));
    }
    table_print(&t);
    return EXIT_FINE;
}

/* --- one meeting ---- */

static void print_segments(const struct json *items)
{
    static const char *const heads[] = { "at", "speaker", "text" };
    struct table t;
    table_begin(&t, heads, COUNT(heads));
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *s = json_at(items, i);
        table_time(&t, json_get_i64(s, "ts", 0));
        table_cell(&t, text_at(s, "speakerId"));
        table_cell(&t, text_at(s, "text"));
    }
    table_print(&t);
}

static void print_summary(const struct json *s)
{
    static const char *const lists[][2] = { { "bullets", "Points" }, { "decisions", "Decisions" },
                                            { "actions", "Actions" }, { "risks", "Risks" },
                                            { "nextSteps", "Next steps" } };
    for (size_t i = 0; i < COUNT(lists); i++) {
        const struct json *items = json_get(s, lists[i][0]);
        if (json_len(items) == 0)
            continue;
        printf("\n%s\n", lists[i][1]);
        for (size_t k = 0; k < json_len(items); k++) {
            printf("  - ");
            text_print(json_text(json_at(items, k)));
            putchar('\n');
        }
    }
}

static void print_when(const char *name, int64_t ms)
{
    struct table t;
    const char *const heads[] = { "" };
    if (ms <= 0)
        return;
    table_begin(&t, heads, 1);
    table_time(&t, ms);
    print_line(name, slice_of(t.cells.data + strlen(t.cells.data) + 1));
    buf_done(&t.cells);
}

static int show(struct command *c)
{
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf length = { 0 };
    auto_mem char *path = path_of(c, "?preview=20");
    if (!api_ask_server(c, &(struct api_question){ .path = path, .missing = MISSING }, &a))
        return EXIT_BAD;
    if (print_json(c, &a))
        return EXIT_FINE;
    print_line("meeting", text_at(a.data, "meetingId"));
    print_line("title", text_at(a.data, "title"));
    print_line("state", text_at(a.data, "state"));
    print_line("device", text_at(a.data, "deviceId"));
    print_when("started", json_get_i64(a.data, "startedAt", 0));
    print_when("ended", json_get_i64(a.data, "endedAt", 0));
    print_duration(&length, json_get_i64(a.data, "durationMs", 0));
    print_line("length", buf_slice(&length));
    print_summary(json_get(a.data, "summary"));
    const struct json *preview = json_get(a.data, "transcriptPreview");
    int64_t total = json_get_i64(a.data, "segmentsCount", 0);
    printf("\n");
    if (json_len(preview))
        print_segments(preview);
    if (total > (int64_t)json_len(preview))
        printf("... %lld in all; parley meetings transcript %s shows them\n", (long long)total, c->words[0]);
    return EXIT_FINE;
}

static int transcript(struct command *c)
{
    for (int64_t offset = 0, total = 1; offset < total; offset += TRANSCRIPT_PAGE) {
        auto_answer struct api_answer a = { 0 };
        auto_mem char *rest = xprintf("/transcript?offset=%lld&limit=%d", (long long)offset, TRANSCRIPT_PAGE);
        auto_mem char *path = path_of(c, rest);
        if (!api_ask_server(c, &(struct api_question){ .path = path, .missing = MISSING }, &a))
            return EXIT_BAD;
        total = json_get_i64(a.data, "total", 0);
        if (!print_json(c, &a))
            print_segments(json_get(a.data, "items"));
    }
    return EXIT_FINE;
}

static int write_file(const char *name, struct slice text)
{
    FILE *f = fopen(name, "wb");
    bool is_fine = f && fwrite(text.data ? text.data : "", 1, text.len, f) == text.len;
    if (f)
        is_fine = fclose(f) == 0 && is_fine;
    if (is_fine)
        fprintf(stderr, "%s written, %zu bytes\n", name, text.len);
    else
        fprintf(stderr, "parley: cannot write %s; choose another file with -o\n", name);
    return is_fine ? EXIT_FINE : EXIT_BAD;
}

static int export_file(struct command *c)
{
    const struct meetings_options *o = c->options;
    auto_answer struct api_answer a = { 0 };
    auto_buf struct buf rest = { 0 };
    buf_puts(&rest, "/export?format=");
    url_piece(&rest, slice_of(o->format));
    auto_mem char *path = path_of(c, rest.data);
    if (!api_ask_server(c, &(struct api_question){ .path = path, .missing = MISSING, .is_raw = true }, &a))
        return EXIT_BAD;
    if (o->out && strcmp(o->out, "-") != 0)
        return write_file(o->out, buf_slice(&a.body));
    return fwrite(a.body.data ? a.body.data : "", 1, a.body.len, stdout) == a.body.len ? EXIT_FINE : EXIT_BAD;
}

/* --- changes ---- */

static int change(struct command *c, const char *method, const char *rest, const char *done)
{
    auto_answer struct api_answer a = { 0 };
    auto_mem char *path = path_of(c, rest);
    struct api_question q = { .method = method, .path = path, .missing = MISSING };
    if (!api_ask_server(c, &q, &a))
        return EXIT_BAD;
    if (!print_json(c, &a))
        printf("%s: %s\n", c->words[0], done);
    return EXIT_FINE;
}

static int finalize(struct command *c)
{
    return change(c, "POST", "/finalize", "ends now; its summary follows (parley meetings show)");
}

static int summarize(struct command *c)
{
    return change(c, "POST", "/summarize", "is summed up again (parley meetings show)");
}

static int delete_one(struct command *c)
{
    return change(c, "DELETE", "", "removed");
}

int command_meetings(int argc, char **argv)
{
    static const struct verb verbs[] = {
        { "list", "", "meetings, newest first", 0, 0, list },
        { "search", "WORDS...", "who said that, and when", 1, 20, search },
        { "show", "MEETING", "summary and first words of one", 1, 1, show },
        { "transcript", "MEETING", "all that was said", 1, 1, transcript },
        { "export", "MEETING", "as a file: --format md|srt|vtt|json|txt [-o FILE]", 1, 1, export_file },
        { "finalize", "MEETING", "ends one and has it summed up", 1, 1, finalize },
        { "summarize", "MEETING", "has it summed up again", 1, 1, summarize },
        { "delete", "MEETING", "removes it for good", 1, 1, delete_one },
    };
    struct meetings_options o = { .limit = 20, .format = "md" };
    const struct arg extra[] = {
        { "--limit", ARG_NUMBER, "N", "list, search: at most so many (20)", .number = &o.limit, .min = 1, .max = 100 },
        { "--device", ARG_TEXT, "ID", "list: only ids that begin so", .text = &o.device },
        { "--format", ARG_TEXT, "FORMAT", "export: md, srt, vtt, json or txt (md)", .text = &o.format },
        { "-o", ARG_TEXT, "FILE", "export: into this file instead of standard output", .text = &o.out },
    };
    const struct verb_table t = {
        .name = "meetings", .about = "Minutes of meetings held with a device.",
        .verbs = verbs, .verb_count = COUNT(verbs), .extra = extra, .extra_count = COUNT(extra), .options = &o,
    };
    return verbs_run(&t, argc, argv);
}
