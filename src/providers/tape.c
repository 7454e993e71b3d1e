/* SPDX-License-Identifier: MIT
 * tape.c -- lines in, lines out; the file is touched by a worker only, and when a stream is over. */
#include "providers/tape.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "loop/job.h"

#define LOG_TOPIC "provider"

enum { WRITE_LANE = 7411 }; /* streams reach the file one after the other */

static const struct json_limits limits = { .depth_max = 4, .nodes_max = 64 };

struct page {
    char *path;
    struct buf lines;
};

static void free_page(void *input)
{
    struct page *p = input;
    mem_free(p->path);
    buf_done(&p->lines);
    mem_free(p);
}

static enum err write_page(struct job *job, void *input)
{
    struct page *p = input;
    FILE *f = fopen(p->path, "ae");
    if (!f)
        return ERR_IO;
    bool is_good = fwrite(p->lines.data, 1, p->lines.len, f) == p->lines.len;
    is_good &= fclose(f) == 0;
    return is_good ? OK : ERR_IO;
}

static void written(void *owner, enum err e, void *input)
{
    struct page *p = input;
    if (e)
        LOGW(NULL, "tape.write", "file=%s err=%s", p->path, err_name(e));
}

static const struct job_class write_job = {
    .name = "tape", .work = write_page, .done = written, .free_input = free_page, .is_background = true,
    .lane = WRITE_LANE,
};

static void put_line(struct tape *t, const struct tape_event *e)
{
    struct jw w;
    auto_buf struct buf line = { 0 }, data = { 0 };
    jw_init(&w, &line);
    jw_object(&w);
    jw_i64(&w, "at", (int64_t)(loop_now_ms(t->loop) - t->start_ms));
    jw_cstr(&w, "on", e->on);
    if (e->text.len)
        jw_str(&w, "text", e->text);
    if (e->id.len)
        jw_str(&w, "id", e->id);
    if (e->name.len)
        jw_str(&w, "name", e->name);
    if (e->number)
        jw_i64(&w, "number", e->number);
    if (e->data.len) {
        base64_put(&data, e->data);
        jw_str(&w, "data", buf_slice(&data));
    }
    jw_end(&w);
    buf_puts(&line, "\n");
    if (t->lines.len + line.len <= TAPE_BYTES_MAX)
        buf_put(&t->lines, buf_slice(&line));
}

void tape_open(struct tape *t, const struct provider_opts *o, struct slice asked)
{
    *t = (struct tape){ .loop = o->env->loop, .workers = o->env->workers };
    t->path = xstrdup(opts_str(o, "file", "recorded.jsonl"));
    t->start_ms = loop_now_ms(t->loop);
    put_line(t, &(struct tape_event){ .on = "open", .text = asked });
}

void tape_put(struct tape *t, const struct tape_event *e)
{
    if (!t->path || t->is_complete)
        return;
    t->is_complete = strcmp(e->on, "end") == 0;
    put_line(t, e);
}

void tape_close(struct tape *t)
{
    struct job *job = NULL;
    if (!t->path)
        return;
    if (!t->is_complete)
        tape_put(t, &(struct tape_event){ .on = "end", .name = SLICE("CANCELLED") });
    struct page *p = xnew(struct page);
    p->path = t->path;
    p->lines = t->lines;
    enum err e = t->workers ? job_start(&job, t->workers, t->loop, &write_job, p, p) : write_page(NULL, p);
    if (e || !t->workers) {
        written(NULL, e, p);
        free_page(p);
    }
    *t = (struct tape){ 0 };
}

/* ---- playing ---- */

static enum err read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    enum err e = OK;
    if (!f)
        return ERR_NOT_FOUND;
    for (size_t got = 1; got && !e;) {
        char *room = buf_reserve(out, 65536);
        got = fread(room, 1, 65536, f);
        out->len += got;
        e = out->len > TAPE_BYTES_MAX ? ERR_LIMIT : OK;
    }
    (void)fclose(f);
    return e;
}

bool tape_next(struct slice *lines, struct tape_played *out)
{
    tape_played_done(out);
    struct slice line = slice_trim(slice_cut(lines, '\n'));
    if (!line.len || json_parse(&out->root, line, &limits) != OK)
        return false;
    static const char *const names[] = { "open", "delta", "text", "partial", "tool", "pcm", "opus", "mark", "end" };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (slice_is(json_get_text(out->root, "on"), names[i]))
            out->event.on = names[i];
    }
    int64_t at_ms = json_get_i64(out->root, "at", 0), number = json_get_i64(out->root, "number", 0);
    out->at_ms = at_ms < 0 || at_ms > 3600000 ? 0 : (uint32_t)at_ms;
    out->event.number = number < 0 || number > UINT32_MAX ? 0 : (uint32_t)number;
    out->event.text = json_get_text(out->root, "text");
    out->event.id = json_get_text(out->root, "id");
    out->event.name = json_get_text(out->root, "name");
    if (!base64_get(&out->data, json_get_text(out->root, "data")))
        return false;
    out->event.data = buf_slice(&out->data);
    return out->event.on != NULL;
}

void tape_played_done(struct tape_played *p)
{
    json_free(p->root);
    buf_done(&p->data);
    *p = (struct tape_played){ 0 };
}

enum err tape_err(struct slice name)
{
    for (int e = 0; e < ERR_COUNT; e++) {
        if (slice_is(name, err_name((enum err)e)))
            return (enum err)e;
    }
    return ERR_INTERNAL;
}

enum err tape_find(const char *path, struct slice asked, struct buf *out)
{
    auto_buf struct buf file = { 0 };
    struct tape_played p = { 0 };
    enum err e = read_file(path, &file);
    if (e)
        return e;
    struct slice left = buf_slice(&file), first = { 0 }, found = { 0 };
    while (!found.data && tape_next(&left, &p)) {
        if (strcmp(p.event.on, "open") != 0)
            continue;
        if (!first.data)
            first = left;
        if (asked.len && slice_eq(p.event.text, asked))
            found = left;
    }
    tape_played_done(&p);
    if (!found.data)
        found = first;
    if (!found.data)
        return ERR_PROTO;
    return buf_put(out, found);
}
