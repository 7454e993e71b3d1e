/* SPDX-License-Identifier: MIT
 * err.h -- every way a function can fail: one closed list, one row each. */
#ifndef PARLEY_BASE_ERR_H
#define PARLEY_BASE_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                         \
    /* name         http  what a human reads */                             \
    X(INVALID,      400, "a value is missing or wrong")                     \
    X(PROTO,        400, "the peer broke the protocol")                     \
    X(AUTH,         401, "not authorised")                                  \
    X(FORBIDDEN,    403, "not allowed")                                     \
    X(NOT_FOUND,    404, "not there")                                       \
    X(STATE,        409, "not possible in this state")                      \
    X(EXISTS,       409, "is there already")                                \
    X(LIMIT,        429, "a configured limit was reached")                  \
    X(CANCELLED,    499, "cancelled by its owner")                          \
    X(INTERNAL,     500, "an internal error")                               \
    X(IO,           500, "reading or writing failed")                       \
    X(STORE,        500, "the database failed")                             \
    X(NO_MEMORY,    500, "not enough memory")                               \
    X(UNSUPPORTED,  501, "not supported here")                              \
    X(UPSTREAM,     502, "a provider failed")                               \
    X(CONNECT,      502, "could not connect")                               \
    X(CLOSED,       502, "the peer closed the connection")                  \
    X(BUSY,         503, "full, try again")                                 \
    X(TIMEOUT,      504, "took too long")

enum err {
    OK = 0,
#define X(name, http, text) ERR_##name,
    ERR_LIST(X)
#undef X
    ERR_COUNT,
};

const char *err_name(enum err e);  /* "LIMIT"; "OK" for OK */
const char *err_text(enum err e);  /* the sentence */
int err_http(enum err e);          /* HTTP status; 200 for OK */

/* Upstream detail that a human will read; filled by the one who failed. */
struct err_note {
    enum err err;
    char text[200];
};

#endif
