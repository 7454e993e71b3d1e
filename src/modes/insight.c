/* SPDX-License-Identifier: MIT
 * insight.c -- a log is read for what a person should know; the rules below need no model. */
#include "modes/insight.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "modes/reply.h"

/* ---- the log ---- */

void insight_log_init(struct insight_log *g, unsigned lines_max, unsigned text_max_bytes)
{
    *g = (struct insight_log){.lines_max = lines_max, .text_max_bytes = text_max_bytes};
}

static struct insight_line *line_at(const struct insight_log *g, unsigned i)
{
    return &g->lines[(g->first + i) % g->lines_max];
}

void insight_log_clear(struct insight_log *g)
{
    for (unsigned i = 0; i < g->count; i++) {
        mem_free(line_at(g, i)->text);
        line_at(g, i)->text = NULL;
    }
    g->first = g->count = g->errors = g->warnings = g->tests_failed = 0;
    g->has_result = g->was_success = false;
    g->phase[0] = g->step[0] = g->last_event[0] = '\0';
}

void insight_log_done(struct insight_log *g)
{
    insight_log_clear(g);
    mem_free(g->lines);
    *g = (struct insight_log){0};
}

size_t insight_log_bytes(const struct insight_log *g)
{
    size_t bytes = g->lines ? g->lines_max * sizeof(*g->lines) : 0;
    for (unsigned i = 0; i < g->count; i++)
        bytes += strlen(line_at(g, i)->text) + 1;
    return bytes;
}

bool insight_level_read(struct slice name, enum insight_level *out)
{
    static const char *const names[] = {"info", "warn", "error"};
    for (unsigned i = 0; i < COUNT(names); i++) {
        if (slice_is(name, names[i])) {
            *out = (enum insight_level)i;
            return true;
        }
    }
    return false;
}

/* Without case; `word` is lower-case. */
static bool mentions(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

static void note_result(struct insight_log *g, const char *text)
{
    if (mentions(text, "test") && (mentions(text, "failed") || mentions(text, "failure")) &&
        !mentions(text, " 0 failed") && !mentions(text, "0 failures"))
        g->tests_failed++;
    if (mentions(text, "build succeeded") || mentions(text, "build successful") ||
        mentions(text, "build success")) {
        g->has_result = true;
        g->was_success = true;
    } else if (mentions(text, "build failed") || mentions(text, "build failure") ||
               mentions(text, "build stopped")) {
        g->has_result = true;
        g->was_success = false;
    }
}

static void put_line(struct insight_log *g, enum insight_level level, char *text)
{
    if (!g->lines)
        g->lines = xalloc(g->lines_max * sizeof(*g->lines));
    if (g->count == g->lines_max) {
        mem_free(line_at(g, 0)->text);
        g->first = (g->first + 1) % g->lines_max;
        g->count--;
    }
    *line_at(g, g->count++) = (struct insight_line){text, level};
}

bool insight_log_put(struct insight_log *g, enum insight_level level, struct slice text)
{
    auto_buf struct buf clean = {0};
    bool is_spaced = false;
    for (size_t i = 0; i < text.len; i++) {
        if (i + 3 <= text.len && memcmp(text.data + i, "```", 3) == 0) {
            i += 2;
            continue;
        }
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == 127) {
            is_spaced = clean.len > 0;
            continue;
        }
        if (is_spaced)
            buf_put_byte(&clean, ' ');
        is_spaced = false;
        buf_put_byte(&clean, (char)c);
    }
    size_t cut = utf8_cut(buf_slice(&clean), g->text_max_bytes);
    char *line = xslicedup(slice_from(clean.data, cut));
    g->errors += level == LEVEL_ERROR;
    g->warnings += level == LEVEL_WARN;
    note_result(g, line);
    put_line(g, level, line);
    memcpy(g->last_event, "log", 4);
    return cut < clean.len;
}

void insight_log_step(struct insight_log *g, bool is_phase, struct slice name)
{
    char *to = is_phase ? g->phase : g->step;
    size_t len = utf8_cut(name, INSIGHT_NAME_BYTES);
    if (len)
        memcpy(to, name.data, len);
    to[len] = '\0';
    memcpy(g->last_event, to, len + 1);
    put_line(g, LEVEL_INFO, xprintf("%s: %s", is_phase ? "phase" : "step", to));
}

static const char *level_name(enum insight_level l)
{
    return l == LEVEL_ERROR ? "error" : l == LEVEL_WARN ? "warn" : "info";
}

void insight_log_prompt(const struct insight_log *g, size_t max_bytes, struct buf *out)
{
    size_t used = 0;
    unsigned from = g->count;
    while (from > 0) {
        size_t need = strlen(line_at(g, from - 1)->text) + 10;
        if (used + need > max_bytes)
            break;
        used += need;
        from--;
    }
    for (unsigned i = from; i < g->count; i++)
        buf_printf(out, "[%s] %s\n", level_name(line_at(g, i)->level), line_at(g, i)->text);
    buf_printf(out,
               "lastEvent=%s errorCount=%u warnCount=%u lastStep=%s phase=%s buildSuccess=%s buildRunning=%s "
               "testsFailed=%u\n",
               g->last_event, g->errors, g->warnings, g->step, g->phase,
               g->has_result ? (g->was_success ? "true" : "false") : "unknown",
               g->is_running ? "true" : "false", g->tests_failed);
}

/* ---- insights ---- */

static const char *const keys[INSIGHT_LISTS] = {"insights", "risks", "actions", "nextSteps"};

void insight_init(struct insight *s, unsigned insights_max, unsigned others_max)
{
    *s = (struct insight){0};
    s->caps[INSIGHT_INSIGHTS] = MIN(insights_max, INSIGHT_ITEMS_MAX);
    s->caps[INSIGHT_RISKS] = MIN(4u, MIN(others_max, INSIGHT_ITEMS_MAX));
    s->caps[INSIGHT_ACTIONS] = s->caps[INSIGHT_NEXT] = MIN(others_max, INSIGHT_ITEMS_MAX);
}

void insight_done(struct insight *s)
{
    for (int l = 0; l < INSIGHT_LISTS; l++) {
        for (unsigned i = 0; i < s->counts[l]; i++)
            mem_free(s->items[l][i]);
        s->counts[l] = 0;
    }
}

bool insight_is_empty(const struct insight *s)
{
    return !s->counts[INSIGHT_INSIGHTS] && !s->counts[INSIGHT_RISKS] && !s->counts[INSIGHT_ACTIONS] &&
           !s->counts[INSIGHT_NEXT];
}

static void add(struct insight *s, enum insight_list list, struct slice text)
{
    text = slice_trim(text);
    text = slice_sub(text, 0, utf8_cut(text, INSIGHT_ITEM_BYTES));
    if (!text.len || !utf8_valid(text) || s->counts[list] >= s->caps[list])
        return;
    for (unsigned i = 0; i < s->counts[list]; i++) {
        if (slice_is(text, s->items[list][i]))
            return;
    }
    s->items[list][s->counts[list]++] = xslicedup(text);
}

bool insight_read(struct insight *s, struct slice reply)
{
    auto_json struct json *j = NULL;
    if (!reply_object(&j, reply))
        return false;
    for (int l = 0; l < INSIGHT_LISTS; l++) {
        const struct json *v = json_get(j, keys[l]);
        if (json_is(v, JSON_STRING))
            add(s, (enum insight_list)l, json_text(v));
        for (size_t i = 0; json_is(v, JSON_ARRAY) && i < json_len(v); i++)
            add(s, (enum insight_list)l, json_text(json_at(v, i)));
    }
    return !insight_is_empty(s);
}

/* What a line says -> what a person should hear. */
static const struct {
    const char *words[4];
    const char *insight, *action;
} rules[] = {
    {{"modulenotfound", "importerror", "cannot find module", "no such file"},
     "A file or module is missing",
     "Check imports and installed packages"},
    {{"undefined reference", "unresolved external", "undefined symbol"},
     "Linking fails: a symbol is missing",
     "Check that all sources and libraries are linked"},
    {{"out of memory", "oom", "cannot allocate memory", "heap out of"},
     "The machine ran out of memory",
     "Use fewer parallel jobs or more memory"},
    {{"timed out", "timeout", "deadline exceeded"},
     "Something took too long",
     "Look for what hangs, or raise the time limit"},
    {{"connection refused", "could not resolve", "network is unreachable", "econnreset"},
     "The network or a service is not reachable",
     "Check the network and the service's address"},
    {{"permission denied", "eacces", "access denied"},
     "A permission is missing",
     "Check file and user rights"},
    {{"no space left", "disk full", "enospc"}, "The disk is full", "Make room on the disk"},
    {{"syntax error", "parse error", "expected ';'", "unexpected token"},
     "There is a syntax error",
     "Fix the line that the compiler names"},
    {{"segmentation fault", "core dumped", "stack overflow", "addresssanitizer"},
     "The program crashed",
     "Run it under a debugger or a sanitizer"},
};

static bool rule_matches(size_t r, const char *text)
{
    for (size_t w = 0; w < COUNT(rules[r].words) && rules[r].words[w]; w++) {
        if (mentions(text, rules[r].words[w]))
            return true;
    }
    return false;
}

void insight_guess(struct insight *s, const struct insight_log *g)
{
    for (unsigned i = g->count; i > 0; i--) {
        const struct insight_line *line = line_at(g, i - 1);
        for (size_t r = 0; r < COUNT(rules); r++) {
            if (rule_matches(r, line->text)) {
                add(s, INSIGHT_INSIGHTS, slice_of(rules[r].insight));
                add(s, INSIGHT_ACTIONS, slice_of(rules[r].action));
            }
        }
        if (line->level == LEVEL_WARN && (mentions(line->text, "lint") || mentions(line->text, "deprecat")))
            add(s, INSIGHT_RISKS, SLICE("The linter or compiler warns of code that may break later"));
    }
    if (g->tests_failed) {
        add(s, INSIGHT_INSIGHTS, SLICE("Tests failed"));
        add(s, INSIGHT_NEXT, SLICE("Run the failed tests alone and read the first failure"));
    }
    if (g->has_result && !g->was_success)
        add(s, INSIGHT_INSIGHTS, SLICE("The build failed"));
    if (g->has_result && g->was_success && !g->errors && !g->tests_failed)
        add(s, INSIGHT_INSIGHTS, SLICE("The build succeeded"));
    if (g->errors && !s->counts[INSIGHT_INSIGHTS])
        add(s, INSIGHT_INSIGHTS, SLICE("There are errors in the log"));
    if (g->errors)
        add(s, INSIGHT_NEXT, SLICE("Start with the first error"));
}

void insight_write(const struct insight *s, struct jw *w)
{
    for (int l = 0; l < INSIGHT_LISTS; l++) {
        jw_array_as(w, keys[l]);
        for (unsigned i = 0; i < s->counts[l]; i++)
            jw_cstr(w, NULL, s->items[l][i]);
        jw_end(w);
    }
}
