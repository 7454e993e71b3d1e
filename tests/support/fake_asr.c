/* SPDX-License-Identifier: MIT
 * fake_asr.c -- the scripted recogniser: the whole text at the end, or word by word. */
#include "tests/support/fake_inside.h"

#include "base/mem.h"

FAKE_SCRIPT(asr, FAKE_ASR)

struct asr {
    struct player player;
    struct fake_asr_script *script;
    const struct asr_events *ev;
    void *user;
    const char *text;
    uint64_t samples;
};

/* Partial texts grow word by word; the whole text comes last, as the final one. */
static enum step asr_step(void *owner, unsigned n)
{
    struct asr *a = owner;
    struct asr_text t = { .speaker = -1, .end_ms = (uint32_t)(a->samples / 16), .final = true };
    size_t len = strlen(a->text), upto = 0;
    if (len == 0)
        return STEP_END;
    for (unsigned i = 0; a->script->has_partials && i <= n && upto < len; i++) {
        upto += strspn(a->text + upto, " ");
        upto += strcspn(a->text + upto, " ");
        t.final = upto == len;
    }
    t.text = slice_from(a->text, t.final ? len : upto);
    if (t.final)
        a->text = "";
    a->ev->on_text(a->user, &t);
    return STEP_MORE;
}

static void asr_end(void *owner, const struct err_note *why)
{
    struct asr *a = owner;
    a->ev->on_end(a->user, why);
}

static enum err asr_open(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user)
{
    struct asr *a = xnew(struct asr);
    a->script = script_for(o);
    a->ev = ev;
    a->user = user;
    enum err e = player_open(&a->player, o, &a->script->plan, &a->script->seen, a);
    if (e) {
        mem_free(a);
        return e;
    }
    a->player.step = asr_step;
    a->player.end = asr_end;
    unsigned n = a->player.stream, last = 0;
    for (unsigned i = 0; i < FAKE_LINES_MAX && i <= n; i++) {
        if (a->script->texts[i])
            last = i;
    }
    a->text = a->script->texts[last] ? a->script->texts[last] : "";
    *out = a;
    return OK;
}

static enum err asr_feed(struct asr *a, struct pcm pcm)
{
    if (++a->script->feeds == a->script->busy_at)
        return ERR_BUSY;
    a->samples += pcm.count;
    a->script->samples += pcm.count;
    if (player_is_bad(&a->player) && a->player.plan->error && a->player.plan->error_at == 0)
        player_start(&a->player);
    return OK;
}

static enum err asr_feed_opus(struct asr *a, struct slice packet, uint32_t duration_us)
{
    if (++a->script->feeds == a->script->busy_at)
        return ERR_BUSY;
    a->samples += duration_us * 16 / 1000;
    a->script->packets++;
    return OK;
}

static void asr_finish(struct asr *a)
{
    a->script->seen.finishes++;
    player_start(&a->player);
}

static void asr_close(struct asr *a)
{
    player_close(&a->player);
}

const struct asr_class fake_asr = {
    .name = "fake", .caps = ASR_PARTIALS, .rate_hz = 16000,
    .open = asr_open, .feed = asr_feed, .finish = asr_finish, .close = asr_close,
};
const struct asr_class fake_asr_opus = {
    .name = "fake_opus", .caps = ASR_PARTIALS | ASR_TAKES_OPUS, .rate_hz = 16000,
    .open = asr_open, .feed = asr_feed, .feed_opus = asr_feed_opus, .finish = asr_finish, .close = asr_close,
};
