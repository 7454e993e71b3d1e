/* SPDX-License-Identifier: MIT
 * template.c -- the file of prompt_template, read by a worker when a session begins. Until it is there, and
 * when it cannot be read, the built-in template stands around the prompt. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "dialogue/inside.h"
#include "dialogue/prompt.h"
#include "loop/job.h"

#define LOG_TOPIC "dialogue"

struct template_file {
    char *path;
    char text[PROMPT_MAX_BYTES];
    size_t len;
};

static enum err read_work(struct job *job, void *input)
{
    struct template_file *t = input;
    int fd = open(t->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    enum err e = OK;
    while (!e && t->len < sizeof t->text) {
        ssize_t n = read(fd, t->text + t->len, sizeof t->text - t->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            e = ERR_IO;
        if (n <= 0)
            break;
        t->len += (size_t)n;
    }
    close(fd);
    return e ? e : t->len == sizeof t->text ? ERR_LIMIT : OK;
}

static void on_read(void *owner, enum err err, void *input)
{
    struct dialogue *d = owner;
    struct template_file *t = input;
    d->template_job = NULL;
    if (err)
        LOG_AT(err == ERR_NOT_FOUND ? LOG_DEBUG : LOG_WARN, d->o.log, "prompt.template", "path=%s err=%s", t->path,
               err_name(err));
    else
        buf_put(&d->template_text, slice_trim(slice_from(t->text, t->len)));
}

static void template_free(void *input)
{
    struct template_file *t = input;
    mem_free(t->path);
    mem_free(t);
}

static const struct job_class read_class = {
    .name = "prompt.template", .work = read_work, .done = on_read, .free_input = template_free,
};

void template_open(struct dialogue *d)
{
    const char *path = d->config->prompt_template;
    if (!*path || !d->o.env->workers)
        return;
    struct template_file *t = xnew(struct template_file);
    t->path = xstrdup(path);
    if (job_start(&d->template_job, d->o.env->workers, d->o.loop, &read_class, t, d) == OK)
        return;
    d->template_job = NULL; /* the pool is full: the built-in one will do */
    template_free(t);
}

void template_close(struct dialogue *d)
{
    job_cancel(d->template_job);
    d->template_job = NULL;
}
