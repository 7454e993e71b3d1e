/* SPDX-License-Identifier: MIT
 * replay.c -- a provider that plays what record.c wrote: `type: replay`, `file`, `timing` (false: as fast
 * as it can). A model plays the stream that was asked the same; otherwise the first of the file. A voice
 * gives a mark for each sentence it is given, the recorded sound before the first of them. */
#include <stdio.h>

#include "base/mem.h"
#include "loop/timer.h"
#include "providers/asr.h"
#include "providers/llm.h"
#include "providers/soon.h"
#include "providers/tape.h"
#include "providers/tts.h"

/* What the three have in common. The owner's memory begins with it. */
struct player {
    struct soon soon;
    struct timer timer;
    struct buf lines;
    struct slice left;
    uint64_t start_ms;
    bool has_timing, is_started, has_next, has_ended;
    struct tape_played next;
    void (*tell)(void *owner, const struct tape_event *e); /* not for `end` */
    void (*end)(void *owner, const struct err_note *why);
};

static void play(void *arg);

static void plan_next(struct player *p)
{
    p->has_next = tape_next(&p->left, &p->next) && strcmp(p->next.event.on, "open") != 0;
    uint64_t now_ms = loop_now_ms(p->soon.loop), due_ms = p->start_ms + p->next.at_ms;
    if (p->has_next && p->has_timing && due_ms > now_ms)
        timer_start(&p->timer, p->soon.loop, due_ms - now_ms, play, p);
    else
        soon_kick(&p->soon);
}

static void play(void *arg)
{
    struct player *p = arg;
    struct err_note why = { .err = ERR_CLOSED, .text = "the recording ends here" };
    if (p->has_ended || !p->is_started)
        return;
    if (p->has_next && strcmp(p->next.event.on, "end") != 0) {
        bool *closed = &p->soon.is_closed;
        p->tell(p, &p->next.event);
        if (!*closed)
            plan_next(p);
        return;
    }
    if (p->has_next) {
        why = (struct err_note){ .err = tape_err(p->next.event.name) };
        snprintf(why.text, sizeof(why.text), SLICE_FMT, SLICE_ARG(p->next.event.text));
    }
    p->has_ended = true;
    p->end(p, &why);
}

static void player_start(struct player *p)
{
    if (p->is_started)
        return;
    p->is_started = true;
    p->start_ms = loop_now_ms(p->soon.loop);
    plan_next(p);
}

static void player_free(void *arg)
{
    struct player *p = arg;
    tape_played_done(&p->next);
    buf_done(&p->lines);
    mem_free(p);
}

static void player_close(struct player *p)
{
    p->has_ended = true;
    timer_stop(&p->timer);
    soon_close(&p->soon);
}

static enum err player_open(struct player *p, const struct provider_opts *o, struct slice asked)
{
    enum err e = tape_find(opts_str(o, "file", "recorded.jsonl"), asked, &p->lines);
    if (e) {
        buf_done(&p->lines);
        return e;
    }
    p->left = buf_slice(&p->lines);
    p->has_timing = opts_bool(o, "timing", false);
    soon_init(&p->soon, o->env->loop, play, player_free, p);
    return OK;
}

/* ---- recogniser ---- */

struct asr {
    struct player player;
    const struct asr_events *ev;
    void *user;
};

static void asr_tell(void *owner, const struct tape_event *e)
{
    struct asr *a = owner;
    bool is_final = strcmp(e->on, "text") == 0;
    if (is_final || strcmp(e->on, "partial") == 0)
        a->ev->on_text(a->user, &(struct asr_text){ .text = e->text, .speaker = -1, .final = is_final });
}

static void asr_end(void *owner, const struct err_note *why)
{
    struct asr *a = owner;
    a->ev->on_end(a->user, why);
}

static enum err asr_open(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user)
{
    struct asr *a = xnew(struct asr);
    *a = (struct asr){ .player = { .tell = asr_tell, .end = asr_end }, .ev = ev, .user = user };
    enum err e = player_open(&a->player, o, (struct slice){ NULL, 0 });
    if (e)
        mem_free(a);
    else
        *out = a;
    return e;
}

static enum err asr_feed(struct asr *a, struct pcm pcm)
{
    return OK;
}

static void asr_finish(struct asr *a)
{
    player_start(&a->player);
}

static void asr_close(struct asr *a)
{
    player_close(&a->player);
}

/* ---- language model ---- */

struct llm {
    struct player player;
    const struct llm_events *ev;
    void *user;
};

static void llm_tell(void *owner, const struct tape_event *e)
{
    struct llm *m = owner;
    if (strcmp(e->on, "delta") == 0)
        m->ev->on_delta(m->user, e->text);
    else if (strcmp(e->on, "tool") == 0)
        m->ev->on_tool_call(m->user, e->id, e->name, e->text);
}

static void llm_end(void *owner, const struct err_note *why)
{
    struct llm *m = owner;
    m->ev->on_end(m->user, why);
}

static enum err llm_open(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                         const struct llm_events *ev, void *user)
{
    struct llm *m = xnew(struct llm);
    *m = (struct llm){ .player = { .tell = llm_tell, .end = llm_end }, .ev = ev, .user = user };
    struct slice asked = { NULL, 0 };
    if (rq->message_count)
        asked = rq->messages[rq->message_count - 1].text;
    enum err e = player_open(&m->player, o, asked);
    if (e) {
        mem_free(m);
        return e;
    }
    player_start(&m->player);
    *out = m;
    return OK;
}

static void llm_close(struct llm *m)
{
    player_close(&m->player);
}

/* ---- voice ---- */

struct tts {
    struct player player;
    const struct tts_events *ev;
    void *user;
    uint32_t said, marked;
    bool is_finished, is_over; /* over: the recorded sound was given */
};

static void tts_tell(void *owner, const struct tape_event *e)
{
    struct tts *t = owner;
    if (strcmp(e->on, "pcm") == 0 && e->number >= 8000)
        t->ev->on_pcm(t->user, (struct pcm){ (const int16_t *)(const void *)e->data.data, e->data.len / 2 }, e->number);
}

/* After the sound: marks for what was said, then the end. One event a round. */
static void tts_end(void *owner, const struct err_note *why)
{
    struct tts *t = owner;
    t->is_over = true;
    if (why->err) {
        t->ev->on_end(t->user, why);
    } else if (t->marked < t->said) {
        t->player.has_ended = false;
        soon_kick(&t->player.soon);
        t->ev->on_mark(t->user, t->marked++);
    } else if (t->is_finished) {
        t->ev->on_end(t->user, why);
    } else {
        t->player.has_ended = false; /* waits for more to be said, or for the finish */
    }
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    struct tts *t = xnew(struct tts);
    *t = (struct tts){ .player = { .tell = tts_tell, .end = tts_end }, .ev = ev, .user = user };
    enum err e = player_open(&t->player, o, (struct slice){ NULL, 0 });
    if (e)
        mem_free(t);
    else
        *out = t;
    return e;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    t->said++;
    player_start(&t->player);
    if (t->is_over)
        soon_kick(&t->player.soon);
    return OK;
}

static void tts_finish(struct tts *t)
{
    t->is_finished = true;
    if (!t->said) { /* nothing was to be said: no sound either */
        t->player.left = SLICE("{\"on\":\"end\",\"name\":\"OK\"}");
        player_start(&t->player);
    } else if (t->is_over) {
        soon_kick(&t->player.soon);
    }
}

static void tts_close(struct tts *t)
{
    player_close(&t->player);
}

extern const struct asr_class asr_replay;
extern const struct llm_class llm_replay;
extern const struct tts_class tts_replay;
const struct asr_class asr_replay = {
    .name = "replay", .caps = ASR_PARTIALS, .rate_hz = 16000,
    .open = asr_open, .feed = asr_feed, .finish = asr_finish, .close = asr_close,
};
const struct llm_class llm_replay = { .name = "replay", .caps = LLM_TOOLS, .open = llm_open, .close = llm_close };
const struct tts_class tts_replay = {
    .name = "replay", .caps = 0, .open = tts_open, .say = tts_say, .finish = tts_finish, .close = tts_close,
};
