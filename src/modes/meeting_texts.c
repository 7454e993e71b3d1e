/* SPDX-License-Identifier: MIT
 * meeting_texts.c -- what is said in a meeting: texts of snippet messages and of the recogniser, cleaned, judged
 * (intake.c) and stored before they are acknowledged; a voice that ends the meeting. */
#include "metrics/metrics.h"
#include "modes/command.h"
#include "modes/meeting_inside.h"

#define LOG_TOPIC     "meeting"
#define ITEMS_MAX     50
#define TAG_BYTES     64
#define SPEAKER_BYTES 128

/* What becomes of texts: counted each time, in the log once for a meeting. */
enum text_note { NOTE_KEPT, NOTE_EMPTY, NOTE_REPEAT, NOTE_FULL, NOTE_CUT, NOTE_LIMITED }; /* first as intake_result */
static const char *const notes[] = {"kept", "empty", "repeat", "full", "cut", "limited"};

static void note(struct meeting *t, enum text_note what, size_t texts)
{
    metric_add_label(METRIC_meeting_texts_total, notes[what], (int64_t)texts);
    if (what == NOTE_KEPT || t->noted & (1u << what))
        return;
    t->noted |= 1u << what;
    LOGI(t->modes->log, "meeting.texts", "meeting=%s result=%s: more of these are only counted", t->id, notes[what]);
}

static enum err texts_run(struct db *db, void *input)
{
    struct meeting_work *k = input;
    for (size_t i = 0; i < k->text_count; i++) {
        enum err e = db_pending_add(db, &k->texts[i]);
        if (e == ERR_LIMIT) { /* the store counts too: after a restart ours began at zero */
            k->refused = k->text_count - i;
            k->dropped += k->refused;
            k->text_count = i;
            return OK;
        }
        if (e)
            return e;
    }
    return OK;
}

static void ack(struct modes *m, size_t accepted, size_t dropped, struct slice req_id)
{
    auto_buf struct buf out = {0};
    struct jw w;
    msg_reply_begin(&w, &out, "meeting", true, req_id);
    jw_cstr(&w, "phase", "snippet");
    if (dropped) {
        jw_i64(&w, "accepted", (int64_t)accepted);
        jw_i64(&w, "dropped", (int64_t)dropped);
    }
    msg_reply_end(&w);
    (void)modes_send(m, &out);
}

/* What was not stored is no repeat when it comes again. */
static void forget_texts(struct meeting *t, const struct meeting_work *k)
{
    for (size_t i = 0; i < k->text_count; i++)
        intake_forget(&t->intake, slice_of(k->texts[i].text));
}

static void on_texts_stored(void *owner, enum err err, void *input)
{
    struct meeting *t = owner;
    struct meeting_work *k = input;
    metric_add_label(METRIC_meeting_texts_total, err ? "failed" : "stored", (int64_t)k->text_count);
    if (!t->modes)
        return;
    if (err == ERR_STATE) { /* finalized meanwhile: input after it changes nothing */
        if (k->has_ack)
            ack(t->modes, 0, 0, slice_of(k->req_id));
        meeting_ended_elsewhere(t);
        return;
    }
    if (err) {
        LOGE(t->modes->log, "meeting.store", "meeting=%s texts=%zu err=%s", t->id, k->text_count,
             err_name(err));
        forget_texts(t, k);
        if (k->has_ack)
            modes_error(t->modes, "meeting", msg_code_of(err), "the text could not be stored, send it again",
                        slice_of(k->req_id));
        return;
    }
    if (k->refused)
        note(t, NOTE_FULL, k->refused);
    if (k->has_ack)
        ack(t->modes, k->text_count, k->dropped, slice_of(k->req_id));
}

static const struct store_op_class texts_class = {
    .name = "meeting_texts", .run = texts_run, .done = on_texts_stored, .free_input = meeting_work_free};

/* Cleans, judges, and puts what is kept into the work. */
static void take_text(struct meeting *t, struct meeting_work *k, struct slice tag, struct slice text,
                      struct slice speaker)
{
    auto_buf struct buf clean = {0};
    if (intake_clean(&t->intake, text, &clean))
        note(t, NOTE_CUT, 1);
    t->intake.dedupe_ms = (unsigned)t->modes->config->meeting_dedupe_window_ms;
    enum intake_result r = intake_take(&t->intake, loop_now_ms(t->modes->loop), buf_slice(&clean));
    note(t, (enum text_note)r, 1);
    if (r != INTAKE_KEPT) {
        k->dropped++;
        return;
    }
    k->texts[k->text_count++] = (struct segment_row){
        .meeting = k->id,
        .ts_ms = k->now_ms,
        .text = arena_strdup(&k->arena, buf_slice(&clean)),
        .speaker = arena_strdup(&k->arena, slice_sub(speaker, 0, SPEAKER_BYTES)),
        .tag = arena_strdup(&k->arena, slice_sub(tag, 0, TAG_BYTES)),
    };
}

static bool read_items(const struct json *items, const char **why)
{
    if (!json_is(items, JSON_ARRAY)) {
        *why = "items must be array of {tag,text}: missing items";
        return false;
    }
    if (json_len(items) > ITEMS_MAX) {
        *why = "items must be array of {tag,text}: at most 50";
        return false;
    }
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *item = json_at(items, i);
        bool has_tag = json_is(json_get(item, "tag"), JSON_STRING);
        if (!has_tag || !json_is(json_get(item, "text"), JSON_STRING)) {
            *why = has_tag ? "items must be array of {tag,text}: missing text"
                           : "items must be array of {tag,text}: missing tag";
            return false;
        }
    }
    return true;
}

void meeting_snippet(struct modes *m, const struct msg *msg)
{
    struct meeting *t = m->meeting;
    const struct json *items = json_get(msg->root, "items");
    const char *why;
    bool is_open = t && t->stage == STAGE_OPEN;
    if (!is_open && m->last_meeting) { /* after finalize nothing changes */
        ack(m, 0, 0, msg->req_id);
        return;
    }
    if (!read_items(items, &why)) {
        modes_error(m, "meeting", CODE_SCHEMA_INVALID, why, msg->req_id);
        return;
    }
    if (!is_open) { /* an ok would promise that it is stored */
        meeting_is_missing(m, msg->req_id);
        return;
    }
    if (!intake_message(&t->intake, loop_now_ms(m->loop))) {
        note(t, NOTE_LIMITED, json_len(items));
        modes_error(m, "meeting", CODE_RATE_LIMITED, "at most 10 snippet messages per second", msg->req_id);
        return;
    }
    struct meeting_work *k = meeting_work_make(t);
    k->has_ack = true;
    k->req_id = xslicedup(msg->req_id);
    k->texts = arena_alloc(&k->arena, (json_len(items) + 1) * sizeof(*k->texts));
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *item = json_at(items, i);
        struct slice speaker = json_get_text(item, "speakerId");
        take_text(t, k, json_get_text(item, "tag"), json_get_text(item, "text"),
                  speaker.len ? speaker : slice_of(m->device_id));
    }
    enum err e = m->shared->store ? OK : ERR_STORE;
    if (e || (e = store_start(NULL, m->shared->store, m->loop, &texts_class, k, t))) {
        forget_texts(t, k);
        meeting_work_free(k);
        modes_error(m, "meeting", msg_code_of(e), "the text could not be stored, send it again", msg->req_id);
    }
}

static bool says_the_end(struct modes *m, struct slice text)
{
    struct conf_list own = m->config->meeting_exit_words;
    struct slice words[32];
    size_t count = MIN(own.count, COUNT(words));
    for (size_t i = 0; i < count; i++)
        words[i] = slice_of(own.items[i]);
    return command_finalizes(text, words, count);
}

void meeting_heard(struct modes *m, uint32_t turn, struct slice text)
{
    struct meeting *t = m->meeting;
    if (!t || t->stage != STAGE_OPEN) {
        turn_silence(m->dialogue, turn);
        return;
    }
    if (says_the_end(m, text)) {
        turn_silence(m->dialogue, turn);
        meeting_finalize(m, true, false, (struct slice){0});
        return;
    }
    struct meeting_work *k = meeting_work_make(t);
    k->texts = arena_alloc(&k->arena, sizeof(*k->texts));
    take_text(t, k, SLICE("speech"), text, slice_of(m->device_id));
    if (k->text_count)
        (void)meeting_work_start(k, &texts_class);
    else
        meeting_work_free(k);
    if (m->config->meeting_disable_chat_on_snippet)
        turn_silence(m->dialogue, turn);
    else
        turn_ask(m->dialogue, turn, text);
}
