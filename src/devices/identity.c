/* SPDX-License-Identifier: MIT
 * identity.c -- see identity.h. */
#include "devices/identity.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "config/settings.h"
#include "protocol/token.h"

#define LOG_TOPIC "devices"
#define PATH_LOGGED_BYTES 256
#define HEADERS_LOGGED 24

static bool from_query(void *user, const char *name, struct slice *value)
{
    return http_query(user, name, value);
}

static bool from_header(void *user, const char *name, struct slice *value)
{
    return http_header(user, name, value);
}

/* --- hosts and addresses ---- */

/* "http://name:80/x" or "name:80" or "[::1]:80" -> the name alone. */
static struct slice host_name(struct slice host)
{
    static const char *const schemes[] = { "http://", "https://", "ws://", "wss://" };
    for (size_t i = 0; i < COUNT(schemes); i++)
        if (slice_starts(host, slice_of(schemes[i])))
            host = slice_sub(host, strlen(schemes[i]), host.len);
    struct slice name = slice_cut(&host, '/');
    if (name.len && name.data[0] == '[') {
        name = slice_sub(name, 1, name.len);
        return slice_cut(&name, ']');
    }
    return slice_cut(&name, ':');
}

bool host_is_loopback(struct slice host)
{
    struct slice name = host_name(slice_trim(host));
    struct net_addr addr;
    if (net_addr_parse(name, &addr))
        return addr.is_loopback;
    return slice_eq_nocase(name, SLICE("localhost"));
}

bool host_is_private(struct slice host)
{
    struct net_addr addr;
    return host_is_loopback(host) || (net_addr_parse(host_name(slice_trim(host)), &addr) && addr.is_private);
}

bool peer_is_trusted(const struct net_addr *peer, const struct config *cfg)
{
    const struct conf_list *l = &cfg->server_trusted_proxies;
    for (size_t i = 0; i < l->count; i++)
        if (net_addr_in(peer, slice_of(l->items[i])))
            return true;
    return false;
}

/* The last header of a name: the one the nearest proxy wrote. */
static bool last_header(struct http_req *r, const char *name, struct slice *value)
{
    struct slice n, v;
    bool found = false;
    for (size_t i = 0; http_header_at(r, i, &n, &v); i++) {
        if (slice_eq_nocase(n, slice_of(name)) && v.len) {
            *value = v;
            found = true;
        }
    }
    return found;
}

void identity_peer(struct net_addr *out, bool *is_forwarded, struct http_req *r, const struct config *cfg)
{
    *out = *http_peer(r);
    struct slice list = { 0 }, other;
    bool has_list = last_header(r, "x-forwarded-for", &list);
    bool has_any = has_list || http_header(r, "forwarded", &other) || http_header(r, "x-real-ip", &other);
    *is_forwarded = false;
    if (!peer_is_trusted(out, cfg)) {
        *is_forwarded = has_any;
        return;
    }
    while (list.len) { /* from the right, until one that is not ours */
        size_t comma = list.len;
        while (comma > 0 && list.data[comma - 1] != ',')
            comma--;
        struct net_addr addr;
        if (!net_addr_parse(slice_trim(slice_sub(list, comma, list.len)), &addr)) {
            *is_forwarded = true; /* a proxy that hides addresses */
            return;
        }
        addr.port = 0;
        *out = addr;
        if (!peer_is_trusted(out, cfg))
            return;
        list.len = comma ? comma - 1 : 0;
    }
    *is_forwarded = !has_list && has_any;
}

/* --- identity ---- */

static void log_auto(struct http_req *r, const struct identity *who)
{
    auto_buf struct buf names = { 0 };
    struct slice n, v;
    for (size_t i = 0; i < HEADERS_LOGGED && http_header_at(r, i, &n, &v); i++) {
        if (i)
            buf_put_byte(&names, ',');
        buf_put(&names, n);
    }
    struct slice target = http_target(r);
    struct slice path = slice_cut(&target, '?');
    LOGW(NULL, "identity.auto", "dev=%s path=\"" SLICE_FMT "%s\" headers=\"" SLICE_FMT "\"", who->device,
         SLICE_ARG(slice_sub(path, 0, PATH_LOGGED_BYTES)), target.data ? "?..." : "", SLICE_ARG(buf_slice(&names)));
}

static void copy_raw(char out[IDENTITY_RAW_MAX_BYTES + 1], struct slice raw, const char *otherwise)
{
    if (!raw.data)
        raw = slice_of(otherwise);
    size_t n = MIN(raw.len, (size_t)IDENTITY_RAW_MAX_BYTES);
    memcpy(out, raw.data, n);
    out[n] = '\0';
}

static char *token_of(struct http_req *r)
{
    struct slice value, token;
    if (!http_header(r, "authorization", &value) && !http_query(r, "authorization", &value))
        return NULL;
    if (!token_bearer(value, &token) || token.len > IDENTITY_TOKEN_MAX_BYTES)
        return NULL;
    return xslicedup(token);
}

void identity_read(struct identity *out, struct http_req *r, const struct config *cfg)
{
    struct ids ids;
    ids_resolve(&ids, &(struct id_lookup){ .query = from_query, .header = from_header, .user = r }, rand_u32());
    *out = (struct identity){ .source = ids.source, .refused = ids.refused };
    memcpy(out->device, ids.device, sizeof out->device);
    memcpy(out->client, ids.client, sizeof out->client);
    copy_raw(out->raw_device, ids.raw_device, ids.device);
    copy_raw(out->raw_client, ids.raw_client, ids.client);
    out->token = token_of(r);
    identity_peer(&out->peer, &out->is_forwarded, r, cfg);
    struct slice origin;
    out->is_public_origin = http_header(r, "origin", &origin) && !host_is_private(origin);
    if (out->refused)
        LOGW(NULL, "identity.refused", "dev=%s useless=%u", out->device, out->refused);
    if (out->source == ID_AUTO)
        log_auto(r, out);
    else
        LOGI(NULL, "identity", "dev=%s source=%s", out->device, id_source_name(out->source));
}

void identity_done(struct identity *who)
{
    mem_free(who->token);
    who->token = NULL;
}
