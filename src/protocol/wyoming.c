/* SPDX-License-Identifier: MIT
 * wyoming.c -- Wyoming events: a bounded reader and the writers of the events we use. */
#include "protocol/wyoming.h"

#include <stdio.h>

void wyoming_done(struct wyoming *w)
{
    json_free(w->head);
    json_free(w->data);
    buf_done(&w->in);
    *w = (struct wyoming){ 0 };
}

/* Lets go of the event given last. */
static void drop_event(struct wyoming *w)
{
    json_free(w->head);
    json_free(w->data);
    w->head = w->data = NULL;
    if (w->eaten_bytes > 0)
        buf_eat(&w->in, w->eaten_bytes);
    w->eaten_bytes = 0;
}

static bool fail(struct wyoming *w, enum err e)
{
    w->err = e;
    drop_event(w);
    return false;
}

enum err wyoming_feed(struct wyoming *w, struct slice bytes)
{
    if (w->err)
        return w->err;
    drop_event(w);
    w->in.max = WYOMING_LINE_MAX_BYTES + WYOMING_DATA_MAX_BYTES + (size_t)WYOMING_PAYLOAD_MAX_BYTES * 2;
    enum err e = buf_put(&w->in, bytes);
    if (e)
        fail(w, e);
    return e;
}

/* A length that is absent or null is 0; false: negative, no number, or too long. */
static bool read_length(const struct json *head, const char *key, size_t max, size_t *out)
{
    const struct json *v = json_get(head, key);
    int64_t n = json_is(v, JSON_NULL) ? 0 : json_i64(v, -1);
    if (n < 0 || (uint64_t)n > max)
        return false;
    *out = (size_t)n;
    return true;
}

/* The head line: true when it is whole and good; *bytes counts its newline. */
static bool read_head(struct wyoming *w, size_t *bytes)
{
    struct slice rest = buf_slice(&w->in);
    const char *end = rest.len ? memchr(rest.data, '\n', MIN(rest.len, (size_t)WYOMING_LINE_MAX_BYTES)) : NULL;
    if (!end)
        return rest.len >= WYOMING_LINE_MAX_BYTES ? fail(w, ERR_LIMIT) : false;

    *bytes = (size_t)(end - rest.data) + 1;
    if (json_parse(&w->head, slice_sub(rest, 0, *bytes - 1), NULL))
        return fail(w, ERR_PROTO);
    if (json_get_text(w->head, "type").len == 0)
        return fail(w, ERR_PROTO);
    return true;
}

bool wyoming_next(struct wyoming *w, struct wyoming_event *out)
{
    static const struct json_limits data_limits = { .depth_max = 32, .nodes_max = 65536 };
    size_t head_bytes, data_bytes, payload_bytes;

    if (w->err)
        return false;
    drop_event(w);
    if (!read_head(w, &head_bytes))
        return false;
    if (!read_length(w->head, "data_length", WYOMING_DATA_MAX_BYTES, &data_bytes) ||
        !read_length(w->head, "payload_length", WYOMING_PAYLOAD_MAX_BYTES, &payload_bytes))
        return fail(w, ERR_LIMIT);
    if (w->in.len < head_bytes + data_bytes + payload_bytes) {
        json_free(w->head); /* read again when the rest is here: events come in one or two pieces */
        w->head = NULL;
        return false;
    }

    struct slice all = buf_slice(&w->in);
    if (data_bytes > 0 && json_parse(&w->data, slice_sub(all, head_bytes, data_bytes), &data_limits))
        return fail(w, ERR_PROTO);
    w->eaten_bytes = head_bytes + data_bytes + payload_bytes;
    *out = (struct wyoming_event){
        .type = json_get_text(w->head, "type"),
        .data = w->data,
        .inline_data = json_get(w->head, "data"),
        .payload = slice_sub(all, head_bytes + data_bytes, payload_bytes),
    };
    return true;
}

const struct json *wyoming_get(const struct wyoming_event *e, const char *key)
{
    const struct json *v = json_get(e->data, key);
    return v ? v : json_get(e->inline_data, key);
}

struct slice wyoming_text(const struct wyoming_event *e, const char *key)
{
    return json_text(wyoming_get(e, key));
}

int64_t wyoming_i64(const struct wyoming_event *e, const char *key, int64_t otherwise)
{
    return json_i64(wyoming_get(e, key), otherwise);
}

enum err wyoming_format_read(const struct wyoming_event *e, struct wyoming_format *out)
{
    int64_t rate = wyoming_i64(e, "rate", 16000), width = wyoming_i64(e, "width", 2);
    int64_t channels = wyoming_i64(e, "channels", 1);
    if (rate < 8000 || rate > 48000 || width != 2 || channels < 1 || channels > 2)
        return ERR_UNSUPPORTED;
    *out = (struct wyoming_format){ (uint32_t)rate, (unsigned)width, (unsigned)channels };
    return OK;
}

void wyoming_write(struct buf *out, const char *type, struct slice data, struct slice payload)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", type);
    if (data.len > 0)
        jw_i64(&w, "data_length", (int64_t)data.len);
    if (payload.len > 0)
        jw_i64(&w, "payload_length", (int64_t)payload.len);
    jw_end(&w);
    buf_put_byte(out, '\n');
    buf_put(out, data);
    buf_put(out, payload);
}

/* Nothing is allocated here: a chunk is written for every frame that is heard. */
static void write_audio(struct buf *out, const char *type, uint32_t rate_hz, struct slice payload)
{
    char data[64];
    int len = snprintf(data, sizeof(data), "{\"rate\":%u,\"width\":2,\"channels\":1}", rate_hz);
    wyoming_write(out, type, slice_from(data, (size_t)len), payload);
}

void wyoming_audio_start(struct buf *out, uint32_t rate_hz)
{
    write_audio(out, "audio-start", rate_hz, (struct slice){ 0 });
}

void wyoming_audio_chunk(struct buf *out, uint32_t rate_hz, struct pcm pcm)
{
    write_audio(out, "audio-chunk", rate_hz, slice_from(pcm.samples, pcm.count * sizeof(*pcm.samples)));
}

void wyoming_audio_stop(struct buf *out)
{
    wyoming_write(out, "audio-stop", (struct slice){ 0 }, (struct slice){ 0 });
}

struct member {
    const char *key;
    struct slice value; /* empty: left out */
};

static void write_members(struct buf *out, const char *type, const struct member *members, size_t count)
{
    auto_buf struct buf data = { 0 };
    struct jw w;
    jw_init(&w, &data);
    jw_object(&w);
    for (size_t i = 0; i < count; i++)
        if (members[i].value.len > 0)
            jw_str(&w, members[i].key, members[i].value);
    jw_end(&w);
    wyoming_write(out, type, buf_slice(&data), (struct slice){ 0 });
}

void wyoming_transcribe(struct buf *out, struct slice language)
{
    write_members(out, "transcribe", &(struct member){ "language", language }, 1);
}

void wyoming_transcript(struct buf *out, struct slice text, struct slice language)
{
    auto_buf struct buf data = { 0 };
    struct jw w;
    jw_init(&w, &data);
    jw_object(&w);
    jw_str(&w, "text", text); /* always there, also when nothing was heard */
    if (language.len > 0)
        jw_str(&w, "language", language);
    jw_end(&w);
    wyoming_write(out, "transcript", buf_slice(&data), (struct slice){ 0 });
}

void wyoming_synthesize(struct buf *out, struct slice text, const struct wyoming_voice *voice)
{
    auto_buf struct buf data = { 0 };
    struct jw w;
    jw_init(&w, &data);
    jw_object(&w);
    jw_str(&w, "text", text);
    if (voice && voice->name.len + voice->language.len + voice->speaker.len > 0) {
        jw_object_as(&w, "voice");
        if (voice->name.len > 0)
            jw_str(&w, "name", voice->name);
        if (voice->language.len > 0)
            jw_str(&w, "language", voice->language);
        if (voice->speaker.len > 0)
            jw_str(&w, "speaker", voice->speaker);
        jw_end(&w);
    }
    jw_end(&w);
    wyoming_write(out, "synthesize", buf_slice(&data), (struct slice){ 0 });
}

void wyoming_error(struct buf *out, struct slice text)
{
    write_members(out, "error", &(struct member){ "text", text }, 1);
}

void wyoming_describe(struct buf *out)
{
    wyoming_write(out, "describe", (struct slice){ 0 }, (struct slice){ 0 });
}
