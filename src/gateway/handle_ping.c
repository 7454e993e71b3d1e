/* SPDX-License-Identifier: MIT
 * handle_ping.c -- ping and keepalive: the same answer, no log. */
#include "gateway/session.h"

#include <math.h>

#include "base/clock.h"

static int zone_minutes(const struct config *cfg)
{
    return isnan(cfg->server_timezone_offset) ? clock_zone_offset_minutes() : (int)(cfg->server_timezone_offset * 60);
}

void handle_msg_ping(struct session *s, const struct msg *m)
{
    char now[20];
    auto_buf struct buf out = { 0 };

    clock_text(clock_wall_ms(), zone_minutes(s->home->config), now);
    msg_pong(&out, now, m->req_id);
    session_send(s, &out);
}

void handle_msg_keepalive(struct session *s, const struct msg *m)
{
    handle_msg_ping(s, m);
}
