/* SPDX-License-Identifier: MIT
 * fuzz_api_params.c -- dates, ids and paths of the HTTP API, and what people search for. */
#include "api/private.h"
#include "store/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_from(data, size), params[CALL_PARAMS_MAX];
    unsigned count;
    int64_t ms;
    if (time_read(s, &ms))
        assert(ms >= 0);
    (void)meeting_id_ok(s);
    for (size_t i = 0; i < api_route_count; i++)
        (void)pattern_match(api_routes[i].pattern, s, params, &count);
    auto_buf struct buf query = { 0 };
    (void)words_query(&query, s);
    struct slice cut = words_excerpt(s, SLICE("a"), 40);
    assert(cut.len <= 40);
    return 0;
}
