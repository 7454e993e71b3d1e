/* SPDX-License-Identifier: MIT
 * err.c -- the columns of ERR_LIST. */
#include "base/err.h"

struct row {
    const char *name, *text;
    int http;
};

static const struct row rows[ERR_COUNT] = {
    [OK] = { "OK", "all is well", 200 },
#define X(id, status, sentence) [ERR_##id] = { #id, sentence, status },
    ERR_LIST(X)
#undef X
};

static const struct row *row(enum err e)
{
    return &rows[(unsigned)e < ERR_COUNT ? e : ERR_INTERNAL];
}

const char *err_name(enum err e)
{
    return row(e)->name;
}

const char *err_text(enum err e)
{
    return row(e)->text;
}

int err_http(enum err e)
{
    return row(e)->http;
}
