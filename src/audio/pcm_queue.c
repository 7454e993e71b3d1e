/* SPDX-License-Identifier: MIT
 * pcm_queue.c -- one block; what was eaten is reclaimed by sliding the rest to the front. */
#include "audio/pcm_queue.h"

#include "base/mem.h"

#define SAMPLES_FIRST 1024

void pcm_queue_init(struct pcm_queue *q, size_t max)
{
    *q = (struct pcm_queue){ .max = max };
}

void pcm_queue_done(struct pcm_queue *q)
{
    mem_free(q->samples);
    *q = (struct pcm_queue){ .max = q->max };
}

void pcm_queue_clear(struct pcm_queue *q)
{
    q->start = q->count = 0;
}

int16_t *pcm_queue_room(struct pcm_queue *q, size_t count)
{
    if (count > SIZE_MAX / 8 || (q->max && (count > q->max || q->count > q->max - count)))
        return NULL;
    size_t need = q->count + count;
    if (q->start && (q->start + need > q->cap || q->start > q->count)) {
        memmove(q->samples, q->samples + q->start, q->count * sizeof(int16_t));
        q->start = 0;
    }
    if (q->start + need > q->cap || !q->samples) {
        size_t cap = MAX(need, MAX(q->cap * 2, (size_t)SAMPLES_FIRST));
        if (q->max)
            cap = MAX(need, MIN(cap, q->max));
        int16_t *samples = try_realloc(q->samples, cap * sizeof(int16_t));
        if (!samples)
            return NULL;
        q->samples = samples;
        q->cap = cap;
    }
    return q->samples + q->start + q->count;
}

void pcm_queue_wrote(struct pcm_queue *q, size_t count)
{
    assert(q->start + q->count + count <= q->cap);
    q->count += count;
}

enum err pcm_queue_put(struct pcm_queue *q, struct pcm pcm)
{
    if (pcm.count == 0)
        return OK;
    int16_t *at = pcm_queue_room(q, pcm.count);
    if (!at)
        return q->max && q->count + pcm.count > q->max ? ERR_LIMIT : ERR_NO_MEMORY;
    memcpy(at, pcm.samples, pcm.count * sizeof(int16_t));
    q->count += pcm.count;
    return OK;
}

size_t pcm_queue_push(struct pcm_queue *q, struct pcm pcm)
{
    size_t dropped = 0;
    if (q->max && pcm.count > q->max) {
        dropped = pcm.count - q->max;
        pcm = (struct pcm){ pcm.samples + dropped, q->max };
    }
    if (q->max && q->count + pcm.count > q->max) {
        size_t over = q->count + pcm.count - q->max;
        pcm_queue_eat(q, over);
        dropped += over;
    }
    return pcm_queue_put(q, pcm) == OK ? dropped : dropped + pcm.count;
}

struct pcm pcm_queue_peek(const struct pcm_queue *q)
{
    return (struct pcm){ q->samples ? q->samples + q->start : NULL, q->count };
}

void pcm_queue_eat(struct pcm_queue *q, size_t count)
{
    count = MIN(count, q->count);
    q->count -= count;
    q->start = q->count ? q->start + count : 0;
}
