/* SPDX-License-Identifier: MIT
 * command.c -- an utterance is split into two texts: `zh` holds its non-ASCII letters and digits without
 * spaces, `en` its ASCII words, lower-cased, each between two spaces. Numbers that name a task are taken
 * out before phrases are looked for, so that "finish the second task" reads "finish the task". */
#include "modes/command.h"

#include <ctype.h>

#include "base/utf8.h"

#define WORDS_MAX 96

struct text {
    char zh[COMMAND_TEXT_MAX + 8];
    size_t zh_len;
    struct slice words[WORDS_MAX];
    size_t word_count;
    char en[COMMAND_TEXT_MAX + 8];
    size_t en_len;
};

const char *command_name(enum command_kind k)
{
    static const char *const names[] = {"none",     "enter",   "leave",   "assign",
                                        "complete", "refresh", "finalize"};
    return names[k];
}

static void put_zh(struct text *t, const char *bytes, size_t len)
{
    memcpy(t->zh + t->zh_len, bytes, len);
    t->zh_len += len;
}

static void end_word(struct text *t, size_t start)
{
    if (t->en_len > start && t->word_count < WORDS_MAX)
        t->words[t->word_count++] = (struct slice){t->en + start, t->en_len - start};
}

static bool text_split(struct text *t, struct slice s)
{
    t->zh_len = t->en_len = t->word_count = 0;
    if (s.len > COMMAND_TEXT_MAX)
        return false;
    size_t at = 0, start = 0;
    for (;;) {
        size_t before = at;
        int32_t c = utf8_next(s, &at);
        if (c < 0)
            break;
        bool is_word = c < 128 && (isalnum(c) || c == '\'');
        if (c == 0x2019) { /* typographic apostrophe */
            c = '\'';
            is_word = true;
        }
        if (is_word) {
            t->en[t->en_len++] = (char)tolower(c);
            if (isdigit(c))
                put_zh(t, &t->en[t->en_len - 1], 1);
            continue;
        }
        end_word(t, start);
        start = t->en_len;
        if (c >= 128 && !utf8_is_punct((uint32_t)c))
            put_zh(t, s.data + before, at - before);
    }
    end_word(t, start);
    return true;
}

static size_t zh_find(const struct text *t, const char *phrase, size_t from)
{
    size_t len = strlen(phrase);
    for (size_t i = from; i + len <= t->zh_len; i++) {
        if (memcmp(t->zh + i, phrase, len) == 0)
            return i;
    }
    return SIZE_MAX;
}

static void zh_cut(struct text *t, size_t at, size_t len)
{
    memmove(t->zh + at, t->zh + at + len, t->zh_len - at - len);
    t->zh_len -= len;
}

static bool is_filler(struct slice word)
{
    static const char *const fillers[] = {"the", "a",  "an",   "my",   "task", "tasks",  "number",
                                          "as",  "it", "this", "that", "is",   "please", "now"};
    for (size_t i = 0; i < COUNT(fillers); i++) {
        if (slice_is(word, fillers[i]))
            return true;
    }
    return false;
}

/* Do the words of the phrase stand in order from word `at`, with only fillers between them? */
static bool words_match(const struct text *t, size_t at, const char *phrase)
{
    struct slice rest = slice_of(phrase);
    bool is_first = true;
    while (rest.len) {
        struct slice want = slice_cut(&rest, ' ');
        while (!is_first && at < t->word_count && !slice_eq(t->words[at], want) && is_filler(t->words[at]))
            at++;
        if (at >= t->word_count || !slice_eq(t->words[at], want))
            return false;
        at++;
        is_first = false;
    }
    return true;
}

static bool says_en(const struct text *t, const char *phrase)
{
    for (size_t i = 0; i < t->word_count; i++) {
        if (words_match(t, i, phrase))
            return true;
    }
    return false;
}

static bool says(const struct text *t, const char *phrase)
{
    return (unsigned char)phrase[0] >= 128 ? zh_find(t, phrase, 0) != SIZE_MAX : says_en(t, phrase);
}

static bool says_any(const struct text *t, const char *const *phrases)
{
    for (; *phrases; phrases++) {
        if (says(t, *phrases))
            return true;
    }
    return false;
}

/* Words that look like a negation and are none. */
static void drop_harmless(struct text *t)
{
    static const char *const harmless[] = {"没问题", "没关系", "没事", "不错", "不客气",   "特别",  "级别",
                                           "区别",   "差别",   "别人", "别的", "不好意思", "要不要"};
    for (size_t i = 0; i < COUNT(harmless); i++) {
        for (size_t at; (at = zh_find(t, harmless[i], 0)) != SIZE_MAX;)
            zh_cut(t, at, strlen(harmless[i]));
    }
}

static bool is_negated(const struct text *t)
{
    static const char *const negations[] = {"不",      "没",     "别",     "未",     "not",  "don't", "dont",
                                            "do not",  "never",  "can't",  "cannot", "cant", "won't", "isn't",
                                            "haven't", "hasn't", "didn't", "no",     NULL};
    return says_any(t, negations);
}

/* ---- numbers ---- */

static int zh_digit(const char *at, size_t left)
{
    static const char *const digits[] = {"一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "两"};
    if (left < 3)
        return 0;
    for (size_t i = 0; i < COUNT(digits); i++) {
        if (memcmp(at, digits[i], 3) == 0)
            return i == 10 ? 2 : (int)i + 1;
    }
    return 0;
}

/* 1..99 in Chinese numerals or digits at `at`; *len: bytes read. 0: none. */
static unsigned zh_number(const struct text *t, size_t at, size_t *len)
{
    size_t i = at;
    unsigned value = 0;
    while (i < t->zh_len && isdigit((unsigned char)t->zh[i]) && i - at < 3)
        value = value * 10 + (unsigned)(t->zh[i++] - '0');
    if (i > at) {
        *len = i - at;
        return i - at <= 2 ? value : 0;
    }
    int tens = zh_digit(t->zh + i, t->zh_len - i);
    if (!tens)
        return 0;
    i += 3;
    if (tens != 10) {
        *len = i - at;
        if (zh_digit(t->zh + i, t->zh_len - i) != 10)
            return (unsigned)tens;
        i += 3;
    } else {
        tens = 1;
    }
    int ones = zh_digit(t->zh + i, t->zh_len - i);
    if (ones > 0 && ones < 10)
        i += 3;
    else
        ones = 0;
    *len = i - at;
    return (unsigned)(tens * 10 + ones);
}

/* A number behind one of the marks; cut out with what follows it of a counting word. */
static unsigned zh_take_ordinal(struct text *t)
{
    static const struct {
        const char *mark;
        bool is_kept;
    } marks[] = {{"第", false}, {"任务", true}};
    for (size_t m = 0; m < COUNT(marks); m++) {
        size_t mark_len = strlen(marks[m].mark);
        for (size_t at = 0; (at = zh_find(t, marks[m].mark, at)) != SIZE_MAX; at += mark_len) {
            size_t len;
            unsigned n = zh_number(t, at + mark_len, &len);
            if (!n)
                continue;
            size_t from = marks[m].is_kept ? at + mark_len : at;
            size_t to = at + mark_len + len;
            static const char *const counters[] = {"个", "条", "项"};
            for (size_t c = 0; c < COUNT(counters); c++) {
                if (to + 3 <= t->zh_len && memcmp(t->zh + to, counters[c], 3) == 0) {
                    to += 3;
                    break;
                }
            }
            zh_cut(t, from, to - from);
            return n;
        }
    }
    return 0;
}

static unsigned en_number(struct slice word)
{
    static const char *const names[] = {"one", "two",   "three", "four", "five",
                                        "six", "seven", "eight", "nine", "ten"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (slice_is(word, names[i]))
            return (unsigned)i + 1;
    }
    int64_t n;
    return word.len <= 2 && slice_to_i64(word, &n) && n > 0 ? (unsigned)n : 0;
}

static unsigned en_ordinal(struct slice word)
{
    static const char *const names[] = {"first", "second",  "third",  "fourth", "fifth",
                                        "sixth", "seventh", "eighth", "ninth",  "tenth"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (slice_is(word, names[i]))
            return (unsigned)i + 1;
    }
    int64_t n;
    if (word.len >= 3 && word.len <= 4 && slice_to_i64(slice_sub(word, 0, word.len - 2), &n) && n > 0) {
        struct slice tail = slice_sub(word, word.len - 2, 2);
        if (slice_is(tail, "st") || slice_is(tail, "nd") || slice_is(tail, "rd") || slice_is(tail, "th"))
            return (unsigned)n;
    }
    return 0;
}

static void word_cut(struct text *t, size_t at)
{
    memmove(&t->words[at], &t->words[at + 1], (t->word_count - at - 1) * sizeof(t->words[0]));
    t->word_count--;
}

static unsigned en_take_ordinal(struct text *t)
{
    unsigned bare = 0;
    size_t bare_at = 0;
    for (size_t i = 0; i < t->word_count; i++) {
        unsigned n = en_ordinal(t->words[i]);
        if (!n && i > 0 && (slice_is(t->words[i - 1], "task") || slice_is(t->words[i - 1], "number")))
            n = en_number(t->words[i]);
        if (n) {
            word_cut(t, i);
            return n;
        }
        if (!bare && isdigit((unsigned char)t->words[i].data[0]) && (n = en_number(t->words[i])) > 0) {
            bare = n;
            bare_at = i;
        }
    }
    if (bare)
        word_cut(t, bare_at);
    return bare;
}

static unsigned take_ordinal(struct text *t)
{
    unsigned n = zh_take_ordinal(t);
    return n ? n : en_take_ordinal(t);
}

unsigned command_ordinal(struct slice utterance)
{
    struct text t;
    return text_split(&t, utterance) ? take_ordinal(&t) : 0;
}

/* ---- commands ---- */

struct command command_mode(struct slice utterance)
{
    static const char *const working[] = {"工作模式", "workflow mode", "working mode", NULL};
    static const char *const meeting[] = {"会议模式", "开始会议", "start meeting", "meeting mode", NULL};
    static const char *const leaving[] = {"退出", "离开",  "不要", "别",     "不想", "leave", "exit",
                                          "stop", "don't", "dont", "do not", "quit", NULL};
    struct command c = {COMMAND_NONE};
    struct text t;
    if (!text_split(&t, utterance))
        return c;
    drop_harmless(&t);
    if (says_any(&t, working))
        c.mode = "working";
    else if (says_any(&t, meeting))
        c.mode = "meeting";
    else
        return c;
    c.kind = says_any(&t, leaving) ? COMMAND_LEAVE : COMMAND_ENTER;
    return c;
}

/* "pull" but not "pull request". */
static bool says_pull(const struct text *t)
{
    for (size_t i = 0; i < t->word_count; i++) {
        if (slice_is(t->words[i], "pull") &&
            !(i + 1 < t->word_count && slice_starts(t->words[i + 1], SLICE("request"))))
            return true;
    }
    return false;
}

struct command command_task(struct slice utterance)
{
    static const char *const assign[] = {"认领任务",   "领取任务", "认领工作", "领取工作", "我来做",
                                         "接收",       "接受",     "接手",     "接单",     "assign to me",
                                         "claim task", "claim",    NULL};
    static const char *const complete[] = {"完成任务",      "任务完成",  "标记完成", "做完了",   "搞定了",
                                           "已完成",        "完成工作",  "办完工作", "办完任务", "mark done",
                                           "mark complete", "task done", NULL};
    static const char *const refresh[] = {"刷新", "拉取任务", "更新列表", "refresh", "update list", NULL};
    struct command c = {COMMAND_NONE};
    struct text t;
    if (!text_split(&t, utterance))
        return c;
    drop_harmless(&t);
    if (is_negated(&t))
        return c;
    c.ordinal = take_ordinal(&t);
    if (says_any(&t, complete))
        c.kind = COMMAND_COMPLETE;
    else if (says_any(&t, assign))
        c.kind = COMMAND_ASSIGN;
    else if (says_any(&t, refresh) || says_pull(&t))
        c.kind = COMMAND_REFRESH;
    else
        c.ordinal = 0;
    return c;
}

bool command_finalizes(struct slice utterance, const struct slice *words, size_t word_count)
{
    static const char *const built_in[] = {"结束会议",      "停止录制",          "开始总结",
                                           "出个纪要",      "end meeting",       "stop recording",
                                           "start summary", "summarize meeting", NULL};
    struct text t;
    if (!text_split(&t, utterance))
        return false;
    drop_harmless(&t);
    if (is_negated(&t))
        return false;
    if (!word_count)
        return says_any(&t, built_in);
    for (size_t i = 0; i < word_count; i++) {
        char phrase[COMMAND_TEXT_MAX + 1];
        if (!words[i].len || words[i].len > COMMAND_TEXT_MAX)
            continue;
        memcpy(phrase, words[i].data, words[i].len);
        phrase[words[i].len] = '\0';
        for (char *p = phrase; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        if (says(&t, phrase))
            return true;
    }
    return false;
}
