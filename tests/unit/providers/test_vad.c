/* SPDX-License-Identifier: MIT
 * test_vad.c -- detectors on a loop: boundaries of real speech, batches, closing inside events. */
#include "tests/support/test.h"

#include "audio/wav.h"
#include "base/mem.h"
#include "providers/vad_stream.h"

#define TESTDATA "/usr/share/pocketsphinx/test/data/"
#define EVENTS_MAX 64

struct heard {
    struct vad *vad;
    const struct vad_class *cls;
    unsigned speech, silence, windows;
    uint64_t speech_ms[EVENTS_MAX], silence_ms[EVENTS_MAX];
    struct heard *closes;   /* whom to close at the first speech; NULL: nobody */
    bool resets;            /* itself at the first speech */
    bool is_feeding;        /* events must not come then */
    bool is_silence_told;   /* as a number, not as samples */
};

static void on_speech(void *user, uint64_t start_ms)
{
    struct heard *h = user;
    assert_false(h->is_feeding);
    if (h->speech < EVENTS_MAX)
        h->speech_ms[h->speech++] = start_ms;
    if (h->resets)
        h->cls->reset(h->vad);
    struct heard *victim = take_ptr(&h->closes);
    if (victim) {
        victim->cls->close(victim->vad);
        victim->vad = NULL;
    }
}

static void on_silence(void *user, uint64_t end_ms)
{
    struct heard *h = user;
    if (h->silence < EVENTS_MAX)
        h->silence_ms[h->silence++] = end_ms;
}

static void on_window(void *user, uint64_t end_ms, float probability)
{
    struct heard *h = user;
    assert_true(probability >= 0 && probability <= 1);
    assert_true(end_ms > 0);
    h->windows++;
}

static const struct vad_events events = { on_speech, on_silence, on_window };
static const struct vad_settings settings = { 0.5f, 0.3f, 500, 3, 5 };

struct place {
    struct loop *loop;
    struct silero *weights;
    struct provider_env env;
    struct provider_opts opts;
};

static bool place_init(struct place *p)
{
    *p = (struct place){ 0 };
    struct loop_opts o = { .name = "test", .has_manual_clock = true };
    assert_ok(loop_create(&p->loop, &o));
    if (vad_weights_find(&p->weights, NULL)) {
        print_message("skip: no weights\n");
        loop_free(p->loop);
        return false;
    }
    p->env.loop = p->loop;
    vad_env_create(&p->env.vad, p->loop, p->weights);
    p->opts = (struct provider_opts){ .env = &p->env, .alias = "test", .language = "en" };
    return true;
}

static void place_done(struct place *p)
{
    loop_step(p->loop, 0);
    vad_env_free(p->env.vad);
    loop_free(p->loop);
    silero_free(p->weights);
}

static void listen(struct heard *h, struct place *p, const struct vad_class *cls)
{
    h->cls = cls;
    assert_ok(cls->open(&h->vad, &p->opts, &settings, &events, h));
}

struct sound {
    int16_t *samples;
    size_t count;
};

static void load(struct sound *s, const char *path)
{
    struct buf file = { 0 };
    FILE *f = fopen(path, "rb");
    *s = (struct sound){ 0 };
    if (!f)
        return;
    char bytes[4096];
    size_t n;
    while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        buf_put(&file, slice_from(bytes, n));
    fclose(f);
    size_t head = slice_starts(buf_slice(&file), SLICE("RIFF")) ? WAV_HEADER_BYTES : 0;
    s->count = (file.len - head) / 2;
    s->samples = xmemdup(file.data + head, s->count * 2);
    buf_done(&file);
}

/* In packets of 60 ms, a loop round after each, as a device sends them; then silence. */
static void play(struct place *p, struct heard *h, const struct sound *s, unsigned silence_ms)
{
    static const int16_t zeros[960];
    for (size_t at = 0; at < s->count + silence_ms * 16; at += 960) {
        struct pcm pcm = { h->is_silence_told ? NULL : zeros, 960 };
        if (at < s->count)
            pcm = (struct pcm){ s->samples + at, MIN((size_t)960, s->count - at) };
        h->is_feeding = true;
        h->cls->feed(h->vad, pcm);
        h->is_feeding = false;
        loop_advance(p->loop, 1);
        loop_step(p->loop, 0);
    }
}

static void the_decider_wants_a_majority_and_a_pause(void **state)
{
    static const struct {
        const char *windows; /* v voiced, . silent, m between the thresholds */
        const char *changes; /* S speech, E end, - nothing */
    } rows[] = {
        { "..v.v.v...", "------S---" },
        { "v....v....", "----------" },
        { "vvv", "--S" },
        { "vmm", "--S" },
        { "mmmmm", "-----" },
        { "vvv...vvv...", "--S---------" },
        { "vvv....vvv", "--S---E--S" },  /* four windows are 128 ms */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct vad_decider d;
        struct vad_settings s = settings;
        s.min_silence_ms = 128;
        vad_decider_init(&d, &s, 512);
        for (size_t n = 0; rows[i].windows[n]; n++) {
            char c = rows[i].windows[n];
            uint64_t at = 0;
            enum vad_change change = vad_decider_window(&d, c == 'v' ? 0.9f : c == 'm' ? 0.4f : 0.1f, &at);
            char got = change == VAD_SPEECH ? 'S' : change == VAD_SILENCE ? 'E' : '-';
            if (got != rows[i].changes[n])
                print_message("row %zu window %zu: %c\n", i, n, got);
            assert_int_equal(got, rows[i].changes[n]);
        }
    }
}

static void speech_begins_at_its_first_window_and_ends_at_its_last(void **state)
{
    struct vad_decider d;
    uint64_t at = 0;
    vad_decider_init(&d, &settings, 512);
    for (int i = 0; i < 10; i++)
        assert_int_equal(vad_decider_window(&d, 0, &at), VAD_SAME);
    vad_decider_window(&d, 0.9f, &at);
    vad_decider_window(&d, 0, &at);
    vad_decider_window(&d, 0.9f, &at);
    assert_int_equal(vad_decider_window(&d, 0.9f, &at), VAD_SPEECH);
    assert_int_equal(at, 320);
    for (int i = 0; i < 15; i++)
        assert_int_equal(vad_decider_window(&d, 0, &at), VAD_SAME);
    assert_int_equal(vad_decider_window(&d, 0, &at), VAD_SILENCE);
    assert_int_equal(at, 448);
}

static void a_person_is_heard_from_first_to_last_word(void **state)
{
    static const struct {
        const char *path;
        const struct vad_class *cls;
        unsigned start_ms[2], end_ms[2]; /* from .. to */
    } rows[] = {
        { TESTDATA "goforward.raw", &vad_silero, { 450, 560 }, { 2000, 2300 } },
        { TESTDATA "goforward.raw", &vad_webrtc, { 0, 700 }, { 1900, 2790 } },
        { TESTDATA "librivox/sense_and_sensibility_01_austen_64kb-0880.wav", &vad_silero, { 0, 400 }, { 2500, 3000 } },
        { TESTDATA "librivox/sense_and_sensibility_01_austen_64kb-0870.wav", &vad_silero, { 0, 400 }, { 6500, 7150 } },
    };
    struct place p;
    if (!place_init(&p))
        skip();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sound s;
        struct heard h = { 0 };
        load(&s, rows[i].path);
        if (!s.count) {
            print_message("skip: %s is not here\n", rows[i].path);
            continue;
        }
        listen(&h, &p, rows[i].cls);
        play(&p, &h, &s, 1500);
        print_message("%s: %u times, %u..%u ms of %zu\n", rows[i].cls->name, h.speech, (unsigned)h.speech_ms[0],
                      (unsigned)h.silence_ms[h.silence ? h.silence - 1 : 0], s.count / 16);
        assert_true(h.speech >= 1);
        assert_int_equal(h.speech, h.silence);
        assert_in_range(h.speech_ms[0], rows[i].start_ms[0], rows[i].start_ms[1]);
        assert_in_range(h.silence_ms[h.silence - 1], rows[i].end_ms[0], rows[i].end_ms[1]);
        assert_false(h.cls->in_speech(h.vad));
        h.cls->close(h.vad);
        mem_free(s.samples);
    }
    place_done(&p);
}

static void the_gate_changes_no_decision(void **state)
{
    struct place p;
    struct sound s;
    if (!place_init(&p))
        skip();
    load(&s, TESTDATA "goforward.raw");
    if (!s.count) {
        place_done(&p);
        skip();
    }
    /* Two seconds of digital silence before: the gate is shut for them, and nothing is heard later or earlier. */
    struct heard plain = { 0 }, after = { 0 };
    struct sound none = { 0 };
    listen(&plain, &p, &vad_silero);
    listen(&after, &p, &vad_silero);
    play(&p, &plain, &s, 1000);
    play(&p, &after, &none, 1920);
    assert_int_equal(after.windows, 60);
    play(&p, &after, &s, 1000);
    assert_int_equal(after.speech, plain.speech);
    assert_int_equal(after.speech_ms[0], plain.speech_ms[0] + 1920);
    assert_int_equal(after.silence_ms[0], plain.silence_ms[0] + 1920);
    vad_silero.close(plain.vad);
    vad_silero.close(after.vad);
    mem_free(s.samples);
    place_done(&p);
}

static void silence_that_is_told_is_silence_that_is_heard(void **state)
{
    static const struct vad_class *const kinds[] = { &vad_silero, &vad_webrtc };
    struct place p;
    struct sound s;
    if (!place_init(&p))
        skip();
    load(&s, TESTDATA "goforward.raw");
    if (!s.count) {
        place_done(&p);
        skip();
    }
    s.count -= 100; /* silence begins and ends inside of windows */
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct heard plain = { 0 }, told = { .is_silence_told = true };
        listen(&plain, &p, kinds[i]);
        listen(&told, &p, kinds[i]);
        for (int round = 0; round < 3; round++) {
            play(&p, &plain, &s, 700 + 300 * (unsigned)round);
            play(&p, &told, &s, 700 + 300 * (unsigned)round);
        }
        assert_true(plain.speech >= 3);
        assert_int_equal(told.windows, plain.windows);
        assert_int_equal(told.speech, plain.speech);
        assert_int_equal(told.silence, plain.silence);
        assert_memory_equal(told.speech_ms, plain.speech_ms, sizeof(plain.speech_ms));
        assert_memory_equal(told.silence_ms, plain.silence_ms, sizeof(plain.silence_ms));
        told.cls->feed(told.vad, (struct pcm){ NULL, 100 }); /* of which nothing is left after a reset */
        told.cls->reset(told.vad);
        plain.cls->reset(plain.vad);
        play(&p, &plain, &s, 1000);
        play(&p, &told, &s, 1000);
        assert_int_equal(told.speech_ms[told.speech - 1], plain.speech_ms[plain.speech - 1]);
        assert_int_equal(told.silence_ms[told.silence - 1], plain.silence_ms[plain.silence - 1]);
        plain.cls->close(plain.vad);
        told.cls->close(told.vad);
    }
    mem_free(s.samples);
    place_done(&p);
}

static void silence_and_nothing_make_no_speech(void **state)
{
    struct place p;
    if (!place_init(&p))
        skip();
    struct heard h[2] = { 0 };
    struct sound none = { 0 };
    listen(&h[0], &p, &vad_silero);
    listen(&h[1], &p, &vad_webrtc);
    for (size_t i = 0; i < 2; i++) {
        play(&p, &h[i], &none, 3000);
        assert_int_equal(h[i].speech, 0);
        assert_true(h[i].windows > 90);
        h[i].cls->close(h[i].vad);
    }
    place_done(&p);
}

static void many_streams_in_one_round_hear_the_same(void **state)
{
    struct place p;
    struct sound s;
    if (!place_init(&p))
        skip();
    load(&s, TESTDATA "goforward.raw");
    if (!s.count) {
        place_done(&p);
        skip();
    }
    enum { STREAMS = 11 };
    struct heard h[STREAMS] = { 0 };
    for (size_t i = 0; i < STREAMS; i++)
        listen(&h[i], &p, &vad_silero);
    h[2].closes = &h[3];  /* in the same batch */
    h[5].closes = &h[5];  /* itself */
    h[7].resets = true;
    for (size_t at = 0; at < s.count; at += 960) {
        for (size_t i = 0; i < STREAMS; i++) {
            if (h[i].vad)
                vad_silero.feed(h[i].vad, (struct pcm){ s.samples + at, MIN((size_t)960, s.count - at) });
        }
        loop_advance(p.loop, 1);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        if (i == 3)
            assert_true(h[i].speech <= 1);
        else
            assert_true(h[i].speech >= 1);
        if (i != 3)
            assert_int_equal(h[i].speech_ms[0], h[0].speech_ms[0]);
        if (h[i].vad)
            vad_silero.close(h[i].vad);
    }
    assert_null(h[3].vad);
    assert_null(h[5].vad);
    mem_free(s.samples);
    place_done(&p);
}

static void without_a_shared_environment_a_stream_has_its_own(void **state)
{
    struct place p;
    if (!place_init(&p))
        skip();
    struct vad_env *shared = take_ptr(&p.env.vad);
    struct heard h = { 0 };
    struct sound none = { 0 };
    listen(&h, &p, &vad_silero);
    play(&p, &h, &none, 300);
    assert_true(h.windows > 5);
    vad_silero.close(h.vad);

    vad_env_create(&p.env.vad, p.loop, NULL);
    struct vad *vad = NULL;
    assert_int_equal(vad_silero.open(&vad, &p.opts, &settings, &events, &h), ERR_NOT_FOUND);
    assert_null(vad);
    vad_env_free(shared);
    place_done(&p);
}

static void reset_starts_time_anew(void **state)
{
    struct place p;
    if (!place_init(&p))
        skip();
    struct sound s;
    load(&s, TESTDATA "goforward.raw");
    struct heard h = { 0 };
    listen(&h, &p, &vad_silero);
    if (s.count) {
        play(&p, &h, &s, 0);
        assert_true(vad_silero.in_speech(h.vad) || h.silence == h.speech);
        vad_silero.reset(h.vad);
        assert_false(vad_silero.in_speech(h.vad));
        play(&p, &h, &s, 0);
        assert_int_equal(h.speech_ms[0], h.speech_ms[1]);
    }
    vad_silero.close(h.vad);
    mem_free(s.samples);
    place_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_decider_wants_a_majority_and_a_pause),
        cmocka_unit_test(speech_begins_at_its_first_window_and_ends_at_its_last),
        cmocka_unit_test(a_person_is_heard_from_first_to_last_word),
        cmocka_unit_test(the_gate_changes_no_decision),
        cmocka_unit_test(silence_that_is_told_is_silence_that_is_heard),
        cmocka_unit_test(silence_and_nothing_make_no_speech),
        cmocka_unit_test(many_streams_in_one_round_hear_the_same),
        cmocka_unit_test(without_a_shared_environment_a_stream_has_its_own),
        cmocka_unit_test(reset_starts_time_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
