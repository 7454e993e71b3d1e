/* SPDX-License-Identifier: MIT
 * crowd_url.c -- where a crowd may go, and its devices' names in a URL. */
#include "cli/api_client.h"
#include "cli/crowd.h"

void crowd_url_with_query(struct buf *out, const char *url, const char *device, const char *client, const char *token)
{
    buf_printf(out, "%s%cdevice-id=%s&client-id=%s", url, strchr(url, '?') ? '&' : '?', device, client);
    if (!token || !token[0])
        return;
    buf_puts(out, "&authorization=");
    if (!strchr(token, ' '))
        buf_puts(out, "Bearer%20");
    url_piece(out, slice_of(token));
}

bool crowd_is_local(const char *url)
{
    struct slice rest = slice_of(url), host;
    const char *after = strstr(url, "://");
    if (after)
        rest = slice_of(after + 3);
    host = slice_sub(rest, 0, strcspn(rest.data, "/?#"));
    if (memchr(host.data ? host.data : "", '@', host.len))
        return false;
    if (slice_starts(host, SLICE("[")))
        return slice_starts(host, SLICE("[::1]"));
    host = slice_cut(&host, ':');
    if (slice_eq_nocase(host, SLICE("localhost")))
        return true;
    for (size_t i = 0; i < host.len; i++) /* 127.evil.example is a name, not an address */
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    return slice_starts(host, SLICE("127."));
}
