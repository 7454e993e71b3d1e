/* SPDX-License-Identifier: MIT
 * fuzz_jwt.c -- tokens of callers. */
#include "devices/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jwt_rules r = { .secret = SLICE("key"), .public_key = SLICE("x"), .has_hs256 = true, .has_rs256 = true,
                           .now_s = 1700000000 };
    struct jwt_claims c;
    enum err e = jwt_check(slice_from(data, size), &r, &c);
    assert(e == OK || e == ERR_PROTO || e == ERR_AUTH);
    return 0;
}
