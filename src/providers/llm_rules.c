/* SPDX-License-Identifier: MIT
 * llm_rules.c -- the language model that is none: answers and local commands from a table, offline.
 *
 *     last user message --> rules_match --> say | tool call
 *     tool results after it           --> next step (volume) | say | failed
 *
 * It keeps no state: what was called and answered stands in the messages. Settings: file (a table of the
 * owner's; none: the one built in). It answers conversation only; purposes that want a summary or JSON get
 * ERR_UNSUPPORTED, so that their callers use plain means. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/settings.h"
#include "providers/llm.h"
#include "providers/rules.h"
#include "providers/soon.h"

#define LOG_TOPIC "provider"

enum {
    CALLS_MAX = 3,         /* tool calls in one turn; then we say what we know */
    KNOWN_TOKENS_MAX = 24, /* a longer text is a conversation: LLM_KNOWN leaves it to others */
};

struct llm {
    struct soon soon;
    struct buf text;
    char *tool, *args, *id;
    enum { TELL_TEXT, TELL_TOOL, TELL_END } next;
    const struct llm_events *ev;
    void *user;
};

/* One request being answered. */
struct asking {
    const struct provider_opts *o;
    const struct llm_request *rq;
    const struct rules *rules;
    struct heard heard;
    struct match match;
    enum rules_language language;
    size_t user_at;                /* index of the last user message */
    unsigned results;              /* tool results after it */
    struct slice last_result;
};

/* ---- words for an answer ---- */

static int zone_minutes(const struct config *c)
{
    if (!c || isnan(c->server_timezone_offset))
        return clock_zone_offset_minutes();
    return (int)(c->server_timezone_offset * 60);
}

struct today {
    int year, month, day, hour, minute, weekday; /* weekday 0: Sunday */
};

static struct today now_there(const struct config *c)
{
    struct today t = { 0 };
    int offset = zone_minutes(c);
    int64_t wall_ms = clock_wall_ms();
    char text[20];
    clock_text(wall_ms, offset, text);
    if (sscanf(text, "%4d-%2d-%2d %2d:%2d", &t.year, &t.month, &t.day, &t.hour, &t.minute) != 5)
        return t;
    int64_t days = (wall_ms / 60000 + offset) / 1440;
    t.weekday = (int)((days + 4) % 7); /* 1970-01-01 was a Thursday */
    return t;
}

static void put_time(struct buf *out, struct today t, enum rules_language l)
{
    int hour = t.hour % 12 ? t.hour % 12 : 12;
    if (l == RULES_EN) {
        if (t.minute)
            buf_printf(out, "%d:%02d %s", hour, t.minute, t.hour < 12 ? "AM" : "PM");
        else
            buf_printf(out, "%d o'clock %s", hour, t.hour < 12 ? "in the morning" : t.hour < 18 ? "in the afternoon"
                                                                                          : "in the evening");
        return;
    }
    const char *part = t.hour < 6 ? "凌晨" : t.hour < 12 ? "上午" : t.hour < 18 ? "下午" : "晚上";
    if (t.minute)
        buf_printf(out, "%s%d点%d分", part, hour, t.minute);
    else
        buf_printf(out, "%s%d点整", part, hour);
}

static void put_date(struct buf *out, struct today t, enum rules_language l)
{
    static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July",
                                          "August", "September", "October", "November", "December" };
    if (l == RULES_EN)
        buf_printf(out, "%s %d, %d", months[(t.month + 11) % 12], t.day, t.year);
    else
        buf_printf(out, "%d年%d月%d日", t.year, t.month, t.day);
}

static void put_weekday(struct buf *out, struct today t, enum rules_language l)
{
    static const char *const en[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    static const char *const zh[] = { "星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六" };
    buf_puts(out, (l == RULES_EN ? en : zh)[t.weekday % 7]);
}

static const char *line_of(const struct asking *q, const struct rule_lines lines[RULES_LANGUAGES])
{
    const struct rule_lines *l = &lines[q->language];
    if (!l->count)
        l = &lines[q->language == RULES_EN ? RULES_ZH : RULES_EN];
    return l->count ? l->text[q->rq->message_count / 2 % l->count] : "";
}

static void put_word(const struct asking *q, struct slice name, struct buf *out)
{
    const struct match *m = &q->match;
    struct today t = now_there(q->o->config);
    if (slice_is(name, "time"))
        put_time(out, t, q->language);
    else if (slice_is(name, "date"))
        put_date(out, t, q->language);
    else if (slice_is(name, "weekday"))
        put_weekday(out, t, q->language);
    else if (slice_is(name, "number"))
        number_print(out, m->number);
    else if (slice_is(name, "result"))
        number_print(out, m->result);
    else if (slice_is(name, "sum"))
        buf_put(out, m->sum);
    else if (slice_is(name, "rest"))
        buf_put(out, m->rest);
    else if (slice_is(name, "heard"))
        buf_put(out, slice_trim(q->heard.text));
}

static void put_line(const struct asking *q, const char *line, struct buf *out)
{
    struct slice left = slice_of(line);
    while (left.len) {
        bool has_word = memchr(left.data, '{', left.len) != NULL;
        buf_put(out, slice_cut(&left, '{'));
        if (!has_word)
            return;
        put_word(q, slice_cut(&left, '}'), out);
    }
}

/* ---- tools ---- */

static char plain(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
}

/* "self.audio_speaker.set_volume" ends in "set_volume", at the start of a part of its name. */
static bool name_ends(struct slice name, const char *tail)
{
    size_t len = strlen(tail);
    if (name.len < len || (name.len > len && plain(name.data[name.len - len - 1]) != '_'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (plain(name.data[name.len - len + i]) != plain(tail[i]))
            return false;
    }
    return true;
}

static const struct llm_tool *find_tool(const struct asking *q, const char *const *tails, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < q->rq->tool_count; j++) {
            if (name_ends(q->rq->tools[j].name, tails[i]))
                return &q->rq->tools[j];
        }
    }
    return NULL;
}

static void call(struct llm *m, const struct asking *q, const struct llm_tool *tool, struct buf *args)
{
    m->tool = xslicedup(tool->name);
    m->args = buf_take(args);
    m->id = xprintf("rule_%zu_%u", q->rq->message_count, q->results);
}

static void call_with_args(struct llm *m, const struct asking *q, const struct llm_tool *tool)
{
    auto_buf struct buf args = { 0 }, answer = { 0 };
    struct jw w;
    jw_init(&w, &args);
    jw_object(&w);
    put_line(q, line_of(q, q->match.rule->say), &answer);
    for (unsigned i = 0; i < q->match.rule->arg_count; i++) {
        const char *value = q->match.rule->args[i].value;
        auto_buf struct buf text = { 0 };
        int64_t number = 0;
        if (strcmp(value, "{answer}") == 0)
            buf_put(&text, buf_slice(&answer));
        else
            put_line(q, value, &text);
        if (slice_to_i64(buf_slice(&text), &number))
            jw_i64(&w, q->match.rule->args[i].name, number);
        else
            jw_str(&w, q->match.rule->args[i].name, buf_slice(&text));
    }
    jw_end(&w);
    call(m, q, tool, &args);
}

/* "volume": 40, wherever it stands in what the device answered. */
static bool volume_in(struct slice result, double *out)
{
    static const char key[] = "volume";
    for (size_t at = 0; at + sizeof(key) <= result.len; at++) {
        if (memcmp(result.data + at, key, sizeof(key) - 1) != 0)
            continue;
        size_t i = at + sizeof(key) - 1;
        while (i < result.len && strchr("\\\": ", result.data[i]))
            i++;
        size_t from = i;
        while (i < result.len && i - from < 4 && result.data[i] >= '0' && result.data[i] <= '9')
            i++;
        int64_t value = 0;
        if (slice_to_i64(slice_sub(result, from, i - from), &value)) {
            *out = (double)MIN(value, 100);
            return true;
        }
    }
    return false;
}

static bool is_failed_result(struct slice result)
{
    struct slice t = slice_trim(result);
    return slice_starts(t, SLICE("error")) || slice_starts(t, SLICE("Error")) ||
           slice_contains(t, SLICE("\"isError\":true")) || slice_contains(t, SLICE("\"error\""));
}

static void say(struct llm *m, const struct asking *q, const struct rule_lines lines[RULES_LANGUAGES])
{
    const char *line = line_of(q, lines);
    put_line(q, *line ? line : line_of(q, q->match.rule->say), &m->text);
}

/* Louder, quieter: ask for the status, set what it says plus the step, tell. */
static void answer_step(struct llm *m, struct asking *q, const struct llm_tool *set)
{
    static const char *const status_names[] = { "get_device_status", "get_status", "get_volume" };
    const struct llm_tool *status = find_tool(q, status_names, COUNT(status_names));
    double volume = 50;
    auto_buf struct buf args = { 0 };
    if (q->results == 0 && status) {
        buf_puts(&args, "{}");
        call(m, q, status, &args);
        return;
    }
    for (size_t i = q->user_at + 1; i < q->rq->message_count; i++) { /* the status is the first result */
        if (q->rq->messages[i].role == LLM_TOOL && volume_in(q->rq->messages[i].text, &volume))
            break;
    }
    volume += q->match.rule->step;
    q->match.number = volume < 0 ? 0 : volume > 100 ? 100 : volume;
    if (q->results == (status ? 1 : 0)) {
        buf_printf(&args, "{\"volume\":%d}", (int)q->match.number);
        call(m, q, set, &args);
    } else {
        say(m, q, is_failed_result(q->last_result) ? q->match.rule->failed : q->match.rule->say);
    }
}

static void answer(struct llm *m, struct asking *q)
{
    const struct rule *rule = q->match.rule;
    const struct llm_tool *tool = find_tool(q, rule->tools, rule->tool_count);
    if (rule->step && tool && q->results < CALLS_MAX)
        answer_step(m, q, tool);
    else if (tool && q->results == 0)
        call_with_args(m, q, tool);
    else if (tool && is_failed_result(q->last_result))
        say(m, q, rule->failed);
    else if (rule->tool_count && !tool && rule->failed[q->language].count)
        say(m, q, rule->failed);
    else
        say(m, q, rule->say);
}

/* ---- the table: made once per configuration, or for one request ---- */

static void free_rules(void *data)
{
    rules_free(data);
}

static enum err load(const struct provider_opts *o, struct rules **out, struct err_note *note)
{
    const char *path = opts_str(o, "file", NULL);
    if (!path || !*path)
        return rules_parse(out, slice_of(rules_default_yaml), note);
    auto_mem char *text = NULL;
    FILE *f = fopen(path, "rbe");
    if (!f) {
        snprintf(note->text, sizeof(note->text), "%s cannot be read", path);
        return note->err = ERR_NOT_FOUND;
    }
    text = xalloc(RULES_BYTES_MAX + 1);
    size_t len = fread(text, 1, RULES_BYTES_MAX + 1, f);
    (void)fclose(f);
    return rules_parse(out, slice_from(text, len), note);
}

static enum err llm_check(const struct provider_opts *o, struct err_note *note)
{
    struct rules *rules = NULL;
    enum err e = load(o, &rules, note);
    if (e)
        return e;
    if (o->shared)
        *o->shared = (struct provider_shared){ .data = rules, .free = free_rules };
    else
        rules_free(rules);
    return OK;
}

static void run(void *arg)
{
    struct llm *m = arg;
    struct err_note why = { 0 };
    if (m->next == TELL_TEXT) {
        m->next = TELL_TOOL;
        soon_kick(&m->soon);
        if (m->text.len)
            m->ev->on_delta(m->user, buf_slice(&m->text));
    } else if (m->next == TELL_TOOL) {
        m->next = TELL_END;
        soon_kick(&m->soon);
        if (m->tool)
            m->ev->on_tool_call(m->user, slice_of(m->id), slice_of(m->tool), slice_of(m->args));
    } else {
        m->ev->on_end(m->user, &why);
    }
}

static void free_llm(void *arg)
{
    struct llm *m = arg;
    buf_done(&m->text);
    mem_free(m->tool);
    mem_free(m->args);
    mem_free(m->id);
    mem_free(m);
}

static bool is_for_machines(const struct llm_request *rq)
{
    static const char *const purposes[] = { "meeting", "memory", "intent" };
    for (size_t i = 0; rq->purpose && i < COUNT(purposes); i++) {
        if (strcmp(rq->purpose, purposes[i]) == 0)
            return true;
    }
    return rq->is_json;
}

static void read_request(struct asking *q)
{
    const struct llm_request *rq = q->rq;
    for (size_t i = 0; i < rq->message_count; i++) {
        if (rq->messages[i].role == LLM_USER)
            q->user_at = i;
    }
    for (size_t i = q->user_at + 1; i < rq->message_count; i++) {
        if (rq->messages[i].role == LLM_TOOL) {
            q->results++;
            q->last_result = rq->messages[i].text;
        }
    }
    struct slice text = rq->message_count ? rq->messages[q->user_at].text : (struct slice){ NULL, 0 };
    heard_read(&q->heard, text);
    q->language = rules_language_of(text, strncmp(q->o->language, "zh", 2) == 0 ? RULES_ZH : RULES_EN);
}

/* Within the scope of the request. A rule that needs a tool is none where the tool is missing. */
static bool match(struct asking *q)
{
    enum llm_scope scope = q->rq->scope;
    bool fits = scope == LLM_COMMANDS ? rules_match_command(q->rules, &q->heard, &q->match)
                                      : rules_match(q->rules, &q->heard, &q->match);
    if (!fits || scope == LLM_ANYTHING)
        return fits;
    const struct rule *rule = q->match.rule;
    return !rule_is_catch_all(rule) && q->heard.count <= KNOWN_TOKENS_MAX &&
           (!rule->tool_count || find_tool(q, rule->tools, rule->tool_count));
}

static bool llm_knows(const struct provider_opts *o, const struct llm_request *rq)
{
    if (is_for_machines(rq) || !o->shared || !o->shared->data)
        return false;
    struct asking *q = xnew(struct asking);
    *q = (struct asking){ .o = o, .rq = rq, .rules = o->shared->data };
    read_request(q);
    bool is_known = match(q);
    mem_free(q);
    return is_known;
}

static enum err llm_open(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                         const struct llm_events *ev, void *user)
{
    struct rules *own = NULL;
    struct err_note note = { 0 };
    if (is_for_machines(rq))
        return ERR_UNSUPPORTED;
    if (!o->shared || !o->shared->data) {
        enum err e = load(o, &own, &note);
        if (e)
            return e;
    }
    struct asking *q = xnew(struct asking);
    *q = (struct asking){ .o = o, .rq = rq, .rules = own ? own : o->shared->data };
    struct llm *m = xnew(struct llm);
    m->ev = ev;
    m->user = user;
    soon_init(&m->soon, o->env->loop, run, free_llm, m);
    read_request(q);
    if (match(q))
        answer(m, q);
    mem_free(q);
    rules_free(own);
    soon_kick(&m->soon);
    *out = m;
    return OK;
}

static void llm_close(struct llm *m)
{
    soon_close(&m->soon);
}

extern const struct llm_class llm_rules;
const struct llm_class llm_rules = {
    .name = "rules", .caps = LLM_TOOLS | LLM_OFFLINE, .open = llm_open, .close = llm_close, .check = llm_check,
    .knows = llm_knows,
};
