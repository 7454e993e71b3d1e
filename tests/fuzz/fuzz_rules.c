/* SPDX-License-Identifier: MIT
 * fuzz_rules.c -- a rules file of anybody's, and words of anybody's against the built-in one. */
#include "providers/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rules *built_in;
    struct rules *r = NULL;
    struct err_note note = { 0 };
    struct heard h;
    struct match m;
    if (!built_in && rules_parse(&built_in, slice_of(rules_default_yaml), &note))
        __builtin_trap();
    heard_read(&h, slice_from(data, MIN(size, (size_t)600)));
    (void)rules_match(built_in, &h, &m);
    if (rules_parse(&r, slice_from(data, size), &note) == OK) {
        (void)rules_match(r, &h, &m);
        rules_free(r);
    }
    return 0;
}
