/* SPDX-License-Identifier: MIT
 * fuzz_mcp.c -- what a device may answer: JSON-RPC payloads and text that only looks like one. */
#include "protocol/mcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size);
    int64_t id;
    if (mcp_salvage_id(text, &id))
        assert(id >= 0);

    auto_json struct json *root = NULL;
    struct mcp_in in;
    if (json_parse(&root, text, NULL) || mcp_read(&in, root))
        return 0;
    for (size_t i = 0; i < mcp_tool_count(in.result); i++) {
        struct mcp_tool tool;
        if (mcp_tool_at(in.result, i, &tool))
            assert(tool.name.len > 0);
    }
    (void)mcp_next_cursor(in.result);
    auto_buf struct buf out = { 0 };
    bool is_error;
    mcp_result_text(&out, in.result, &is_error);
    return 0;
}
