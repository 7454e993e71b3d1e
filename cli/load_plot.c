/* SPDX-License-Identifier: MIT
 * load_plot.c -- a plot as SVG: two lines (p50, p99), axes with round numbers, nothing else. */
#include "cli/load.h"

#include <math.h>

#define WIDTH 760
#define HEIGHT 420
#define LEFT 70
#define RIGHT 20
#define TOP 40
#define BOTTOM 50
#define TICKS 5

struct frame {
    double x_min, x_max, y_max;
    bool is_over_time;
};

static double x_of(const struct load_result *r, const struct frame *f, unsigned i)
{
    return f->is_over_time ? i + 1 : r->samples[i].alive;
}

static double place_x(const struct frame *f, double x)
{
    double span = f->x_max - f->x_min;
    return LEFT + (span > 0 ? (x - f->x_min) / span : 0) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct frame *f, double y)
{
    return HEIGHT - BOTTOM - y / f->y_max * (HEIGHT - TOP - BOTTOM);
}

/* The next of 1, 2, 5, 10, 20 ... */
static double round_up(double value)
{
    static const double steps[] = { 1, 2, 5, 10 };
    if (value <= 0)
        return 1;
    double power = pow(10, floor(log10(value)));
    for (size_t i = 0; i < COUNT(steps); i++)
        if (value <= steps[i] * power * 1.0000001)
            return steps[i] * power;
    return 10 * power;
}

static struct frame frame_of(const struct load_result *r)
{
    struct frame f = { .x_min = 1e12, .y_max = 0 };
    unsigned first = 0, last = 0;
    for (unsigned i = 0; i < r->sample_count; i++) {
        const struct load_sample *s = &r->samples[i];
        if (s->latencies == 0)
            continue;
        first = first ? first : s->alive;
        last = s->alive;
        f.y_max = MAX(f.y_max, (double)s->p99_us / 1000);
    }
    f.is_over_time = last <= first + first / 5; /* the load hardly grew */
    for (unsigned i = 0; i < r->sample_count; i++) {
        f.x_min = MIN(f.x_min, x_of(r, &f, i));
        f.x_max = MAX(f.x_max, x_of(r, &f, i));
    }
    f.y_max = round_up(f.y_max);
    f.x_min = f.is_over_time ? 1 : 0;
    f.x_max = MAX(f.x_max, f.x_min + 1);
    return f;
}

/* What crowd_recent gives for this profile. */
static const char *plotted(const char *profile)
{
    static const struct {
        const char *profile, *text;
    } rows[] = { { "play", "time between packets" }, { "idle", "hello to its answer" },
                 { "listen", "hello to its answer" }, { "storm", "hello to its answer" } };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(profile, rows[i].profile) == 0)
            return rows[i].text;
    return "latency added by the server";
}

/* At multiples of a round number. */
static void put_x_ticks(const struct frame *f, struct buf *svg)
{
    double step = MAX(round_up((f->x_max - f->x_min) / TICKS), 1);
    for (double x = ceil(f->x_min / step) * step; x <= f->x_max; x += step)
        buf_printf(svg, "<text x='%.1f' y='%d' text-anchor='middle'>%.0f</text>\n", place_x(f, x),
                   HEIGHT - BOTTOM + 20, x);
}

static void put_axes(const struct load_result *r, const struct frame *f, struct buf *svg)
{
    buf_printf(svg, "<text x='%d' y='22'>%s, %u devices: %s</text>\n", LEFT, r->profile, r->devices,
               plotted(r->profile));
    put_x_ticks(f, svg);
    for (int i = 0; i <= TICKS; i++) {
        double y = f->y_max * i / TICKS;
        buf_printf(svg, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>\n", LEFT, WIDTH - RIGHT,
                   place_y(f, y), place_y(f, y));
        buf_printf(svg, "<text x='%d' y='%.1f' text-anchor='end'>%.4g</text>\n", LEFT - 8, place_y(f, y) + 4, y);
    }
    buf_printf(svg, "<text x='%d' y='%d' text-anchor='middle'>%s</text>\n", (WIDTH + LEFT) / 2, HEIGHT - 10,
               f->is_over_time ? "second" : "devices connected");
    buf_printf(svg, "<text x='16' y='%d' transform='rotate(-90 16 %d)' text-anchor='middle'>ms</text>\n", HEIGHT / 2,
               HEIGHT / 2);
}

static void put_line(const struct load_result *r, const struct frame *f, struct buf *svg, bool is_p99)
{
    const char *colour = is_p99 ? "#c0392b" : "#2c6fbb";
    auto_buf struct buf points = { 0 };
    for (unsigned i = 0; i < r->sample_count; i++) {
        const struct load_sample *s = &r->samples[i];
        if (s->latencies == 0)
            continue;
        double x = place_x(f, x_of(r, f, i)), y = place_y(f, (double)(is_p99 ? s->p99_us : s->p50_us) / 1000);
        buf_printf(&points, "%.1f,%.1f ", x, y);
        buf_printf(svg, "<circle cx='%.1f' cy='%.1f' r='2.5' fill='%s'/>\n", x, y, colour); /* one is no line */
    }
    buf_printf(svg, "<polyline fill='none' stroke='%s' stroke-width='2' points='" SLICE_FMT "'/>\n", colour,
               SLICE_ARG(buf_slice(&points)));
    buf_printf(svg, "<text x='%d' y='%d' fill='%s' text-anchor='end'>%s</text>\n", WIDTH - RIGHT,
               is_p99 ? 22 : 38, colour, is_p99 ? "p99" : "p50");
}

void load_plot(const struct load_result *r, struct buf *svg)
{
    struct frame f = frame_of(r);
    buf_printf(svg,
               "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
               "font-family='sans-serif' font-size='12'>\n<rect width='%d' height='%d' fill='white'/>\n",
               WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_axes(r, &f, svg);
    put_line(r, &f, svg, false);
    put_line(r, &f, svg, true);
    buf_puts(svg, "</svg>\n");
}
