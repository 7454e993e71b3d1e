/* SPDX-License-Identifier: MIT
 * silero.c -- finds the weights in their file, lays them out for the kernel of this machine, and hands
 * windows to it in batches. */
#include "audio/silero.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/onnx.h"
#include "audio/silero_net.h"
#include "base/mem.h"

#define ALIGN_BYTES 64

struct silero {
    enum silero_kernel kernel;
    silero_net_fn run;
    size_t block_rows;
    struct silero_net net;
    void *memory;
};

struct kernel_row {
    const char *name;
    size_t block_rows;
    silero_net_fn run;
};

static const struct kernel_row kernels[SILERO_KERNELS] = {
#if defined(__x86_64__)
    [SILERO_PLAIN] = { "sse2", NET_BLOCK_PLAIN, silero_net_plain },
    [SILERO_AVX2] = { "avx2", NET_BLOCK_AVX2, silero_net_avx2 },
    [SILERO_AVX512] = { "avx512", NET_BLOCK_AVX512, silero_net_avx512 },
#elif defined(__aarch64__)
    [SILERO_PLAIN] = { "neon", NET_BLOCK_PLAIN, silero_net_plain },
#else
    [SILERO_PLAIN] = { "c", NET_BLOCK_PLAIN, silero_net_plain },
#endif
};

bool silero_has(enum silero_kernel k)
{
    if (k == SILERO_AUTO || k == SILERO_PLAIN)
        return true;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (k == SILERO_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (k == SILERO_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("fma");
#endif
    return false;
}

const char *silero_kernel_name(enum silero_kernel k)
{
    return (unsigned)k < SILERO_KERNELS && kernels[k].name ? kernels[k].name : "none";
}

enum silero_kernel silero_kernel_of(const struct silero *s)
{
    return s->kernel;
}

/* --- the weights ---------------------------------------------------------------------------------- */

static const size_t layer_rows[LAYERS] = { 64, 64, 64, 64, 128, 64, 64, 128, 512 };
static const size_t layer_depth[LAYERS] = { NET_FOLD, NET_FOLD,      NET_FOLD, NET_FOLD, 3 * NET_BINS,
                                            3 * 128,  2 * 64,        64,       256 };

static void lay_out(struct silero *s)
{
    size_t total = 0;
    for (size_t i = 0; i < LAYERS; i++)
        total += layer_rows[i] * layer_depth[i] + 16 + (i >= LAYER_CONV0 ? layer_rows[i] : 0);
    s->memory = xalloc(total * sizeof(float) + ALIGN_BYTES);
    float *at = (float *)(((uintptr_t)s->memory + ALIGN_BYTES - 1) & ~(uintptr_t)(ALIGN_BYTES - 1));
    for (size_t i = 0; i < LAYERS; i++) {
        struct silero_layer *l = &s->net.layers[i];
        l->rows = layer_rows[i];
        l->depth = layer_depth[i];
        l->weights = at;
        at += (l->rows * l->depth + 15) & ~(size_t)15;
        if (i >= LAYER_CONV0) {
            l->bias = at;
            at += l->rows;
        }
    }
}

static void weight_put(struct silero *s, enum silero_layer_id id, size_t row, size_t k, float value)
{
    struct silero_layer *l = &s->net.layers[id];
    size_t block = s->block_rows;
    l->weights[row / block * l->depth * block + k * block + row % block] = value;
}

static float float_at(const struct onnx_tensor *t, size_t i)
{
    float value;
    memcpy(&value, t->raw.data + i * 4, sizeof(value));
    return value;
}

static enum err find_floats(struct slice file, const char *suffix, size_t count, struct onnx_tensor *out)
{
    enum err e = onnx_find(file, slice_of(suffix), count, out);
    if (e)
        return ERR_UNSUPPORTED;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(float_at(out, i)))
            return ERR_UNSUPPORTED;
    }
    return OK;
}

static enum err read_dft(struct silero *s, struct slice file)
{
    struct onnx_tensor basis;
    enum err e = find_floats(file, "forward_basis_buffer", 258 * NET_FRAME, &basis);
    if (e)
        return e;
    /* Bin 0 of the basis is the bare window, the others are window * cosine and window * sine. */
    for (size_t i = 0; i < NET_FRAME; i++)
        s->net.window[i] = float_at(&basis, i);
    for (size_t row = 0; row < NET_HALF; row++) {
        for (size_t k = 0; k < NET_FOLD; k++) {
            double even = M_PI * (double)(2 * row * k) / 128, odd = M_PI * (double)((2 * row + 1) * k) / 128;
            weight_put(s, LAYER_RE_EVEN, row, k, (float)cos(even));
            weight_put(s, LAYER_RE_ODD, row, k, k < 64 ? (float)cos(odd) : 0);
            weight_put(s, LAYER_IM_EVEN, row, k, k < 64 ? (float)sin(even) : 0);
            weight_put(s, LAYER_IM_ODD, row, k, (float)sin(odd));
        }
    }
    return OK;
}

/* Where a bin of the spectrum stands: even ones, odd ones, the last. */
static size_t bin_place(size_t bin)
{
    return bin == 128 ? 128 : bin / 2 + (bin % 2 ? NET_HALF : 0);
}

static enum err read_conv(struct silero *s, struct slice file, unsigned number, size_t in, size_t tap_first,
                          size_t taps)
{
    struct onnx_tensor w, b;
    char name[40] = "encoder.0.reparam_conv.weight", bias[40] = "encoder.0.reparam_conv.bias";
    name[8] = bias[8] = (char)('0' + number);
    enum silero_layer_id id = (enum silero_layer_id)(LAYER_CONV0 + number);
    size_t rows = layer_rows[id];
    enum err e = find_floats(file, name, rows * in * 3, &w);
    if (!e)
        e = find_floats(file, bias, rows, &b);
    if (e)
        return e;
    for (size_t row = 0; row < rows; row++) {
        s->net.layers[id].bias[row] = float_at(&b, row);
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t c = 0; c < in; c++) {
                size_t place = number == 0 ? bin_place(c) : c;
                weight_put(s, id, row, tap * in + place, float_at(&w, (row * in + c) * 3 + tap_first + tap));
            }
        }
    }
    return OK;
}

static enum err read_lstm(struct silero *s, struct slice file)
{
    struct onnx_tensor ih, hh, bias_ih, bias_hh, out, out_bias;
    enum err e = find_floats(file, "rnn.weight_ih", 512 * 128, &ih);
    if (!e)
        e = find_floats(file, "rnn.weight_hh", 512 * 128, &hh);
    if (!e)
        e = find_floats(file, "rnn.bias_ih", 512, &bias_ih);
    if (!e)
        e = find_floats(file, "rnn.bias_hh", 512, &bias_hh);
    if (!e)
        e = find_floats(file, "decoder.2.weight", 128, &out);
    if (!e)
        e = find_floats(file, "decoder.2.bias", 1, &out_bias);
    if (e)
        return e;
    for (size_t row = 0; row < 512; row++) {
        s->net.layers[LAYER_LSTM].bias[row] = float_at(&bias_ih, row) + float_at(&bias_hh, row);
        for (size_t k = 0; k < 128; k++) {
            weight_put(s, LAYER_LSTM, row, k, float_at(&ih, row * 128 + k));
            weight_put(s, LAYER_LSTM, row, 128 + k, float_at(&hh, row * 128 + k));
        }
    }
    for (size_t k = 0; k < SILERO_HIDDEN; k++)
        s->net.out_weights[k] = float_at(&out, k);
    s->net.out_bias = float_at(&out_bias, 0);
    return OK;
}

enum err silero_parse(struct silero **out, struct slice file, enum silero_kernel k)
{
    if ((unsigned)k >= SILERO_KERNELS || !silero_has(k))
        return ERR_UNSUPPORTED;
    for (int best = SILERO_KERNELS - 1; k == SILERO_AUTO; best--) {
        if (silero_has((enum silero_kernel)best))
            k = (enum silero_kernel)best;
    }
    struct silero *s = xnew(struct silero);
    s->kernel = k;
    s->run = kernels[k].run;
    s->block_rows = kernels[k].block_rows;
    lay_out(s);

    enum err e = read_dft(s, file);
    if (!e)
        e = read_conv(s, file, 0, NET_BINS, 0, 3);
    if (!e)
        e = read_conv(s, file, 1, 128, 0, 3);
    if (!e)
        e = read_conv(s, file, 2, 64, 1, 2); /* at this length the first tap meets padding only */
    if (!e)
        e = read_conv(s, file, 3, 64, 1, 1); /* and here the outer two */
    if (!e)
        e = read_lstm(s, file);
    if (e) {
        silero_free(s);
        return e;
    }
    *out = s;
    return OK;
}

static enum err read_file(const char *path, char **out, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return ERR_NOT_FOUND;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > (off_t)SILERO_FILE_MAX) {
        close(fd);
        return ERR_UNSUPPORTED;
    }
    auto_mem char *bytes = try_alloc((size_t)st.st_size);
    size_t got = 0;
    while (bytes && got < (size_t)st.st_size) {
        ssize_t n = read(fd, bytes + got, (size_t)st.st_size - got);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(fd);
    if (!bytes)
        return ERR_NO_MEMORY;
    if (got < (size_t)st.st_size)
        return ERR_IO;
    *len = got;
    *out = take_ptr(&bytes);
    return OK;
}

enum err silero_load(struct silero **out, const char *path, enum silero_kernel k)
{
    auto_mem char *bytes = NULL;
    size_t len = 0;
    enum err e = read_file(path, &bytes, &len);
    return e ? e : silero_parse(out, slice_from(bytes, len), k);
}

void silero_free(struct silero *s)
{
    if (!s)
        return;
    mem_free(s->memory);
    mem_free(s);
}

void silero_run(const struct silero *s, struct silero_job *jobs, size_t count)
{
    for (size_t at = 0; at < count; at += SILERO_BATCH_MAX)
        s->run(&s->net, jobs + at, MIN(count - at, (size_t)SILERO_BATCH_MAX));
}

void silero_skip(struct silero_state *state, const int16_t *samples)
{
    for (size_t i = 0; i < SILERO_CONTEXT; i++)
        state->context[i] = (float)samples[SILERO_WINDOW - SILERO_CONTEXT + i] * (1.0f / 32768.0f);
}
