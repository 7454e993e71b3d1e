/* SPDX-License-Identifier: MIT
 * reply.c -- see reply.h. */
#include "modes/reply.h"

static bool parse(struct json **out, struct slice text)
{
    auto_json struct json *j = NULL;
    if (json_parse(&j, text, NULL) || !json_is(j, JSON_OBJECT))
        return false;
    *out = take_ptr(&j);
    return true;
}

bool reply_object(struct json **out, struct slice reply)
{
    if (!reply.len)
        return false;
    if (parse(out, slice_trim(reply)))
        return true;
    const char *open = memchr(reply.data, '{', reply.len);
    const char *close = memrchr(reply.data, '}', reply.len);
    return open && close && close > open && parse(out, slice_from(open, (size_t)(close - open) + 1));
}
