/* SPDX-License-Identifier: MIT
 * test_real_meeting.c -- people speak in a meeting: recorded speech as Opus at twice its pace, the real voice detector
 * and recogniser, and what is in the record afterwards, by search and in the export. Real engines, real time. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "audio/encoder.h"
#include "audio/pcm_queue.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/voice.h"

#define TALK "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-"
#define FRAME_MS 60
#define FRAME_STEP_US 30000ull /* twice as fast as it was spoken */
#define FRAME_SAMPLES (VOICE_RATE_HZ / 1000 * FRAME_MS)
#define SILENCE_FRAMES 20
#define RECOGNISED_US 20000000ull

static const struct world_opts real = {
    .has_threads = true, .has_engines = true, .server = "  language: en-US",
    .more = "enable_greeting: false\n"
            "selected_module: {VAD: SileroVAD, ASR: PocketSphinx, LLM: f, TTS: f, Memory: f}\n"
            "VAD: {SileroVAD: {type: silero}}\n"
            "ASR: {PocketSphinx: {type: wyoming, engine: pocketsphinx, language: en-US}}\n",
};

/* Words the recogniser is known to find in each recording; one of each is enough. */
static const struct {
    const char *file, *words[6];
} spoken[] = {
    { "0870", { "john", "leisure", "consider", "power", "much", "might" } },
    { "0880", { "disposed", "young", "man" } },
    { "0930", { "might", "made", "amiable", "himself", "even" } },
};

static bool is_there(void)
{
    const char *build = getenv("PARLEY_BUILD"), *models = getenv("PARLEY_MODELS");
    auto_mem char *engine = xprintf("%s/engines/pocketsphinx", build ? build : "build");
    auto_mem char *model = xprintf("%s/silero_vad_v5.onnx", models ? models : "models");
    const char *missing = access(engine, X_OK) ? engine : access(model, R_OK) ? model : NULL;
    for (size_t i = 0; i < COUNT(spoken) && !missing; i++) {
        auto_mem char *path = xprintf(TALK "%s.wav", spoken[i].file);
        if (access(path, R_OK))
            missing = "the recordings of pocketsphinx-testdata";
    }
    if (missing)
        print_message("skip: no %s\n", missing);
    return !missing;
}

static void say_frames(struct client *c, struct encoder *e, struct pcm pcm)
{
    for (size_t at = 0; at + FRAME_SAMPLES <= pcm.count; at += FRAME_SAMPLES) {
        uint64_t began_us = clock_mono_us();
        struct slice packet;
        assert_ok(encoder_frame(e, (struct pcm){ pcm.samples + at, FRAME_SAMPLES }, &packet));
        client_frame(c, packet.data, packet.len);
        do
            loop_step(c->world->loop, 5);
        while (clock_mono_us() - began_us < FRAME_STEP_US);
    }
}

static void speak(struct client *c)
{
    static const int16_t silence[SILENCE_FRAMES * FRAME_SAMPLES];
    struct encoder *e;

    assert_ok(encoder_create(&e, &(struct encoder_opts){ .rate_hz = VOICE_RATE_HZ, .frame_us = FRAME_MS * 1000,
                                                         .complexity = -1 }));
    for (size_t i = 0; i < COUNT(spoken); i++) {
        auto_mem char *path = xprintf(TALK "%s.wav", spoken[i].file);
        struct pcm_queue voice;
        struct err_note note = { 0 };
        pcm_queue_init(&voice, 0);
        if (voice_from_wav(&voice, path, VOICE_RATE_HZ, &note))
            fail_msg("%s: %s", path, note.text);
        say_frames(c, e, pcm_queue_peek(&voice));
        pcm_queue_done(&voice);
        say_frames(c, e, (struct pcm){ silence, COUNT(silence) });
    }
    encoder_free(e);
}

static int64_t texts_stored(struct world *w)
{
    return stored_number(w, "SELECT (SELECT count(*) FROM segment) + (SELECT count(*) FROM pending_text)");
}

static const char *word_in(const char *text, size_t i)
{
    for (size_t k = 0; k < COUNT(spoken[i].words) && spoken[i].words[k]; k++) {
        if (strstr(text, spoken[i].words[k]))
            return spoken[i].words[k];
    }
    return NULL;
}

static void check_record(struct world *w, const char *id)
{
    auto_buf struct buf out = { 0 };
    auto_mem char *texts = xstrdup(stored_texts(w, id));
    auto_mem char *path = xprintf("/api/v1/meetings/%s/transcript", id);
    auto_mem char *export = xprintf("/api/v1/meetings/%s/export?format=md", id);
    auto_json struct json *j = NULL;

    assert_int_equal(modes_http(w, "GET", path, &out), 200);
    const char *body = strstr(out.data, "\r\n\r\n");
    assert_non_null(body);
    assert_ok(json_parse(&j, slice_of(body + 4), NULL));
    const struct json *items = json_get(json_get(j, "data"), "items");
    assert_true(json_len(items) >= COUNT(spoken));
    size_t heard = 0;
    int64_t last = 0;
    for (size_t i = 0; i < json_len(items); i++) {
        int64_t ts = json_get_i64(json_at(items, i), "ts", -1);
        auto_mem char *text = xslicedup(json_get_text(json_at(items, i), "text"));
        assert_true(ts >= last);
        last = ts;
        if (heard < COUNT(spoken) && word_in(text, heard))
            heard++; /* in the order they were spoken */
    }
    if (heard < COUNT(spoken))
        fail_msg("%s.wav was not understood:\n%s", spoken[heard].file, texts);
    for (size_t i = 0; i < COUNT(spoken); i++) {
        const char *word = word_in(texts, i);
        auto_mem char *search = xprintf("/api/v1/meetings/search?q=%s", word);
        assert_int_equal(modes_http(w, "GET", search, &out), 200);
        assert_non_null(strstr(out.data, id));
        assert_int_equal(modes_http(w, "GET", export, &out), 200);
        assert_non_null(strstr(out.data, word));
    }
    assert_int_equal(modes_http(w, "GET", "/api/v1/meetings/search?q=zeppelin", &out), 200);
    assert_null(strstr(out.data, id));
}

static void what_people_say_in_a_meeting_is_in_its_record(void **state)
{
    struct world w;
    char id[64];

    if (!is_there())
        skip();
    world_start(&w, &real);
    model_says(GOOD_SUMMARY);
    struct client *c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"realtime\"}");
    speak(c);
    uint64_t began_us = clock_mono_us();
    while (texts_stored(&w) < (int64_t)COUNT(spoken) && clock_mono_us() - began_us < RECOGNISED_US) {
        for (unsigned i = 0; i < 20; i++)
            loop_step(w.loop, 10);
    }
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    assert_true(client_gets(c, "\"stage\":\"done\""));
    check_record(&w, id);
    assert_non_null(strstr(stored_summary(&w, id), "We ship in May"));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_say_in_a_meeting_is_in_its_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
