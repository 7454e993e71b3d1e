/* SPDX-License-Identifier: MIT
 * mem.c -- the only place that calls malloc. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_uint fail_in; /* tests only; 0: never */

static bool fails_now(void)
{
    unsigned left = atomic_load_explicit(&fail_in, memory_order_relaxed);
    while (left)
        if (atomic_compare_exchange_weak(&fail_in, &left, left - 1))
            return left == 1;
    return false;
}

void mem_fail_nth(unsigned nth)
{
    atomic_store(&fail_in, nth);
}

static void *checked(void *ptr)
{
    if (!ptr) {
        fputs("parley: out of memory\n", stderr);
        abort();
    }
    return ptr;
}

void *xalloc(size_t bytes)
{
    return checked(calloc(1, bytes ? bytes : 1));
}

void *xrealloc(void *ptr, size_t bytes)
{
    return checked(realloc(ptr, bytes ? bytes : 1));
}

char *xslicedup(struct slice s)
{
    char *copy = checked(malloc(s.len + 1));
    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = 0;
    return copy;
}

char *xstrdup(const char *text)
{
    return text ? xslicedup(slice_of(text)) : NULL;
}

void *xmemdup(const void *data, size_t bytes)
{
    return xslicedup(slice_from(data, bytes));
}

char *xpack_list(const char ***texts)
{
    size_t bytes = 0;
    for (const char ***at = texts; *at; at++)
        bytes += strlen(**at) + 1;
    char *block = xalloc(bytes), *end = block;
    for (const char ***at = texts; *at; at++) {
        size_t n = strlen(**at) + 1;
        **at = memcpy(end, **at, n);
        end += n;
    }
    return block;
}

char *xprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    return checked(len < 0 ? NULL : text);
}

void *try_alloc(size_t bytes)
{
    return fails_now() ? NULL : calloc(1, bytes ? bytes : 1);
}

void *try_realloc(void *ptr, size_t bytes)
{
    return fails_now() ? NULL : realloc(ptr, bytes ? bytes : 1);
}

void mem_free(void *ptr)
{
    free(ptr);
}

/* ---- arena: blocks in a list, the first one is being filled ---- */

#define ARENA_BLOCK_BYTES 4000
#define ARENA_ALIGN 16

struct arena_block {
    struct arena_block *next;
    size_t cap_bytes;
    _Alignas(ARENA_ALIGN) char data[];
};

void *arena_alloc(struct arena *a, size_t bytes)
{
    assert(bytes < SIZE_MAX / 2);
    bytes = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!a->blocks || a->blocks->cap_bytes - a->used_bytes < bytes) {
        size_t cap_bytes = MAX(bytes, (size_t)ARENA_BLOCK_BYTES);
        struct arena_block *block = checked(malloc(sizeof(*block) + cap_bytes));
        block->cap_bytes = cap_bytes;
        block->next = a->blocks;
        a->blocks = block;
        a->used_bytes = 0;
    }
    char *at = a->blocks->data + a->used_bytes;
    a->used_bytes += bytes;
    memset(at, 0, bytes);
    return at;
}

char *arena_strdup(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(copy, s.data, s.len);
    return copy;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_reset(struct arena *a)
{
    if (!a->blocks)
        return;
    free_blocks(a->blocks->next);
    a->blocks->next = NULL;
    a->used_bytes = 0;
    if (a->blocks->cap_bytes > ARENA_BLOCK_BYTES) /* do not keep a giant for ever */
        arena_done(a);
}

void arena_done(struct arena *a)
{
    free_blocks(a->blocks);
    *a = (struct arena){ 0 };
}
