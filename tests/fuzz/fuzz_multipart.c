/* SPDX-License-Identifier: MIT
 * fuzz_multipart.c -- first line: the content type; the rest: the form. Whole and in pieces are alike. */
#include "base/mem.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_part(void *user, struct slice name, struct slice filename, struct slice type)
{
    (void)buf_puts(user, "{");
    (void)buf_put(user, name);
    (void)buf_put(user, filename);
    (void)buf_put(user, type);
}

static void on_data(void *user, struct slice data)
{
    (void)buf_put(user, data);
}

static void on_part_end(void *user)
{
    (void)buf_puts(user, "}");
}

static const struct multipart_events events = { on_part, on_data, on_part_end };

static enum err run(struct buf *heard, struct slice type, struct slice form, size_t step, bool *complete)
{
    struct multipart *m;
    enum err e = multipart_create(&m, type, &events, heard);
    if (e)
        return e;
    for (size_t at = 0; at < form.len && !e; at += step) {
        char *copy = xmemdup(form.data + at, MIN(step, form.len - at));
        e = multipart_feed(m, slice_from(copy, MIN(step, form.len - at)));
        mem_free(copy);
    }
    *complete = multipart_complete(m);
    multipart_free(m);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_buf struct buf whole = { 0 }, pieces = { 0 };
    struct slice form = slice_from(data, size), type = slice_cut(&form, '\n');
    bool whole_complete = false, pieces_complete = false;
    if (form.len == 0)
        return 0;
    enum err a = run(&whole, type, form, form.len, &whole_complete);
    enum err b = run(&pieces, type, form, 1 + data[size - 1] % 6, &pieces_complete);
    assert(a == b);
    assert(a || whole_complete == pieces_complete);
    assert(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
    return 0;
}
