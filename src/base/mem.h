/* SPDX-License-Identifier: MIT
 * mem.h -- memory. What we size ourselves aborts on failure (xalloc); what a peer sizes is bounded
 * by a setting first and then asked for with try_alloc, which may fail (and can be made to, in
 * tests). Raw malloc is banned outside this file (./dev tidy). Any thread. */
#ifndef PARLEY_BASE_MEM_H
#define PARLEY_BASE_MEM_H

#include "base/base.h"

void *xalloc(size_t bytes);                        /* zeroed; never NULL */
void *xrealloc(void *ptr, size_t bytes);           /* new part not zeroed */
char *xstrdup(const char *text);                   /* NULL stays NULL */
char *xslicedup(struct slice s);                   /* terminated copy */
void *xmemdup(const void *data, size_t bytes);
char *xprintf(const char *fmt, ...) printf_like(1, 2);
/* Several texts that live as long as each other: xpack(&a, &b) copies what the pointers name into one
 * block and lets them point there. The block is given. */
#define xpack(...) xpack_list((const char **[]){ __VA_ARGS__, NULL })
char *xpack_list(const char ***texts);             /* NULL-terminated */
void *try_alloc(size_t bytes);                     /* zeroed or NULL */
void *try_realloc(void *ptr, size_t bytes);        /* NULL: ptr is still valid */
void mem_free(void *ptr);                          /* NULL is fine */
/* Makes the Nth try_alloc/try_realloc from now fail (1 = next one); 0 switches it off. Tests. */
void mem_fail_nth(unsigned nth);

#define xnew(type) ((type *)xalloc(sizeof(type)))

static inline void mem_freep(void *ptr_at)
{
    mem_free(*(void **)ptr_at);
}
#define auto_mem __attribute__((cleanup(mem_freep)))

/* Many small things that die together (a turn's strings). Zero is a valid empty arena. */
struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* in the first block */
};

void *arena_alloc(struct arena *a, size_t bytes); /* zeroed, 16-byte aligned */
char *arena_strdup(struct arena *a, struct slice s);
void arena_reset(struct arena *a); /* keeps one block */
void arena_done(struct arena *a);

#endif
