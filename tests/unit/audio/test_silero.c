/* SPDX-License-Identifier: MIT
 * test_silero.c -- our kernels against the reference network's figures (data/: one probability a window). */
#include "tests/support/test.h"

#include "audio/onnx.h"
#include "audio/silero.h"
#include "audio/wav.h"
#include "base/mem.h"

#define TESTDATA "/usr/share/pocketsphinx/test/data/"
#define LIBRIVOX TESTDATA "librivox/sense_and_sensibility_01_austen_64kb-"
#define DIFFERENCE_MAX 1e-5f
#define WINDOWS_MAX 4096

struct recording {
    const char *figures, *path;
    bool is_extra; /* below PARLEY_RECORDINGS */
};
static const struct recording recordings[] = {
    { "goforward", TESTDATA "goforward.raw", false },  { "librivox-0870", LIBRIVOX "0870.wav", false },
    { "librivox-0880", LIBRIVOX "0880.wav", false },   { "librivox-0890", LIBRIVOX "0890.wav", false },
    { "en", "en.wav", true },                          { "zh", "zh.wav", true },
};

static const char *weights_path(void)
{
    static char path[512];
    const char *models = getenv("PARLEY_MODELS");
    snprintf(path, sizeof(path), "%s/silero_vad_v5.onnx", models ? models : "models");
    return path;
}

static bool have_weights(void)
{
    FILE *f = fopen(weights_path(), "rb");
    if (f)
        fclose(f);
    else
        print_message("skip: no weights at %s\n", weights_path());
    return f != NULL;
}

/* All samples of a recording, or a queue of none. */
static struct pcm_bytes {
    struct buf file;
    int16_t *samples;
    size_t count;
} load_recording(const struct recording *r)
{
    struct pcm_bytes out = { 0 };
    char path[600];
    const char *extra = getenv("PARLEY_RECORDINGS");
    if (r->is_extra && !extra)
        return out;
    snprintf(path, sizeof(path), "%s%s%s", r->is_extra ? extra : "", r->is_extra ? "/" : "", r->path);
    FILE *f = fopen(path, "rb");
    if (!f)
        return out;
    char bytes[4096];
    size_t n;
    while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        buf_put(&out.file, slice_from(bytes, n));
    fclose(f);
    out.samples = xalloc(out.file.len);
    if (!slice_starts(buf_slice(&out.file), SLICE("RIFF"))) {
        memcpy(out.samples, out.file.data, out.file.len);
        out.count = out.file.len / 2;
        return out;
    }
    struct wav_reader wav;
    wav_reader_init(&wav);
    struct slice in = buf_slice(&out.file);
    struct pcm pcm;
    do {
        assert_ok(wav_next(&wav, &in, &pcm));
        memcpy(out.samples + out.count, pcm.samples, pcm.count * 2);
        out.count += pcm.count;
    } while (pcm.count);
    assert_int_equal(wav.rate_hz, 16000);
    return out;
}

static void unload(struct pcm_bytes *p)
{
    buf_done(&p->file);
    mem_free(p->samples);
}

static size_t load_figures(const char *name, float *out)
{
    char path[600];
    const char *source = getenv("PARLEY_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/unit/audio/data/%s.txt", source ? source : ".", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char line[64];
    size_t count = 0;
    while (fgets(line, sizeof(line), f) && count < WINDOWS_MAX) {
        char *end = NULL;
        float value = strtof(line, &end);
        if (end != line)
            out[count++] = value;
    }
    fclose(f);
    return count;
}

static size_t check_recording(const struct silero *s, const struct recording *r)
{
    struct pcm_bytes audio = load_recording(r);
    if (!audio.count) {
        unload(&audio);
        return 0;
    }
    static float figures[WINDOWS_MAX];
    size_t windows = load_figures(r->figures, figures);
    assert_int_equal(windows, audio.count / SILERO_WINDOW);
    struct silero_state state = { 0 };
    float worst = 0;
    for (size_t i = 0; i < windows; i++) {
        struct silero_job job = { .state = &state, .samples = audio.samples + i * SILERO_WINDOW };
        silero_run(s, &job, 1);
        float difference = job.probability - figures[i];
        worst = MAX(worst, difference < 0 ? -difference : difference);
        assert_int_equal(job.probability >= 0.5f, figures[i] >= 0.5f);
        assert_int_equal(job.probability >= 0.3f, figures[i] >= 0.3f);
    }
    print_message("%s %s: %zu windows, max |dp| %.2e\n", silero_kernel_name(silero_kernel_of(s)), r->figures, windows,
                  (double)worst);
    assert_true(worst <= DIFFERENCE_MAX);
    unload(&audio);
    return windows;
}

static void every_kernel_of_this_machine_gives_the_reference_figures(void **state)
{
    if (!have_weights())
        skip();
    unsigned kernels = 0;
    for (int k = SILERO_PLAIN; k < SILERO_KERNELS; k++) {
        if (!silero_has((enum silero_kernel)k))
            continue;
        struct silero *s = NULL;
        assert_ok(silero_load(&s, weights_path(), (enum silero_kernel)k));
        size_t windows = 0;
        for (size_t i = 0; i < COUNT(recordings); i++)
            windows += check_recording(s, &recordings[i]);
        if (windows == 0)
            print_message("skip: no recordings\n");
        silero_free(s);
        kernels++;
    }
    assert_true(kernels >= 1);
}

static void a_batch_decides_as_single_windows_do(void **state)
{
    if (!have_weights())
        skip();
    struct pcm_bytes audio = load_recording(&recordings[2]);
    if (!audio.count) {
        print_message("skip: no recordings\n");
        skip();
    }
    for (int k = SILERO_PLAIN; k < SILERO_KERNELS; k++) {
        if (!silero_has((enum silero_kernel)k))
            continue;
        struct silero *s = NULL;
        assert_ok(silero_load(&s, weights_path(), (enum silero_kernel)k));
        size_t windows = MIN(audio.count / SILERO_WINDOW, (size_t)60);
        for (size_t batch = 1; batch <= SILERO_BATCH_MAX + 3; batch++) {
            struct silero_state alone = { 0 }, together[SILERO_BATCH_MAX + 3] = { 0 };
            for (size_t i = 0; i + batch < windows; i++) {
                struct silero_job one = { .state = &alone, .samples = audio.samples + i * SILERO_WINDOW };
                struct silero_job many[SILERO_BATCH_MAX + 3];
                /* Every stream but the first hears something else. */
                for (size_t n = 0; n < batch; n++)
                    many[n] = (struct silero_job){ .state = &together[n], .samples = one.samples + n * SILERO_WINDOW };
                silero_run(s, &one, 1);
                silero_run(s, many, batch);
                assert_true(many[0].probability - one.probability < 1e-5f);
                assert_true(one.probability - many[0].probability < 1e-5f);
            }
        }
        silero_free(s);
    }
    unload(&audio);
}

static void weights_that_are_not_these_are_refused(void **state)
{
    struct silero *s = NULL;
    assert_int_equal(silero_load(&s, "/nonexistent/weights.onnx", SILERO_AUTO), ERR_NOT_FOUND);
    assert_int_equal(silero_load(&s, "/usr/share", SILERO_AUTO), ERR_UNSUPPORTED);
    assert_int_equal(silero_parse(&s, SLICE("\x3a\x02\x0a\x00"), SILERO_AUTO), ERR_UNSUPPORTED);
    assert_int_equal(silero_parse(&s, SLICE(""), SILERO_AUTO), ERR_UNSUPPORTED);
    assert_null(s);
}

static bool count_floats(void *user, const struct onnx_tensor *t)
{
    *(size_t *)user += t->is_else ? 0 : t->count;
    return true;
}

static void a_tensor_is_found_by_name_and_size_outside_else(void **state)
{
    /* graph { node { output "x", attribute { g "else_branch" { initializer w: 2 floats } } } initializer "a.w" } */
    static const char inner[] = "\x2a\x12\x08\x02\x10\x01\x42\x02.w\x4a\x08\0\0\x80\x3f\0\0\0\x40";
    char model[128];
    size_t n = 0;
    size_t inner_len = sizeof(inner) - 1;
    const char heads[8] = { 0x3a, 0, 0x0a, 0, 0x2a, (char)(2 + 11 + 2 + inner_len), 0x0a, 11 };
    memcpy(model, heads, sizeof(heads));
    n += sizeof(heads);
    memcpy(model + n, "else_branch", 11);
    n += 11;
    model[n++] = 0x32;
    model[n++] = (char)inner_len;
    memcpy(model + n, inner, inner_len);
    n += inner_len;
    model[3] = (char)(n - 4);
    model[5] = (char)(n - 6);
    size_t graph_end = n;
    memcpy(model + n, inner, inner_len);
    n += inner_len;
    model[1] = (char)(n - 2);

    struct onnx_tensor t;
    assert_ok(onnx_find(slice_from(model, n), SLICE(".w"), 2, &t));
    assert_true(t.raw.data > model + graph_end);
    assert_int_equal(onnx_find(slice_from(model, n), SLICE(".w"), 3, &t), ERR_NOT_FOUND);
    assert_int_equal(onnx_find(slice_from(model, n), SLICE("other"), 2, &t), ERR_NOT_FOUND);
    model[1] = (char)(graph_end - 2);
    assert_int_equal(onnx_find(slice_from(model, graph_end), SLICE(".w"), 2, &t), ERR_NOT_FOUND);
    for (size_t cut = 1; cut < n; cut++) {
        size_t floats = 0;
        if (onnx_walk(slice_from(model, cut), count_floats, &floats) == OK)
            assert_true(floats <= 2);
    }
}

static void deep_nesting_ends(void **state)
{
    char model[4000];
    size_t n = sizeof(model);
    /* graphs in attributes in nodes in graphs: far deeper than any model */
    while (n > 16) {
        size_t inside = sizeof(model) - n;
        static const uint8_t keys[3] = { 0x32, 0x2a, 0x0a };
        for (size_t i = 0; i < 3; i++) {
            model[--n] = (char)(inside >> 7);
            model[--n] = (char)(inside & 127 ? (inside & 127) | 128 : 128);
            model[--n] = (char)keys[i];
            inside = sizeof(model) - n;
        }
    }
    size_t inside = sizeof(model) - n;
    model[--n] = (char)(inside >> 7);
    model[--n] = (char)((inside & 127) | 128);
    model[--n] = 0x3a;
    size_t floats = 0;
    assert_int_equal(onnx_walk(slice_from(model + n, sizeof(model) - n), count_floats, &floats), ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_of_this_machine_gives_the_reference_figures),
        cmocka_unit_test(a_batch_decides_as_single_windows_do),
        cmocka_unit_test(weights_that_are_not_these_are_refused),
        cmocka_unit_test(a_tensor_is_found_by_name_and_size_outside_else),
        cmocka_unit_test(deep_nesting_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
