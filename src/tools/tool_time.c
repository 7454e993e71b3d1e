/* SPDX-License-Identifier: MIT
 * tool_time.c -- what the clock and the calendar say, in the machine's zone. */
#include "base/clock.h"
#include "tools/tool.h"

#include <stdio.h>
#include <time.h>

extern const struct tool_class tool_get_time, tool_get_date;

static void now_parts(struct tm *out)
{
    time_t local = (time_t)(clock_wall_ms() / 1000) + clock_zone_offset_minutes() * 60;
    gmtime_r(&local, out);
}

static enum err run_time(struct tool_call *c, const struct json *args)
{
    struct tm now;
    char text[64];
    now_parts(&now);
    int len = snprintf(text, sizeof(text), "%02d:%02d:%02d", now.tm_hour, now.tm_min, now.tm_sec);
    tool_call_text(c, slice_from(text, (size_t)len));
    return OK;
}

static enum err run_date(struct tool_call *c, const struct json *args)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    struct tm now;
    char text[64];
    now_parts(&now);
    int len = snprintf(text, sizeof(text), "%04d-%02d-%02d, %s", now.tm_year + 1900, now.tm_mon + 1, now.tm_mday,
                       days[now.tm_wday]);
    tool_call_text(c, slice_from(text, (size_t)len));
    return OK;
}

const struct tool_class tool_get_time = {
    .name = "get_time",
    .description = "The time of day now. 现在的时间。",
    .run = run_time,
};

const struct tool_class tool_get_date = {
    .name = "get_date",
    .description = "Today's date and weekday. 今天的日期和星期。",
    .run = run_date,
};
