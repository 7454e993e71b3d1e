/* SPDX-License-Identifier: MIT
 * args.h -- command-line options from a table: parser, checks and help in one. */
#ifndef PARLEY_CLI_ARGS_H
#define PARLEY_CLI_ARGS_H

#include "base/base.h"

enum arg_kind { ARG_FLAG, ARG_TEXT, ARG_NUMBER, ARG_CHOICE };
struct arg {
    const char *name;        /* "--say" */
    enum arg_kind kind;
    const char *value;       /* as help shows it: "TEXT"; CHOICE: "auto|manual|realtime" */
    const char *help;
    bool *flag;
    const char **text;
    int64_t *number, min, max;
    unsigned *choice;        /* index into value */
};
struct args {
    const char *usage;       /* one line */
    const struct arg *list;
    size_t count;
    const char **rest;       /* words that are no options; NULL: none allowed */
    size_t rest_max, rest_count;
};
/* 0: go on; otherwise the exit status plus one (help was printed: 1; a mistake, told on stderr: 3). */
int args_parse(struct args *a, int argc, char **argv);

#endif
