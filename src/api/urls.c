/* SPDX-License-Identifier: MIT
 * urls.c -- the URLs handed out: built from the request's own address, so that a device comes back the
 * way it came, unless the configuration names them. */
#include "api/private.h"
#include "protocol/ota.h"

static bool host_ok(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                    c == '-' || c == ':' || c == '_';
        if (!fine)
            return false;
    }
    return host.len > 0 && host.len < 254;
}

void url_base(struct buf *out, struct http_req *r, const struct config *cfg, bool is_ws, uint16_t port)
{
    struct slice v, host;
    bool is_tls = http_is_tls(r);
    if (peer_is_trusted(http_peer(r), cfg) && http_header(r, "x-forwarded-proto", &v))
        is_tls = slice_eq_nocase(v, SLICE("https")) || slice_eq_nocase(v, SLICE("wss"));
    buf_puts(out, is_ws ? (is_tls ? "wss://" : "ws://") : is_tls ? "https://" : "http://");
    bool has_host = http_header(r, "host", &host) && host_ok(host);
    struct slice advertised = slice_of(cfg->server_advertise_ip);
    if (advertised.len && !slice_is(advertised, "auto")) {
        struct slice rest = host;
        if (has_host)
            slice_cut(&rest, ':');
        buf_put(out, advertised);
        if (has_host && rest.len)
            buf_printf(out, ":" SLICE_FMT, SLICE_ARG(rest));
        else if (!has_host && port)
            buf_printf(out, ":%u", port);
        return;
    }
    if (has_host)
        buf_put(out, host);
    else
        buf_printf(out, "%s:%u", http_local(r)->text, port ? port : http_local(r)->port);
}

static void websocket_url(const struct api *a, struct http_req *r, const struct config *cfg, struct slice prefix,
                          struct buf *out)
{
    if (cfg->server_websocket) {
        buf_puts(out, cfg->server_websocket);
        return;
    }
    url_base(out, r, cfg, true, a->env.device_port);
    buf_put(out, prefix);
    buf_puts(out, "/v1/");
}

/* The path's own prefix when it has one, else the first. */
void api_websocket_url(const struct api *a, struct http_req *r, struct buf *out)
{
    struct slice path = http_path(r), prefix = a->prefix_count ? slice_of(a->prefixes[0]) : SLICE("");
    for (size_t i = 0; i < a->prefix_count; i++) {
        struct slice p = slice_of(a->prefixes[i]);
        if (slice_starts(path, p) && path.len > p.len && path.data[p.len] == '/')
            prefix = p;
    }
    struct config *cfg = config_now(a->env.config);
    websocket_url(a, r, cfg, prefix, out);
    config_unref(cfg);
}
