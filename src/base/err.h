/* SPDX-License-Identifier: MIT
 * err.h -- every way a function can fail: one closed list, one row each. */
#ifndef PARLEY_BASE_ERR_H
#define PARLEY_BASE_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                         \
    /* name         http  again  what a human reads */                      \
    X(INVALID,      400,  false, "a value is missing or wrong")             \
    X(PROTO,        400,  false, "the peer broke the protocol")             \
    X(AUTH,         401,  false, "not authorised")                          \
    X(FORBIDDEN,    403,  false, "not allowed")                             \
    X(NOT_FOUND,    404,  false, "not there")                               \
    X(STATE,        409,  false, "not possible in this state")              \
    X(EXISTS,       409,  false, "is there already")                        \
    X(LIMIT,        429,  true,  "a configured limit was reached")          \
    X(CANCELLED,    499,  false, "cancelled by its owner")                  \
    X(INTERNAL,     500,  false, "an internal error")                       \
    X(IO,           500,  true,  "reading or writing failed")               \
    X(STORE,        500,  true,  "the database failed")                     \
    X(NO_MEMORY,    500,  true,  "not enough memory")                       \
    X(UNSUPPORTED,  501,  false, "not supported here")                      \
    X(UPSTREAM,     502,  true,  "a provider failed")                       \
    X(CONNECT,      502,  true,  "could not connect")                       \
    X(CLOSED,       502,  true,  "the peer closed the connection")          \
    X(BUSY,         503,  true,  "full, try again")                         \
    X(TIMEOUT,      504,  true,  "took too long")

enum err {
    OK = 0,
#define X(name, http, again, text) ERR_##name,
    ERR_LIST(X)
#undef X
    ERR_COUNT,
};

const char *err_name(enum err e);  /* "LIMIT"; "OK" for OK */
const char *err_text(enum err e);  /* the sentence */
int err_http(enum err e);          /* HTTP status; 200 for OK */
bool err_again(enum err e);        /* worth trying again */

/* Upstream detail that a human will read; filled by the one who failed. */
struct err_note {
    enum err err;
    char text[200];
};

#endif
