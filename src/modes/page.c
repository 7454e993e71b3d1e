/* SPDX-License-Identifier: MIT
 * page.c -- one table of pages, one of body kinds, one of controls; whatever is in none of them is not sent.
 */
#include "modes/page.h"

#include "base/utf8.h"

static const char *const pages[] = {
    "welcome",       "dialog.chat",          "meeting.listen", "meeting.summary",
    "working.list",  "working.detail",       "working.assign", "working.end",
    "coding.listen", "coding.tasks_confirm", "coding.log",     "coding.end",
};
static const struct {
    const char *kind, *list;
} bodies[] = {
    {"text", NULL}, {"list", "items"}, {"bullets", "items"}, {"logs", "lines"}, {"kv", "items"},
};

bool page_is_known(struct slice page)
{
    for (size_t i = 0; i < COUNT(pages); i++) {
        if (slice_is(page, pages[i]))
            return true;
    }
    return false;
}

struct slice page_clip(struct slice text, size_t chars)
{
    size_t at = 0;
    while (chars-- && utf8_next(text, &at) >= 0)
        ;
    return slice_sub(text, 0, at);
}

struct slice page_clip_wide(struct slice text, size_t wide)
{
    size_t at = 0, columns = 0;
    for (;;) {
        size_t next = at;
        int32_t c = utf8_next(text, &next);
        if (c < 0)
            return text;
        columns += c >= 0x1100 ? 2 : 1;
        if (columns > wide * 2)
            return slice_sub(text, 0, at);
        at = next;
    }
}

static void put_text(struct jw *w, const char *key, const struct json *v, size_t chars)
{
    if (json_is(v, JSON_STRING))
        jw_str(w, key, page_clip(json_text(v), chars));
}

static void put_header(struct jw *w, const struct json *header, const char *title)
{
    const struct json *icons = json_get(header, "icons");
    struct slice net = json_get_text(icons, "net");
    struct slice given = json_get_text(header, "title");
    jw_object_as(w, "header");
    jw_str(w, "title", page_clip_wide(title ? slice_of(title) : given, PAGE_TITLE_WIDE));
    if (icons) {
        jw_object_as(w, "icons");
        if (slice_is(net, "ok") || slice_is(net, "bad") || slice_is(net, "off"))
            jw_str(w, "net", net);
        if (json_is(json_get(icons, "rec"), JSON_BOOL))
            jw_bool(w, "rec", json_get_bool(icons, "rec", false));
        int64_t battery = json_get_i64(icons, "battery", -1);
        if (battery >= 0 && battery <= 100)
            jw_i64(w, "battery", battery);
        jw_end(w);
    }
    jw_end(w);
}

static void put_items(struct jw *w, const char *key, const struct json *items, bool is_kv)
{
    jw_array_as(w, key);
    for (size_t i = 0; i < json_len(items) && i < PAGE_ITEMS_MAX; i++) {
        const struct json *item = json_at(items, i);
        if (is_kv) {
            jw_object(w);
            jw_str(w, "k", page_clip(json_get_text(item, "k"), PAGE_ITEM_CHARS));
            jw_str(w, "v", page_clip(json_get_text(item, "v"), PAGE_ITEM_CHARS));
            jw_end(w);
        } else if (json_is(item, JSON_STRING)) {
            jw_str(w, NULL, page_clip(json_text(item), PAGE_ITEM_CHARS));
        }
    }
    jw_end(w);
}

static enum page_verdict put_body(struct jw *w, const struct json *body)
{
    struct slice kind = json_get_text(body, "kind");
    for (size_t i = 0; i < COUNT(bodies); i++) {
        if (!slice_is(kind, bodies[i].kind))
            continue;
        jw_object_as(w, "body");
        jw_str(w, "kind", kind);
        enum page_verdict v = PAGE_OK;
        if (!bodies[i].list)
            put_text(w, "text", json_get(body, "text"), PAGE_TEXT_CHARS);
        else if (json_is(json_get(body, bodies[i].list), JSON_ARRAY))
            put_items(w, bodies[i].list, json_get(body, bodies[i].list), slice_is(kind, "kv"));
        else
            v = PAGE_BAD_BODY;
        jw_end(w);
        return v;
    }
    return PAGE_BAD_BODY;
}

static void put_footer(struct jw *w, const struct json *footer)
{
    const struct json *page = json_get(footer, "page");
    if (!json_is(footer, JSON_OBJECT))
        return;
    jw_object_as(w, "footer");
    put_text(w, "hint", json_get(footer, "hint"), PAGE_HINT_CHARS);
    if (json_is(page, JSON_OBJECT)) {
        jw_object_as(w, "page");
        jw_i64(w, "index", json_get_i64(page, "index", 1));
        jw_i64(w, "total", json_get_i64(page, "total", 1));
        jw_end(w);
    }
    jw_end(w);
}

enum page_verdict page_clean(struct buf *out, const struct json *render, const char *title, const char *id,
                             int64_t ts_ms)
{
    struct slice page = json_get_text(render, "page");
    struct jw w;
    if (!page_is_known(page))
        return PAGE_UNKNOWN;
    if (!json_is(json_get(render, "body"), JSON_OBJECT))
        return PAGE_MALFORMED;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "ui.render");
    jw_str(&w, "page", page);
    put_header(&w, json_get(render, "header"), title);
    enum page_verdict v = put_body(&w, json_get(render, "body"));
    put_footer(&w, json_get(render, "footer"));
    const struct json *regions = json_get(render, "regionsChanged");
    if (json_is(regions, JSON_ARRAY) && json_len(regions) <= 8)
        jw_json(&w, "regionsChanged", regions);
    if (id)
        jw_cstr(&w, "id", id);
    if (ts_ms)
        jw_i64(&w, "ts", ts_ms);
    jw_end(&w);
    return v ? v : out->len <= PAGE_JSON_MAX_BYTES ? PAGE_OK : PAGE_MALFORMED;
}

static bool tone_is_valid(struct slice name)
{
    if (!name.len || name.len > TONE_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

enum page_verdict control_clean(struct buf *out, const struct json *control)
{
    struct slice action = json_get_text(control, "action");
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "device.control");
    jw_str(&w, "action", action);
    enum page_verdict v = PAGE_OK;
    if (slice_is(action, "net.banner")) {
        struct slice level = json_get_text(control, "level"), text = json_get_text(control, "text");
        int64_t ms = json_get_i64(control, "duration_ms", 3000);
        bool is_level = slice_is(level, "warn") || slice_is(level, "error");
        if (!text.len)
            v = PAGE_MALFORMED;
        jw_str(&w, "text", page_clip(text, PAGE_TEXT_CHARS));
        jw_str(&w, "level", is_level ? level : SLICE("info"));
        jw_i64(&w, "duration_ms", ms < 0 ? 0 : MIN(ms, BANNER_MS_MAX));
    } else if (slice_is(action, "play.tone")) {
        struct slice name = json_get_text(control, "name");
        if (!tone_is_valid(name))
            v = PAGE_MALFORMED;
        jw_str(&w, "name", name);
    } else {
        v = PAGE_UNKNOWN;
    }
    jw_end(&w);
    return v;
}
