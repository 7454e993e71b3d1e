/* SPDX-License-Identifier: MIT
 * fuzz_json.c -- any bytes as JSON: what is taken prints, and its print is taken again and prints the same. */
#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *root = NULL, *again = NULL;
    if (json_parse(&root, slice_from(data, size), NULL)) {
        assert(!root);
        return 0;
    }
    auto_buf struct buf once = { 0 }, twice = { 0 };
    json_print(&once, root);
    assert(utf8_valid(buf_slice(&once)));
    if (json_parse(&again, buf_slice(&once), NULL))
        __builtin_trap();
    json_print(&twice, again);
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    for (size_t i = 0; i <= json_len(root) && i < 50; i++) {
        struct slice key;
        const struct json *v = json_at(root, i);
        if (json_member(root, i, &key, &v))
            assert(key.data);
        json_i64(v, 0);
        json_f64(v, 0);
        json_bool(v, false);
        json_text(v);
    }
    json_free(root);
    json_free(again);
    return 0;
}
