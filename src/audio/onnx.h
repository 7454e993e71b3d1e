/* SPDX-License-Identifier: MIT
 * onnx.h -- finds float tensors in an ONNX file: a walk over protobuf fields, nothing more. Reads in
 * place, allocates nothing; any bytes are safe. */
#ifndef PARLEY_AUDIO_ONNX_H
#define PARLEY_AUDIO_ONNX_H

#include "base/base.h"

#define ONNX_DEPTH_MAX 16

struct onnx_tensor {
    struct slice name;        /* of the tensor, or of the Constant node's output that holds it */
    struct slice raw;         /* little-endian float32; not aligned */
    size_t count;             /* floats */
    bool is_else;             /* inside the else-branch of an If (Silero: the 8 kHz network) */
};
/* Calls fn for each float tensor in file order; fn returns false to stop. ERR_PROTO: not protobuf. */
must_check enum err onnx_walk(struct slice file, bool (*fn)(void *user, const struct onnx_tensor *t), void *user);
/* The first tensor outside else-branches whose name ends so and that has so many floats. ERR_NOT_FOUND. */
must_check enum err onnx_find(struct slice file, struct slice suffix, size_t count, struct onnx_tensor *out);

#endif
