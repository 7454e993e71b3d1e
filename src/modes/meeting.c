/* SPDX-License-Identifier: MIT
 * meeting.c -- the session's side of a meeting: start and resume, the request to finalize (texts come in by
 * meeting_texts.c, what it shows meanwhile is in meeting_live.c). All that counts is in the store before it is
 * acknowledged; the summary itself is made by minutes.c, so a client that goes away loses nothing.
 *
 *   STARTING --stored--> OPEN --finalize stored--> (gone; minutes.c works on)
 */
#include "base/clock.h"
#include "base/rand.h"
#include "metrics/metrics.h"
#include "modes/meeting_inside.h"
#include "modes/minutes.h"
#include "modes/summarize.h"

#define LOG_TOPIC "meeting"

/* Speech is recognised without pause, and where the device marks its boundaries they rule. */
static void listen_as(struct modes *m, bool is_meeting)
{
    if (!is_meeting)
        dialogue_reset_hearing(m->dialogue);
    dialogue_continuous(m->dialogue, is_meeting);
    dialogue_mute(m->dialogue, is_meeting && m->config->meeting_disable_tts);
    dialogue_boundaries(m->dialogue, is_meeting && m->config->meeting_prefer_device_vad
                                         ? (unsigned)m->config->meeting_manual_listen_fallback_ms
                                         : 0);
}

static void meeting_unref(void *arg)
{
    struct meeting *t = arg;
    if (--t->refs)
        return;
    intake_done(&t->intake);
    mem_free(t->id);
    mem_free(t->req_id);
    mem_free(t);
}

/* Stops everything that could call back; the memory goes when the last operation is over. */
void meeting_drop(struct meeting *t)
{
    struct modes *m = t->modes;
    if (!m)
        return;
    meeting_live_stop(t);
    t->modes = NULL;
    m->meeting = NULL;
    metric_add(METRIC_meetings_open, -(t->stage == STAGE_OPEN));
    t->stage = STAGE_OVER;
    loop_later(m->loop, &t->grave, meeting_unref, t);
}

struct meeting_work *meeting_work_make(struct meeting *t)
{
    struct meeting_work *k = xnew(struct meeting_work);
    k->meeting = t;
    t->refs++;
    if (t->id)
        k->id = arena_strdup(&k->arena, slice_of(t->id));
    k->now_ms = clock_wall_ms();
    return k;
}

void meeting_work_free(void *input)
{
    struct meeting_work *k = input;
    meeting_unref(k->meeting);
    arena_done(&k->arena);
    mem_free(k->req_id);
    mem_free(k);
}

enum err meeting_work_start(struct meeting_work *k, const struct store_op_class *cls)
{
    struct modes *m = k->meeting->modes;
    enum err e =
        m->shared->store ? store_start(NULL, m->shared->store, m->loop, cls, k, k->meeting) : ERR_STORE;
    if (e)
        meeting_work_free(k);
    return e;
}

void meeting_ended_elsewhere(struct meeting *t)
{
    struct modes *m = t->modes;
    meeting_drop(t);
    listen_as(m, false);
    if (m->active == &mode_meeting)
        modes_set_active(m, NULL);
}

/* ---- start and resume ---- */

static void add_terms(struct meeting *t, const char *scope)
{
    const struct conf *map = conf_get(t->modes->config->meeting_term_map, scope);
    for (size_t i = 0; i < conf_count(map); i++)
        (void)intake_add_term(&t->intake, slice_of(conf_key_at(map, i)),
                              slice_of(conf_text(conf_at(map, i))));
}

/* `*`, then the language, then the line of business: the last wins. */
static void add_all_terms(struct meeting *t)
{
    const struct config *c = t->modes->config;
    intake_clear_terms(&t->intake);
    const char *lang = c->meeting_target_lang[0] ? c->meeting_target_lang : t->modes->language;
    add_terms(t, "*");
    add_terms(t, strncmp(lang, "zh", 2) == 0 ? "zh" : "en");
    auto_mem char *industry = xprintf("industry:%s", c->meeting_industry);
    add_terms(t, industry);
}

void meeting_config(struct modes *m)
{
    if (!m->meeting || m->meeting->stage != STAGE_OPEN)
        return;
    add_all_terms(m->meeting);
    meeting_live_config(m->meeting);
}

static enum err start_run(struct db *db, void *input)
{
    struct meeting_work *k = input;
    enum err e = db_meeting_resumable(db, k->device, k->since_ms, &k->arena, &k->row);
    if (e == OK) {
        struct checkpoint_row *known;
        size_t count;
        k->was_resumed = true;
        e = db_meeting_attach(db, k->row.id, k->session);
        if (!e)
            e = db_checkpoint_list(db, k->row.id, &k->arena, &known, &count);
        if (!e && count)
            k->checkpoint = known[count - 1];
        if (!e)
            e = db_segment_last(db, k->row.id, 1, &k->arena, &k->segments, &k->segment_count);
        return e;
    }
    if (e != ERR_NOT_FOUND || k->only_resume)
        return e;
    k->row = (struct meeting_row){.id = k->id,
                                  .session = k->session,
                                  .device = k->device,
                                  .title = "",
                                  .started_ms = k->now_ms,
                                  .summary = "",
                                  .metrics = ""};
    e = db_meeting_open(db, &k->row);
    if (e != ERR_EXISTS)
        return e;
    /* An open one that is too old to go on with: it is finalized now, minutes.c finds it. */
    enum meeting_state was;
    struct meeting_row old;
    e = db_meeting_resumable(db, k->device, 0, &k->arena, &old);
    if (!e)
        e = db_meeting_finalize(db, old.id, k->now_ms, &was);
    return e ? e : db_meeting_open(db, &k->row);
}

void meeting_hello(struct modes *m)
{
    const char *tone = m->config->meeting_entry_tone; /* builtin, none, or a file */
    dialogue_tone_file(m->dialogue, strcmp(tone, "builtin") == 0 ? NULL : tone);
}

static void announce(struct meeting *t)
{
    struct modes *m = t->modes;
    (void)dialogue_say(m->dialogue, slice_of(modes_text(m, "meeting.entered")),
                       &(struct say_opts){.is_queued = true, .is_tone = true});
}

static void on_started(void *owner, enum err err, void *input)
{
    struct meeting *t = owner;
    struct meeting_work *k = input;
    struct modes *m = t->modes;
    if (!m)
        return;
    if (err) {
        if (t->was_asked) {
            LOGE(m->log, "meeting.start", "err=%s", err_name(err));
            modes_error(m, "mode", msg_code_of(err), "the meeting could not be stored", slice_of(t->req_id));
        }
        bool was_asked = t->was_asked;
        meeting_drop(t);
        if (!was_asked)
            modes_greet(m);
        modes_go(m);
        return;
    }
    mem_free(t->id);
    t->id = xstrdup(k->row.id);
    t->started_ms = k->row.started_ms;
    t->checkpoint_upto = k->checkpoint.upto_segment;
    t->last_sent_segment = k->segment_count ? k->segments[0].id : 0; /* others have heard these */
    t->stage = STAGE_OPEN;
    metric_add(METRIC_meetings_open, 1);
    LOGI(m->log, "meeting.start", "meeting=%s resumed=%d segments=%lld", t->id, k->was_resumed,
         (long long)k->row.segments);
    add_all_terms(t);
    modes_set_active(m, &mode_meeting);
    listen_as(m, true);
    modes_mode_ok(m, true, "meeting", slice_of(t->req_id), t->id, k->was_resumed);
    if (t->was_asked && !k->was_resumed)
        announce(t);
    meeting_live_start(t);
    if (!t->was_asked)
        modes_greet(m);
    modes_go(m);
}

static const struct store_op_class start_class = {
    .name = "meeting_start", .run = start_run, .done = on_started, .free_input = meeting_work_free};

static bool begin(struct modes *m, uint64_t resume_ms, bool was_asked, struct slice req_id)
{
    char id[UUID_TEXT];
    struct meeting *t = xnew(struct meeting);
    rand_uuid(id);
    t->modes = m;
    t->loop = m->loop;
    t->shared = m->shared;
    t->refs = 1;
    t->id = xstrdup(id);
    t->was_asked = was_asked;
    t->req_id = xslicedup(req_id);
    intake_init(&t->intake, (unsigned)m->config->meeting_dedupe_window_ms);
    m->meeting = t;
    struct meeting_work *k = meeting_work_make(t);
    k->since_ms = k->now_ms - (int64_t)resume_ms;
    k->device = arena_strdup(&k->arena, slice_of(m->device_id));
    k->session = arena_strdup(&k->arena, slice_of(m->session_id));
    k->only_resume = !was_asked;
    enum err e = meeting_work_start(k, &start_class);
    if (e) {
        if (was_asked)
            modes_error(m, "mode", msg_code_of(e), "the meeting could not be stored", req_id);
        meeting_drop(t);
        return false;
    }
    modes_wait(m);
    return true;
}

static void meeting_start(struct modes *m, struct slice req_id)
{
    if (m->meeting)
        modes_mode_ok(m, true, "meeting", req_id, m->meeting->id, false);
    else
        (void)begin(m, (uint64_t)m->config->meeting_resume_hours * 3600000, true, req_id);
}

bool meeting_is_changing(const struct modes *m)
{
    return m->meeting && (m->meeting->was_asked || m->meeting->stage == STAGE_OVER);
}

bool meeting_resume(struct modes *m)
{
    return m->shared->store && !m->meeting && m->config->meeting_auto_resume_seconds &&
           begin(m, (uint64_t)m->config->meeting_auto_resume_seconds * 1000, false, (struct slice){0});
}

/* ---- finalize ---- */

static enum err finalize_run(struct db *db, void *input)
{
    struct meeting_work *k = input;
    enum err e = db_pending_count(db, k->id, &k->pending);
    return e ? e : db_meeting_finalize(db, k->id, k->now_ms, &k->was);
}

/* It could not be stored: the meeting goes on. */
static void reopen(struct meeting *t)
{
    t->stage = STAGE_OPEN;
    metric_add(METRIC_meetings_open, 1);
    listen_as(t->modes, true);
    modes_set_active(t->modes, &mode_meeting);
    meeting_live_start(t);
}

static void finalize_ack(struct modes *m, const char *meeting, int64_t started_ms, int64_t pending,
                         struct slice req_id)
{
    auto_buf struct buf out = {0};
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "type", "meeting");
    jw_cstr(&w, "phase", "finalize");
    jw_cstr(&w, "sessionId", m->session_id);
    jw_cstr(&w, "meetingId", meeting);
    jw_i64(&w, "startedAt", started_ms);
    jw_i64(&w, "pendingCount", pending);
    if (req_id.len)
        jw_str(&w, "reqId", req_id);
    jw_end(&w);
    (void)modes_send(m, &out);
}

static void on_finalized(void *owner, enum err err, void *input)
{
    struct meeting *t = owner;
    struct meeting_work *k = input;
    struct modes *m = t->modes;
    if (!err && t->shared->minutes)
        minutes_finalize(t->shared->minutes, k->id);
    if (!m) /* the client left meanwhile */
        return;
    if (err) {
        LOGE(m->log, "meeting.finalize", "meeting=%s err=%s", t->id, err_name(err));
        modes_error(m, "meeting", msg_code_of(err), "the meeting could not be closed, try again",
                    slice_of(k->req_id));
        reopen(t);
        modes_stay(m);
        modes_go(m);
        return;
    }
    mem_free(m->last_meeting);
    m->last_meeting = xstrdup(t->id);
    m->last_meeting_started_ms = t->started_ms;
    if (k->has_ack)
        finalize_ack(m, t->id, t->started_ms, k->pending, slice_of(k->req_id));
    LOGI(m->log, "meeting.finalize", "meeting=%s pending=%lld: send ack, stop timers done", t->id,
         (long long)k->pending);
    if (k->has_mode_ok)
        modes_mode_ok(m, false, "meeting", slice_of(k->req_id), t->id, false);
    meeting_drop(t);
    modes_go(m);
}

static const struct store_op_class finalize_class = {
    .name = "meeting_finalize", .run = finalize_run, .done = on_finalized, .free_input = meeting_work_free};

void meeting_finalize(struct modes *m, bool has_ack, bool has_mode_ok, struct slice req_id)
{
    struct meeting *t = m->meeting;
    LOGI(m->log, "meeting.finalize", "meeting=%s: finalize request", t->id);
    struct meeting_work *k = meeting_work_make(t);
    k->has_ack = has_ack;
    k->has_mode_ok = has_mode_ok;
    k->req_id = xslicedup(req_id);
    enum err e = meeting_work_start(k, &finalize_class);
    if (e) {
        modes_error(m, "meeting", msg_code_of(e), "the meeting could not be closed, try again", req_id);
        return;
    }
    meeting_live_stop(t);
    t->stage = STAGE_OVER;
    metric_add(METRIC_meetings_open, -1);
    listen_as(m, false);
    modes_wait(m);
    modes_set_active(m, NULL);
}

static void meeting_end(struct modes *m, bool has_reply, struct slice req_id)
{
    if (m->meeting && m->meeting->stage == STAGE_OPEN)
        meeting_finalize(m, true, has_reply, req_id);
    else if (has_reply)
        modes_mode_ok(m, false, "meeting", req_id, NULL, false);
}

void meeting_finalize_again(struct modes *m, struct slice req_id)
{
    finalize_ack(m, m->last_meeting, m->last_meeting_started_ms, 0, req_id);
    minutes_finalize(m->shared->minutes, m->last_meeting);
}

void meeting_is_missing(struct modes *m, struct slice req_id)
{
    modes_error(m, "meeting", CODE_NOT_IN_MEETING, "there is no meeting; start one with a mode message", req_id);
}

/* Again for the last meeting of this session, or of the device: acknowledged, and its summary comes (again). */
static void handle_finalize(struct modes *m, struct slice req_id)
{
    if (m->meeting && m->meeting->stage == STAGE_OPEN) {
        meeting_finalize(m, true, false, req_id);
    } else if (m->last_meeting && m->shared->minutes) {
        meeting_finalize_again(m, req_id);
    } else {
        meeting_look_back(m, req_id);
    }
}

void handle_meeting_message(struct modes *m, const struct msg *msg)
{
    struct slice phase = json_get_text(msg->root, "phase");
    if (slice_is(phase, "snippet"))
        meeting_snippet(m, msg);
    else if (slice_is(phase, "finalize"))
        handle_finalize(m, msg->req_id);
    else
        modes_error(m, "meeting", CODE_SCHEMA_INVALID, "phase must be snippet or finalize", msg->req_id);
}

/* ---- the client is gone ---- */

static enum err left_run(struct db *db, void *input)
{
    struct meeting_work *k = input;
    enum err e = db_meeting_left(db, k->id, k->session, k->now_ms);
    return e == ERR_NOT_FOUND ? OK : e;
}

static const struct store_op_class left_class = {
    .name = "meeting_left", .run = left_run, .free_input = meeting_work_free};

size_t meeting_bytes(const struct modes *m)
{
    const struct meeting *t = m->meeting;
    return t ? sizeof(*t) + intake_bytes(&t->intake) + (t->summarize ? summarize_bytes(t->summarize) : 0) : 0;
}

void meeting_close(struct modes *m)
{
    struct meeting *t = m->meeting;
    if (!t)
        return;
    if (t->stage == STAGE_OPEN) {
        struct meeting_work *k = meeting_work_make(t);
        k->session = arena_strdup(&k->arena, slice_of(m->session_id));
        (void)meeting_work_start(k, &left_class);
    }
    meeting_drop(t);
}

static void meeting_on_close(struct modes *m)
{
    meeting_close(m);
}

const struct mode_row mode_meeting = {
    .name = "meeting",
    .type = MSG_meeting,
    .idle_factor = 3,
    .start = meeting_start,
    .end = meeting_end,
    .on_heard = meeting_heard,
    .on_close = meeting_on_close,
};
