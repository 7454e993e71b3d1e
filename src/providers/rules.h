/* SPDX-License-Identifier: MIT
 * rules.h -- the table of local answers: patterns over words (English) and signs (Chinese), sums, numbers.
 * Read from YAML (share/rules.yaml tells the form), immutable after. Pure. */
#ifndef PARLEY_PROVIDERS_RULES_H
#define PARLEY_PROVIDERS_RULES_H

#include "base/buf.h"
#include "base/mem.h"

enum {
    RULES_MAX = 256, RULE_LINES_MAX = 64, RULE_TOOLS_MAX = 8, RULE_ARGS_MAX = 8,
    RULES_BYTES_MAX = 262144, HEARD_TOKENS_MAX = 256, RULES_DEPTH_MAX = 8,
};
enum rules_language { RULES_EN, RULES_ZH, RULES_LANGUAGES };

struct rule_lines {
    const char *text[RULE_LINES_MAX];
    unsigned count;
};
struct rule {
    const char *name;
    struct rule_lines when, command, say[RULES_LANGUAGES], failed[RULES_LANGUAGES];
    const char *tools[RULE_TOOLS_MAX];
    unsigned tool_count;
    struct { const char *name, *value; } args[RULE_ARGS_MAX];
    unsigned arg_count;
    int step;                     /* of the volume; 0: none */
};
struct rules {
    struct arena arena;
    struct rule list[RULES_MAX];
    unsigned count;
};

/* ERR_INVALID with line and reason: not this form; ERR_LIMIT: too large. */
must_check enum err rules_parse(struct rules **out, struct slice yaml, struct err_note *note);
void rules_free(struct rules *r); /* NULL is fine */
extern const char rules_default_yaml[];

/* What was heard: words and signs. Slices point into the text. */
struct heard {
    struct slice text;
    struct slice tokens[HEARD_TOKENS_MAX];
    unsigned count;
};
void heard_read(struct heard *h, struct slice text);
enum rules_language rules_language_of(struct slice text, enum rules_language otherwise);

struct match {
    const struct rule *rule;
    bool has_number;
    double number, result;
    struct slice sum, rest;
};
/* The first rule that fits; false: none. */
bool rules_match(const struct rules *r, const struct heard *h, struct match *out);
/* The first one of which a `command` is all that was said. */
bool rules_match_command(const struct rules *r, const struct heard *h, struct match *out);
bool rule_is_catch_all(const struct rule *rule); /* fits whatever was said */

/* A number at token `at`, in digits, English or Chinese words; tokens used, 0: none. */
unsigned number_read(const struct heard *h, unsigned at, double *out);
/* A calculation with at least one operator; tokens used, 0: none. Dividing by zero is none. */
unsigned sum_read(const struct heard *h, unsigned at, double *out);
void number_print(struct buf *out, double value);

#endif
