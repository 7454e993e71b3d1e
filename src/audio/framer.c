/* SPDX-License-Identifier: MIT
 * framer.c -- whole frames are given in place when nothing is held; otherwise they are pieced together. */
#include "audio/framer.h"

#include "base/mem.h"

enum err framer_init(struct framer *f, size_t frame_samples)
{
    if (frame_samples == 0 || frame_samples > FRAMER_SAMPLES_MAX)
        return ERR_INVALID;
    *f = (struct framer){ .frame_samples = frame_samples };
    return OK;
}

void framer_done(struct framer *f)
{
    mem_free(f->frame);
    *f = (struct framer){ 0 };
}

bool framer_next(struct framer *f, struct pcm *in, struct pcm *frame)
{
    if (f->held == 0 && in->count >= f->frame_samples) {
        *frame = (struct pcm){ in->samples, f->frame_samples };
        in->samples += f->frame_samples;
        in->count -= f->frame_samples;
        return true;
    }
    if (in->count == 0)
        return false;
    if (!f->frame)
        f->frame = xalloc(f->frame_samples * sizeof(int16_t));

    size_t take = MIN(in->count, f->frame_samples - f->held);
    memcpy(f->frame + f->held, in->samples, take * sizeof(int16_t));
    f->held += take;
    in->samples += take;
    in->count -= take;
    if (f->held < f->frame_samples)
        return false;
    f->held = 0;
    *frame = (struct pcm){ f->frame, f->frame_samples };
    return true;
}

bool framer_flush(struct framer *f, struct pcm *frame)
{
    if (f->held == 0)
        return false;
    memset(f->frame + f->held, 0, (f->frame_samples - f->held) * sizeof(int16_t));
    f->held = 0;
    *frame = (struct pcm){ f->frame, f->frame_samples };
    return true;
}
