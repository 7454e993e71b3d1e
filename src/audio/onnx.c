/* SPDX-License-Identifier: MIT
 * onnx.c -- model -> graph -> initializers and nodes -> attributes -> tensors and inner graphs. The field
 * numbers are those of onnx.proto; what is not named here is stepped over. */
#include "audio/onnx.h"

enum { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };
enum { MODEL_GRAPH = 7, GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, NODE_OUTPUT = 2, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_TENSOR = 5, ATTRIBUTE_GRAPH = 6 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_FLOATS = 4, TENSOR_NAME = 8, TENSOR_RAW = 9, TYPE_FLOAT = 1 };

#define FLOATS_MAX (1u << 24)

struct field {
    uint32_t number;
    unsigned wire;
    uint64_t value;     /* varint */
    struct slice bytes; /* length-delimited */
};

struct walk {
    bool (*fn)(void *user, const struct onnx_tensor *t);
    void *user;
    bool is_over;
};

static bool varint(struct slice *s, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && s->len; shift += 7) {
        uint8_t byte = (uint8_t)s->data[0];
        *s = slice_sub(*s, 1, s->len - 1);
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Takes the next field of a message; false at its end or where it is broken (then *e is set). */
static bool next_field(struct slice *message, struct field *f, enum err *e)
{
    uint64_t key = 0, len = 0;
    if (*e || message->len == 0)
        return false;
    *e = ERR_PROTO;
    if (!varint(message, &key) || key >> 3 > UINT32_MAX)
        return false;
    *f = (struct field){ .number = (uint32_t)(key >> 3), .wire = key & 7 };
    if (f->wire == WIRE_VARINT) {
        if (!varint(message, &f->value))
            return false;
    } else {
        if (f->wire == WIRE_BYTES) {
            if (!varint(message, &len))
                return false;
        } else if (f->wire == WIRE_64 || f->wire == WIRE_32) {
            len = f->wire == WIRE_64 ? 8 : 4;
        } else {
            return false;
        }
        if (len > message->len)
            return false;
        f->bytes = slice_sub(*message, 0, (size_t)len);
        *message = slice_sub(*message, (size_t)len, message->len - (size_t)len);
    }
    *e = OK;
    return true;
}

static uint64_t dims_product(uint64_t count, const struct field *f)
{
    struct slice packed = f->bytes;
    uint64_t dim = f->value;
    if (f->wire == WIRE_VARINT)
        return dim <= FLOATS_MAX && count * dim <= FLOATS_MAX ? count * dim : 0;
    while (packed.len && varint(&packed, &dim))
        count = dim <= FLOATS_MAX && count * dim <= FLOATS_MAX ? count * dim : 0;
    return count;
}

static enum err walk_tensor(struct walk *w, struct slice message, struct slice name, bool is_else)
{
    struct onnx_tensor t = { .name = name, .is_else = is_else };
    struct field f;
    enum err e = OK;
    uint64_t count = 1, type = 0;
    while (next_field(&message, &f, &e)) {
        if (f.number == TENSOR_DIMS)
            count = dims_product(count, &f);
        else if (f.number == TENSOR_TYPE)
            type = f.value;
        else if (f.number == TENSOR_NAME && f.bytes.len)
            t.name = f.bytes;
        else if ((f.number == TENSOR_RAW || f.number == TENSOR_FLOATS) && f.wire == WIRE_BYTES)
            t.raw = f.bytes;
    }
    if (e || type != TYPE_FLOAT || count == 0 || t.raw.len != count * 4)
        return e;
    t.count = (size_t)count;
    if (!w->fn(w->user, &t))
        w->is_over = true;
    return OK;
}

static enum err walk_graph(struct walk *w, struct slice graph, bool is_else, unsigned depth);

static enum err walk_attribute(struct walk *w, struct slice attribute, struct slice output, bool is_else,
                               unsigned depth)
{
    struct field f;
    enum err e = OK;
    struct slice scan = attribute, name = { NULL, 0 };
    while (next_field(&scan, &f, &e)) {
        if (f.number == ATTRIBUTE_NAME)
            name = f.bytes;
    }
    while (!w->is_over && next_field(&attribute, &f, &e)) {
        if (f.number == ATTRIBUTE_TENSOR && f.wire == WIRE_BYTES)
            e = walk_tensor(w, f.bytes, output, is_else);
        else if (f.number == ATTRIBUTE_GRAPH && f.wire == WIRE_BYTES)
            e = walk_graph(w, f.bytes, is_else || slice_is(name, "else_branch"), depth + 1);
    }
    return e;
}

static enum err walk_node(struct walk *w, struct slice node, bool is_else, unsigned depth)
{
    struct field f;
    enum err e = OK;
    struct slice scan = node, output = { NULL, 0 };
    while (next_field(&scan, &f, &e)) {
        if (f.number == NODE_OUTPUT && output.len == 0)
            output = f.bytes;
    }
    while (!w->is_over && next_field(&node, &f, &e)) {
        if (f.number == NODE_ATTRIBUTE && f.wire == WIRE_BYTES)
            e = walk_attribute(w, f.bytes, output, is_else, depth);
    }
    return e;
}

static enum err walk_graph(struct walk *w, struct slice graph, bool is_else, unsigned depth)
{
    struct field f;
    enum err e = OK;
    if (depth > ONNX_DEPTH_MAX)
        return ERR_PROTO;
    while (!w->is_over && next_field(&graph, &f, &e)) {
        if (f.number == GRAPH_INITIALIZER && f.wire == WIRE_BYTES)
            e = walk_tensor(w, f.bytes, (struct slice){ NULL, 0 }, is_else);
        else if (f.number == GRAPH_NODE && f.wire == WIRE_BYTES)
            e = walk_node(w, f.bytes, is_else, depth);
    }
    return e;
}

enum err onnx_walk(struct slice file, bool (*fn)(void *user, const struct onnx_tensor *t), void *user)
{
    struct walk w = { .fn = fn, .user = user };
    struct field f;
    enum err e = OK;
    while (!w.is_over && next_field(&file, &f, &e)) {
        if (f.number == MODEL_GRAPH && f.wire == WIRE_BYTES)
            e = walk_graph(&w, f.bytes, false, 1);
    }
    return e;
}

struct find {
    struct slice suffix;
    size_t count;
    struct onnx_tensor *out;
    bool is_found;
};

static bool find_one(void *user, const struct onnx_tensor *t)
{
    struct find *f = user;
    if (t->is_else || t->count != f->count || !slice_ends(t->name, f->suffix))
        return true;
    *f->out = *t;
    f->is_found = true;
    return false;
}

enum err onnx_find(struct slice file, struct slice suffix, size_t count, struct onnx_tensor *out)
{
    struct find f = { .suffix = suffix, .count = count, .out = out };
    enum err e = onnx_walk(file, find_one, &f);
    return e ? e : f.is_found ? OK : ERR_NOT_FOUND;
}
