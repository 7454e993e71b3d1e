/* SPDX-License-Identifier: MIT
 * args.c -- options from a table. */
#include "cli/args.h"

#include <stdio.h>

#define HELP_COLUMN 32

enum { GO_ON = 0, HELPED = 1, WRONG = 3 };

static void print_help(const struct args *a)
{
    printf("usage: %s\n\n", a->usage);
    for (size_t i = 0; i < a->count; i++) {
        char left[64];
        int columns = snprintf(left, sizeof(left), "%s %s", a->list[i].name, a->list[i].value ? a->list[i].value : "");
        if (columns > HELP_COLUMN) /* what it is stands below, in its column */
            printf("  %s\n  %-*s %s\n", left, HELP_COLUMN, "", a->list[i].help);
        else
            printf("  %-*s %s\n", HELP_COLUMN, left, a->list[i].help);
    }
}

static int wrong(const char *option, const char *why)
{
    fprintf(stderr, "parley: %s: %s (see --help)\n", option, why);
    return WRONG;
}

static int wrong_number(const struct arg *arg)
{
    char why[80];
    snprintf(why, sizeof(why), "wants a whole number from %lld to %lld", (long long)arg->min, (long long)arg->max);
    return wrong(arg->name, why);
}

static int take_choice(const struct arg *arg, const char *value)
{
    struct slice rest = slice_of(arg->value);
    for (unsigned i = 0; rest.data; i++) {
        if (slice_is(slice_cut(&rest, '|'), value)) {
            *arg->choice = i;
            return GO_ON;
        }
    }
    char why[120];
    snprintf(why, sizeof(why), "wants one of %s", arg->value);
    return wrong(arg->name, why);
}

static int take_value(const struct arg *arg, const char *value)
{
    int64_t n;
    switch (arg->kind) {
    case ARG_TEXT:
        *arg->text = value;
        return GO_ON;
    case ARG_NUMBER:
        if (!slice_to_i64(slice_of(value), &n) || n < arg->min || n > arg->max)
            return wrong_number(arg);
        *arg->number = n;
        return GO_ON;
    default:
        return take_choice(arg, value);
    }
}

static const struct arg *find(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->list[i].name, name) == 0)
            return &a->list[i];
    return NULL;
}

int args_parse(struct args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(a);
            return HELPED;
        }
        const struct arg *arg = find(a, argv[i]);
        if (!arg) {
            if (argv[i][0] == '-' || a->rest_count >= a->rest_max)
                return wrong(argv[i], "what is this");
            a->rest[a->rest_count++] = argv[i];
            continue;
        }
        if (arg->kind == ARG_FLAG) {
            *arg->flag = true;
            continue;
        }
        if (++i == argc)
            return wrong(arg->name, "wants a value");
        int e = take_value(arg, argv[i]);
        if (e)
            return e;
    }
    return GO_ON;
}
