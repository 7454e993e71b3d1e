/* SPDX-License-Identifier: MIT
 * test_ids.c -- which spelling of an id is believed, and which values are. */
#include "protocol/ids.h"
#include "tests/support/test.h"

#define PAIRS_MAX 6
struct pair {
    const char *name, *value;
};
struct request {
    struct pair query[PAIRS_MAX], headers[PAIRS_MAX];
};

static bool lookup(const struct pair *pairs, const char *name, struct slice *value)
{
    for (size_t i = 0; i < PAIRS_MAX && pairs[i].name; i++) {
        if (slice_eq_nocase(slice_of(pairs[i].name), slice_of(name))) {
            *value = slice_of(pairs[i].value);
            return true;
        }
    }
    return false;
}

static bool get_query(void *user, const char *name, struct slice *value)
{
    return lookup(((const struct request *)user)->query, name, value);
}

static bool get_header(void *user, const char *name, struct slice *value)
{
    return lookup(((const struct request *)user)->headers, name, value);
}

static struct ids resolve(struct request *rq)
{
    struct ids ids;
    ids_resolve(&ids, &(struct id_lookup){ get_query, get_header, rq }, 0x00c0ffee);
    return ids;
}

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static void the_first_useful_spelling_wins(void **state)
{
    static struct {
        struct request rq;
        const char *device, *client;
        enum id_source source;
        bool is_refused;
    } rows[] = {
        { { .query = { { "device-id", "AA:BB" } } }, "aa:bb", "aa:bb", ID_QUERY, false },
        { { .query = { { "device_id", "'X1'" } } }, "x1", "x1", ID_QUERY, false },
        { { .query = { { "device-id", "" }, { "client-id", "c9" } } }, "auto-00c0ffee", "c9", ID_AUTO, false },
        { { .headers = { { "Client-Id", "c1" } } }, "c1", "c1", ID_CLIENT, false },
        { { .query = { { "device-id", "q" } }, .headers = { { "Device-Id", "h" } } }, "q", "q", ID_QUERY, false },
        { { .headers = { { "X-Device-ID", "Foo" } } }, "foo", "foo", ID_HEADER, false },
        { { .headers = { { "device-id", "  \t " }, { "x-device-id", "b" } } }, "b", "b", ID_HEADER, false },
        { { { { 0 } } }, "auto-00c0ffee", "auto-00c0ffee", ID_AUTO, false },
        { { .query = { { "device-id", "../../etc" } } }, "auto-00c0ffee", "auto-00c0ffee", ID_AUTO, true },
        { { .query = { { "device-id", LONG_64 "5" } } }, "auto-00c0ffee", "auto-00c0ffee", ID_AUTO, true },
        { { .query = { { "device-id", LONG_64 } } }, LONG_64, LONG_64, ID_QUERY, false },
        { { .query = { { "device-id", "bad id" } }, .headers = { { "device-id", "good" } } }, "good", "good",
          ID_HEADER, true },
        { { .headers = { { "device-id", "d" }, { "client-id", "C" } } }, "d", "c", ID_HEADER, false },
        { { .query = { { "client_id", "Q" } }, .headers = { { "device_id", "d" }, { "client-id", "h" } } }, "d", "q",
          ID_HEADER, false },
        { { .headers = { { "x-device_id", "\"'a.b_c-d '\"" } } }, "a.b_c-d", "a.b_c-d", ID_HEADER, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ids ids = resolve(&rows[i].rq);
        assert_string_equal(ids.device, rows[i].device);
        assert_string_equal(ids.client, rows[i].client);
        assert_int_equal(ids.source, rows[i].source);
        assert_int_equal(ids.refused > 0, rows[i].is_refused);
    }
}

static void the_raw_strings_are_kept_for_the_token(void **state)
{
    struct request rq = { .headers = { { "device-id", "AA:BB" }, { "client-id", "\"Client\"" } } };
    struct ids ids = resolve(&rq);
    assert_slice_is(ids.raw_device, "AA:BB");
    assert_slice_is(ids.raw_client, "\"Client\"");

    struct request none = { 0 };
    ids = resolve(&none);
    assert_int_equal(ids.raw_device.len, 0); /* nothing was sent: no token can fit */
}

static void useless_ids_are_refused_and_leave_the_output_alone(void **state)
{
    static const char *const rows[] = { "", "  ", "''", "a b", "a/b", "ä", "a\nb", LONG_64 "x", "a'b", "'\"a\"'" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[ID_TEXT] = "before";
        assert_false(id_normalise(slice_of(rows[i]), out));
        assert_string_equal(out, "before");
    }
}

static void sources_have_names(void **state)
{
    assert_string_equal(id_source_name(ID_QUERY), "query");
    assert_string_equal(id_source_name(ID_AUTO), "auto");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_useful_spelling_wins),
        cmocka_unit_test(the_raw_strings_are_kept_for_the_token),
        cmocka_unit_test(useless_ids_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(sources_have_names),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
