/* SPDX-License-Identifier: MIT
 * banner.c -- what a person reads after the start: where devices go, which file counts, who recognises,
 * thinks and speaks, and one command to try. */
#include "main/private.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

#include "base/log.h"
#include "providers/registry.h"

/* The address devices on this network can reach us at; loopback when there is no network. */
static void own_address(const struct config *cfg, char out[64])
{
    struct ifaddrs *all = NULL;

    snprintf(out, 64, "127.0.0.1");
    if (strcmp(cfg->server_advertise_ip, "auto") != 0 && cfg->server_advertise_ip[0]) {
        snprintf(out, 64, "%s", cfg->server_advertise_ip);
        return;
    }
    if (strcmp(cfg->server_ip, "0.0.0.0") != 0 && strcmp(cfg->server_ip, "::") != 0) {
        snprintf(out, 64, "%s", cfg->server_ip);
        return;
    }
    if (getifaddrs(&all))
        return;
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
            (i->ifa_flags & IFF_LOOPBACK))
            continue;
        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, out, 64);
        break;
    }
    freeifaddrs(all);
}

void server_banner(struct server *s, struct buf *out)
{
    struct config *cfg = config_now(s->config);
    struct use_opts use = { .env = &s->loops[0].env, .config = cfg, .language = cfg->server_language, .log = NULL };
    char host[64];
    uint16_t http = s->ports[DOOR_HTTP] ? s->ports[DOOR_HTTP] : s->ports[DOOR_DEVICE];
    const char *prefix = cfg->server_compat_prefixes.count ? cfg->server_compat_prefixes.items[0] : "";

    own_address(cfg, host);
    buf_printf(out, "\nParley %s is ready: %u loop%s, worker pool of %lld\n\n", PARLEY_VERSION, s->loop_count,
               s->loop_count == 1 ? "" : "s", (long long)cfg->meeting_threadpool_max_workers);
    buf_printf(out, "  OTA URL for a device   http://%s:%u%s/ota/\n", host, http, prefix);
    buf_printf(out, "  health                 http://%s:%u/healthz\n", "127.0.0.1", http);
    if (s->ports[DOOR_ADMIN])
        buf_printf(out, "  admin (this machine)   http://127.0.0.1:%u/\n", s->ports[DOOR_ADMIN]);
    buf_printf(out, "  configuration          %s\n",
               config_path(cfg)[0] ? config_path(cfg) : "built-in defaults (no file found; see --print-config)");
    if (!cfg->server_auth_enabled)
        buf_puts(out, "  WARNING                server.auth.enabled is false: every device that finds us may talk\n");
    buf_puts(out, "\n");
    registry_describe(s->registry, &use, out);
    buf_puts(out, "\n  try:  build/parley talk --say \"what time is it\"\n\n");
    config_unref(cfg);
}
