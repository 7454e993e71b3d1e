/* SPDX-License-Identifier: MIT
 * flite.c -- the engine for spoken English: flite with the voices slt (default, sounds best) and kal16
 * (quicker). Audio leaves while it is being made. */
#include "engines/common/engine.h"

#include <flite/flite.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"

cst_voice *register_cmu_us_slt(const char *voxdir);
cst_voice *register_cmu_us_kal16(const char *voxdir);

struct voices {
    cst_voice *slt, *kal16;
    bool is_kal16_default;
};

static void *load(const struct engine_args *a)
{
    struct voices *v = xnew(struct voices);
    flite_init();
    v->slt = register_cmu_us_slt(NULL);
    v->kal16 = register_cmu_us_kal16(NULL);
    v->is_kal16_default = strcmp(engine_arg(a, "voice", "slt"), "kal16") == 0;
    return v;
}

static int on_audio(const cst_wave *w, int start, int count, int is_last, cst_audio_streaming_info *info)
{
    struct pcm pcm = { w->samples + start, count > 0 ? (size_t)count : 0 };
    return engine_sink_put(info->userdata, (uint32_t)w->sample_rate, pcm) ? CST_AUDIO_STREAM_CONT
                                                                          : CST_AUDIO_STREAM_STOP;
}

/* flite reads ASCII: typographic marks become plain ones, letters it cannot read become spaces. */
static void to_ascii(struct slice text, struct buf *out)
{
    int32_t c;
    for (size_t at = 0; (c = utf8_next(text, &at)) >= 0;) {
        char plain = ' ';
        if (c < 128 && c >= ' ')
            plain = (char)c;
        else if (c == 0x2018 || c == 0x2019)
            plain = '\'';
        else if (c == 0x2013 || c == 0x2014 || c == 0xff0c)
            plain = ',';
        else if (c == 0x3002 || c == 0x2026)
            plain = '.';
        buf_put_byte(out, plain);
    }
}

static bool speak(void *self, struct slice text, const struct wyoming_voice *voice, struct engine_sink *sink)
{
    struct voices *voices = self;
    bool is_kal16 = voices->is_kal16_default;
    if (slice_contains(voice->name, SLICE("kal")))
        is_kal16 = true;
    else if (slice_contains(voice->name, SLICE("slt")))
        is_kal16 = false;
    else if (voice->name.len && !slice_is(voice->name, "default"))
        return false;

    auto_buf struct buf ascii = { 0 };
    to_ascii(text, &ascii);
    struct slice said = slice_trim(buf_slice(&ascii));
    sink->rate_hz = 16000;
    if (said.len == 0)
        return true;
    auto_mem char *line = xslicedup(said);
    cst_voice *v = is_kal16 ? voices->kal16 : voices->slt;
    cst_audio_streaming_info *info = new_audio_streaming_info();
    info->asc = on_audio;
    info->userdata = sink;
    feat_set(v->features, "streaming_info", audio_streaming_info_val(info)); /* takes info */
    cst_wave *w = flite_text_to_wave(line, v);
    if (w)
        delete_wave(w);
    return true;
}

int main(int argc, char **argv)
{
    static const struct engine_class cls = {
        .name = "flite",
        .about = "English speech, voices slt and kal16 (--voice=)",
        .version = "2.2",
        .languages_json = "[\"en\"]",
        .voices_json = "[{\"name\":\"slt\",\"languages\":[\"en\"],\"installed\":true},"
                       "{\"name\":\"kal16\",\"languages\":[\"en\"],\"installed\":true}]",
        .load = load,
        .speak = speak,
    };
    return engine_main(argc, argv, &cls);
}
