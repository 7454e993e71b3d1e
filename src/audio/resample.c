/* SPDX-License-Identifier: MIT
 * resample.c -- soxr, one channel, no threads of its own; equal rates are copied. */
#include "audio/resample.h"

#include <soxr.h>

#include "base/mem.h"

#define STEP 4096 /* samples given to soxr at a time */

struct resample {
    soxr_t soxr; /* NULL: equal rates */
    uint32_t from_hz, to_hz;
};

enum err resample_create(struct resample **out, uint32_t from_hz, uint32_t to_hz)
{
    if (from_hz < RESAMPLE_RATE_MIN || from_hz > RESAMPLE_RATE_MAX || to_hz < RESAMPLE_RATE_MIN ||
        to_hz > RESAMPLE_RATE_MAX)
        return ERR_UNSUPPORTED;
    soxr_t soxr = NULL;
    if (from_hz != to_hz) {
        soxr_error_t failed = NULL;
        soxr_io_spec_t io = soxr_io_spec(SOXR_INT16_I, SOXR_INT16_I);
        soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
        soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
        soxr = soxr_create(from_hz, to_hz, 1, &failed, &io, &quality, &runtime);
        if (!soxr || failed) {
            soxr_delete(soxr);
            return ERR_NO_MEMORY;
        }
    }
    struct resample *r = xnew(struct resample);
    *r = (struct resample){ soxr, from_hz, to_hz };
    *out = r;
    return OK;
}

void resample_free(struct resample *r)
{
    if (!r)
        return;
    soxr_delete(r->soxr);
    mem_free(r);
}

/* Gives `in` (NULL: the end) to soxr and takes what comes out, until neither moves. */
static enum err run(struct resample *r, struct pcm in, bool is_end, struct pcm_queue *out)
{
    size_t room = (size_t)((uint64_t)STEP * r->to_hz / r->from_hz) + 64;
    for (;;) {
        size_t step = MIN(in.count, (size_t)STEP), used = 0, made = 0;
        int16_t *at = pcm_queue_room(out, room);
        if (!at) { /* close to the limit: the exact room is worth trying */
            room /= 2;
            if (room < 64)
                return ERR_LIMIT;
            continue;
        }
        if (soxr_process(r->soxr, is_end ? NULL : in.samples, is_end ? 0 : step, &used, at, room, &made))
            return ERR_INTERNAL;
        pcm_queue_wrote(out, made);
        if (used)
            in = (struct pcm){ in.samples + used, in.count - used };
        if (is_end ? made == 0 : in.count == 0 && made < room)
            return OK;
    }
}

enum err resample_feed(struct resample *r, struct pcm in, struct pcm_queue *out)
{
    if (in.count == 0)
        return OK;
    if (!r->soxr)
        return pcm_queue_put(out, in);
    return run(r, in, false, out);
}

enum err resample_flush(struct resample *r, struct pcm_queue *out)
{
    if (!r->soxr)
        return OK;
    enum err e = run(r, (struct pcm){ 0 }, true, out);
    if (soxr_clear(r->soxr) && !e)
        e = ERR_INTERNAL;
    return e;
}

enum err resample_once(struct pcm in, uint32_t from_hz, uint32_t to_hz, struct pcm_queue *out)
{
    struct resample *r = NULL;
    enum err e = resample_create(&r, from_hz, to_hz);
    if (e)
        return e;
    e = resample_feed(r, in, out);
    if (!e)
        e = resample_flush(r, out);
    resample_free(r);
    return e;
}
