/* SPDX-License-Identifier: MIT
 * script_run.c -- one device plays one script.
 *
 * What arrives is kept with its time; expectations look at it in order and wait for more. Waiting moves
 * the loop: with a manual clock in steps of a few milliseconds, otherwise by real time. */
#include "cli/device.h"
#include "cli/script.h"

#include "audio/encoder.h"
#include "audio/pcm_queue.h"
#include "base/crypto.h"
#include "base/list.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>

#define EXPECT_DEFAULT_MS 5000
#define STEP_MS 5
#define ADVANCE_STEP_MS 20
#define STEPS_PER_WAIT 64
#define BUSY_STEPS_MAX 500 /* of a millisecond: other threads may be stuck */
#define RATE_HZ 16000
#define TONE_HZ 440
#define TONE_LEVEL 8000
#define ARRIVALS_MAX 2000

struct arrival {
    struct node node;
    struct json *message;
    uint64_t at_ms;
};

struct run {
    const struct script_host *h;
    const struct script_line *line;
    struct device *device;
    struct list arrivals;
    unsigned arrival_count;
    struct script_vars vars;
    uint64_t last_ms;            /* of the last send or match: `within` counts from here */
    uint64_t audio_us, audio_at_ms; /* since tts start; when the last packet came */
    struct encoder *encoder;
    unsigned frame_ms, tone_at, steps;
    enum framing framing;
    uint32_t timestamp_ms;
    bool is_open, is_closed, is_pcm, allows_faults;
    int close_code, http_status;
    char path[200];              /* behind the URL */
    struct err_note *note;
    enum err err;
};

static uint64_t now_ms(const struct run *r)
{
    return loop_now_us(r->h->loop) / 1000;
}

static enum err failed(struct run *r, enum err e, const char *fmt, ...) printf_like(3, 4);
static enum err failed(struct run *r, enum err e, const char *fmt, ...)
{
    auto_buf struct buf why = { 0 };
    va_list args;
    if (r->err)
        return r->err;
    va_start(args, fmt);
    buf_vprintf(&why, fmt, args);
    va_end(args);
    r->err = r->note->err = e;
    snprintf(r->note->text, sizeof(r->note->text), "line %u: %s", r->line ? r->line->number : 0, why.data);
    return e;
}

/* --- what arrives ---------------------------------------------------------------------------------------- */

static void on_text(void *user, const struct json *m, struct slice text)
{
    struct run *r = user;
    if (r->h->is_verbose)
        printf("%6llu < " SLICE_FMT "\n", (unsigned long long)now_ms(r), SLICE_ARG(text));
    if (slice_is(json_get_text(m, "type"), "tts") && slice_is(json_get_text(m, "state"), "start"))
        r->audio_us = 0;
    if (r->arrival_count >= ARRIVALS_MAX)
        return;
    struct arrival *a = xnew(struct arrival);
    a->at_ms = now_ms(r);
    if (json_parse(&a->message, text, &(struct json_limits){ .nodes_max = 65536 }) == OK) {
        list_push(&r->arrivals, &a->node);
        r->arrival_count++;
    } else {
        mem_free(a);
    }
}

static void on_packet(void *user, struct slice packet, bool is_played)
{
    struct run *r = user;
    r->audio_at_ms = now_ms(r);
    r->audio_us += device_speaker(r->device)->frame_us;
}

static void on_open(void *user)
{
    ((struct run *)user)->is_open = true;
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct run *r = user;
    r->is_closed = true;
    r->close_code = code;
    r->http_status = http_status;
    if (r->h->is_verbose)
        printf("%6llu < close %d %d " SLICE_FMT "\n", (unsigned long long)now_ms(r), code, http_status,
               SLICE_ARG(reason));
}

static bool counts(const struct run *r, enum violation v)
{
    switch (v) {
    case VIOLATION_starved:
    case VIOLATION_stop_late:
    case VIOLATION_stop_too_early:
        return false; /* scripts make providers slow, and interrupt */
    default:
        return r->h->has_manual_clock || !violation_is_timing(v);
    }
}

static void on_violation(void *user, enum violation v, const char *detail)
{
    struct run *r = user;
    if (!r->allows_faults && counts(r, v))
        failed(r, ERR_PROTO, "the server broke a rule: %s %s", violation_text(v), detail);
}

static const struct device_events events = {
    .on_open = on_open,
    .on_text = on_text,
    .on_packet = on_packet,
    .on_violation = on_violation,
    .on_close = on_close,
};

static void free_arrival(struct run *r, struct arrival *a)
{
    list_unlink(&a->node);
    json_free(a->message);
    mem_free(a);
    r->arrival_count--;
}

/* --- time ------------------------------------------------------------------------------------------------ */

/* Sockets first, then the clock. */
static void settle(struct run *r)
{
    for (int i = 0; i < 4; i++)
        loop_step(r->h->loop, 0);
}

/* Other threads (the store) end what they have begun, and get real time now and then, or a hand-moved clock would
 * outrun them. */
static void pass_by_hand(struct run *r, uint64_t ms)
{
    for (unsigned i = 0; i < BUSY_STEPS_MAX && r->h->is_busy && r->h->is_busy(r->h->user); i++)
        loop_step(r->h->loop, 1);
    loop_advance(r->h->loop, ms);
    settle(r);
    if (++r->steps % STEPS_PER_WAIT == 0)
        loop_step(r->h->loop, 1);
}

static void pass_in_steps(struct run *r, uint64_t ms, uint64_t step_ms)
{
    uint64_t until = now_ms(r) + ms;
    settle(r);
    while (now_ms(r) < until && !r->err) {
        uint64_t left = MIN(until - now_ms(r), step_ms);
        if (r->h->has_manual_clock)
            pass_by_hand(r, left);
        else
            loop_step(r->h->loop, (unsigned)left);
    }
}

static void pass(struct run *r, uint64_t ms)
{
    pass_in_steps(r, ms, STEP_MS);
}

/* --- expecting ------------------------------------------------------------------------------------------- */

static uint64_t patience(const struct run *r)
{
    unsigned usual = r->h->expect_ms ? r->h->expect_ms : EXPECT_DEFAULT_MS;
    return r->line->within_ms ? r->line->within_ms + STEP_MS : usual;
}

enum look { LOOK_ON, LOOK_FOUND, LOOK_WRONG };

static enum look look_at(struct run *r, struct arrival *a)
{
    const struct script_line *l = r->line;
    auto_buf struct buf why = { 0 };
    bool is_same_type = slice_eq(json_get_text(a->message, "type"), json_get_text(l->pattern, "type"));
    if (script_match(l->pattern, a->message, &r->vars, &why)) {
        if (l->within_ms && a->at_ms > r->last_ms + l->within_ms) {
            failed(r, ERR_TIMEOUT, "came after %llu ms: %s", (unsigned long long)(a->at_ms - r->last_ms), l->text);
            return LOOK_WRONG;
        }
        r->last_ms = a->at_ms;
        return LOOK_FOUND;
    }
    if (!is_same_type || l->op == OP_EXPECT_SOME)
        return LOOK_ON;
    failed(r, ERR_INVALID, "wanted %.100s but %s", l->text, why.data);
    return LOOK_WRONG;
}

static enum look look_for(struct run *r)
{
    enum look seen = LOOK_ON;
    list_each (&r->arrivals, n) {
        struct arrival *a = container_of(n, struct arrival, node);
        seen = look_at(r, a);
        free_arrival(r, a);
        if (seen != LOOK_ON)
            break;
    }
    return seen;
}

static enum err expect(struct run *r)
{
    uint64_t until = MAX(now_ms(r), r->last_ms) + patience(r);
    settle(r);
    for (;;) {
        enum look seen = look_for(r);
        if (seen == LOOK_FOUND)
            return OK;
        if (seen == LOOK_WRONG || r->err)
            return r->err;
        if (r->is_closed)
            return failed(r, ERR_CLOSED, "the connection is closed (%d, HTTP %d), no %.100s", r->close_code,
                          r->http_status, r->line->text);
        if (now_ms(r) >= until)
            return failed(r, ERR_TIMEOUT, "never came: %.140s", r->line->text);
        pass(r, STEP_MS);
    }
}

static enum err expect_no(struct run *r)
{
    struct script_vars vars;
    pass(r, r->line->ms);
    list_each (&r->arrivals, n) {
        struct arrival *a = container_of(n, struct arrival, node);
        vars = r->vars;
        if (r->line->op == OP_NOTHING || script_match(r->line->pattern, a->message, &vars, NULL)) {
            auto_buf struct buf text = { 0 };
            json_print(&text, a->message);
            return failed(r, ERR_INVALID, "must not come: %.150s", text.data);
        }
    }
    return r->err;
}

static enum err expect_audio(struct run *r)
{
    uint64_t until = now_ms(r) + patience(r);
    settle(r);
    while (r->audio_us < r->line->ms * 1000 && !r->err) {
        if (now_ms(r) >= until || r->is_closed)
            return failed(r, ERR_TIMEOUT, "only %llu ms of audio came", (unsigned long long)(r->audio_us / 1000));
        pass(r, STEP_MS);
    }
    return r->err;
}

static enum err expect_no_audio(struct run *r)
{
    settle(r);
    uint64_t from = now_ms(r);
    pass(r, r->line->ms);
    if (r->audio_at_ms > from)
        return failed(r, ERR_INVALID, "audio came %llu ms later", (unsigned long long)(r->audio_at_ms - from));
    return r->err;
}

static enum err expect_close(struct run *r)
{
    uint64_t until = now_ms(r) + patience(r);
    settle(r);
    while (!r->is_closed && !r->err) {
        if (now_ms(r) >= until)
            return failed(r, ERR_TIMEOUT, "the connection was not closed");
        pass(r, STEP_MS);
    }
    int code = r->http_status ? r->http_status : r->close_code;
    if (r->line->code && code != r->line->code)
        return failed(r, ERR_INVALID, "closed with %d", code);
    return r->err;
}

/* --- doing ------------------------------------------------------------------------------------------------- */

static enum err open_device(struct run *r)
{
    auto_buf struct buf url = { 0 };
    device_close(r->device);
    r->device = NULL;
    r->is_open = r->is_closed = false;
    buf_printf(&url, "%s%s", r->h->url, r->path);
    enum err e = device_open(&r->device, &(struct device_opts){ .loop = r->h->loop, .url = url.data,
                                                                .token = r->h->token, .device_id = r->h->device_id,
                                                                .client_id = r->h->client_id, .framing = r->framing,
                                                                .is_scripted = true, .on = &events, .user = r });
    if (e)
        return failed(r, e, "could not connect to %s: %s", url.data, err_text(e));
    uint64_t until = now_ms(r) + EXPECT_DEFAULT_MS;
    for (settle(r); !r->is_open && !r->is_closed; pass(r, STEP_MS))
        if (now_ms(r) >= until)
            return failed(r, ERR_TIMEOUT, "the WebSocket did not open");
    r->last_ms = now_ms(r);
    return OK;
}

static enum err sent(struct run *r, enum err e)
{
    r->last_ms = now_ms(r);
    settle(r);
    if (e && r->is_closed)
        return failed(r, e, "could not send: closed by the server (%d, HTTP %d)", r->close_code, r->http_status);
    return e ? failed(r, e, "could not send: %s", err_text(e)) : r->err;
}

static enum err send_text(struct run *r)
{
    auto_buf struct buf text = { 0 };
    if (script_fill(&text, slice_of(r->line->text), &r->vars))
        return failed(r, ERR_NOT_FOUND, "a $name in it was never captured");
    if (r->h->is_verbose)
        printf("%6llu > %s\n", (unsigned long long)now_ms(r), text.data);
    return sent(r, device_send_text(r->device, buf_slice(&text)));
}

/* "0a0b..", or "N*0a" for many bytes */
static bool read_bytes(struct slice text, struct buf *out)
{
    struct slice rest = text, many = slice_cut(&rest, '*');
    int64_t n;
    uint8_t byte;
    if (rest.data && slice_to_i64(many, &n) && hex_decode(rest, &byte, 1)) {
        while (n-- > 0)
            buf_put_byte(out, (char)byte);
        return true;
    }
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        if (!hex_decode(slice_sub(text, i, 2), &byte, 1))
            return false;
        buf_put_byte(out, (char)byte);
    }
    return text.len % 2 == 0;
}

static enum err send_bytes(struct run *r)
{
    auto_buf struct buf bytes = { 0 };
    if (!read_bytes(slice_of(r->line->text), &bytes))
        return failed(r, ERR_INVALID, "not hexadecimal");
    return sent(r, r->line->op == OP_SEND_BINARY ? device_send_binary(r->device, buf_slice(&bytes))
                                                 : device_send_packet(r->device, buf_slice(&bytes), 0));
}

static enum err make_speech(struct run *r, struct slice source, struct pcm_queue *out)
{
    struct err_note note = { 0 };
    size_t samples = (size_t)r->line->ms * RATE_HZ / 1000;
    if (source.len == 0 || slice_is(source, "tone") || slice_is(source, "silence")) {
        int16_t *to = pcm_queue_room(out, samples);
        bool is_tone = !slice_is(source, "silence");
        for (size_t i = 0; i < samples; i++)
            to[i] = is_tone ? (int16_t)lrint(TONE_LEVEL * sin(2 * M_PI * TONE_HZ * r->tone_at++ / RATE_HZ)) : 0;
        pcm_queue_wrote(out, samples);
        return OK;
    }
    enum err e = r->h->speech ? r->h->speech(r->h->user, source, out, &note) : ERR_UNSUPPORTED;
    if (e)
        return failed(r, e, "%.150s", note.text[0] ? note.text : "this source of speech is not available here");
    size_t count = pcm_queue_peek(out).count;
    if (count < samples) { /* the rest of the time is silence */
        memset(pcm_queue_room(out, samples - count), 0, (samples - count) * sizeof(int16_t));
        pcm_queue_wrote(out, samples - count);
    }
    return OK;
}

static enum err stream(struct run *r, struct pcm_queue *speech)
{
    size_t samples = RATE_HZ / 1000 * r->frame_ms;
    while (pcm_queue_peek(speech).count >= samples && !r->err && !r->is_closed) {
        struct pcm frame = { pcm_queue_peek(speech).samples, samples };
        struct slice packet = slice_from(frame.samples, samples * sizeof(int16_t));
        if (!r->is_pcm && encoder_frame(r->encoder, frame, &packet))
            return failed(r, ERR_INTERNAL, "could not encode");
        (void)!device_send_packet(r->device, packet, 0);
        pcm_queue_eat(speech, samples);
        pass(r, r->frame_ms);
    }
    r->last_ms = now_ms(r);
    return r->err;
}

static enum err send_audio(struct run *r)
{
    struct pcm_queue speech;
    pcm_queue_init(&speech, 0);
    enum err e = OK;
    if (!r->encoder)
        e = encoder_create(&r->encoder, &(struct encoder_opts){ RATE_HZ, r->frame_ms * 1000, 24000, 0 });
    if (e == OK)
        e = make_speech(r, slice_of(r->line->text), &speech);
    if (e == OK)
        e = stream(r, &speech);
    pcm_queue_done(&speech);
    return e;
}

/* Lines about the device itself; all others are for whoever set up the server. */
static enum err take_given(struct run *r)
{
    struct slice rest = slice_of(r->line->text), word = slice_cut(&rest, ' ');
    int64_t n;
    rest = slice_trim(rest);
    if (slice_is(word, "framing") && slice_to_i64(rest, &n))
        r->framing = (enum framing)n;
    else if (slice_is(word, "frame") && slice_to_i64(rest, &n))
        r->frame_ms = (unsigned)n;
    else if (slice_is(word, "pcm"))
        r->is_pcm = true;
    else if (slice_is(word, "faults"))
        r->allows_faults = true;
    else if (slice_is(word, "path"))
        snprintf(r->path, sizeof(r->path), SLICE_FMT, SLICE_ARG(rest));
    return OK;
}

static enum err advance(struct run *r)
{
    pass_in_steps(r, r->line->ms, ADVANCE_STEP_MS);
    r->last_ms = now_ms(r);
    return r->err;
}

static enum err do_line(struct run *r)
{
    switch (r->line->op) {
    case OP_GIVEN: return take_given(r);
    case OP_OPEN: return open_device(r);
    case OP_ADVANCE: return advance(r);
    default: break;
    }
    enum err e = r->device ? OK : open_device(r);
    if (e)
        return e;
    switch (r->line->op) {
    case OP_SEND: return send_text(r);
    case OP_SEND_PACKET:
    case OP_SEND_BINARY: return send_bytes(r);
    case OP_SEND_AUDIO: return send_audio(r);
    case OP_EXPECT:
    case OP_EXPECT_SOME: return expect(r);
    case OP_EXPECT_NO:
    case OP_NOTHING: return expect_no(r);
    case OP_EXPECT_AUDIO: return expect_audio(r);
    case OP_NO_AUDIO: return expect_no_audio(r);
    case OP_EXPECT_CLOSE: return expect_close(r);
    default:
        device_close(r->device);
        r->device = NULL;
        settle(r);
        return OK;
    }
}

enum err script_run(const struct script *s, const struct script_host *h, struct err_note *note)
{
    auto_mem struct run *r = xnew(struct run);
    r->h = h;
    r->note = note;
    r->framing = FRAMING_V1;
    r->frame_ms = 60;
    list_init(&r->arrivals);
    for (size_t i = 0; i < s->count && !r->err; i++) {
        r->line = &s->lines[i];
        enum err e = do_line(r);
        if (e && !r->err)
            failed(r, e, "%s", err_text(e));
    }
    device_close(r->device);
    r->device = NULL;
    settle(r);
    list_each (&r->arrivals, n)
        free_arrival(r, container_of(n, struct arrival, node));
    encoder_free(r->encoder);
    return r->err;
}
