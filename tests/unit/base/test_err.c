/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

static void every_error_has_a_name_a_text_and_a_status(void **state)
{
    for (int e = 1; e < ERR_COUNT; e++) {
        assert_true(strlen(err_name((enum err)e)) > 1);
        assert_true(strlen(err_text((enum err)e)) > 5);
        assert_in_range(err_http((enum err)e), 400, 599);
    }
    assert_int_equal(err_http(OK), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_error_has_a_name_a_text_and_a_status) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
