/* SPDX-License-Identifier: MIT
 * chime.c -- sounds from files: the one after an answer (enable_stop_tts_notify, stop_tts_notify_voice) and the entry
 * tone of a mode. A worker reads and codes a file once for a loop and an audio format; from then on it is a clip in
 * the cache. Until it is there, and when it cannot be read, two built-in notes are played.
 *
 *   file --(worker)--> WAV | Ogg Opus --> PCM --> packets --(loop)--> clip cache --> speaker
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "audio/clip.h"
#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/framer.h"
#include "audio/ogg.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "dialogue/inside.h"
#include "loop/job.h"

#define LOG_TOPIC "dialogue"
#define CHIME_FILE_MAX_BYTES (1u << 20)
#define CHIME_MS_MAX 5000u /* what is longer is cut */
#define CHIME_RATE_HZ 24000u

#define CHIME_TEXT "stop_tts_notify"

struct chime {
    char *path;
    bool is_tone; /* else the one after an answer */
    uint32_t frame_us, rate_hz; /* of the device */
    struct buf file;
    struct pcm_queue pcm;       /* at CHIME_RATE_HZ */
    struct packets packets;
};

static enum err file_read(struct chime *c)
{
    char block[16384];
    enum err e = OK;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            e = n < 0 ? ERR_IO : OK;
            break;
        }
        if (c->file.len + (size_t)n > CHIME_FILE_MAX_BYTES) {
            e = ERR_LIMIT;
            break;
        }
        buf_put(&c->file, slice_from(block, (size_t)n));
    }
    close(fd);
    return e;
}

static void pcm_keep(struct chime *c, struct pcm pcm)
{
    size_t room = c->pcm.max - MIN(c->pcm.max, pcm_queue_peek(&c->pcm).count);
    (void)!pcm_queue_put(&c->pcm, (struct pcm){ pcm.samples, MIN(pcm.count, room) });
}

static enum err wav_read(struct chime *c)
{
    struct wav_reader *r = xnew(struct wav_reader);
    struct resample *resample = NULL;
    struct pcm_queue out;
    struct slice in = buf_slice(&c->file);
    struct pcm pcm;
    enum err e;
    wav_reader_init(r);
    pcm_queue_init(&out, 0);
    while (!(e = wav_next(r, &in, &pcm)) && pcm.count) {
        if (r->rate_hz == CHIME_RATE_HZ) {
            pcm_keep(c, pcm);
            continue;
        }
        e = resample ? OK : resample_create(&resample, r->rate_hz, CHIME_RATE_HZ);
        if (!e)
            e = resample_feed(resample, pcm, &out);
        if (e)
            break;
        pcm_keep(c, pcm_queue_peek(&out));
        pcm_queue_clear(&out);
    }
    if (!e && resample && !(e = resample_flush(resample, &out)))
        pcm_keep(c, pcm_queue_peek(&out));
    resample_free(resample);
    pcm_queue_done(&out);
    mem_free(r);
    return e;
}

static enum err ogg_read(struct chime *c)
{
    struct ogg_reader r;
    struct decoder *decoder = NULL;
    struct slice in = buf_slice(&c->file), packet;
    struct pcm pcm;
    ogg_reader_init(&r);
    enum err e = decoder_create(&decoder, CHIME_RATE_HZ);
    while (!e && !(e = ogg_next(&r, &in, &packet)) && packet.len) {
        if (decoder_packet(decoder, packet, &pcm) == OK)
            pcm_keep(c, pcm);
    }
    decoder_free(decoder);
    ogg_reader_done(&r);
    return e;
}

static enum err code(struct chime *c)
{
    struct encoder *encoder = NULL;
    struct framer framer = { 0 };
    struct pcm pcm = pcm_queue_peek(&c->pcm), frame;
    struct slice packet;
    enum err e = framer_init(&framer, (size_t)((uint64_t)CHIME_RATE_HZ * c->frame_us / 1000000));
    if (!e)
        e = encoder_create(&encoder, &(struct encoder_opts){ .rate_hz = CHIME_RATE_HZ, .complexity = -1,
                                                             .frame_us = c->frame_us });
    bool has_more = true;
    while (!e && has_more) {
        has_more = framer_next(&framer, &pcm, &frame);
        if (!has_more && !framer_flush(&framer, &frame))
            break;
        e = encoder_frame(encoder, frame, &packet);
        if (!e)
            e = packets_put(&c->packets, packet, c->frame_us);
    }
    encoder_free(encoder);
    framer_done(&framer);
    return e;
}

static enum err chime_work(struct job *job, void *input)
{
    struct chime *c = input;
    enum err e = file_read(c);
    if (e)
        return e;
    struct slice file = buf_slice(&c->file);
    e = slice_starts(file, SLICE("RIFF")) ? wav_read(c) : slice_starts(file, SLICE("OggS")) ? ogg_read(c) :
        ERR_UNSUPPORTED;
    if (!e && !pcm_queue_peek(&c->pcm).count)
        e = ERR_INVALID;
    return e ? e : code(c);
}

static struct clip_key key_of(const struct dialogue *d, const char *path)
{
    return (struct clip_key){ .text = SLICE(CHIME_TEXT), .voice = slice_of(path), .rate_hz = d->audio.out_rate_hz,
                              .frame_us = d->audio.out_frame_us };
}

static void use(struct dialogue *d, bool is_tone, struct clip *clip)
{
    if (is_tone) {
        clip_unref(d->tone_clip);
        d->tone_clip = clip_ref(clip);
    } else if (d->speaker) {
        speaker_set_end_clip(d->speaker, clip);
    }
}

static void on_chime(void *owner, enum err err, void *input)
{
    struct dialogue *d = owner;
    struct chime *c = input;
    struct clip *clip = NULL;
    *(c->is_tone ? &d->tone_job : &d->chime_job) = NULL;
    if (!err)
        err = clip_create(&clip, &c->packets);
    if (err) {
        LOGW(d->o.log, "dialogue.chime", "path=%s err=%s used=built_in", c->path, err_name(err));
        return;
    }
    struct clip_key key = key_of(d, c->path);
    bool fits = c->frame_us == d->audio.out_frame_us && c->rate_hz == d->audio.out_rate_hz;
    if (fits) {
        clip_cache_put(d->o.clips, &key, clip);
        use(d, c->is_tone, clip);
    }
    clip_unref(clip);
}

static void chime_free(void *input)
{
    struct chime *c = input;
    buf_done(&c->file);
    pcm_queue_done(&c->pcm);
    packets_done(&c->packets);
    mem_free(c->path);
    mem_free(c);
}

static const struct job_class chime_class = {
    .name = "dialogue.chime", .work = chime_work, .done = on_chime, .free_input = chime_free,
};

static void load(struct dialogue *d, bool is_tone, const char *path)
{
    struct job **job = is_tone ? &d->tone_job : &d->chime_job;
    struct packets none = { 0 };
    if (path && is_tone && strcmp(path, DIALOGUE_NO_TONE) == 0) {
        (void)!clip_create(&d->tone_clip, &none);
        return;
    }
    if (!path || !*path || d->audio.format != AUDIO_OPUS || !d->o.clips || !d->o.env->workers || *job)
        return;
    struct clip_key key = key_of(d, path);
    struct clip *clip = clip_cache_get(d->o.clips, &key);
    if (clip) {
        use(d, is_tone, clip);
        clip_unref(clip);
        return;
    }
    struct chime *c = xnew(struct chime);
    *c = (struct chime){ .path = xstrdup(path), .is_tone = is_tone, .frame_us = key.frame_us, .rate_hz = key.rate_hz };
    pcm_queue_init(&c->pcm, (size_t)CHIME_MS_MAX * CHIME_RATE_HZ / 1000);
    packets_init(&c->packets, CLIP_BYTES_MAX);
    if (job_start(job, d->o.env->workers, d->o.loop, &chime_class, c, d) == OK)
        return;
    *job = NULL; /* the pool is full: the notes will do */
    chime_free(c);
}

void chime_open(struct dialogue *d)
{
    clip_unref(d->tone_clip); /* made for another format, perhaps */
    d->tone_clip = NULL;
    load(d, false, d->config->enable_stop_tts_notify ? d->config->stop_tts_notify_voice : NULL);
    load(d, true, d->tone_path);
}

void dialogue_tone_file(struct dialogue *d, const char *path)
{
    if (d->closing)
        return;
    mem_free(d->tone_path);
    d->tone_path = path && *path ? xstrdup(path) : NULL;
    clip_unref(d->tone_clip);
    d->tone_clip = NULL;
    if (d->has_hello)
        load(d, true, d->tone_path);
}

void chime_close(struct dialogue *d)
{
    job_cancel(d->chime_job);
    job_cancel(d->tone_job);
    d->chime_job = d->tone_job = NULL;
    clip_unref(d->tone_clip);
    d->tone_clip = NULL;
    mem_free(d->tone_path);
    d->tone_path = NULL;
}
