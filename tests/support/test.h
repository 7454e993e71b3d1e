/* SPDX-License-Identifier: MIT
 * test.h -- cmocka and the includes it forgets. A test program that uses threads says TSAN in a
 * comment near its top, so that it runs under the thread sanitizer too. */
#ifndef PARLEY_TESTS_SUPPORT_TEST_H
#define PARLEY_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

#include <cmocka.h>

#define assert_ok(e) assert_int_equal((e), OK)
#define assert_slice_is(s, text)                                   \
    do {                                                           \
        struct slice got_ = (s);                                   \
        assert_int_equal(got_.len, strlen(text));                  \
        assert_memory_equal(got_.data ? got_.data : "", text, got_.len); \
    } while (0)

#endif
