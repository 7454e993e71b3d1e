/* SPDX-License-Identifier: MIT
 * prompt.c -- fills the variables of a prompt in. A value is put as it is: variables inside the memory or
 * a device's name are not looked at again. */
#include "dialogue/prompt.h"

#include "base/clock.h"
#include "protocol/emotion.h"

static const char template_en[] =
    "{{base_prompt}}\n\n"
    "Today is {{today_date}}, {{today_weekday}}; the time is {{current_time}}. Your words are spoken aloud by a "
    "small device: answer briefly, in plain sentences, without Markdown, lists or code. You may begin with one "
    "of these emoji to show a face: {{emojiList}}";
static const char template_zh[] =
    "{{base_prompt}}\n\n"
    "今天是{{today_date}}，{{today_weekday}}，现在是{{current_time}}。你的话会由一台小设备念出来：请用口语简短回答，"
    "不要使用Markdown、列表或代码。可以用下列表情之一开头：{{emojiList}}";
static const char memory_en[] = "\n\nWhat you remember of this person:\n";
static const char memory_zh[] = "\n\n你记得关于此人的事：\n";

static bool is_chinese(const struct prompt_facts *f)
{
    return f->language && strncmp(f->language, "zh", 2) == 0;
}

static void put_time(struct buf *out, const struct prompt_facts *f, bool date)
{
    char text[20];
    clock_text(f->wall_ms, f->zone_minutes, text);
    buf_put(out, date ? slice_from(text, 10) : slice_from(text + 11, 5));
}

static void put_weekday(struct buf *out, const struct prompt_facts *f)
{
    static const char *const en[] = { "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday" };
    static const char *const zh[] = { "星期四", "星期五", "星期六", "星期日", "星期一", "星期二", "星期三" };
    int64_t day = (f->wall_ms / 1000 + f->zone_minutes * 60) / 86400; /* 1970-01-01 was a Thursday */
    buf_puts(out, (is_chinese(f) ? zh : en)[((day % 7) + 7) % 7]);
}

static void put_emoji(struct buf *out)
{
    for (size_t i = 0; i < emotion_count; i++)
        buf_puts(out, emotions[i].emoji);
}

static void expand(struct buf *out, const struct prompt_facts *f, struct slice text, bool is_outer);

static void put_variable(struct buf *out, const struct prompt_facts *f, struct slice name, bool is_outer)
{
    if (slice_is(name, "base_prompt") && is_outer)
        expand(out, f, f->base, false);
    else if (slice_is(name, "today_date"))
        put_time(out, f, true);
    else if (slice_is(name, "current_time"))
        put_time(out, f, false);
    else if (slice_is(name, "today_weekday"))
        put_weekday(out, f);
    else if (slice_is(name, "device_id"))
        buf_puts(out, f->device_id);
    else if (slice_is(name, "board"))
        buf_puts(out, f->board);
    else if (slice_is(name, "language"))
        buf_puts(out, f->language);
    else if (slice_is(name, "memory"))
        buf_put(out, f->memory);
    else if (slice_is(name, "emojiList"))
        put_emoji(out);
}

static void expand(struct buf *out, const struct prompt_facts *f, struct slice text, bool is_outer)
{
    while (text.len && out->len < PROMPT_MAX_BYTES) {
        const char *open = memmem(text.data, text.len, "{{", 2);
        const char *close = open ? memmem(open, text.len - (size_t)(open - text.data), "}}", 2) : NULL;
        if (!close) {
            buf_put(out, text);
            return;
        }
        buf_put(out, slice_from(text.data, (size_t)(open - text.data)));
        put_variable(out, f, slice_trim(slice_from(open + 2, (size_t)(close - open) - 2)), is_outer);
        text = slice_sub(text, (size_t)(close - text.data) + 2, text.len);
    }
}

void prompt_put(struct buf *out, const struct prompt_facts *f)
{
    struct slice outer = f->template_text;
    if (!outer.len)
        outer = slice_of(is_chinese(f) ? template_zh : template_en);
    expand(out, f, outer, true);
    bool names_memory = slice_contains(outer, SLICE("{{memory}}")) || slice_contains(f->base, SLICE("{{memory}}"));
    if (f->memory.len && !names_memory) {
        buf_puts(out, is_chinese(f) ? memory_zh : memory_en);
        buf_put(out, f->memory);
    }
}
