/* SPDX-License-Identifier: MIT
 * pacer.c -- the schedule of one device's playback.
 *
 * play_end is when the device ends what it was sent: first frame sent + frames * frame. A frame may
 * leave once it would stand at most `lead` ahead of play-out, itself included. Because play_end only
 * grows by whole frames, late calls never make the schedule drift. */
#include "audio/pacer.h"

#include "audio/packets.h"
#include "base/mem.h"

#define MARKS_FIRST 8u /* a reply of some sentences; doubled as needed */

struct mark {
    enum pacer_kind kind;
    uint64_t before; /* number of the frame it stands in front of */
    char *text;
};

struct pacer {
    uint32_t frame_us, lead_us, ramp_us, tail_us;
    uint64_t queue_us;
    struct packets frames;
    struct mark *marks; /* a ring of mark_cap */
    unsigned mark_first, mark_count, mark_cap;
    uint64_t frames_in, frames_out;         /* since create */
    uint64_t hold_us, last_us, play_end_us; /* play_end 0: nothing of this reply was sent */
    uint64_t rebased;
    uint32_t timestamp_ms, timestamp_rest_us;
    bool has_last, is_finished, is_frame_given;
    char *text_given;
};

void pacer_create(struct pacer **out, const struct pacer_opts *o)
{
    struct pacer *p = xnew(struct pacer);
    assert(o->frame_us >= 2500);
    assert(o->frame_us <= 120000);
    p->frame_us = o->frame_us;
    uint32_t lead = MAX(2u, MIN(o->lead_frames ? o->lead_frames : PACER_LEAD, (unsigned)PACER_AHEAD_PACKETS));
    p->lead_us = MIN(lead * o->frame_us, (uint32_t)PACER_AHEAD_US);
    p->ramp_us = MIN((o->ramp_ms ? o->ramp_ms : PACER_RAMP_MS) * 1000u, o->frame_us / 2);
    p->tail_us = (o->tail_ms ? o->tail_ms : PACER_TAIL_MS) * 1000u;
    p->queue_us = o->queue_us ? o->queue_us : PACER_QUEUE_US;
    p->timestamp_ms = o->timestamp_ms;
    packets_init(&p->frames, o->queue_bytes ? o->queue_bytes : PACER_QUEUE_BYTES);
    *out = p;
}

static void drop_given(struct pacer *p)
{
    if (p->is_frame_given)
        packets_shift(&p->frames);
    p->is_frame_given = false;
    mem_free(p->text_given);
    p->text_given = NULL;
}

static size_t frames_waiting(const struct pacer *p)
{
    return packets_count(&p->frames) - (p->is_frame_given ? 1 : 0);
}

static void drop_marks(struct pacer *p)
{
    for (; p->mark_count; p->mark_count--) {
        mem_free(p->marks[p->mark_first].text);
        p->mark_first = (p->mark_first + 1) % p->mark_cap;
    }
}

static void marks_grow(struct pacer *p)
{
    unsigned cap = p->mark_cap ? p->mark_cap * 2 : MARKS_FIRST;
    struct mark *marks = xalloc(cap * sizeof(*marks));
    for (unsigned i = 0; i < p->mark_count; i++)
        marks[i] = p->marks[(p->mark_first + i) % p->mark_cap];
    mem_free(p->marks);
    p->marks = marks;
    p->mark_first = 0;
    p->mark_cap = cap;
}

void pacer_free(struct pacer *p)
{
    if (!p)
        return;
    drop_given(p);
    drop_marks(p);
    packets_done(&p->frames);
    mem_free(p->marks);
    mem_free(p);
}

void pacer_clear(struct pacer *p)
{
    drop_given(p);
    drop_marks(p);
    packets_clear(&p->frames);
    p->frames_in = p->frames_out;
    p->play_end_us = p->hold_us = 0;
    p->is_finished = false;
}

enum err pacer_put_frame(struct pacer *p, struct slice packet)
{
    drop_given(p);
    if (p->is_finished)
        return ERR_STATE;
    if (p->frames.duration_us + p->frame_us > p->queue_us)
        return ERR_BUSY;
    enum err e = packets_put(&p->frames, packet, p->frame_us);
    if (e)
        return e == ERR_LIMIT ? ERR_BUSY : e;
    p->frames_in++;
    return OK;
}

enum err pacer_put_mark(struct pacer *p, enum pacer_kind kind, struct slice text)
{
    assert(kind == PACER_SENTENCE_START || kind == PACER_SENTENCE_END);
    if (p->is_finished)
        return ERR_STATE;
    if (p->mark_count == PACER_MARKS_MAX)
        return ERR_BUSY;
    if (p->mark_count == p->mark_cap)
        marks_grow(p);
    unsigned at = (p->mark_first + p->mark_count++) % p->mark_cap;
    p->marks[at] = (struct mark){ kind, p->frames_in, xslicedup(text) };
    return OK;
}

void pacer_finish(struct pacer *p)
{
    p->is_finished = true;
}

void pacer_hold(struct pacer *p, uint64_t until_ms)
{
    p->hold_us = until_ms * 1000;
}

/* When the next frame may leave, if there is one. */
static uint64_t frame_due_us(const struct pacer *p)
{
    uint64_t due = p->hold_us;
    if (p->has_last)
        due = MAX(due, p->last_us + p->ramp_us);
    if (p->play_end_us + p->frame_us > p->lead_us && p->play_end_us)
        due = MAX(due, p->play_end_us + p->frame_us - p->lead_us);
    return due;
}

/* The mark at the head of the queue: with the frame behind it; at the end of play when none follows. */
static uint64_t mark_due_us(const struct pacer *p)
{
    if (frames_waiting(p))
        return frame_due_us(p);
    const struct mark *m = &p->marks[p->mark_first];
    if (p->is_finished || p->mark_count > 1 || m->kind == PACER_SENTENCE_END)
        return MAX(p->play_end_us, p->hold_us);
    return PACER_NEVER;
}

static bool mark_is_next(const struct pacer *p)
{
    return p->mark_count && p->marks[p->mark_first].before <= p->frames_out;
}

static uint64_t next_us(const struct pacer *p)
{
    if (mark_is_next(p))
        return mark_due_us(p);
    if (frames_waiting(p))
        return frame_due_us(p);
    if (p->is_finished)
        return p->play_end_us ? p->play_end_us + p->tail_us : 0;
    return PACER_NEVER;
}

uint64_t pacer_next_ms(const struct pacer *p)
{
    uint64_t us = next_us(p);
    return us == PACER_NEVER ? PACER_NEVER : (us + 999) / 1000;
}

static uint32_t next_timestamp(struct pacer *p)
{
    uint32_t us = p->frame_us + p->timestamp_rest_us;
    p->timestamp_ms += us / 1000;
    p->timestamp_rest_us = us % 1000;
    if (p->timestamp_ms == 0)
        p->timestamp_ms = 1;
    return p->timestamp_ms;
}

static void give_frame(struct pacer *p, uint64_t now_us, struct pacer_item *item)
{
    if (p->play_end_us == 0 || now_us > p->play_end_us) {
        p->rebased += p->play_end_us != 0;
        p->play_end_us = now_us;
    }
    *item = (struct pacer_item){ .kind = PACER_FRAME,
                                 .bytes = packets_at(&p->frames, 0, NULL),
                                 .timestamp_ms = next_timestamp(p),
                                 .play_ms = p->play_end_us / 1000 };
    p->play_end_us += p->frame_us;
    p->last_us = now_us;
    p->has_last = true;
    p->frames_out++;
    p->is_frame_given = true; /* leaves the list with the next call */
}

static void give_mark(struct pacer *p, uint64_t now_us, struct pacer_item *item)
{
    struct mark *m = &p->marks[p->mark_first];
    p->mark_first = (p->mark_first + 1) % p->mark_cap;
    p->mark_count--;
    p->text_given = take_ptr(&m->text);
    *item = (struct pacer_item){ .kind = m->kind,
                                 .bytes = slice_of(p->text_given),
                                 .play_ms = MAX(now_us, p->play_end_us) / 1000 };
}

bool pacer_due(struct pacer *p, uint64_t now_ms, struct pacer_item *item)
{
    uint64_t now_us = now_ms * 1000;
    drop_given(p);
    if (next_us(p) > now_us)
        return false;
    if (mark_is_next(p)) {
        give_mark(p, now_us, item);
    } else if (frames_waiting(p)) {
        give_frame(p, now_us, item);
    } else {
        *item = (struct pacer_item){ .kind = PACER_STOP, .play_ms = now_ms };
        p->is_finished = false;
        p->play_end_us = p->hold_us = 0;
    }
    return true;
}

uint64_t pacer_queued_us(const struct pacer *p)
{
    return frames_waiting(p) * (uint64_t)p->frame_us;
}

size_t pacer_queued_bytes(const struct pacer *p)
{
    return packets_memory(&p->frames);
}

uint64_t pacer_play_end_ms(const struct pacer *p)
{
    return (p->play_end_us + 999) / 1000;
}

bool pacer_idle(const struct pacer *p)
{
    return frames_waiting(p) == 0 && p->mark_count == 0 && !p->is_finished;
}

uint32_t pacer_timestamp_ms(const struct pacer *p)
{
    return p ? p->timestamp_ms : 0;
}

uint64_t pacer_rebased(const struct pacer *p)
{
    return p->rebased;
}
