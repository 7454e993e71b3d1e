/* SPDX-License-Identifier: MIT
 * rules_sum.c -- numbers and calculations as people say them: "twelve times 7", "三加五", "12*7". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "providers/rules.h"

enum { DIGITS_MAX = 15 };

struct name_value {
    const char *name;
    double value;
};

static const struct name_value english_small[] = {
    { "zero", 0 }, { "one", 1 }, { "two", 2 }, { "three", 3 }, { "four", 4 }, { "five", 5 }, { "six", 6 },
    { "seven", 7 }, { "eight", 8 }, { "nine", 9 }, { "ten", 10 }, { "eleven", 11 }, { "twelve", 12 },
    { "thirteen", 13 }, { "fourteen", 14 }, { "fifteen", 15 }, { "sixteen", 16 }, { "seventeen", 17 },
    { "eighteen", 18 }, { "nineteen", 19 },
};
static const struct name_value english_tens[] = {
    { "twenty", 20 }, { "thirty", 30 }, { "forty", 40 }, { "fifty", 50 }, { "sixty", 60 }, { "seventy", 70 },
    { "eighty", 80 }, { "ninety", 90 },
};
static const struct name_value chinese_digits[] = {
    { "零", 0 }, { "〇", 0 }, { "一", 1 }, { "二", 2 }, { "两", 2 }, { "三", 3 }, { "四", 4 }, { "五", 5 },
    { "六", 6 }, { "七", 7 }, { "八", 8 }, { "九", 9 },
};
static const struct name_value chinese_units[] = { { "十", 10 }, { "百", 100 }, { "千", 1000 } };

static bool lookup(const struct name_value *list, size_t count, struct slice token, double *out)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(token, slice_of(list[i].name))) {
            *out = list[i].value;
            return true;
        }
    }
    return false;
}
#define LOOKUP(list, token, out) lookup(list, COUNT(list), token, out)

static bool token_is(const struct heard *h, unsigned at, const char *text)
{
    return at < h->count && slice_eq_nocase(h->tokens[at], slice_of(text));
}

static unsigned read_digits(const struct heard *h, unsigned at, double *out)
{
    struct slice t = h->tokens[at];
    char text[DIGITS_MAX + 1];
    if (!t.len || t.len > DIGITS_MAX || t.data[0] < '0' || t.data[0] > '9')
        return 0;
    for (size_t i = 0; i < t.len; i++) {
        if (!strchr("0123456789.", t.data[i]))
            return 0;
    }
    memcpy(text, t.data, t.len);
    text[t.len] = 0;
    *out = strtod(text, NULL);
    return 1;
}

/* "two hundred and five", "ninety nine", "a thousand" */
static unsigned read_english(const struct heard *h, unsigned at, double *out)
{
    double total = 0, part = 0, value = 0;
    unsigned from = at, end = at;
    for (; at < h->count; at++) {
        if (LOOKUP(english_small, h->tokens[at], &value)) {
            if (end > from && !(fmod(part, 100) == 0 || (fmod(part, 10) == 0 && fmod(part, 100) >= 20 && value < 10)))
                break;
            part += value;
        } else if (LOOKUP(english_tens, h->tokens[at], &value)) {
            if (fmod(part, 100) != 0)
                break;
            part += value;
        } else if (token_is(h, at, "hundred") && part < 100) {
            part = (part == 0 ? 1 : part) * 100;
        } else if (token_is(h, at, "thousand") && total == 0) {
            total = (part == 0 ? 1 : part) * 1000;
            part = 0;
        } else if (token_is(h, at, "a") && (token_is(h, at + 1, "hundred") || token_is(h, at + 1, "thousand"))) {
            continue;
        } else if (token_is(h, at, "and") && end > from && (total > 0 || part >= 100)) {
            continue;
        } else {
            break;
        }
        end = at + 1;
    }
    if (token_is(h, end, "point") && end > from) {
        double scale = 0.1;
        for (at = end + 1; at < h->count && LOOKUP(english_small, h->tokens[at], &value) && value < 10; at++) {
            part += value * scale;
            scale /= 10;
            end = at + 1;
        }
    }
    *out = total + part;
    return end - from;
}

/* 十二, 三百零五, 一万二千, 三点五 */
static unsigned read_chinese(const struct heard *h, unsigned at, double *out)
{
    double total = 0, part = 0, digit = -1, value = 0;
    unsigned from = at;
    for (; at < h->count; at++) {
        if (LOOKUP(chinese_digits, h->tokens[at], &value)) {
            digit = digit > 0 ? digit * 10 + value : value; /* 一二三: signs read one by one */
            if (digit > 1e9)
                break;
        } else if (LOOKUP(chinese_units, h->tokens[at], &value)) {
            part += (digit < 0 ? 1 : digit) * value;
            digit = -1;
        } else if (token_is(h, at, "万") && total == 0 && at > from) {
            total = (part + MAX(digit, 0)) * 10000;
            part = 0;
            digit = -1;
        } else {
            break;
        }
    }
    part += MAX(digit, 0);
    if (token_is(h, at, "点") && at > from && at + 1 < h->count && LOOKUP(chinese_digits, h->tokens[at + 1], &value)) {
        double scale = 0.1;
        for (at++; at < h->count && LOOKUP(chinese_digits, h->tokens[at], &value); at++) {
            part += value * scale;
            scale /= 10;
        }
    }
    *out = total + part;
    return at - from;
}

unsigned number_read(const struct heard *h, unsigned at, double *out)
{
    if (at >= h->count)
        return 0;
    unsigned used = read_digits(h, at, out);
    if (!used)
        used = read_english(h, at, out);
    if (!used)
        used = read_chinese(h, at, out);
    return used;
}

/* ---- calculations ---- */

static const struct {
    const char *words[3];
    char op;
} operators[] = {
    { { "+" }, '+' }, { { "plus" }, '+' }, { { "加", "上" }, '+' }, { { "加" }, '+' },
    { { "-" }, '-' }, { { "−" }, '-' }, { { "minus" }, '-' }, { { "减", "去" }, '-' }, { { "减" }, '-' },
    { { "*" }, '*' }, { { "×" }, '*' }, { { "x" }, '*' }, { { "times" }, '*' }, { { "multiplied", "by" }, '*' },
    { { "乘", "以" }, '*' }, { { "乘" }, '*' },
    { { "/" }, '/' }, { { "÷" }, '/' }, { { "divided", "by" }, '/' }, { { "over" }, '/' }, { { "除", "以" }, '/' },
};

static unsigned operator_read(const struct heard *h, unsigned at, char *op)
{
    for (size_t i = 0; i < COUNT(operators); i++) {
        unsigned used = 0;
        while (used < 3 && operators[i].words[used] && token_is(h, at + used, operators[i].words[used]))
            used++;
        if (used && (used == 3 || !operators[i].words[used])) {
            *op = operators[i].op;
            return used;
        }
    }
    return 0;
}

static bool multiply(double *left, char op, double right)
{
    if (op == '/' && right == 0)
        return false;
    *left = op == '*' ? *left * right : *left / right;
    return true;
}

/* Times and divided bind closer: sum + (product). */
unsigned sum_read(const struct heard *h, unsigned at, double *out)
{
    double sum = 0, product = 0, value = 0;
    unsigned from = at, used = number_read(h, at, &product), operations = 0;
    char op = 0, sign = '+';
    if (!used)
        return 0;
    at += used;
    for (unsigned op_used; (op_used = operator_read(h, at, &op)) != 0; operations++) {
        used = number_read(h, at + op_used, &value);
        if (!used)
            break;
        if (op == '*' || op == '/') {
            if (!multiply(&product, op, value))
                return 0;
        } else {
            sum = sign == '+' ? sum + product : sum - product;
            product = value;
            sign = op;
        }
        at += op_used + used;
    }
    *out = sign == '+' ? sum + product : sum - product;
    return operations && isfinite(*out) ? at - from : 0;
}

void number_print(struct buf *out, double value)
{
    if (fabs(value - nearbyint(value)) < 1e-9 && fabs(value) < 1e15) {
        buf_printf(out, "%.0f", nearbyint(value) + 0.0);
        return;
    }
    char text[64];
    snprintf(text, sizeof(text), "%.4f", value);
    size_t len = strlen(text);
    while (len && text[len - 1] == '0')
        len--;
    buf_put(out, slice_from(text, text[len - 1] == '.' ? len - 1 : len));
}
