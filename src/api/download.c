/* SPDX-License-Identifier: MIT
 * download.c -- a firmware image, with its Content-Length, read in pieces on a worker. */
#include <unistd.h>

#include "api/private.h"
#include "devices/firmware.h"
#include "loop/job.h"

#define PIECE_BYTES 131072

struct download {
    int fd;
    int64_t bytes, at;
    struct job *job;
    struct piece *unsent; /* the client is slow: goes out at on_drain */
};

struct piece {
    int fd;
    int64_t at;
    ssize_t len;
    char bytes[PIECE_BYTES];
};

static void download_free(void *state)
{
    struct download *d = state;
    job_cancel(d->job);
    mem_free(d->unsent);
    if (d->fd >= 0)
        close(d->fd);
    mem_free(d);
}

static enum err piece_read(struct job *job, void *input)
{
    struct piece *p = input;
    p->len = pread(p->fd, p->bytes, sizeof p->bytes, p->at);
    return p->len > 0 ? OK : ERR_IO;
}

static void piece_free(void *input)
{
    struct piece *p = input;
    if (p->fd >= 0)
        close(p->fd);
    mem_free(p);
}

static void next_piece(struct api_call *c);

static void end(struct api_call *c)
{
    http_on_gone(c->r, NULL, NULL);
    http_stream_on_drain(c->r, NULL, NULL);
    http_stream_end(c->r); /* cut short: the connection is closed, the device keeps its firmware */
    call_free(c);
}

static void piece_send(struct api_call *c, const struct piece *p)
{
    struct download *d = c->state;
    size_t want = (size_t)MIN((int64_t)p->len, d->bytes - d->at);
    if (http_stream_write(c->r, slice_from(p->bytes, want)) != OK) {
        if (!d->unsent)
            d->unsent = xmemdup(p, sizeof *p);
        return;
    }
    mem_free(d->unsent);
    d->unsent = NULL;
    d->at += (int64_t)want;
    if (d->at < d->bytes)
        next_piece(c);
    else
        end(c);
}

static void piece_done(void *owner, enum err e, void *input)
{
    struct api_call *c = owner;
    struct download *d = c->state;
    d->job = NULL;
    if (e)
        end(c);
    else
        piece_send(c, input);
}

static const struct job_class piece_class = { .name = "firmware", .work = piece_read, .done = piece_done,
                                              .free_input = piece_free };

static void next_piece(struct api_call *c)
{
    struct download *d = c->state;
    struct piece *p = xnew(struct piece);
    p->fd = dup(d->fd); /* the job may outlive the call */
    p->at = d->at;
    struct workers *w = c->api->env.workers;
    if (w && p->fd >= 0 && job_start(&d->job, w, c->loop, &piece_class, p, c) == OK)
        return;
    if (piece_read(NULL, p) == OK) /* no workers, or all busy: devices have only 30 s */
        piece_send(c, p);
    else
        end(c);
    piece_free(p);
}

static void drained(void *user, struct http_req *r)
{
    struct api_call *c = user;
    struct download *d = c->state;
    if (d->unsent)
        piece_send(c, d->unsent);
}

void serve_download(struct api_call *c)
{
    struct download *d = xnew(struct download);
    d->fd = -1;
    c->state = d;
    c->state_free = download_free;
    enum err e = firmware_open(c->cfg->firmware_dir, slice_of(c->params[0]), &d->fd, &d->bytes);
    if (e) {
        call_reply_err(c, e);
        return;
    }
    struct http_reply head = { .status = 200, .type = "application/octet-stream" };
    http_stream_on_drain(c->r, drained, c);
    if (http_stream_begin(c->r, &head, d->bytes) != OK)
        end(c);
    else
        next_piece(c);
}
