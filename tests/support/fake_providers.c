/* SPDX-License-Identifier: MIT
 * fake_providers.c -- the scripts, and a player that turns one into events on the loop clock.
 *
 * Each fake is a list of events numbered from 0; the player waits first_ms, plays one, waits each_ms,
 * plays the next, and applies the plan's fault when its number comes. */
#include "tests/support/fake_providers.h"

#include <pthread.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "loop/timer.h"
#include "providers/soon.h"

enum { ALIASES_MAX = 12, ALIAS_BYTES = 40, NOTE_BYTES = 16384, TONE_RATE_HZ = 24000, VAD_WINDOW = 512 };

struct scripts {
    char alias[ALIASES_MAX][ALIAS_BYTES];
    unsigned count;
    void *script[ALIASES_MAX];
};

static struct {
    pthread_mutex_t lock;
    struct scripts asr, llm, tts, memory;
    char said[NOTE_BYTES], asked[NOTE_BYTES], remembered[NOTE_BYTES];
    _Atomic unsigned live;
} fakes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *script_of(struct scripts *s, const char *alias, size_t bytes, bool is_made)
{
    void *found = NULL, *common = NULL;
    pthread_mutex_lock(&fakes.lock);
    for (unsigned i = 0; i < s->count; i++) {
        if (strcmp(s->alias[i], alias) == 0)
            found = s->script[i];
        if (!s->alias[i][0])
            common = s->script[i];
    }
    if (!found && !is_made && common)
        found = common;
    if (!found) {
        assert(s->count < ALIASES_MAX);
        snprintf(s->alias[s->count], ALIAS_BYTES, "%s", is_made ? alias : "");
        found = s->script[s->count++] = xalloc(bytes);
    }
    pthread_mutex_unlock(&fakes.lock);
    return found;
}

#define SCRIPT(kind)                                                                        \
    struct fake_##kind##_script *fake_##kind##_script(const char *alias)                    \
    {                                                                                       \
        return script_of(&fakes.kind, alias, sizeof(struct fake_##kind##_script), true);    \
    }                                                                                       \
    static struct fake_##kind##_script *kind##_script_for(const struct provider_opts *o)    \
    {                                                                                       \
        return script_of(&fakes.kind, o->alias ? o->alias : "", sizeof(struct fake_##kind##_script), false); \
    }
SCRIPT(asr)
SCRIPT(llm)
SCRIPT(tts)
SCRIPT(memory)

static void forget(struct scripts *s)
{
    for (unsigned i = 0; i < s->count; i++)
        mem_free(s->script[i]);
    memset(s, 0, sizeof(*s));
}

void fakes_reset(void)
{
    assert(fakes.live == 0);
    pthread_mutex_lock(&fakes.lock);
    forget(&fakes.asr);
    forget(&fakes.llm);
    forget(&fakes.tts);
    forget(&fakes.memory);
    fakes.said[0] = fakes.asked[0] = fakes.remembered[0] = 0;
    pthread_mutex_unlock(&fakes.lock);
}

unsigned fakes_live(void)
{
    return fakes.live;
}

static void note(char *where, struct slice text)
{
    pthread_mutex_lock(&fakes.lock);
    size_t have = strlen(where);
    snprintf(where + have, NOTE_BYTES - have, SLICE_FMT "\n", SLICE_ARG(text));
    pthread_mutex_unlock(&fakes.lock);
}

static void copy_note(const char *where, char *out, size_t bytes)
{
    pthread_mutex_lock(&fakes.lock);
    snprintf(out, bytes, "%s", where);
    pthread_mutex_unlock(&fakes.lock);
}

void fakes_said(char *out, size_t bytes)
{
    copy_note(fakes.said, out, bytes);
}

void fakes_asked(char *out, size_t bytes)
{
    copy_note(fakes.asked, out, bytes);
}

void fakes_remembered(char *out, size_t bytes)
{
    copy_note(fakes.remembered, out, bytes);
}

/* ---- the player ---- */

/* step() plays event number n and says whether it was the last; the player then ends the stream. */
struct player {
    struct soon soon;
    struct timer timer;
    struct loop *loop;
    const struct fake_plan *plan;
    struct fake_counts *seen;
    void *owner;
    enum step { STEP_MORE, STEP_WAIT, STEP_END } (*step)(void *owner, unsigned n);
    void (*end)(void *owner, const struct err_note *why);
    unsigned stream, events;
    bool is_running, has_ended;
};

static bool is_bad(const struct player *p)
{
    if (p->plan->bad_stream)
        return p->stream + 1 == p->plan->bad_stream;
    return p->plan->bad_streams == 0 || p->stream < p->plan->bad_streams;
}

static void player_tick(void *arg);

static void player_wait(struct player *p, unsigned ms)
{
    if (ms)
        timer_start(&p->timer, p->loop, ms, player_tick, p);
    else
        soon_kick(&p->soon);
}

static void player_end(struct player *p, enum err e, const char *text)
{
    struct err_note why = { .err = e };
    p->has_ended = true;
    p->seen->ends++;
    if (e)
        snprintf(why.text, sizeof(why.text), "%s", text ? text : "scripted failure");
    p->end(p->owner, &why);
}

/* The last statement of each path is the call upwards: it may close us. */
static void player_tick(void *arg)
{
    struct player *p = arg;
    if (p->has_ended || !p->is_running)
        return;
    bool fault = is_bad(p) && p->events == p->plan->error_at;
    if (fault && p->plan->hangs)
        return;
    if (fault && p->plan->error) {
        player_end(p, p->plan->error, p->plan->error_text);
        return;
    }
    unsigned n = p->events++;
    unsigned each_ms = p->plan->each_ms;
    bool *closed = &p->soon.is_closed; /* memory stays until the top of the loop */
    switch (p->step(p->owner, n)) {
    case STEP_MORE:
        if (!*closed)
            player_wait(p, each_ms);
        break;
    case STEP_WAIT:
        p->events--;
        p->is_running = false;
        break;
    case STEP_END:
        if (!*closed)
            player_end(p, OK, NULL);
        break;
    }
}

static void player_run(void *owner_player)
{
    player_tick(owner_player);
}

static void player_start(struct player *p)
{
    if (p->is_running || p->has_ended)
        return;
    p->is_running = true;
    player_wait(p, p->events == 0 ? p->plan->first_ms : p->plan->each_ms);
}

static void player_free(void *arg)
{
    struct player *p = arg;
    mem_free(p->owner);
}

/* The player is inside the owner; the owner's memory goes with it. */
static enum err player_open(struct player *p, const struct provider_opts *o, const struct fake_plan *plan,
                            struct fake_counts *seen, void *owner)
{
    p->plan = plan;
    p->seen = seen;
    p->stream = seen->opens++;
    p->owner = owner;
    if (plan->open_error && is_bad(p))
        return plan->open_error;
    p->loop = o->env->loop;
    soon_init(&p->soon, p->loop, player_run, player_free, p);
    seen->live++;
    fakes.live++;
    return OK;
}

static void player_close(struct player *p)
{
    p->has_ended = true;
    p->seen->closes++;
    p->seen->live--;
    fakes.live--;
    timer_stop(&p->timer);
    soon_close(&p->soon);
}

/* ---- recogniser ---- */

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
    a->script = asr_script_for(o);
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
    if (is_bad(&a->player) && a->player.plan->error && a->player.plan->error_at == 0)
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

/* ---- language model ---- */

struct llm {
    struct player player;
    struct fake_llm_script *script;
    const struct llm_events *ev;
    void *user;
    struct fake_reply reply;
    char text[2048];
    size_t at;
    bool tool_done, usage_done;
};

static enum step llm_step(void *owner, unsigned n)
{
    struct llm *m = owner;
    size_t len = strlen(m->text);
    if (m->at < len) {
        unsigned chars = m->script->delta_chars ? m->script->delta_chars : 8;
        size_t from = m->at;
        while (chars-- && m->at < len)
            utf8_next(slice_of(m->text), &m->at);
        m->ev->on_delta(m->user, slice_from(m->text + from, m->at - from));
        return STEP_MORE;
    }
    if (m->reply.tool && !m->tool_done) {
        char id[24];
        m->tool_done = true;
        snprintf(id, sizeof(id), "call_%u", m->player.stream);
        m->ev->on_tool_call(m->user, slice_of(id), slice_of(m->reply.tool),
                            slice_of(m->reply.tool_args ? m->reply.tool_args : "{}"));
        return STEP_MORE;
    }
    if (!m->usage_done && m->ev->on_usage) {
        m->usage_done = true;
        m->ev->on_usage(m->user, &(struct llm_usage){ .tokens_in = 10, .tokens_out = (uint32_t)n });
        return STEP_MORE;
    }
    return STEP_END;
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
    m->script = llm_script_for(o);
    m->ev = ev;
    m->user = user;
    enum err e = player_open(&m->player, o, &m->script->plan, &m->script->seen, m);
    if (e) {
        mem_free(m);
        return e;
    }
    m->player.step = llm_step;
    m->player.end = llm_end;
    unsigned last = 0;
    for (unsigned i = 0; i < FAKE_LINES_MAX && i <= m->player.stream; i++) {
        if (m->script->replies[i].text || m->script->replies[i].tool)
            last = i;
    }
    m->reply = m->script->replies[last];
    struct slice asked = { NULL, 0 };
    if (rq->message_count)
        asked = rq->messages[rq->message_count - 1].text;
    note(fakes.asked, asked);
    if (m->reply.text)
        snprintf(m->text, sizeof(m->text), "%s", m->reply.text);
    else if (!m->reply.tool)
        snprintf(m->text, sizeof(m->text), "You said: " SLICE_FMT, SLICE_ARG(asked));
    *out = m;
    player_start(&m->player);
    return OK;
}

static void llm_close(struct llm *m)
{
    player_close(&m->player);
}

const struct llm_class fake_llm = {
    .name = "fake", .caps = LLM_TOOLS | LLM_VISION | LLM_JSON, .open = llm_open, .close = llm_close,
};

/* ---- synthesiser ---- */

enum { SENTENCES_MAX = 64 };
struct tts {
    struct player player;
    struct fake_tts_script *script;
    const struct tts_events *ev;
    void *user;
    uint32_t left_ms[SENTENCES_MAX]; /* audio still to give, by sentence */
    uint32_t sentences, at, phase;
    bool is_finished, is_paused, is_opus;
};

static void give_tone(struct tts *t, uint32_t ms)
{
    static const int16_t wave[8] = { 0, 5657, 8000, 5657, 0, -5657, -8000, -5657 };
    int16_t samples[TONE_RATE_HZ / 1000 * 240];
    size_t count = MIN((size_t)ms * (TONE_RATE_HZ / 1000), COUNT(samples));
    for (size_t i = 0; i < count; i++)
        samples[i] = wave[(t->phase++ / 7) % 8];
    t->ev->on_pcm(t->user, (struct pcm){ samples, count }, TONE_RATE_HZ);
}

static enum step tts_step(void *owner, unsigned n)
{
    struct tts *t = owner;
    if (t->is_paused)
        return STEP_WAIT;
    if (t->at == t->sentences)
        return t->is_finished ? STEP_END : STEP_WAIT;
    uint32_t *left = &t->left_ms[t->at % SENTENCES_MAX];
    if (*left == 0) {
        t->ev->on_mark(t->user, t->at++);
        return STEP_MORE;
    }
    uint32_t chunk_ms = t->is_opus ? 20 : t->script->chunk_ms ? t->script->chunk_ms : 60;
    uint32_t ms = MIN(chunk_ms, *left);
    *left -= ms;
    if (t->is_opus)
        t->ev->on_opus(t->user, SLICE("\xf8\xff\xfe"), 20000);
    else
        give_tone(t, ms);
    return STEP_MORE;
}

static void tts_end(void *owner, const struct err_note *why)
{
    struct tts *t = owner;
    t->ev->on_end(t->user, why);
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    struct tts *t = xnew(struct tts);
    t->script = tts_script_for(o);
    t->ev = ev;
    t->user = user;
    enum err e = player_open(&t->player, o, &t->script->plan, &t->script->seen, t);
    if (e) {
        mem_free(t);
        return e;
    }
    t->player.step = tts_step;
    t->player.end = tts_end;
    *out = t;
    return OK;
}

static enum err tts_open_opus(struct tts **out, const struct provider_opts *o, const struct tts_events *ev,
                              void *user)
{
    enum err e = tts_open(out, o, ev, user);
    if (!e)
        (*out)->is_opus = ev->on_opus != NULL;
    return e;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    if (++t->script->says == t->script->busy_at || t->sentences - t->at == SENTENCES_MAX)
        return ERR_BUSY;
    note(fakes.said, text);
    uint32_t ms = t->script->sentence_ms;
    if (!ms)
        ms = (uint32_t)utf8_chars(text) * (t->script->char_ms ? t->script->char_ms : 50);
    t->left_ms[t->sentences++ % SENTENCES_MAX] = t->is_opus ? (ms + 19) / 20 * 20 : ms;
    player_start(&t->player);
    return OK;
}

static void tts_finish(struct tts *t)
{
    t->is_finished = true;
    t->script->seen.finishes++;
    player_start(&t->player);
}

static void tts_pause(struct tts *t, bool is_paused)
{
    t->is_paused = is_paused;
    if (!is_paused)
        player_start(&t->player);
}

static void tts_close(struct tts *t)
{
    player_close(&t->player);
}

const struct tts_class fake_tts = {
    .name = "fake", .caps = TTS_STREAMS,
    .open = tts_open, .say = tts_say, .finish = tts_finish, .pause = tts_pause, .close = tts_close,
};
const struct tts_class fake_tts_opus = {
    .name = "fake_opus", .caps = TTS_STREAMS | TTS_NATIVE_OPUS,
    .open = tts_open_opus, .say = tts_say, .finish = tts_finish, .pause = tts_pause, .close = tts_close,
};

/* ---- detector: loud is speech ---- */

enum { VAD_EVENTS_MAX = 64, LOUD_MEAN = 300 };
struct vad {
    struct soon soon;
    struct vad_settings settings;
    const struct vad_events *ev;
    void *user;
    uint64_t samples;              /* fed since the reset */
    uint64_t window_sum;
    uint64_t last_voiced_ms;
    bool in_speech;
    struct vad_note {
        enum { NOTE_WINDOW, NOTE_SPEECH, NOTE_SILENCE } kind;
        uint64_t ms;
        float p;
    } notes[VAD_EVENTS_MAX];
    unsigned note_count;
};

static void vad_tell(void *owner)
{
    struct vad *v = owner;
    struct vad_note notes[VAD_EVENTS_MAX];
    unsigned count = v->note_count;
    memcpy(notes, v->notes, sizeof(notes));
    v->note_count = 0;
    for (unsigned i = 0; i < count && !v->soon.is_closed; i++) {
        if (notes[i].kind == NOTE_SPEECH)
            v->ev->on_speech(v->user, notes[i].ms);
        else if (notes[i].kind == NOTE_SILENCE)
            v->ev->on_silence(v->user, notes[i].ms);
        else if (v->ev->on_window)
            v->ev->on_window(v->user, notes[i].ms, notes[i].p);
    }
}

static void vad_free(void *owner)
{
    mem_free(owner);
}

static enum err vad_open(struct vad **out, const struct provider_opts *o, const struct vad_settings *s,
                         const struct vad_events *ev, void *user)
{
    struct vad *v = xnew(struct vad);
    v->settings = *s;
    v->ev = ev;
    v->user = user;
    soon_init(&v->soon, o->env->loop, vad_tell, vad_free, v);
    fakes.live++;
    *out = v;
    return OK;
}

static void vad_note(struct vad *v, int kind, uint64_t ms, float p)
{
    if (v->note_count < VAD_EVENTS_MAX)
        v->notes[v->note_count++] = (struct vad_note){ .kind = kind, .ms = ms, .p = p };
    soon_kick(&v->soon);
}

static void vad_window(struct vad *v)
{
    uint64_t end_ms = v->samples / 16;
    bool is_loud = v->window_sum / VAD_WINDOW > LOUD_MEAN;
    v->window_sum = 0;
    vad_note(v, NOTE_WINDOW, end_ms, is_loud ? 0.95f : 0.02f);
    if (is_loud) {
        v->last_voiced_ms = end_ms;
        if (!v->in_speech)
            vad_note(v, NOTE_SPEECH, end_ms - VAD_WINDOW / 16, 0);
        v->in_speech = true;
    } else if (v->in_speech && end_ms - v->last_voiced_ms >= v->settings.min_silence_ms) {
        v->in_speech = false;
        vad_note(v, NOTE_SILENCE, v->last_voiced_ms, 0);
    }
}

static void vad_feed(struct vad *v, struct pcm pcm)
{
    for (size_t i = 0; i < pcm.count; i++) {
        int s = pcm.samples[i];
        v->window_sum += (unsigned)(s < 0 ? -s : s);
        if (++v->samples % VAD_WINDOW == 0)
            vad_window(v);
    }
}

static void vad_reset(struct vad *v)
{
    v->samples = v->window_sum = v->last_voiced_ms = 0;
    v->in_speech = false;
    v->note_count = 0;
}

static bool vad_in_speech(const struct vad *v)
{
    return v->in_speech;
}

static bool vad_is_quiet(const struct vad *v)
{
    return !v->in_speech;
}

static void vad_close(struct vad *v)
{
    fakes.live--;
    soon_close(&v->soon);
}

const struct vad_class fake_vad = {
    .name = "fake", .rate_hz = 16000,
    .open = vad_open, .feed = vad_feed, .reset = vad_reset, .in_speech = vad_in_speech,
    .is_quiet = vad_is_quiet, .close = vad_close,
};

/* ---- memory ---- */

struct memory {
    struct player player;
    struct fake_memory_script *script;
    const struct memory_events *ev;
    void *user;
    bool is_recall;
};

static enum step memory_step(void *owner, unsigned n)
{
    struct memory *m = owner;
    if (n == 0 && m->is_recall && m->script->facts) {
        m->ev->on_recall(m->user, slice_of(m->script->facts));
        return STEP_MORE;
    }
    return STEP_END;
}

static void memory_end(void *owner, const struct err_note *why)
{
    struct memory *m = owner;
    m->ev->on_end(m->user, why);
}

static enum err memory_open(struct memory **out, const struct provider_opts *o, const struct memory_events *ev,
                            void *user, bool is_recall)
{
    struct memory *m = xnew(struct memory);
    m->script = memory_script_for(o);
    m->ev = ev;
    m->user = user;
    m->is_recall = is_recall;
    enum err e = player_open(&m->player, o, &m->script->plan, &m->script->seen, m);
    if (e) {
        mem_free(m);
        return e;
    }
    m->player.step = memory_step;
    m->player.end = memory_end;
    *out = m;
    player_start(&m->player);
    return OK;
}

static enum err memory_recall(struct memory **out, const struct provider_opts *o, const char *device_id,
                              const struct memory_events *ev, void *user)
{
    return memory_open(out, o, ev, user, true);
}

static enum err memory_remember(struct memory **out, const struct provider_opts *o, const char *device_id,
                                struct slice turns_json, const char *key, const struct memory_events *ev, void *user)
{
    enum err e = memory_open(out, o, ev, user, false);
    if (!e) {
        char line[1024];
        snprintf(line, sizeof(line), "%s %s " SLICE_FMT, device_id, key, SLICE_ARG(turns_json));
        note(fakes.remembered, slice_of(line));
    }
    return e;
}

static void memory_close(struct memory *m)
{
    player_close(&m->player);
}

const struct memory_class fake_memory = {
    .name = "fake", .recall = memory_recall, .remember = memory_remember, .close = memory_close,
};
