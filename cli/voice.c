/* SPDX-License-Identifier: MIT
 * voice.c -- speech out of files and engines. */
#include "cli/voice.h"

#include "audio/resample.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "loop/loop.h"
#include "loop/process.h"
#include "loop/timer.h"
#include "net/conn.h"
#include "protocol/wyoming.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX_BYTES (64u << 20)
#define CONNECT_AGAIN_MS 50
#define STEP_MS 50
#define CLOSE_STEPS_MAX 60

void loop_end(struct loop *l)
{
    loop_step(l, 0);
    for (int i = 0; i < CLOSE_STEPS_MAX && loop_timers_armed(l) > 0; i++)
        loop_step(l, STEP_MS);
    loop_step(l, 0);
}

enum err file_read(struct buf *out, const char *path, size_t max_bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return ERR_NOT_FOUND;
    enum err e = OK;
    char piece[16384];
    for (size_t n; e == OK && (n = fread(piece, 1, sizeof(piece), f)) > 0;)
        e = out->len + n > max_bytes ? ERR_LIMIT : buf_put(out, slice_from(piece, n));
    if (e == OK && ferror(f))
        e = ERR_IO;
    fclose(f);
    return e;
}

enum err file_write(const char *path, struct slice data)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return ERR_IO;
    bool is_written = fwrite(data.data, 1, data.len, f) == data.len;
    return fclose(f) == 0 && is_written ? OK : ERR_IO;
}

static enum err fail(struct err_note *note, enum err e, const char *what, const char *detail)
{
    note->err = e;
    snprintf(note->text, sizeof(note->text), "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    return e;
}

static enum err decode_wav(struct pcm_queue *out, struct slice bytes, uint32_t rate_hz)
{
    auto_mem struct wav_reader *r = xnew(struct wav_reader);
    struct pcm_queue raw;
    struct pcm pcm;
    enum err e;
    wav_reader_init(r);
    pcm_queue_init(&raw, 0);
    while ((e = wav_next(r, &bytes, &pcm)) == OK && pcm.count > 0)
        e = pcm_queue_put(&raw, pcm);
    if (e == OK && raw.count == 0)
        e = ERR_PROTO;
    if (e == OK)
        e = resample_once(pcm_queue_peek(&raw), r->rate_hz, rate_hz, out);
    pcm_queue_done(&raw);
    return e;
}

enum err voice_from_wav(struct pcm_queue *out, const char *path, uint32_t rate_hz, struct err_note *note)
{
    auto_buf struct buf bytes = { 0 };
    enum err e = file_read(&bytes, path, FILE_MAX_BYTES);
    if (e)
        return fail(note, e, path, err_text(e));
    e = decode_wav(out, buf_slice(&bytes), rate_hz);
    return e ? fail(note, e, path, "not a WAV file that can be read") : OK;
}

void engines_dir(struct buf *out)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *end = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;
    buf_put(out, end ? slice_from(self, (size_t)(end - self)) : SLICE("."));
    size_t folder = out->len;
    buf_puts(out, "/engines");
    if (access(out->data, X_OK) == 0)
        return;
    out->len = folder; /* a test program lies one folder below */
    buf_puts(out, "/../engines");
}

/* --- an engine, started for one sentence -------------------------------------------------------------- */

struct synth {
    struct loop *loop;
    struct pcm_queue *out;
    struct process *process;
    struct conn *conn;
    struct timer again, limit;
    struct wyoming in;
    const char *text;
    char socket[160];
    struct resample *resample;
    bool is_done;
    enum err err;
};

static void end(struct synth *s, enum err e)
{
    if (s->is_done)
        return;
    s->is_done = true;
    s->err = e;
}

static void take_chunk(struct synth *s, const struct wyoming_event *ev)
{
    struct wyoming_format f;
    if (wyoming_format_read(ev, &f) || f.channels != 1) {
        end(s, ERR_UNSUPPORTED);
        return;
    }
    enum err e = s->resample ? OK : resample_create(&s->resample, f.rate_hz, VOICE_RATE_HZ);
    size_t samples = ev->payload.len / 2;
    auto_mem int16_t *aligned = xalloc(samples * sizeof(*aligned));
    memcpy(aligned, samples ? ev->payload.data : "", samples * sizeof(*aligned));
    if (e == OK)
        e = resample_feed(s->resample, (struct pcm){ aligned, samples }, s->out);
    if (e)
        end(s, e);
}

static void on_data(void *user, struct slice data)
{
    struct synth *s = user;
    struct wyoming_event ev;
    (void)!wyoming_feed(&s->in, data);
    while (!s->is_done && wyoming_next(&s->in, &ev)) {
        if (slice_is(ev.type, "audio-chunk"))
            take_chunk(s, &ev);
        else if (slice_is(ev.type, "audio-stop"))
            end(s, s->resample ? resample_flush(s->resample, s->out) : OK);
        else if (slice_is(ev.type, "error"))
            end(s, ERR_UPSTREAM);
    }
    if (s->in.err)
        end(s, s->in.err);
}

static void on_open(void *user)
{
    struct synth *s = user;
    auto_buf struct buf out = { 0 };
    wyoming_synthesize(&out, slice_of(s->text), NULL);
    (void)!conn_write(s->conn, buf_slice(&out));
}

static void dial(void *arg);

static void on_conn_close(void *user, enum err why)
{
    struct synth *s = user;
    s->conn = NULL;
    if (!s->is_done) /* its socket is not there yet */
        timer_start(&s->again, s->loop, CONNECT_AGAIN_MS, dial, s);
}

static void dial(void *arg)
{
    static const struct conn_events events = { .on_open = on_open, .on_data = on_data, .on_close = on_conn_close };
    struct synth *s = arg;
    if (conn_connect(&s->conn, s->loop, &(struct conn_opts){ .host = s->socket }, &events, s))
        timer_start(&s->again, s->loop, CONNECT_AGAIN_MS, dial, s);
}

static void on_exit_(void *user, int status, int signal)
{
    struct synth *s = user;
    s->process = NULL;
    end(s, ERR_UPSTREAM);
}

static void on_limit(void *arg)
{
    end(arg, ERR_TIMEOUT);
}

static void synth_close(struct synth *s)
{
    timer_stop(&s->again);
    timer_stop(&s->limit);
    conn_close(s->conn);
    process_close(s->process);
    resample_free(s->resample);
    wyoming_done(&s->in);
    loop_end(s->loop); /* until the engine has ended */
}

static enum err speak_by_engine(struct pcm_queue *out, struct loop *l, const char *program, const char *text)
{
    static const struct process_events events = { .on_exit = on_exit_ };
    char dir[] = "/tmp/parley-voice-XXXXXX";
    struct synth s = { .loop = l, .out = out, .text = text };
    if (!mkdtemp(dir))
        return ERR_IO;
    snprintf(s.socket, sizeof(s.socket), "unix:%s/engine.sock", dir);
    const char *const argv[] = { program, "--socket", s.socket + 5, NULL };

    enum err e = process_open(&s.process, l, &(struct process_opts){ .argv = argv }, &events, &s);
    if (e == OK) {
        timer_start(&s.limit, l, VOICE_TIMEOUT_MS, on_limit, &s);
        dial(&s);
        while (!s.is_done)
            loop_step(l, STEP_MS);
        synth_close(&s);
        e = s.err;
    }
    (void)unlink(s.socket + 5);
    (void)rmdir(dir);
    return e == OK && out->count == 0 ? ERR_UPSTREAM : e;
}

/* --- a program that writes a file --------------------------------------------------------------------- */

struct run {
    bool is_done;
    int status;
};

static void on_run_exit(void *user, int status, int signal)
{
    struct run *r = user;
    r->is_done = true;
    r->status = signal ? -1 : status;
}

static enum err speak_by_program(struct pcm_queue *out, struct loop *l, bool is_flite, const char *text)
{
    static const struct process_events events = { .on_exit = on_run_exit };
    char path[] = "/tmp/parley-voice-XXXXXX";
    const char *flite[] = { "/usr/bin/flite", "-voice", "slt", "-t", text, "-o", path, NULL };
    const char *espeak[] = { "/usr/bin/espeak-ng", "-w", path, text, NULL };
    const char **argv = is_flite ? flite : espeak;
    struct run run = { 0 };
    struct process *p;
    if (access(argv[0], X_OK) != 0)
        return ERR_NOT_FOUND;
    int fd = mkstemp(path);
    if (fd < 0)
        return ERR_IO;
    close(fd);

    enum err e = process_open(&p, l, &(struct process_opts){ .argv = argv }, &events, &run);
    while (e == OK && !run.is_done)
        loop_step(l, STEP_MS);
    struct err_note note;
    if (e == OK)
        e = run.status ? ERR_UPSTREAM : voice_from_wav(out, path, VOICE_RATE_HZ, &note);
    (void)unlink(path);
    return e;
}

static bool is_english(struct slice text)
{
    size_t at = 0;
    for (int32_t c; (c = utf8_next(text, &at)) >= 0;)
        if (c > 0x24f)
            return false;
    return true;
}

enum err voice_from_text(struct pcm_queue *out, struct loop *l, const char *text, struct err_note *note)
{
    bool wants_flite = is_english(slice_of(text));
    enum err e = ERR_NOT_FOUND;
    for (int i = 0; i < 2 && e; i++) {
        bool is_flite = wants_flite ? i == 0 : false;
        auto_buf struct buf program = { 0 };
        engines_dir(&program);
        buf_puts(&program, is_flite ? "/flite" : "/espeak-ng");
        e = access(program.data, X_OK) == 0 ? speak_by_engine(out, l, program.data, text)
                                            : speak_by_program(out, l, is_flite, text);
    }
    return e ? fail(note, e, "no engine could say it (engines/flite, engines/espeak-ng beside this program)",
                    err_text(e))
             : OK;
}
