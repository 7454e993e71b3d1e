/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/firmware.h"
#include "tests/support/temp.h"

static void file(const char *name, const char *text)
{
    int fd = open(temp_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void the_highest_newer_version_of_the_model_wins(void **state)
{
    static const char *const names[] = { "bin/esp-box_1.9.0.bin", "bin/esp-box_1.10.0.bin", "bin/esp-box_1.2.bin",
                                         "bin/default_3.0.bin", "bin/esp-box_v9.bin", "bin/.esp-box_9.9.bin",
                                         "bin/readme.txt" };
    mkdir(temp_path("bin"), 0700);
    for (size_t i = 0; i < COUNT(names); i++)
        file(names[i], "x");
    static const struct {
        const char *model, *version, *want;
    } rows[] = {
        { "esp-box", "1.2.0", "esp-box_1.10.0.bin" },
        { "esp-box", "1.9.9", "esp-box_1.10.0.bin" },
        { "esp-box", "1.10.0", NULL }, /* an image of another model would brick it */
        { "ESP-Box", "1.9.9", "esp-box_1.10.0.bin" },
        { "other", "0.1", NULL },
        { "default", "2.9.9", "default_3.0.bin" }, /* who did not say what it is */
        { "default", "3.0", NULL },
        { "default", "4", NULL },
    };
    struct firmware *f = firmware_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct firmware_image image;
        const struct firmware_ask ask = { .dir = temp_path("bin"), .ttl_s = 30, .now_ms = 1000,
                                          .model = slice_of(rows[i].model), .version = slice_of(rows[i].version) };
        bool found = firmware_find(f, &ask, &image);
        assert_int_equal(found, rows[i].want != NULL);
        if (found)
            assert_string_equal(image.file, rows[i].want);
    }
    firmware_free(f);
}

static void the_listing_is_kept_for_its_time(void **state)
{
    mkdir(temp_path("ttl"), 0700);
    struct firmware *f = firmware_create();
    struct firmware_image image;
    char dir[200];
    snprintf(dir, sizeof dir, "%s", temp_path("ttl"));
    struct firmware_ask ask = { .dir = dir, .ttl_s = 30, .now_ms = 1000, .model = SLICE("m"), .version = SLICE("1") };
    assert_false(firmware_find(f, &ask, &image));
    file("ttl/m_2.bin", "x");
    ask.now_ms = 30999;
    assert_false(firmware_find(f, &ask, &image));
    ask.now_ms = 31000;
    assert_true(firmware_find(f, &ask, &image));
    ask.dir = "/nowhere";
    assert_false(firmware_find(f, &ask, &image));
    firmware_free(f);
}

static void only_images_inside_the_folder_are_opened(void **state)
{
    mkdir(temp_path("open"), 0700);
    file("open/m_1.bin", "image");
    file("open/empty_1.bin", "");
    file("secret.bin", "secret");
    assert_int_equal(symlink("../secret.bin", temp_path("open/link_1.bin")), 0);
    mkdir(temp_path("open/dir_1.bin"), 0700);
    char dir[200];
    snprintf(dir, sizeof dir, "%s", temp_path("open"));
    static const struct {
        const char *name;
        enum err want;
    } rows[] = {
        { "m_1.bin", OK }, { "none_1.bin", ERR_NOT_FOUND }, { "../secret.bin", ERR_INVALID },
        { "link_1.bin", ERR_INVALID }, { "dir_1.bin", ERR_NOT_FOUND }, { "empty_1.bin", ERR_NOT_FOUND },
        { "", ERR_INVALID }, { "m_1.txt", ERR_INVALID }, { ".bin", ERR_INVALID },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = -1;
        int64_t bytes = 0;
        enum err e = firmware_open(dir, slice_of(rows[i].name), &fd, &bytes);
        if (e != rows[i].want)
            fail_msg("%s: %s", rows[i].name, err_name(e));
        if (!e) {
            assert_int_equal(bytes, 5);
            close(fd);
        }
    }
}

static int tidy(void **state)
{
    temp_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_newer_version_of_the_model_wins),
        cmocka_unit_test(the_listing_is_kept_for_its_time),
        cmocka_unit_test(only_images_inside_the_folder_are_opened),
    };
    return cmocka_run_group_tests(tests, NULL, tidy);
}
