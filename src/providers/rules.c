/* SPDX-License-Identifier: MIT
 * rules.c -- the table out of YAML, and the matcher.
 *
 *   "What's 12*7?"  -> tokens  what's | 12 | * | 7       patterns are tokens too; a pattern fits when its
 *   "现在几点"       -> tokens  现 | 在 | 几 | 点         tokens follow each other somewhere in them */
#include "providers/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/utf8.h"

enum { STAR_TOKENS_MAX = 4, PATTERN_TOKENS_MAX = 32 };

/* ---- tokens ---- */

static bool is_word(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\'' ||
           (c >= 0xC0 && c < 0x2000 && c != 0xD7 && c != 0xF7);
}

static bool is_operator(int32_t c)
{
    return c == '+' || c == '*' || c == '/' || c == '-' || c == 0xD7 || c == 0xF7 || c == 0x2212;
}

/* A point inside of digits, as in 3.5. */
static bool is_decimal_point(struct slice s, size_t point)
{
    return s.data[point] == '.' && point > 0 && s.data[point - 1] >= '0' && s.data[point - 1] <= '9' &&
           point + 1 < s.len && s.data[point + 1] >= '0' && s.data[point + 1] <= '9';
}

static size_t word_end(struct slice s, size_t at)
{
    bool is_digits = s.data[at] >= '0' && s.data[at] <= '9';
    if ((s.data[at] | 32) == 'x' && at > 0 && s.data[at - 1] >= '0' && s.data[at - 1] <= '9')
        return at + 1; /* the x of 12x7 */
    for (size_t next = at; next < s.len; at = next) {
        if (is_digits && !(s.data[next] >= '0' && s.data[next] <= '9') && !is_decimal_point(s, next))
            break; /* "12x7": digits end where letters begin */
        int32_t c = utf8_next(s, &next);
        if (!is_word(c) && !(is_digits && c == '.'))
            break;
        at = next;
    }
    return at;
}

/* "twenty-one", "well-known": the hyphen joins words and is no minus. */
static bool is_hyphen(struct slice s, size_t at)
{
    if (s.data[at] != '-' || at == 0 || at + 1 >= s.len)
        return false;
    char before = s.data[at - 1], after = s.data[at + 1];
    bool letters = ((before | 32) >= 'a' && (before | 32) <= 'z') && ((after | 32) >= 'a' && (after | 32) <= 'z');
    return letters;
}

void heard_read(struct heard *h, struct slice text)
{
    h->text = text;
    h->count = 0;
    for (size_t at = 0; at < text.len && h->count < HEARD_TOKENS_MAX;) {
        size_t from = at;
        int32_t c = utf8_next(text, &at);
        if (is_word(c))
            at = word_end(text, from);
        else if (!(is_operator(c) && !is_hyphen(text, from)) && !(c >= 0x2E80 && !utf8_is_punct((uint32_t)c)) &&
                 c != '{' && c != '}' && c != '^' && c != '$')
            continue;
        if (at == from)
            break;
        h->tokens[h->count++] = slice_sub(text, from, at - from);
    }
}

enum rules_language rules_language_of(struct slice text, enum rules_language otherwise)
{
    bool has_letters = false;
    for (size_t at = 0; at < text.len;) {
        int32_t c = utf8_next(text, &at);
        if (c >= 0 && utf8_is_cjk((uint32_t)c))
            return RULES_ZH;
        has_letters |= (c | 32) >= 'a' && (c | 32) <= 'z';
    }
    return has_letters ? RULES_EN : otherwise;
}

/* ---- matching ---- */

/* One pattern cut into tokens: words, and ^ $ * {number} {sum} {rest}. */
struct pattern {
    struct slice tokens[PATTERN_TOKENS_MAX];
    unsigned count;
    bool from_start, to_end;
};

static void pattern_read(struct pattern *p, const char *text)
{
    struct heard h;
    heard_read(&h, slice_of(text));
    *p = (struct pattern){ 0 };
    for (unsigned i = 0; i < h.count && p->count < PATTERN_TOKENS_MAX; i++) {
        if (slice_is(h.tokens[i], "^")) {
            p->from_start = true;
        } else if (slice_is(h.tokens[i], "$")) {
            p->to_end = true;
        } else if (slice_is(h.tokens[i], "{") && i + 2 < h.count) {
            const char *from = h.tokens[i].data, *to = h.tokens[i + 2].data;
            p->tokens[p->count++] = slice_from(from, (size_t)(to - from) + 1);
            i += 2;
        } else {
            p->tokens[p->count++] = h.tokens[i];
        }
    }
}

static struct slice span(const struct heard *h, unsigned from, unsigned to)
{
    if (from >= to)
        return (struct slice){ NULL, 0 };
    const char *begin = h->tokens[from].data;
    const struct slice *last = &h->tokens[to - 1];
    return slice_from(begin, (size_t)(last->data + last->len - begin));
}

/* All that was heard from token `from` on, with its own signs. */
static struct slice rest_of(const struct heard *h, unsigned from)
{
    const char *begin = h->tokens[from].data;
    return slice_trim(slice_from(begin, (size_t)(h->text.data + h->text.len - begin)));
}

static bool fits(const struct pattern *p, unsigned pi, const struct heard *h, unsigned hi, struct match *m)
{
    if (pi == p->count)
        return !p->to_end || hi == h->count;
    struct slice token = p->tokens[pi];
    if (slice_is(token, "*")) {
        for (unsigned skip = 0; skip <= STAR_TOKENS_MAX && hi + skip <= h->count; skip++) {
            if (fits(p, pi + 1, h, hi + skip, m))
                return true;
        }
        return false;
    }
    if (hi >= h->count)
        return false;
    if (slice_is(token, "{rest}")) {
        m->rest = rest_of(h, hi);
        return true;
    }
    unsigned used = 0;
    if (slice_is(token, "{number}")) {
        used = number_read(h, hi, &m->number);
        m->has_number |= used > 0;
    } else if (slice_is(token, "{sum}")) {
        used = sum_read(h, hi, &m->result);
        m->sum = span(h, hi, hi + used);
    } else if (slice_eq_nocase(token, h->tokens[hi])) {
        used = 1;
    }
    return used && fits(p, pi + 1, h, hi + used, m);
}

static bool pattern_fits(const char *text, const struct heard *h, struct match *m)
{
    struct pattern p;
    pattern_read(&p, text);
    if (!p.count)
        return false;
    unsigned last = p.from_start ? 0 : h->count;
    for (unsigned at = 0; at <= last; at++) {
        if (fits(&p, 0, h, at, m))
            return true;
    }
    return false;
}

static bool rule_fits(const struct rule *rule, const struct rule_lines *patterns, const struct heard *h,
                      struct match *out)
{
    for (unsigned i = 0; i < patterns->count; i++) {
        struct match m = { .rule = rule };
        if (pattern_fits(patterns->text[i], h, &m)) {
            *out = m;
            return true;
        }
    }
    return false;
}

bool rules_match(const struct rules *r, const struct heard *h, struct match *out)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (rule_fits(&r->list[i], &r->list[i].when, h, out))
            return true;
    }
    return false;
}

bool rules_match_command(const struct rules *r, const struct heard *h, struct match *out)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (rule_fits(&r->list[i], &r->list[i].command, h, out))
            return true;
    }
    return false;
}

bool rule_is_catch_all(const struct rule *rule)
{
    for (unsigned i = 0; i < rule->when.count; i++) {
        if (strcmp(rule->when.text[i], "*") == 0)
            return true;
    }
    return false;
}

/* ---- the table ---- */

struct reading {
    struct rules *rules;
    yaml_document_t doc;
    struct err_note *note;
    enum err err;
};

static enum err refuse(struct reading *r, const yaml_node_t *at, const char *what)
{
    if (!r->err) {
        r->err = r->note->err = ERR_INVALID;
        snprintf(r->note->text, sizeof(r->note->text), "line %zu: %s", at ? at->start_mark.line + 1 : 1, what);
    }
    return r->err;
}

static yaml_node_t *child(struct reading *r, const yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        yaml_node_t *name = yaml_document_get_node(&r->doc, p->key);
        if (name && name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, key) == 0)
            return yaml_document_get_node(&r->doc, p->value);
    }
    return NULL;
}

static const char *text_of(struct reading *r, const yaml_node_t *n)
{
    if (n->type != YAML_SCALAR_NODE) {
        refuse(r, n, "a text is wanted here");
        return "";
    }
    return arena_strdup(&r->rules->arena, slice_from(n->data.scalar.value, n->data.scalar.length));
}

/* One text, or a list of them. */
static unsigned read_texts(struct reading *r, yaml_node_t *n, const char **out, unsigned max)
{
    unsigned count = 0;
    if (!n)
        return 0;
    if (n->type != YAML_SEQUENCE_NODE) {
        out[count++] = text_of(r, n);
        return count;
    }
    for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
        if (count == max) {
            refuse(r, n, "too many entries in a list");
            return count;
        }
        out[count++] = text_of(r, yaml_document_get_node(&r->doc, *i));
    }
    return count;
}

static void read_answers(struct reading *r, yaml_node_t *n, struct rule_lines out[RULES_LANGUAGES])
{
    static const char *const languages[RULES_LANGUAGES] = { "en", "zh" };
    if (!n)
        return;
    for (int i = 0; i < RULES_LANGUAGES; i++) {
        yaml_node_t *lines = n->type == YAML_MAPPING_NODE ? child(r, n, languages[i]) : n;
        out[i].count = read_texts(r, lines, out[i].text, RULE_LINES_MAX);
    }
}

static void read_args(struct reading *r, yaml_node_t *n, struct rule *rule)
{
    if (!n)
        return;
    if (n->type != YAML_MAPPING_NODE) {
        refuse(r, n, "args is a map");
        return;
    }
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        if (rule->arg_count == RULE_ARGS_MAX) {
            refuse(r, n, "too many args");
            return;
        }
        rule->args[rule->arg_count].name = text_of(r, yaml_document_get_node(&r->doc, p->key));
        rule->args[rule->arg_count++].value = text_of(r, yaml_document_get_node(&r->doc, p->value));
    }
}

static void read_rule(struct reading *r, yaml_node_t *n, struct rule *rule)
{
    if (n->type != YAML_MAPPING_NODE) {
        refuse(r, n, "a rule is a map");
        return;
    }
    yaml_node_t *name = child(r, n, "name"), *step = child(r, n, "step");
    rule->name = name ? text_of(r, name) : "";
    rule->when.count = read_texts(r, child(r, n, "when"), rule->when.text, RULE_LINES_MAX);
    rule->command.count = read_texts(r, child(r, n, "command"), rule->command.text, RULE_LINES_MAX);
    for (unsigned i = 0; i < rule->command.count; i++) { /* a command is all that was said */
        auto_mem char *whole = xprintf("^%s$", rule->command.text[i]);
        rule->command.text[i] = arena_strdup(&r->rules->arena, slice_of(whole));
    }
    rule->tool_count = read_texts(r, child(r, n, "tool"), rule->tools, RULE_TOOLS_MAX);
    read_answers(r, child(r, n, "say"), rule->say);
    read_answers(r, child(r, n, "failed"), rule->failed);
    read_args(r, child(r, n, "args"), rule);
    int64_t steps = 0;
    if (step && (!slice_to_i64(slice_of(text_of(r, step)), &steps) || steps < -100 || steps > 100))
        refuse(r, step, "step is a number from -100 to 100");
    rule->step = (int)steps;
    if (!rule->when.count)
        refuse(r, n, "a rule without `when`");
    if (!rule->say[RULES_EN].count && !rule->say[RULES_ZH].count && !rule->tool_count)
        refuse(r, n, "a rule with nothing to say or do");
}

static void read_rules(struct reading *r)
{
    yaml_node_t *root = yaml_document_get_root_node(&r->doc), *list = child(r, root, "rules");
    if (!list || list->type != YAML_SEQUENCE_NODE) {
        refuse(r, root, "a list named `rules` is wanted");
        return;
    }
    for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top && !r->err; i++) {
        yaml_node_t *n = yaml_document_get_node(&r->doc, *i);
        if (r->rules->count == RULES_MAX)
            refuse(r, n, "too many rules");
        else
            read_rule(r, n, &r->rules->list[r->rules->count++]);
    }
}

/* libyaml's loader recurses: the depth is judged before, over events. */
static bool is_shallow(struct slice yaml)
{
    yaml_parser_t parser;
    bool is_good = yaml_parser_initialize(&parser), is_over = !is_good;
    int depth = 0;
    if (is_good)
        yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.data, yaml.len);
    while (!is_over) {
        yaml_event_t ev;
        if (!yaml_parser_parse(&parser, &ev))
            break; /* the loader says what is wrong */
        depth += ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT;
        depth -= ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT;
        is_good = depth <= RULES_DEPTH_MAX && ev.type != YAML_ALIAS_EVENT;
        is_over = !is_good || ev.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&ev);
    }
    yaml_parser_delete(&parser);
    return is_good;
}

enum err rules_parse(struct rules **out, struct slice yaml, struct err_note *note)
{
    yaml_parser_t parser;
    if (yaml.len > RULES_BYTES_MAX)
        return note->err = ERR_LIMIT;
    if (!is_shallow(yaml)) {
        snprintf(note->text, sizeof(note->text), "nested too deep, or with aliases");
        return note->err = ERR_INVALID;
    }
    struct reading r = { .rules = xnew(struct rules), .note = note };
    if (!yaml_parser_initialize(&parser)) {
        rules_free(r.rules);
        return note->err = ERR_NO_MEMORY;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.data, yaml.len);
    if (!yaml_parser_load(&parser, &r.doc)) {
        r.err = note->err = ERR_INVALID;
        snprintf(note->text, sizeof(note->text), "line %zu: %s", parser.problem_mark.line + 1,
                 parser.problem ? parser.problem : "not YAML");
    } else {
        read_rules(&r);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
    if (r.err)
        rules_free(r.rules);
    else
        *out = r.rules;
    return r.err;
}

void rules_free(struct rules *r)
{
    if (!r)
        return;
    arena_done(&r->arena);
    mem_free(r);
}
