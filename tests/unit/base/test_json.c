/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "tests/support/test.h"

static void texts_are_refused_or_taken_as_the_table_says(void **state)
{
    static const struct {
        const char *text;
        enum err err;
    } rows[] = {
        { "{}", OK }, { "[]", OK }, { " {\"a\":[1,2.5,-3e2,true,false,null,\"x\"]} ", OK }, { "12", OK },
        { "\"x\"", OK }, { "-0", OK }, { "1e5", OK }, { "true", OK }, { "\"\\ud83d\\ude00\"", OK },
        { "", ERR_PROTO }, { "  ", ERR_PROTO }, { "{", ERR_PROTO }, { "}", ERR_PROTO }, { "[1,]", ERR_PROTO },
        { "{\"a\":1,}", ERR_PROTO }, { "{a:1}", ERR_PROTO }, { "{'a':1}", ERR_PROTO }, { "NaN", ERR_PROTO },
        { "Infinity", ERR_PROTO }, { "[1] x", ERR_PROTO }, { "[1][2]", ERR_PROTO }, { "1 2", ERR_PROTO },
        { "/* c */ {}", ERR_PROTO }, { "{} // c", ERR_PROTO }, { "01", ERR_PROTO }, { "1.", ERR_PROTO },
        { ".5", ERR_PROTO }, { "+1", ERR_PROTO }, { "-", ERR_PROTO }, { "1e", ERR_PROTO },
        { "9e402", ERR_PROTO }, { "[-1e999]", ERR_PROTO }, { "1e-999", OK },
        { "0x10", ERR_PROTO },
        { "\"a\nb\"", ERR_PROTO }, { "\"\\x41\"", ERR_PROTO }, { "\"\\u12\"", ERR_PROTO },
        { "\"\\u0000\"", ERR_PROTO }, { "{\"a\\u0000b\":1}", ERR_PROTO }, { "\"open", ERR_PROTO },
        { "\"\xff\"", ERR_PROTO }, { "\"\xed\xa0\x80\"", ERR_PROTO }, { "True", ERR_PROTO }, { "nul", ERR_PROTO },
        { "[1 2]", ERR_PROTO }, { "{\"a\" 1}", ERR_PROTO }, { "[}", ERR_PROTO }, { "{\"a\":}", ERR_PROTO },
        { ",", ERR_PROTO }, { "[,1]", ERR_PROTO }, { "null", ERR_PROTO }, { "{\"a\":tru}", ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = NULL;
        enum err e = json_parse(&root, slice_of(rows[i].text), NULL);
        if (e != rows[i].err)
            fail_msg("%s: %s", rows[i].text, err_name(e));
        assert_int_equal(root != NULL, e == OK);
        json_free(root);
    }
}

static void a_nul_byte_does_not_end_the_text(void **state)
{
    struct json *root = NULL;
    assert_int_equal(json_parse(&root, slice_from("{}\0x", 4), NULL), ERR_PROTO);
    assert_int_equal(json_parse(&root, slice_from("\"a\0b\"", 5), NULL), ERR_PROTO);
    assert_null(root);
}

static void depth_and_nodes_are_limited_exactly(void **state)
{
    struct json_limits l = { .depth_max = 3, .nodes_max = 4 };
    static const struct {
        const char *text;
        enum err err;
    } rows[] = {
        { "[[[]]]", OK }, { "[[[[]]]]", ERR_LIMIT }, { "[1,2,3]", OK }, { "[1,2,3,4]", ERR_LIMIT },
        { "{\"a\":{\"b\":[1]}}", OK }, { "{\"a\":{\"b\":[1,2]}}", ERR_LIMIT }, { "[{},{},{}]", OK },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = NULL;
        assert_int_equal(json_parse(&root, slice_of(rows[i].text), &l), rows[i].err);
        json_free(root);
    }
    auto_buf struct buf deep = { 0 };
    for (int i = 0; i < 200000; i++)
        buf_put_byte(&deep, '[');
    struct json *root = NULL;
    assert_int_equal(json_parse(&root, buf_slice(&deep), NULL), ERR_LIMIT);
}

static void accessors_take_wrong_types_and_null(void **state)
{
    auto_json struct json *root = NULL;
    assert_ok(json_parse(&root, SLICE("{\"s\":\"16000\",\"f\":2.0,\"g\":2.5,\"i\":7,\"b\":true,\"n\":null,"
                                      "\"a\":[1,{\"x\":\"y\"}],\"t\":\"false\",\"e\":\"\",\"big\":1e300}"),
                         NULL));
    assert_int_equal(json_get_i64(root, "s", 1), 16000);
    assert_int_equal(json_get_i64(root, "f", 1), 2);
    assert_int_equal(json_get_i64(root, "g", 1), 1);
    assert_int_equal(json_get_i64(root, "big", 1), 1);
    assert_int_equal(json_get_i64(root, "b", 1), 1);
    assert_int_equal(json_get_i64(root, "absent", -5), -5);
    assert_int_equal(json_get_i64(NULL, "s", 3), 3);
    assert_true(json_get_f64(root, "g", 0) == 2.5);
    assert_true(json_get_f64(root, "e", 9) == 9);
    assert_true(json_get_bool(root, "b", false));
    assert_false(json_get_bool(root, "t", true));
    assert_true(json_get_bool(root, "s", true));
    assert_int_equal(json_type(json_get(root, "n")), JSON_NULL);
    assert_slice_is(json_get_text(json_at(json_get(root, "a"), 1), "x"), "y");
    assert_null(json_at(json_get(root, "a"), 2));
    assert_null(json_get(json_get(root, "i"), "x"));
    assert_int_equal(json_len(json_get(root, "a")), 2);
    assert_int_equal(json_len(NULL), 0);
    assert_int_equal(json_get_text(root, "i").len, 0);
    struct slice key;
    const struct json *v;
    assert_true(json_member(root, 3, &key, &v));
    assert_slice_is(key, "i");
    assert_int_equal(json_i64(v, 0), 7);
    assert_false(json_member(root, 10, &key, &v));
}

static void the_writer_escapes_and_nests(void **state)
{
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_str(&w, "text", slice_from("a\"\\\n\x01\x7f\xE4\xBD\xA0\xff.", 11));
    jw_array_as(&w, "list");
    jw_i64(&w, NULL, INT64_MIN);
    jw_f64(&w, NULL, 0.1);
    jw_f64(&w, NULL, -0.0);
    jw_f64(&w, NULL, 1.0 / 0.0);
    jw_bool(&w, NULL, true);
    jw_null(&w, NULL);
    jw_cstr(&w, NULL, NULL);
    jw_object(&w);
    jw_end(&w);
    jw_end(&w);
    jw_raw(&w, "raw", SLICE("[1]"));
    jw_str_keyed(&w, slice_from("keyed", 3), SLICE("v"));
    jw_end(&w);
    assert_string_equal(out.data, "{\"text\":\"a\\\"\\\\\\n\\u0001\x7f\xE4\xBD\xA0\xEF\xBF\xBD.\",\"list\":["
                                  "-9223372036854775808,0.1,0,null,true,null,null,{}],\"raw\":[1],\"key\":\"v\"}");
    assert_false(w.failed);
}

static void a_full_buf_is_told(void **state)
{
    auto_buf struct buf out = { .max = 8 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_str(&w, "key", SLICE("longer than that"));
    jw_end(&w);
    assert_true(w.failed);
    assert_true(out.len <= 8);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    static const char text[] = "{\"a\":[1,2.5,-3,\"\\u00e9\\n\",{\"b\":null,\"c\":[]}],\"d\":{},\"e\":true}";
    auto_json struct json *root = NULL;
    auto_buf struct buf once = { 0 }, twice = { 0 };
    assert_ok(json_parse(&root, slice_of(text), NULL));
    json_print(&once, root);
    auto_json struct json *again = NULL;
    assert_ok(json_parse(&again, buf_slice(&once), NULL));
    json_print(&twice, again);
    assert_string_equal(once.data, twice.data);
    assert_string_equal(once.data, "{\"a\":[1,2.5,-3,\"\xC3\xA9\\n\",{\"b\":null,\"c\":[]}],\"d\":{},\"e\":true}");
}

static void a_large_array_is_fine_with_its_limit(void **state)
{
    auto_buf struct buf text = { 0 };
    buf_puts(&text, "[0");
    for (int i = 1; i < 50000; i++)
        buf_printf(&text, ",%d", i);
    buf_puts(&text, "]");
    struct json *root = NULL;
    assert_int_equal(json_parse(&root, buf_slice(&text), NULL), ERR_LIMIT);
    assert_ok(json_parse(&root, buf_slice(&text), &(struct json_limits){ .nodes_max = 50001 }));
    assert_int_equal(json_i64(json_at(root, 49999), 0), 49999);
    json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_refused_or_taken_as_the_table_says),
        cmocka_unit_test(a_nul_byte_does_not_end_the_text),
        cmocka_unit_test(depth_and_nodes_are_limited_exactly),
        cmocka_unit_test(accessors_take_wrong_types_and_null),
        cmocka_unit_test(the_writer_escapes_and_nests),
        cmocka_unit_test(a_full_buf_is_told),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(a_large_array_is_fine_with_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
