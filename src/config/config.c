/* SPDX-License-Identifier: MIT
 * config.c -- a snapshot is read whole, checked whole, and never changes again; the holder swaps it.
 *
 *     file -> tree -> aliases -> unknown keys? -> + embedded providers -> fields -> selection checked
 *
 * The holder's lock guards one pointer for a moment; readers keep a reference, so an old snapshot
 * lives until the last turn on it has ended. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "config/inner.h"

#define LOG_TOPIC "config"

static const char *const search_paths[] = { "data/.config.yaml", "config.yaml" };

/* ---- a snapshot ---- */

static struct config *config_create(unsigned generation, const char *path)
{
    struct config *c = xnew(struct config);
    c->inner = xnew(struct config_inner);
    atomic_init(&c->inner->refs, 1);
    pthread_mutex_init(&c->inner->lock, NULL);
    c->inner->generation = generation;
    c->inner->path = xstrdup(path);
    c->inner->tree.inner = c->inner;
    return c;
}

struct config *config_ref(struct config *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->inner->refs, 1, memory_order_relaxed);
    return c;
}

void config_unref(struct config *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->inner->refs, 1, memory_order_acq_rel) != 1)
        return;
    void *value;
    for (size_t at = 0; map_next(&c->inner->secrets, &at, NULL, &value);)
        mem_free(value);
    map_done(&c->inner->secrets);
    map_done(&c->inner->warned);
    map_done(&c->inner->remarks);
    arena_done(&c->inner->tree.arena);
    pthread_mutex_destroy(&c->inner->lock);
    mem_free(c->inner->path);
    mem_free(c->inner);
    mem_free(c);
}

unsigned config_generation(const struct config *c)
{
    return c->inner->generation;
}

const char *config_path(const struct config *c)
{
    return c->inner->path;
}

unsigned config_warnings(const struct config *c)
{
    return atomic_load(&c->inner->warnings);
}

void config_remark(struct config_inner *in, const char *key, const char *fmt, ...)
{
    auto_buf struct buf text = { 0 };
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    map_set(&in->remarks, slice_of(key), arena_strdup(&in->tree.arena, buf_slice(&text)));
}

/* ---- other spellings ---- */

static struct conf *walk(struct conf *n, const char *path)
{
    struct slice rest = slice_of(path);
    while (n && rest.data)
        n = tree_child(n, slice_cut(&rest, '.'));
    return n;
}

/* The section a key stands in, made where it is missing; NULL: something else stands in its place. */
static struct conf *make_section(struct config_inner *in, const char *key)
{
    struct conf *n = in->root;
    struct slice rest = slice_of(key);
    for (struct slice part = slice_cut(&rest, '.'); rest.data; part = slice_cut(&rest, '.')) {
        struct conf *child = tree_child(n, part);
        if (!child || child->kind == CONF_NULL) {
            const char *name = arena_strdup(&in->tree.arena, part);
            child = tree_node(&in->tree, CONF_MAP, name, tree_join(&in->tree, n->path, name));
            tree_add(n, child);
        }
        if (child->kind != CONF_MAP)
            return NULL;
        n = child;
    }
    return n;
}

static void apply_alias(struct config_inner *in, const char *other, const char *key)
{
    struct conf *from = walk(in->root, other), *to = walk(in->root, key);
    if (conf_kind(from) == CONF_NULL || conf_kind(to) != CONF_NULL)
        return;
    struct conf *section = make_section(in, key);
    if (!section)
        return;
    const char *dot = strrchr(key, '.');
    struct conf *n = tree_node(&in->tree, from->kind, key, from->path);
    *n = *from;
    n->key = dot ? dot + 1 : key; /* its path stays what the file says */
    tree_add(section, n);
}

/* ---- reading ---- */

static void check_panel_mode(struct config *c)
{
    const struct conf *url = config_node(c, "manager-api.url");
    bool from_api = false;
    const struct conf *flag = config_node(c, "read_config_from_api");
    if (flag && !value_bool(flag, &from_api))
        from_api = false;
    bool has_url = conf_kind(url) == CONF_SCALAR && *conf_text(url) && !value_is_placeholder(conf_text(url));
    if (has_url || from_api)
        config_warn(c->inner, "manager-api.url", "config.panel", "line=%u panel mode not supported, local file is used",
                    conf_line(has_url ? url : flag));
}

static void hide_fixed_tokens(const struct config *c)
{
    const struct conf *list = c->server_auth_tokens;
    for (size_t i = 0; i < conf_count(list); i++)
        if (conf_kind(conf_at(list, i)) == CONF_SCALAR)
            log_hide(slice_of(conf_text(conf_at(list, i))));
    log_hide(slice_of(conf_text(list)));
}

static enum err read_into(struct config *c, struct slice yaml, const char *name, struct err_note *note)
{
    struct config_inner *in = c->inner;
    enum err e = tree_read(&in->tree, &in->root, yaml, name, false, note);
    if (e)
        return e;
    if (in->root->kind == CONF_NULL)
        in->root = tree_node(&in->tree, CONF_MAP, "", "");
    if (in->root->kind != CONF_MAP) {
        note->err = ERR_PROTO;
        snprintf(note->text, sizeof(note->text), "%s:%u: the file must be a map of keys", name, in->root->line);
        return ERR_PROTO;
    }
    value_hide_secrets(in->root); /* before anything is said about them */
    unknown_check(in);
#define X(other, key) apply_alias(in, other, key);
    SETTING_ALIASES(X)
#undef X
    kinds_merge_embedded(in);
    fields_fill(c);
    hide_fixed_tokens(c);
    kinds_check_selected(c);
    check_panel_mode(c);
    unused_tell(c);
    return OK;
}

static enum err parse(struct config **out, struct slice yaml, const char *path, unsigned generation,
                      struct err_note *note)
{
    struct err_note unread;
    struct config *c = config_create(generation, path);
    enum err e = read_into(c, yaml, *path ? path : "configuration", note ? note : &unread);
    if (e) {
        config_unref(c);
        return e;
    }
    *out = c;
    return OK;
}

enum err config_parse(struct config **out, struct slice yaml, const char *name, struct err_note *note)
{
    return parse(out, yaml, name ? name : "", 1, note);
}

static enum err io_note(struct err_note *note, const char *path, enum err e, const char *why)
{
    note->err = e;
    snprintf(note->text, sizeof(note->text), "%s: %s", path, why);
    return e;
}

static enum err read_file(struct buf *out, const char *path, struct err_note *note)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return io_note(note, path, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, strerror(errno));
    enum err e = OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        e = io_note(note, path, ERR_IO, "not a file");
    out->max = CONF_FILE_BYTES_MAX;
    while (!e) {
        char *at = buf_reserve(out, 4096);
        ssize_t got = at ? read(fd, at, 4096) : 0;
        if (!at)
            e = io_note(note, path, ERR_LIMIT, "the file is too big");
        else if (got < 0)
            e = io_note(note, path, ERR_IO, strerror(errno));
        if (got <= 0)
            break;
        out->len += (size_t)got;
    }
    close(fd);
    return e;
}

/* ---- the holder ---- */

struct config_holder {
    pthread_mutex_t lock;   /* over now */
    pthread_mutex_t reload; /* one at a time */
    struct config *now;
    char *path;             /* as given; NULL: search */
};

/* What the next snapshot is read from; "" = built-in defaults. */
static const char *choose_path(const struct config_holder *h)
{
    if (h->path)
        return h->path;
    if (h->now && *h->now->inner->path)
        return h->now->inner->path; /* a file that was there must not vanish unnoticed */
    for (size_t i = 0; i < COUNT(search_paths); i++)
        if (access(search_paths[i], F_OK) == 0)
            return search_paths[i];
    return "";
}

static enum err load(const struct config_holder *h, unsigned generation, struct config **out, struct err_note *note)
{
    auto_buf struct buf text = { 0 };
    const char *path = choose_path(h);
    enum err e = *path ? read_file(&text, path, note) : OK;
    return e ? e : parse(out, buf_slice(&text), path, generation, note);
}

enum err config_holder_create(struct config_holder **out, const char *path, struct err_note *note)
{
    struct err_note unread;
    struct config_holder *h = xnew(struct config_holder);
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_init(&h->reload, NULL);
    h->path = xstrdup(path);
    enum err e = load(h, 1, &h->now, note ? note : &unread);
    if (e) {
        config_holder_free(h);
        return e;
    }
    *out = h;
    return OK;
}

enum err config_reload(struct config_holder *h, struct err_note *note)
{
    struct err_note unread;
    note = note ? note : &unread;
    *note = (struct err_note){ 0 };
    pthread_mutex_lock(&h->reload);
    struct config *old = config_now(h), *fresh = NULL;
    enum err e = load(h, old->inner->generation + 1, &fresh, note);
    if (e) {
        LOGE(NULL, "config.broken", "err=%s note=\"%s\" used=\"the one before\"", err_name(e), note->text);
    } else {
        auto_buf struct buf keys = { 0 };
        size_t changed = config_restart_keys(old, fresh, &keys);
        LOGI(NULL, "config.reload", "generation=%u warnings=%u%s" SLICE_FMT, fresh->inner->generation,
             config_warnings(fresh), changed ? " after_restart=" : "", SLICE_ARG(buf_slice(&keys)));
        if (changed)
            snprintf(note->text, sizeof(note->text), "after restart: " SLICE_FMT, SLICE_ARG(buf_slice(&keys)));
        pthread_mutex_lock(&h->lock);
        struct config *replaced = h->now;
        h->now = fresh;
        pthread_mutex_unlock(&h->lock);
        config_unref(replaced);
    }
    config_unref(old);
    pthread_mutex_unlock(&h->reload);
    return e;
}

struct config *config_now(struct config_holder *h)
{
    pthread_mutex_lock(&h->lock);
    struct config *c = config_ref(h->now);
    pthread_mutex_unlock(&h->lock);
    return c;
}

void config_holder_free(struct config_holder *h)
{
    if (!h)
        return;
    config_unref(h->now);
    pthread_mutex_destroy(&h->lock);
    pthread_mutex_destroy(&h->reload);
    mem_free(h->path);
    mem_free(h);
}
