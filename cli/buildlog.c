/* SPDX-License-Identifier: MIT
 * buildlog.c -- see buildlog.h. The tables know the usual compilers, build tools and test runners; a line none of
 * them fits is information. */
#include "cli/buildlog.h"

#include "base/mem.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 4096

/* --- one line ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/* `word` without case, not inside of a longer word when it begins or ends with a letter. */
static bool says(struct slice line, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.len; i++) {
        size_t k = 0;
        while (k < n && lower(line.data[i + k]) == word[k])
            k++;
        bool is_open = !is_letter(word[0]) || i == 0 || !is_letter(line.data[i - 1]);
        bool is_shut = !is_letter(word[n - 1]) || i + n == line.len || !is_letter(line.data[i + n]);
        if (k == n && is_open && is_shut)
            return true;
    }
    return false;
}

static bool says_any(struct slice line, const char *const *words)
{
    for (; *words; words++)
        if (says(line, *words))
            return true;
    return false;
}

enum buildlog_level buildlog_level_of(struct slice line)
{
    /* What looks bad and is good news. */
    static const char *const fine[] = { "0 errors", "0 error(s)", "no errors", "0 failed", "0 failures", "0 warnings",
                                        "errors: 0", "failures: 0", "failed: 0", "error: 0", "-werror", NULL };
    static const char *const bad[] = { "error:", "error", "fatal", "failed", "failure", "undefined reference",
                                       "undefined symbol", "traceback", "panic", "panicked", "segmentation fault",
                                       "core dumped", "assertionerror", "assertion failed", "exception", "not ok",
                                       "cannot find", "no such file", "command not found", "out of memory", "✗",
                                       "modulenotfounderror", "importerror", "syntaxerror", "typeerror", NULL };
    static const char *const odd[] = { "warning", "warn", "deprecated", "skipped", "flaky", "retrying", NULL };
    line = slice_trim(line);
    if (says_any(line, fine) && !says(line, "error:"))
        return BUILDLOG_INFO;
    /* A compiler tells by "file:1:2: warning:" what it is, whatever words follow. */
    if (says(line, "warning:"))
        return BUILDLOG_WARN;
    return says_any(line, bad) ? BUILDLOG_ERROR : says_any(line, odd) ? BUILDLOG_WARN : BUILDLOG_INFO;
}

const char *buildlog_phase_of(struct slice line)
{
    static const struct {
        const char *phase, *words[12];
    } rows[] = {
        { "install", { "installing", "npm install", "pip install", "downloading", "fetching", NULL } },
        { "configure", { "configuring", "checking for", "meson build system", "generating done", "-- build files",
                         NULL } },
        { "link", { "linking", "linking target", NULL } },
        { "test", { "running tests", "test session starts", "[==========]", "[ run", "running unit", "tap version",
                    "running 1 test", "npm test", "ctest", "pytest", NULL } },
        { "compile", { "compiling", "building c object", "building cxx object", "cc -", "gcc -", "clang -", "rustc",
                       "tsc", "webpack", NULL } },
    };
    line = slice_trim(line);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (says_any(line, rows[i].words))
            return rows[i].phase;
    return NULL;
}

unsigned buildlog_phase_rank(const char *phase)
{
    static const char *const order[] = { "install", "configure", "compile", "link", "test" };
    unsigned i = 0;
    while (i < COUNT(order) && strcmp(order[i], phase) != 0)
        i++;
    return i + 1;
}

bool buildlog_step_of(struct slice line, struct slice *name)
{
    static const char *const heads[] = { "==> ", "### ", "##[group]", "Entering directory " };
    line = slice_trim(line);
    for (size_t i = 0; i < COUNT(heads); i++) {
        if (slice_starts(line, slice_of(heads[i]))) {
            *name = slice_trim(slice_sub(line, strlen(heads[i]), line.len));
            name->len = utf8_cut(*name, 64);
            return name->len > 0;
        }
    }
    return false;
}

void buildlog_clean(struct buf *out, struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if (c == 0x1b && i + 1 < line.len && line.data[i + 1] == '[') {
            for (i += 2; i < line.len && !(line.data[i] >= '@' && line.data[i] <= '~');)
                i++;
            continue;
        }
        if (c >= 0x20 && c != 0x7f)
            buf_put_byte(out, (char)c);
        else if (c == '\t')
            buf_put_byte(out, ' ');
    }
}

/* --- the queue ---- */

static struct buildlog_item *item_at(struct buildlog *w, size_t i)
{
    return &w->items[(w->first + i) % BUILDLOG_QUEUE_MAX];
}

void buildlog_item_done(struct buildlog_item *i)
{
    mem_free(i->text);
    mem_free(i->step);
    *i = (struct buildlog_item){ 0 };
}

/* Room for one more: the oldest line of information goes, or the oldest of all. */
static void make_room(struct buildlog *w)
{
    if (w->count < BUILDLOG_QUEUE_MAX)
        return;
    size_t at = 0;
    while (at < w->count && (item_at(w, at)->level != BUILDLOG_INFO || item_at(w, at)->phase || item_at(w, at)->step))
        at++;
    at = at == w->count ? 0 : at;
    buildlog_item_done(item_at(w, at));
    for (size_t i = at; i + 1 < w->count; i++)
        *item_at(w, i) = *item_at(w, i + 1);
    w->count--;
    w->dropped++;
}

static void put(struct buildlog *w, struct buildlog_item item)
{
    make_room(w);
    *item_at(w, w->count++) = item;
}

static void take_line(struct buildlog *w, struct slice raw)
{
    auto_buf struct buf clean = { 0 };
    buildlog_clean(&clean, raw);
    struct slice line = slice_trim(buf_slice(&clean)), step;
    if (!line.len)
        return;
    w->lines++;
    const char *phase = buildlog_phase_of(line);
    unsigned rank = phase ? buildlog_phase_rank(phase) : 0;
    /* Forwards only (compilers and linkers take turns), until tests have run: then a new round may begin. */
    if (rank > w->phase_rank || (rank && rank < w->phase_rank && w->phase_rank == buildlog_phase_rank("test"))) {
        w->phase_rank = rank;
        put(w, (struct buildlog_item){ .phase = phase });
    }
    if (buildlog_step_of(line, &step))
        put(w, (struct buildlog_item){ .step = xslicedup(step) });
    enum buildlog_level level = buildlog_level_of(line);
    w->errors += level == BUILDLOG_ERROR;
    w->warnings += level == BUILDLOG_WARN;
    line.len = utf8_cut(line, BUILDLOG_TEXT_MAX);
    put(w, (struct buildlog_item){ .level = level, .text = xslicedup(line) });
}

void buildlog_feed(struct buildlog *w, struct slice bytes)
{
    while (bytes.len) {
        struct slice line = slice_cut(&bytes, '\n');
        if (w->partial.len < LINE_MAX_BYTES)
            buf_put(&w->partial, line);
        if (!bytes.data)
            return; /* it has not ended */
        take_line(w, buf_slice(&w->partial));
        buf_clear(&w->partial);
    }
}

void buildlog_end(struct buildlog *w)
{
    take_line(w, buf_slice(&w->partial));
    buf_clear(&w->partial);
}

static bool is_plain(const struct buildlog_item *i)
{
    return i->level == BUILDLOG_INFO && i->text;
}

bool buildlog_take(struct buildlog *w, struct buildlog_item *out)
{
    if (!w->count)
        return false;
    *out = *item_at(w, 0);
    w->first = (w->first + 1) % BUILDLOG_QUEUE_MAX;
    w->count--;
    struct buf joined = { 0 };
    while (is_plain(out) && w->count && is_plain(item_at(w, 0)) &&
           strlen(out->text) + strlen(item_at(w, 0)->text) + 1 < BUILDLOG_TEXT_MAX) {
        buf_printf(&joined, "%s\n%s", out->text, item_at(w, 0)->text);
        mem_free(out->text);
        out->text = buf_take(&joined);
        buildlog_item_done(item_at(w, 0));
        w->first = (w->first + 1) % BUILDLOG_QUEUE_MAX;
        w->count--;
    }
    return true;
}

void buildlog_done(struct buildlog *w)
{
    struct buildlog_item i;
    while (buildlog_take(w, &i))
        buildlog_item_done(&i);
    buf_done(&w->partial);
}
