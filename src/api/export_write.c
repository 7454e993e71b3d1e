/* SPDX-License-Identifier: MIT
 * export_write.c -- see export.h. Subtitles: one cue per segment, its end is the next one's start, 1 to
 * 7 s, never overlapping; times are relative to the meeting. */
#include "api/export.h"
#include "base/clock.h"
#include "base/json.h"

#define CUE_MIN_MS 1000
#define CUE_MAX_MS 7000

static const char *const lists[] = { "bullets", "decisions", "actions", "risks", "nextSteps" };
static const char *const headings[] = { "Summary", "Decisions", "Actions", "Risks", "Next steps" };

/* Text of one line: what a peer said must not become structure. */
static void line_put(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_put_byte(out, *text == '\n' || *text == '\r' ? ' ' : *text);
}

static void duration_put(struct buf *out, int64_t ms)
{
    int64_t s = MAX(ms, 0) / 1000;
    buf_printf(out, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static void at_put(struct buf *out, const struct export_input *in, const struct segment_row *s)
{
    buf_put_byte(out, '[');
    duration_put(out, s->ts_ms - in->meeting->started_ms);
    buf_puts(out, "] ");
    if (s->speaker[0]) {
        line_put(out, s->speaker);
        buf_puts(out, ": ");
    }
}

static void head_put(struct buf *out, const struct export_input *in, const char *mark, const char *summary_duration)
{
    const struct meeting_row *m = in->meeting;
    char date[20];
    clock_text(m->started_ms, in->zone_minutes, date);
    buf_puts(out, mark);
    line_put(out, m->title[0] ? m->title : m->id);
    buf_printf(out, "\n\n%s  ", date);
    if (summary_duration[0])
        line_put(out, summary_duration);
    else
        duration_put(out, MAX(m->ended_ms, m->last_text_ms) - m->started_ms);
    buf_puts(out, "\n\n");
}

static void text_list(struct buf *out, const struct json *summary, size_t i, const char *mark)
{
    const struct json *list = json_get(summary, lists[i]);
    if (json_len(list) == 0)
        return;
    buf_printf(out, "%s%s\n\n", mark, headings[i]);
    for (size_t n = 0; n < json_len(list); n++) {
        auto_buf struct buf item = { 0 };
        buf_put(&item, json_text(json_at(list, n)));
        buf_puts(out, "- ");
        line_put(out, item.data ? item.data : "");
        buf_put_byte(out, '\n');
    }
    buf_put_byte(out, '\n');
}

static void prose_write(struct buf *out, const struct export_input *in, const char *mark, const char *sub_mark)
{
    auto_json struct json *summary = NULL;
    if (in->meeting->summary[0] && json_parse(&summary, slice_of(in->meeting->summary), NULL) != OK)
        summary = NULL;
    auto_buf struct buf duration = { 0 };
    buf_put(&duration, json_get_text(summary, "duration"));
    head_put(out, in, mark, duration.data ? duration.data : "");
    for (size_t i = 0; i < COUNT(lists); i++)
        text_list(out, summary, i, sub_mark);
    buf_printf(out, "%sTranscript\n\n", sub_mark);
    for (size_t i = 0; i < in->segment_count; i++) {
        if (*mark)
            buf_puts(out, "- ");
        at_put(out, in, &in->segments[i]);
        line_put(out, in->segments[i].text);
        buf_put_byte(out, '\n');
    }
}

static void md_write(struct buf *out, const struct export_input *in)
{
    prose_write(out, in, "# ", "## ");
}

static void txt_write(struct buf *out, const struct export_input *in)
{
    prose_write(out, in, "", "");
}

/* --- subtitles ---- */

static void cue_time(struct buf *out, int64_t ms, char point)
{
    duration_put(out, ms);
    buf_printf(out, "%c%03d", point, (int)(ms % 1000));
}

/* "-->" would end a cue; in WebVTT a '<' or '&' begins markup. */
static void cue_text(struct buf *out, const char *text, bool is_vtt)
{
    for (const char *t = text; *t; t++) {
        if (strncmp(t, "-->", 3) == 0) {
            buf_puts(out, "→");
            t += 2;
        } else if (is_vtt && *t == '<') {
            buf_puts(out, "&lt;");
        } else if (is_vtt && *t == '&') {
            buf_puts(out, "&amp;");
        } else {
            buf_put_byte(out, *t == '\n' || *t == '\r' ? ' ' : *t);
        }
    }
}

static void cues_write(struct buf *out, const struct export_input *in, bool is_vtt)
{
    char point = is_vtt ? '.' : ',';
    int64_t free_from = 0;
    for (size_t i = 0; i < in->segment_count; i++) {
        int64_t start = MAX(in->segments[i].ts_ms - in->meeting->started_ms, free_from);
        int64_t end = start + CUE_MAX_MS;
        if (i + 1 < in->segment_count)
            end = MIN(end, in->segments[i + 1].ts_ms - in->meeting->started_ms);
        end = MAX(end, start + CUE_MIN_MS);
        free_from = end;
        buf_printf(out, "%zu\n", i + 1);
        cue_time(out, start, point);
        buf_puts(out, " --> ");
        cue_time(out, end, point);
        buf_put_byte(out, '\n');
        if (in->segments[i].speaker[0]) {
            cue_text(out, in->segments[i].speaker, is_vtt);
            buf_puts(out, ": ");
        }
        cue_text(out, in->segments[i].text, is_vtt);
        buf_puts(out, "\n\n");
    }
}

static void srt_write(struct buf *out, const struct export_input *in)
{
    cues_write(out, in, false);
}

static void vtt_write(struct buf *out, const struct export_input *in)
{
    buf_puts(out, "WEBVTT\n\n");
    cues_write(out, in, true);
}

/* --- everything ---- */

static void raw_json(struct jw *w, const char *key, const char *text)
{
    auto_json struct json *v = NULL;
    if (text[0] && json_parse(&v, slice_of(text), NULL) == OK)
        jw_json(w, key, v);
    else
        jw_null(w, key);
}

static void json_write(struct buf *out, const struct export_input *in)
{
    static const char *const states[] = { "open", "finalizing", "done" };
    const struct meeting_row *m = in->meeting;
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "meetingId", m->id);
    jw_cstr(&w, "sessionId", m->session);
    jw_cstr(&w, "deviceId", m->device);
    jw_cstr(&w, "title", m->title);
    jw_cstr(&w, "state", states[m->state]);
    jw_i64(&w, "startedAt", m->started_ms);
    jw_i64(&w, "endedAt", m->ended_ms);
    jw_i64(&w, "lastTextAt", m->last_text_ms);
    jw_i64(&w, "leftAt", m->left_ms);
    jw_i64(&w, "segmentsCount", m->segments);
    jw_i64(&w, "bulletsLength", m->bullets);
    raw_json(&w, "summary", m->summary);
    raw_json(&w, "metrics", m->metrics);
    jw_array_as(&w, "checkpoints");
    for (size_t i = 0; i < in->checkpoint_count; i++) {
        jw_object(&w);
        jw_i64(&w, "createdAt", in->checkpoints[i].created_ms);
        jw_i64(&w, "uptoSegment", in->checkpoints[i].upto_segment);
        raw_json(&w, "summary", in->checkpoints[i].summary);
        jw_end(&w);
    }
    jw_end(&w);
    jw_array_as(&w, "segments");
    for (size_t i = 0; i < in->segment_count; i++) {
        const struct segment_row *s = &in->segments[i];
        jw_object(&w);
        jw_i64(&w, "id", s->id);
        jw_i64(&w, "ts", s->ts_ms);
        jw_cstr(&w, "text", s->text);
        jw_cstr(&w, "speakerId", s->speaker);
        jw_cstr(&w, "tag", s->tag);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    buf_put_byte(out, '\n');
}

static const struct export_format formats[] = {
    { "md", "text/markdown; charset=utf-8", md_write },
    { "srt", "application/x-subrip; charset=utf-8", srt_write },
    { "vtt", "text/vtt; charset=utf-8", vtt_write },
    { "json", "application/json", json_write },
    { "txt", "text/plain; charset=utf-8", txt_write },
};

const struct export_format *export_find(struct slice name)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (slice_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}
