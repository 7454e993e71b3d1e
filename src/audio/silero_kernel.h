/* SPDX-License-Identifier: MIT
 * silero_kernel.h -- the network for one vector width. Included once by each silero_<kernel>.c after it has
 * defined LANES (floats in a vector) and NET_RUN (the name of the function made). Vector types of the
 * compiler, no intrinsics: the flags of the including file decide what they become. */
#include "audio/silero_net.h"

#include <math.h>

typedef float vf __attribute__((vector_size(LANES * 4), may_alias));
typedef float vfu __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(LANES * 4), may_alias));

#define VECS 2
#define BLOCK (VECS * LANES)
#define INLINE static inline __attribute__((always_inline))
#ifndef COLUMNS_GROUP
#define COLUMNS_GROUP 8 /* columns that share one pass over the weights: they and a block fit the first cache */
#endif
#define COLUMNS_MAX (NET_FRAMES * SILERO_BATCH_MAX)

/* One column of a product: y[rows] = W x, of which only depth k0..k1 is not zero. */
struct column {
    const float *x;
    float *y;
    size_t k0, k1;
};

/* Everything between samples and probability, for one job. */
struct work {
    float samples[SILERO_CONTEXT + SILERO_WINDOW + 64];
    float fold[NET_FRAMES][4][NET_FOLD];              /* cos even, cos odd, sin even, sin odd */
    float re[NET_FRAMES][2 * NET_HALF], im[NET_FRAMES][2 * NET_HALF];
    float bins[NET_FRAMES + 2][NET_BINS];             /* a row of zeros before and after */
    float conv0[NET_FRAMES + 1][128];                 /* a row of zeros before */
    float conv1[2][64], conv2[64];
    float lstm[2 * SILERO_HIDDEN];                    /* conv3's output, then h */
    float gates[4 * SILERO_HIDDEN];
};

INLINE vf vzero(void)
{
    return (vf){ 0 };
}

INLINE vf vselect(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

/* B blocks of rows times N columns; accumulators stay in registers. */
INLINE void tile(const struct silero_layer *l, size_t block, const struct column *cols, bool relu, const int B,
                 const int N)
{
    size_t k0 = cols[0].k0, k1 = cols[0].k1;
    for (int n = 1; n < N; n++) {
        k0 = MIN(k0, cols[n].k0);
        k1 = MAX(k1, cols[n].k1);
    }
    vf acc[4][VECS][4];
#pragma GCC unroll 4
    for (int b = 0; b < B; b++) {
#pragma GCC unroll 2
        for (int v = 0; v < VECS; v++) {
            vf start = vzero();
            if (l->bias)
                start = *(const vfu *)(l->bias + (block + (size_t)b) * BLOCK + v * LANES);
#pragma GCC unroll 4
            for (int n = 0; n < N; n++)
                acc[b][v][n] = start;
        }
    }
    const float *w = l->weights + block * l->depth * BLOCK;
    size_t stride = l->depth * BLOCK;
    for (size_t k = k0; k < k1; k++) {
#pragma GCC unroll 4
        for (int b = 0; b < B; b++) {
#pragma GCC unroll 4
            for (int n = 0; n < N; n++) {
                float x = cols[n].x[k];
#pragma GCC unroll 2
                for (int v = 0; v < VECS; v++)
                    acc[b][v][n] += *(const vf *)(w + (size_t)b * stride + k * BLOCK + v * LANES) * x;
            }
        }
    }
#pragma GCC unroll 4
    for (int b = 0; b < B; b++) {
#pragma GCC unroll 2
        for (int v = 0; v < VECS; v++) {
#pragma GCC unroll 4
            for (int n = 0; n < N; n++) {
                vf sum = acc[b][v][n];
                if (relu)
                    sum = vselect(sum > vzero(), sum, vzero());
                *(vfu *)(cols[n].y + (block + (size_t)b) * BLOCK + v * LANES) = sum;
            }
        }
    }
}

static void multiply(const struct silero_layer *l, const struct column *cols, size_t count, bool relu)
{
    size_t blocks = l->rows / BLOCK, fours = count & ~(size_t)3;
    for (size_t group = 0; group < fours; group += COLUMNS_GROUP) {
        size_t end = MIN(group + COLUMNS_GROUP, fours);
        for (size_t block = 0; block < blocks; block++) {
            for (size_t n = group; n < end; n += 4)
                tile(l, block, cols + n, relu, 1, 4);
        }
    }
    cols += fours;
    count -= fours;
    if (count >= 2) {
        for (size_t block = 0; block < blocks; block += 2)
            tile(l, block, cols, relu, 2, 2);
        cols += 2;
        count -= 2;
    }
    size_t block = 0;
    for (; count && block + 4 <= blocks; block += 4)
        tile(l, block, cols, relu, 4, 1);
    for (; count && block < blocks; block++)
        tile(l, block, cols, relu, 1, 1);
}

INLINE vf vexp(vf x)
{
    const vf high = vzero() + 88.0f, low = vzero() - 87.0f;
    x = vselect(x > high, high, x);
    x = vselect(x < low, low, x);
    vf shifted = x * 1.44269504f + 12582912.0f; /* the nearest integer stands in the low bits */
    vf n = shifted - 12582912.0f;
    vf r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    vi power = (((vi)shifted - 0x4b400000) + 127) << 23;
    return p * (vf)power;
}

INLINE vf vsigmoid(vf x)
{
    return 1.0f / (1.0f + vexp(vzero() - x));
}

INLINE vf vtanh(vf x)
{
    return 2.0f * vsigmoid(2.0f * x) - 1.0f;
}

static void take_samples(struct work *w, struct silero_job *j)
{
    float *x = w->samples;
    memcpy(x, j->state->context, sizeof(j->state->context));
    for (size_t i = 0; i < SILERO_WINDOW; i++)
        x[SILERO_CONTEXT + i] = (float)j->samples[i] * (1.0f / 32768.0f);
    memcpy(j->state->context, x + SILERO_WINDOW, sizeof(j->state->context));
    for (size_t i = 0; i < 64; i++)
        x[576 + i] = x[574 - i];
}

/* A DFT of a real frame needs the sum and difference of mirrored samples only; and of those, again, the
 * sum for even bins and the difference for odd ones. 256 samples become four runs of 64. */
static void fold_frame(float out[4][NET_FOLD], const float *x, const float *window)
{
    float even[NET_HALF * 2 + 1], odd[NET_HALF * 2 + 1], y[NET_FRAME];
    for (size_t i = 0; i < NET_FRAME; i++)
        y[i] = x[i] * window[i];
    even[0] = y[0];
    even[128] = y[128];
    odd[0] = odd[128] = 0;
    for (size_t i = 1; i < 128; i++) {
        even[i] = y[i] + y[256 - i];
        odd[i] = y[i] - y[256 - i];
    }
    for (size_t i = 0; i < 64; i++) {
        out[0][i] = even[i] + even[128 - i];
        out[1][i] = even[i] - even[128 - i];
        out[2][i] = odd[i] - odd[128 - i];
        out[3][i] = odd[i] + odd[128 - i];
    }
    out[0][64] = even[64];
    out[1][64] = out[2][64] = 0;
    out[3][64] = odd[64];
}

static void magnitudes(struct work *w, size_t t)
{
    float *bins = w->bins[t + 1], last = 0;
    for (size_t i = 0; i < 2 * NET_HALF; i++)
        bins[i] = sqrtf(w->re[t][i] * w->re[t][i] + w->im[t][i] * w->im[t][i]);
    for (size_t i = 0; i < 64; i += 2)
        last += w->fold[t][0][i] - w->fold[t][0][i + 1];
    bins[128] = fabsf(last + w->fold[t][0][64]);
}

static void spectra(const struct silero_net *net, struct work *work, size_t count)
{
    struct column cols[4][COLUMNS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct work *w = &work[i];
        for (size_t t = 0; t < NET_FRAMES; t++, n++) {
            fold_frame(w->fold[t], w->samples + 128 * t, net->window);
            cols[0][n] = (struct column){ w->fold[t][0], w->re[t], 0, NET_FOLD };
            cols[1][n] = (struct column){ w->fold[t][1], w->re[t] + NET_HALF, 0, NET_FOLD - 1 };
            cols[2][n] = (struct column){ w->fold[t][2], w->im[t], 0, NET_FOLD - 1 };
            cols[3][n] = (struct column){ w->fold[t][3], w->im[t] + NET_HALF, 0, NET_FOLD };
        }
    }
    for (size_t l = LAYER_RE_EVEN; l <= LAYER_IM_ODD; l++)
        multiply(&net->layers[l], cols[l], n, false);
    for (size_t i = 0; i < count; i++) {
        for (size_t t = 0; t < NET_FRAMES; t++)
            magnitudes(&work[i], t);
    }
}

/* Columns in order of time, so that those computed together lack the same taps. */
static void convolve(const struct silero_net *net, struct work *work, size_t count)
{
    static const size_t from[NET_FRAMES] = { NET_BINS, 0, 0, 0 };
    static const size_t to[NET_FRAMES] = { 3 * NET_BINS, 3 * NET_BINS, 3 * NET_BINS, 2 * NET_BINS };
    struct column cols[COLUMNS_MAX];
    size_t n = 0;
    for (size_t t = 0; t < NET_FRAMES; t++) {
        for (size_t i = 0; i < count; i++)
            cols[n++] = (struct column){ work[i].bins[t], work[i].conv0[t + 1], from[t], to[t] };
    }
    multiply(&net->layers[LAYER_CONV0], cols, n, true);

    n = 0;
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < count; i++)
            cols[n++] = (struct column){ work[i].conv0[2 * t], work[i].conv1[t], t ? 0 : 128, 3 * 128 };
    }
    multiply(&net->layers[LAYER_CONV1], cols, n, true);

    for (size_t i = 0; i < count; i++)
        cols[i] = (struct column){ work[i].conv1[0], work[i].conv2, 0, 2 * 64 };
    multiply(&net->layers[LAYER_CONV2], cols, count, true);

    for (size_t i = 0; i < count; i++)
        cols[i] = (struct column){ work[i].conv2, work[i].lstm, 0, 64 };
    multiply(&net->layers[LAYER_CONV3], cols, count, true);
}

static float decide(const struct silero_net *net, const struct work *w, struct silero_state *s)
{
    const float *i_gate = w->gates, *f_gate = i_gate + SILERO_HIDDEN, *g_gate = f_gate + SILERO_HIDDEN,
                *o_gate = g_gate + SILERO_HIDDEN;
    vf sum = vzero();
    for (size_t k = 0; k < SILERO_HIDDEN; k += LANES) {
        vf c = vsigmoid(*(const vfu *)(f_gate + k)) * *(const vfu *)(s->c + k) +
               vsigmoid(*(const vfu *)(i_gate + k)) * vtanh(*(const vfu *)(g_gate + k));
        vf h = vsigmoid(*(const vfu *)(o_gate + k)) * vtanh(c);
        *(vfu *)(s->c + k) = c;
        *(vfu *)(s->h + k) = h;
        sum += vselect(h > vzero(), h, vzero()) * *(const vfu *)(net->out_weights + k);
    }
    float total = net->out_bias;
    for (size_t k = 0; k < LANES; k++)
        total += sum[k];
    return 1.0f / (1.0f + expf(-total));
}

void NET_RUN(const struct silero_net *net, struct silero_job *jobs, size_t count)
{
    struct work work[SILERO_BATCH_MAX];
    struct column cols[SILERO_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        struct work *w = &work[i];
        memset(w->bins[0], 0, sizeof(w->bins[0]));
        memset(w->bins[NET_FRAMES + 1], 0, sizeof(w->bins[0]));
        memset(w->conv0[0], 0, sizeof(w->conv0[0]));
        take_samples(w, &jobs[i]);
        memcpy(w->lstm + SILERO_HIDDEN, jobs[i].state->h, sizeof(jobs[i].state->h));
        cols[i] = (struct column){ w->lstm, w->gates, 0, 2 * SILERO_HIDDEN };
    }
    spectra(net, work, count);
    convolve(net, work, count);
    multiply(&net->layers[LAYER_LSTM], cols, count, false);
    for (size_t i = 0; i < count; i++)
        jobs[i].probability = decide(net, &work[i], jobs[i].state);
}
