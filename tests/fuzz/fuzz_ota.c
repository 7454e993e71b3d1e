/* SPDX-License-Identifier: MIT
 * fuzz_ota.c -- boot requests, activation proofs, answers, version strings and file names. */
#include "protocol/ota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size), a, b;
    struct ota_request request;
    struct ota_activate activate;
    struct ota_answer answer;

    ota_read(&request, text);
    assert(request.board_type[0]);
    ota_activate_read(&activate, text);
    (void)!ota_read_answer(&answer, text);
    (void)ota_user_agent(text, &a, &b);
    if (firmware_name_split(text, &a, &b))
        assert(version_is_plain(b));
    assert(version_compare(text, text) == 0);
    (void)ota_url_ok(text);

    char version[OTA_TEXT_BYTES] = "";
    if (size > 0)
        memcpy(version, data, MIN(size, sizeof(version) - 1));
    auto_buf struct buf out = { 0 };
    struct ota_reply reply = { .firmware_version = version, .firmware_url = "" };
    if (ota_write(&out, &reply) == OK)
        assert(version_is_plain(slice_of(version)));
    return 0;
}
