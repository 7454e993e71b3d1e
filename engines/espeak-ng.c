/* SPDX-License-Identifier: MIT
 * espeak-ng.c -- the engine for every other language: espeak-ng, whose licence (GPL-3) keeps it in a program
 * of its own. Its state is global: one utterance at a time, which engine_main sees to. */
#include "engines/common/engine.h"

#include <espeak-ng/speak_lib.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"

#define BUFFER_MS 100

struct voices {
    int rate_hz;
    char voice[64], language[32]; /* defaults from the command line */
    char now[64];                 /* the voice in use */
};

static int on_audio(short *samples, int count, espeak_EVENT *events)
{
    if (!samples || count <= 0 || !events->user_data)
        return 0;
    struct engine_sink *sink = events->user_data;
    return engine_sink_put(sink, sink->rate_hz, (struct pcm){ samples, (size_t)count }) ? 0 : 1;
}

static void *load(const struct engine_args *a)
{
    int rate_hz = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, NULL, 0);
    if (rate_hz <= 0) {
        fprintf(stderr, "espeak-ng has no voices here (package espeak-ng-data)\n");
        return NULL;
    }
    struct voices *e = xnew(struct voices);
    e->rate_hz = rate_hz;
    espeak_SetSynthCallback(on_audio);
    snprintf(e->voice, sizeof(e->voice), "%s", engine_arg(a, "voice", ""));
    snprintf(e->language, sizeof(e->language), "%s", engine_arg(a, "language", ""));
    return e;
}

/* What the script of a text says about its language; NULL: Latin letters, any. */
static const char *script_language(struct slice text)
{
    static const struct {
        int32_t from, to;
        const char *language;
    } scripts[] = {
        { 0x3040, 0x30ff, "ja" }, { 0xac00, 0xd7af, "ko" }, { 0x4e00, 0x9fff, "zh" }, { 0x3400, 0x4dbf, "zh" },
        { 0x0400, 0x04ff, "ru" }, { 0x0370, 0x03ff, "el" }, { 0x0600, 0x06ff, "ar" }, { 0x0900, 0x097f, "hi" },
        { 0x0590, 0x05ff, "he" }, { 0x0e00, 0x0e7f, "th" },
    };
    size_t best = COUNT(scripts);
    int32_t c;
    for (size_t at = 0; (c = utf8_next(text, &at)) >= 0;) {
        for (size_t i = 0; i < MIN(best, COUNT(scripts)); i++) { /* kana outranks the signs it stands among */
            if (c >= scripts[i].from && c <= scripts[i].to)
                best = i;
        }
    }
    return best < COUNT(scripts) ? scripts[best].language : NULL;
}

static bool is_latin(const char *language)
{
    static const char *const other[] = { "zh", "ja", "ko", "ru", "el", "ar", "hi",
                                         "he", "th", "uk", "bg", "sr", "cmn" };
    for (size_t i = 0; i < COUNT(other); i++) {
        if (strncmp(language, other[i], strlen(other[i])) == 0)
            return false;
    }
    return true;
}

static bool try_voice(struct voices *e, const char *name)
{
    if (strcmp(e->now, name) == 0)
        return true;
    if (!*name || espeak_SetVoiceByName(name) != EE_OK)
        return false;
    snprintf(e->now, sizeof(e->now), "%s", name);
    return true;
}

/* "de-DE" -> de-de, de; Chinese -> the voice that reads it right. */
static bool set_language(struct voices *e, const char *language)
{
    char name[32];
    snprintf(name, sizeof(name), "%s", language);
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    if (strncmp(name, "zh", 2) == 0 || strncmp(name, "cmn", 3) == 0)
        return try_voice(e, "cmn-latn-pinyin") || try_voice(e, "cmn");
    if (strncmp(name, "yue", 3) == 0)
        return try_voice(e, "yue");
    if (try_voice(e, name))
        return true;
    char *dash = strchr(name, '-');
    if (dash)
        *dash = 0;
    return try_voice(e, name);
}

static bool set_voice(struct voices *e, struct slice text, const struct wyoming_voice *v)
{
    char name[64];
    snprintf(name, sizeof(name), SLICE_FMT, SLICE_ARG(v->name));
    if (name[0] && strcmp(name, "default") != 0)
        return try_voice(e, name) || set_language(e, name);
    if (e->voice[0])
        return try_voice(e, e->voice);
    char language[32];
    snprintf(language, sizeof(language), SLICE_FMT, SLICE_ARG(v->language));
    if (!language[0])
        snprintf(language, sizeof(language), "%s", e->language);
    const char *script = script_language(text);
    if (script && (!language[0] || is_latin(language)))
        snprintf(language, sizeof(language), "%s", script);
    return (language[0] && set_language(e, language)) || set_language(e, "en");
}

static bool speak(void *self, struct slice text, const struct wyoming_voice *voice, struct engine_sink *sink)
{
    struct voices *e = self;
    auto_mem char *line = xslicedup(text);
    sink->rate_hz = (uint32_t)e->rate_hz;
    if (!set_voice(e, text, voice))
        return false;
    espeak_Synth(line, strlen(line) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, sink);
    return true;
}

int main(int argc, char **argv)
{
    static const struct engine_class cls = {
        .name = "espeak-ng",
        .about = "speech in a hundred languages, plain voices (--voice=, --language=)",
        .version = "1.51",
        .languages_json = "[\"en\",\"zh\"]",
        .voices_json = "[{\"name\":\"cmn-latn-pinyin\",\"languages\":[\"zh\"],\"installed\":true},"
                       "{\"name\":\"en\",\"languages\":[\"en\"],\"installed\":true}]",
        .load = load,
        .speak = speak,
    };
    return engine_main(argc, argv, &cls);
}
