/* SPDX-License-Identifier: MIT
 * talks.c -- the world in which a .talk file is played. */
#include "tests/support/talks.h"

#include "base/mem.h"
#include "cli/voice.h"
#include "loop/loop.h"
#include "main/server.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRINGS_MAX 128
#define KEYS_MAX 32
#define END_MS 3000 /* of loop time, for the session to be gone */
#define FILE_MAX_BYTES (1u << 20)

struct world {
    struct script script;
    struct server *server;
    struct loop *loop;        /* the device's: the server's own with a manual clock */
    char dir[64];
    char *strings[STRINGS_MAX]; /* what scripts of fakes borrow */
    unsigned string_count;
    char *keys[KEYS_MAX];     /* top-level lines of the configuration */
    unsigned key_count;
    bool is_real;
    struct err_note *note;
};

static const char *const base_config[] = {
    "server: {auth: {enabled: false}}",
    "selected_module: {VAD: f, ASR: f, LLM: f, TTS: f, Memory: nomem}",
    "VAD: {f: {type: fake}}",
    "ASR: {f: {type: fake}}",
    "LLM: {f: {type: fake}}",
    "TTS: {f: {type: fake}}",
    "enable_greeting: false",
};
static const char *const real_config[] = { "server: {auth: {enabled: false}}", "enable_greeting: false" };

static const char *keep(struct world *w, struct buf *text)
{
    assert(w->string_count < STRINGS_MAX);
    return w->strings[w->string_count++] = buf_take(text);
}

static enum err wrong(struct world *w, unsigned line, const char *what)
{
    w->note->err = ERR_INVALID;
    snprintf(w->note->text, sizeof(w->note->text), "line %u: given: %s", line, what);
    return ERR_INVALID;
}

/* --- given ---------------------------------------------------------------------------------------------- */

static bool read_number(struct slice *rest, unsigned *out)
{
    auto_buf struct buf word = { 0 };
    int64_t n;
    if (!script_word(rest, &word))
        return false;
    struct slice s = buf_slice(&word);
    if (slice_ends(s, SLICE("ms")))
        s.len -= 2;
    if (!slice_to_i64(s, &n) || n < 0)
        return false;
    *out = (unsigned)n;
    return true;
}

/* Words about how a provider behaves; false: not one of them. */
static bool take_plan(struct fake_plan *p, struct slice word, struct slice *rest, bool *is_fine)
{
    *is_fine = true;
    if (slice_is(word, "hangs"))
        p->hangs = true;
    else if (slice_is(word, "error"))
        p->error = ERR_UPSTREAM;
    else if (slice_is(word, "refuses"))
        p->open_error = ERR_CONNECT;
    else if (slice_is(word, "at"))
        *is_fine = read_number(rest, &p->error_at);
    else if (slice_is(word, "first"))
        *is_fine = read_number(rest, &p->first_ms);
    else if (slice_is(word, "each"))
        *is_fine = read_number(rest, &p->each_ms);
    else if (slice_is(word, "bad"))
        *is_fine = read_number(rest, &p->bad_streams);
    else
        return false;
    return true;
}

/* The next word and whether it stands in quotes; false: that was all. */
static bool next_word(struct slice *rest, struct buf *word, bool *is_quoted)
{
    struct slice left = slice_trim(*rest);
    *is_quoted = left.len > 0 && left.data[0] == '"';
    return script_word(rest, word);
}

static bool take_tool(struct world *w, struct fake_reply *r, struct slice *rest)
{
    auto_buf struct buf name = { 0 }, args = { 0 };
    if (!script_word(rest, &name) || !script_word(rest, &args))
        return false;
    r->tool = keep(w, &name);
    r->tool_args = keep(w, &args);
    return true;
}

static bool given_asr(struct world *w, struct slice rest)
{
    struct fake_asr_script *s = fake_asr_script("");
    unsigned n = 0;
    for (;;) {
        auto_buf struct buf word = { 0 };
        bool is_quoted, is_fine;
        if (!next_word(&rest, &word, &is_quoted))
            return true;
        if (is_quoted && n < FAKE_LINES_MAX)
            s->texts[n++] = keep(w, &word);
        else if (slice_is(buf_slice(&word), "partials"))
            s->has_partials = true;
        else if (!take_plan(&s->plan, buf_slice(&word), &rest, &is_fine) || !is_fine)
            return false;
    }
}

static bool given_llm(struct world *w, struct slice rest)
{
    struct fake_llm_script *s = fake_llm_script("");
    unsigned n = 0;
    for (;;) {
        auto_buf struct buf word = { 0 };
        bool is_quoted, is_fine;
        if (!next_word(&rest, &word, &is_quoted))
            return true;
        if (n >= FAKE_LINES_MAX)
            return false;
        if (is_quoted) {
            s->replies[n++].text = keep(w, &word);
        } else if (slice_is(buf_slice(&word), "tool")) {
            if (!take_tool(w, &s->replies[n++], &rest))
                return false;
        } else if (!take_plan(&s->plan, buf_slice(&word), &rest, &is_fine) || !is_fine) {
            return false;
        }
    }
}

static bool given_tts(struct world *w, struct slice rest)
{
    struct fake_tts_script *s = fake_tts_script("");
    for (;;) {
        auto_buf struct buf word = { 0 };
        struct slice before = rest;
        bool is_fine;
        if (!script_word(&rest, &word))
            return true;
        if (take_plan(&s->plan, buf_slice(&word), &rest, &is_fine)) {
            if (!is_fine)
                return false;
        } else if (slice_is(buf_slice(&word), "busy")) {
            if (!read_number(&rest, &s->busy_at))
                return false;
        } else if (!read_number(&before, &s->sentence_ms)) {
            return false;
        }
    }
}

static void set_key(struct world *w, struct slice line)
{
    struct slice key = line;
    key = slice_cut(&key, ':');
    for (unsigned i = 0; i < w->key_count; i++) {
        struct slice have = slice_of(w->keys[i]);
        if (slice_eq(slice_cut(&have, ':'), key)) {
            mem_free(w->keys[i]);
            w->keys[i] = xslicedup(line);
            return;
        }
    }
    assert(w->key_count < KEYS_MAX);
    w->keys[w->key_count++] = xslicedup(line);
}

static enum err take_given(struct world *w, const struct script_line *l)
{
    struct slice rest = slice_of(l->text), word = slice_cut(&rest, ' ');
    bool is_fine = true;
    if (slice_is(word, "asr"))
        is_fine = given_asr(w, rest);
    else if (slice_is(word, "llm"))
        is_fine = given_llm(w, rest);
    else if (slice_is(word, "tts"))
        is_fine = given_tts(w, rest);
    else if (slice_is(word, "config"))
        set_key(w, slice_trim(rest));
    return is_fine ? OK : wrong(w, l->number, l->text);
}

/* --- the server ----------------------------------------------------------------------------------------- */

static bool has_engines(struct buf *dir)
{
    const char *build = getenv("PARLEY_BUILD");
    auto_buf struct buf one = { 0 };
    buf_printf(dir, "%s/engines", build ? build : "build");
    buf_printf(&one, "%s/pocketsphinx", dir->data);
    return access(one.data, X_OK) == 0;
}

static enum err open_server(struct world *w)
{
    auto_buf struct buf config = { 0 }, engines = { 0 };
    if (w->is_real && !has_engines(&engines)) {
        snprintf(w->note->text, sizeof(w->note->text), "no engines in %s", engines.data);
        return ERR_UNSUPPORTED;
    }
    for (unsigned i = 0; i < w->key_count; i++)
        buf_printf(&config, "%s\n", w->keys[i]);
    snprintf(w->dir, sizeof(w->dir), "/tmp/parley-talks-XXXXXX");
    if (!mkdtemp(w->dir))
        return ERR_IO;
    enum err e = server_create(&w->server,
                               &(struct server_opts){ .config_text = config.data, .data_dir = w->dir, .loops = 1,
                                                      .has_manual_clock = !w->is_real, .has_any_ports = true,
                                                      .has_no_engines = !w->is_real,
                                                      .engines_dir = w->is_real ? engines.data : NULL,
                                                      .setup = fakes_add },
                               w->note);
    if (e == OK && w->is_real)
        return loop_create(&w->loop, &(struct loop_opts){ .name = "device" });
    if (e == OK)
        w->loop = server_loop(w->server, 0);
    return e;
}

static void remove_dir(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        auto_buf struct buf child = { 0 };
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        buf_printf(&child, "%s/%s", path, e->d_name);
        if (lstat(child.data, &st) == 0 && S_ISDIR(st.st_mode))
            remove_dir(child.data);
        else
            (void)unlink(child.data);
    }
    if (d)
        closedir(d);
    (void)rmdir(path);
}

static enum err speech(void *user, struct slice source, struct pcm_queue *out, struct err_note *note)
{
    auto_buf struct buf word = { 0 }, path = { 0 };
    if (!script_word(&source, &word))
        return ERR_INVALID;
    if (!slice_is(buf_slice(&word), "say")) {
        const char *dir = getenv("PARLEY_RECORDINGS");
        buf_printf(&path, "%s/%s", dir ? dir : "/usr/share/pocketsphinx/test/data", word.data);
        return voice_from_wav(out, path.data, VOICE_RATE_HZ, note);
    }
    struct loop *l;
    buf_clear(&word);
    enum err e = script_word(&source, &word) ? loop_create(&l, &(struct loop_opts){ .name = "voice" }) : ERR_INVALID;
    if (e)
        return e;
    e = voice_from_text(out, l, word.data, note);
    loop_free(l);
    return e;
}

/* Everything a session held must be gone soon after its device. */
static enum err check_end(struct world *w)
{
    for (unsigned ms = 0; ms < END_MS && (server_sessions(w->server) || fakes_live()); ms += 10) {
        if (!w->is_real)
            loop_advance(w->loop, 10);
        loop_step(w->loop, w->is_real ? 10 : 1);
    }
    w->note->err = ERR_STATE;
    if (server_sessions(w->server))
        snprintf(w->note->text, sizeof(w->note->text), "the session is still there after its device has gone");
    else if (fakes_live())
        snprintf(w->note->text, sizeof(w->note->text), "%u provider streams are still open", fakes_live());
    else
        return OK;
    return ERR_STATE;
}

static bool store_is_busy(void *user)
{
    return store_queued(server_store(((struct world *)user)->server)) > 0;
}

static enum err play(struct world *w, bool is_verbose)
{
    auto_buf struct buf url = { 0 };
    buf_printf(&url, "ws://127.0.0.1:%u/xiaozhi/v1/", server_port(w->server));
    struct script_host h = {
        .loop = w->loop,
        .has_manual_clock = !w->is_real,
        .is_busy = w->is_real ? NULL : store_is_busy,
        .url = url.data,
        .device_id = "aa:bb:cc:dd:ee:ff",
        .client_id = "7b94d69a-9808-4c59-9c9b-704333b38aff",
        .expect_ms = w->is_real ? 15000 : 0,
        .speech = speech,
        .user = w,
        .is_verbose = is_verbose,
    };
    enum err e = script_run(&w->script, &h, w->note);
    return e ? e : check_end(w);
}

static void close_world(struct world *w)
{
    if (w->is_real && w->loop) {
        loop_end(w->loop);
        loop_free(w->loop);
    }
    server_free(w->server);
    fakes_reset();
    for (unsigned i = 0; i < w->string_count; i++)
        mem_free(w->strings[i]);
    for (unsigned i = 0; i < w->key_count; i++)
        mem_free(w->keys[i]);
    if (w->dir[0])
        remove_dir(w->dir);
    script_done(&w->script);
}

enum err talk_file_run(const char *path, bool is_verbose, struct err_note *note)
{
    auto_mem struct world *w = xnew(struct world);
    auto_buf struct buf text = { 0 };
    w->note = note;
    fakes_reset();
    enum err e = file_read(&text, path, FILE_MAX_BYTES);
    if (e == OK)
        e = script_parse(&w->script, buf_slice(&text), note);
    for (size_t i = 0; i < w->script.count && !w->is_real; i++)
        w->is_real = w->script.lines[i].op == OP_GIVEN && strcmp(w->script.lines[i].text, "real") == 0;
    for (size_t i = 0; i < (w->is_real ? COUNT(real_config) : COUNT(base_config)); i++)
        set_key(w, slice_of(w->is_real ? real_config[i] : base_config[i]));
    for (size_t i = 0; i < w->script.count && e == OK; i++)
        if (w->script.lines[i].op == OP_GIVEN)
            e = take_given(w, &w->script.lines[i]);
    if (e == OK)
        e = open_server(w);
    if (e == OK)
        e = play(w, is_verbose);
    if (e && !note->text[0])
        snprintf(note->text, sizeof(note->text), "%s", err_text(e));
    close_world(w);
    return e;
}
