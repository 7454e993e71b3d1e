/* SPDX-License-Identifier: MIT
 * test_multipart.c -- forms as devices and browsers send them, each split at every byte. */
#include "http/multipart.h"
#include "tests/support/test.h"

static void on_part(void *user, struct slice name, struct slice filename, struct slice type)
{
    (void)buf_printf(user, "{" SLICE_FMT "," SLICE_FMT "," SLICE_FMT ":", SLICE_ARG(name), SLICE_ARG(filename),
                     SLICE_ARG(type));
}

static void on_data(void *user, struct slice data)
{
    assert_true(data.len > 0);
    (void)buf_put(user, data);
}

static void on_part_end(void *user)
{
    (void)buf_puts(user, "}");
}

static const struct multipart_events events = { on_part, on_data, on_part_end };

#define CD "Content-Disposition: form-data; name="
#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
    const char *text, *heard;
    bool is_complete;
    enum err err;
} rows[] = {
    { "--B\r\n" CD "\"a\"\r\n\r\none\r\n--B--\r\n", "{a,,:one}", true, OK },
    { "--B\r\n" CD "a\r\n\r\none\r\n--B--", "{a,,:one}", true, OK },
    { "\r\n--B\r\n" CD "a\r\n\r\n\r\n--B--\r\n", "{a,,:}", true, OK },
    { "preamble\r\n--B\r\n" CD "a\r\n\r\nx\r\n--B--\r\nepilogue\r\n--B\r\n", "{a,,:x}", true, OK },
    { "--B  \t\r\n" CD "a\r\n\r\nx\r\n--B--", "{a,,:x}", true, OK },
    { "--B--\r\n", "", true, OK },
    { "--B\r\n" CD "\"question\"\r\n\r\nwhat is this\r\n--B\r\n" CD "\"file\"; filename=\"camera.jpg\"\r\n"
      "Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n--\r\n-B\r\n--\xff\xd9\r\n--B--\r\n",
      "{question,,:what is this}{file,camera.jpg,image/jpeg:\xff\xd8\xff\r\n--\r\n-B\r\n--\xff\xd9}", true, OK },
    { "--B\r\n" CD "a\r\n\r\n\r\r\r\n\r\n--A\r\n--b\r\r\n--B--", "{a,,:\r\r\r\n\r\n--A\r\n--b\r}", true, OK },
    { "--B\r\ncontent-type:text/plain\r\ncontent-disposition:form-data; Name=\"x\"; FileName=\"y\"\r\n\r\n1\r\n--B--",
      "{x,y,text/plain:1}", true, OK },
    { "--B\r\n" CD "\"a;b=\\\"c\\\"\"; filename=\"d\\\\e\"\r\n\r\n1\r\n--B--", "{a;b=\"c\",d\\e,:1}", true, OK },
    { "--B\r\n" CD "\"filename=\\\"z\\\"\"\r\n\r\n1\r\n--B--", "{filename=\"z\",,:1}", true, OK },
    { "--B\r\n\r\n1\r\n--B--", "{,,:1}", true, OK },
    { "--B\r\n" CD "a\r\n\r\none", "{a,,:one", false, OK },
    { "--B\r\n" CD "a\r\n\r\none\r\n--B", "{a,,:one}", false, OK },
    { "--B\r\n" CD "a\r\n\r\none\r\n--B-", "{a,,:one}", false, OK },
    { "--B\r\n" CD "a", "", false, OK },
    { "", "", false, OK },
    { "no boundary at all", "", false, OK },
    { "--Bx\r\n", "", false, ERR_PROTO },
    { "--B\rx", "", false, ERR_PROTO },
    { "--B-x", "", false, ERR_PROTO },
    { "--B\r\n" CD "a\r\n\r\n1\r\n--Bx", "{a,,:1}", false, ERR_PROTO },
};

static void check(size_t i, size_t split, size_t step)
{
    auto_buf struct buf heard = { 0 };
    struct multipart *m;
    struct slice text = slice_of(rows[i].text);
    enum err e = OK;
    assert_ok(multipart_create(&m, SLICE("multipart/form-data; boundary=B"), &events, &heard));
    if (step) {
        for (size_t at = 0; at < text.len && !e; at += step)
            e = multipart_feed(m, slice_sub(text, at, step));
    } else {
        e = multipart_feed(m, slice_sub(text, 0, split));
        if (!e)
            e = multipart_feed(m, slice_sub(text, split, text.len));
    }
    bool is_good = e == rows[i].err && slice_is(buf_slice(&heard), rows[i].heard) &&
                   (e || multipart_complete(m) == rows[i].is_complete);
    if (!is_good)
        fail_msg("row %zu split %zu step %zu: %s, %.*s", i, split, step, err_name(e), SLICE_ARG(buf_slice(&heard)));
    multipart_free(m);
}

static void every_form_is_read_split_anywhere(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t split = 0; split <= strlen(rows[i].text); split++)
            check(i, split, 0);
        for (size_t step = 1; step < 6; step++)
            check(i, 0, step);
    }
}

static void the_boundary_is_taken_from_the_content_type(void **state)
{
    static const struct {
        const char *type;
        bool is_good;
    } types[] = {
        { "multipart/form-data; boundary=----ESP32_CAMERA_BOUNDARY", true },
        { "Multipart/Form-Data;boundary=\"a b\"", true },
        { "multipart/form-data; charset=utf-8; boundary=x", true },
        { "multipart/form-data", false },
        { "multipart/form-data; boundary=", false },
        { "multipart/form-data; boundary=\"\"", false },
        { "multipart/mixed; boundary=x", false },
        { "text/plain; boundary=x", false },
        { "", false },
        { "multipart/form-data; boundary=" SEVENTY, true },
        { "multipart/form-data; boundary=" SEVENTY "0", false },
    };
    for (size_t i = 0; i < COUNT(types); i++) {
        struct multipart *m = NULL;
        enum err e = multipart_create(&m, slice_of(types[i].type), &events, NULL);
        if ((e == OK) != types[i].is_good)
            fail_msg("%s", types[i].type);
        if (!e)
            multipart_free(m);
    }
    multipart_free(NULL);
}

static void the_form_of_a_camera_is_read(void **state)
{
    auto_buf struct buf heard = { 0 };
    struct multipart *m;
    struct slice text = SLICE("------ESP32_CAMERA_BOUNDARY\r\n" CD "\"question\"\r\n\r\nhi\r\n"
                              "------ESP32_CAMERA_BOUNDARY\r\n" CD "\"file\"; filename=\"camera.jpg\"\r\n"
                              "Content-Type: image/jpeg\r\n\r\nJPEG\r\n------ESP32_CAMERA_BOUNDARY--\r\n");
    assert_ok(multipart_create(&m, SLICE("multipart/form-data; boundary=----ESP32_CAMERA_BOUNDARY"), &events, &heard));
    assert_ok(multipart_feed(m, text));
    assert_true(multipart_complete(m));
    assert_slice_is(buf_slice(&heard), "{question,,:hi}{file,camera.jpg,image/jpeg:JPEG}");
    multipart_free(m);
}

static void heads_and_numbers_of_parts_are_bounded(void **state)
{
    auto_buf struct buf heard = { 0 };
    struct multipart *m;
    enum err e = OK;
    assert_ok(multipart_create(&m, SLICE("multipart/form-data; boundary=B"), &events, &heard));
    assert_ok(multipart_feed(m, SLICE("--B\r\nX: ")));
    for (int i = 0; i < 5000 && !e; i++)
        e = multipart_feed(m, SLICE("y"));
    assert_int_equal(e, ERR_LIMIT);
    multipart_free(m);
    assert_ok(multipart_create(&m, SLICE("multipart/form-data; boundary=B"), &events, &heard));
    unsigned count = 0;
    for (e = OK; count < 200 && !e; count++)
        e = multipart_feed(m, SLICE("\r\n--B\r\n\r\nx"));
    assert_int_equal(e, ERR_LIMIT);
    assert_int_equal(count, 65);
    multipart_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read_split_anywhere),
        cmocka_unit_test(the_boundary_is_taken_from_the_content_type),
        cmocka_unit_test(the_form_of_a_camera_is_read),
        cmocka_unit_test(heads_and_numbers_of_parts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
