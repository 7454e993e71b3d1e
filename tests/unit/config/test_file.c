/* SPDX-License-Identifier: MIT
 * TSAN: readers while the file is read again. Files: form, limits, reload, search, documentation. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/settings.h"
#include "tests/support/test.h"

static char folder[64], project[500];
static atomic_uint warn_lines;
static struct buf lines;

static void see_line(void *user, struct slice line)
{
    if (slice_contains(line, SLICE(" WARN ")))
        atomic_fetch_add(&warn_lines, 1);
    buf_put(&lines, line);
    buf_puts(&lines, "\n");
}

static int make_folder(void **state)
{
    const char *from = getenv("PARLEY_SOURCE");
    if (from)
        snprintf(project, sizeof(project), "%s", from);
    else if (!getcwd(project, sizeof(project)))
        return -1;
    snprintf(folder, sizeof(folder), "/tmp/parley-config-XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    log_tap(see_line, NULL);
    return 0;
}

static int remove_folder(void **state)
{
    log_tap(NULL, NULL);
    buf_done(&lines);
    unlink("t.yaml");
    unlink("config.yaml");
    unlink("data/.config.yaml");
    rmdir("data");
    return chdir("/") || rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static enum err parse_text(const char *yaml, struct config **c, struct err_note *note)
{
    *note = (struct err_note){ 0 };
    *c = NULL;
    buf_clear(&lines);
    enum err e = config_parse(c, slice_of(yaml), "t.yaml", note);
    buf_put(&lines, (struct slice){ 0 });
    return e;
}

static void broken_files_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *yaml, *note;
        enum err err;
    } rows[] = {
        { "a: 1\nb: [1, 2\nc: 3\n", "t.yaml:3: ", ERR_PROTO },
        { "a: 1\n\tb: 2\n", "t.yaml:2: ", ERR_PROTO },
        { "a: 'open\n", "t.yaml:", ERR_PROTO },
        { "- a\n- b\n", "t.yaml:1: the file must be a map of keys", ERR_PROTO },
        { "\njust text\n", "t.yaml:2: the file must be a map of keys", ERR_PROTO },
        { "a: 1\n---\nb: 2\n", "t.yaml:2: more than one document", ERR_PROTO },
        { "a: *nothing\n", "t.yaml:1: an alias of nothing", ERR_PROTO },
        { "a: &x\n  b: *x\n", "t.yaml:2: an alias inside of what it names", ERR_PROTO },
        { "? [1, 2]\n: x\n", "t.yaml:1: a key must be a plain text", ERR_PROTO },
        { "a: \"x\\0y\"\n", "t.yaml:1: a NUL inside a text", ERR_PROTO },
        { "\"a\\0b\": 1\n", "t.yaml:1: this key is too long or not a text", ERR_PROTO },
        { "a: {<<: 3}\n", "t.yaml:1: << needs a map", ERR_PROTO },
        { "a: \"\xff\"\n", "t.yaml: ", ERR_PROTO },
        { "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", "t.yaml:1: nested too deeply",
          ERR_LIMIT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *c;
        struct err_note note;
        enum err e = parse_text(rows[i].yaml, &c, &note);
        if (e != rows[i].err || note.err != e || strncmp(note.text, rows[i].note, strlen(rows[i].note)) != 0)
            fail_msg("%s gave %s: %s", rows[i].yaml, err_name(e), note.text);
        assert_null(c);
    }
}

static void a_file_that_unfolds_too_far_is_refused(void **state)
{
    auto_buf struct buf bomb = { 0 }, wide = { 0 }, anchors = { 0 };
    struct config *c;
    struct err_note note;
    buf_puts(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++)
        buf_printf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_int_equal(parse_text(bomb.data, &c, &note), ERR_LIMIT);
    for (int i = 0; i < 10001; i++)
        buf_printf(&wide, "- %d\n", i);
    assert_int_equal(parse_text(wide.data, &c, &note), ERR_LIMIT);
    for (int i = 0; i < 101; i++)
        buf_printf(&anchors, "k%d: &n%d x\n", i, i);
    assert_int_equal(parse_text(anchors.data, &c, &note), ERR_LIMIT);
    auto_mem char *big = xalloc((1 << 20) + 10);
    memset(big, ' ', (1 << 20) + 5);
    assert_int_equal(parse_text(big, &c, &note), ERR_LIMIT);
    assert_string_equal(note.text, "t.yaml: the file is too big");
}

static void yaml_is_read_as_people_write_it(void **state)
{
    struct config *c;
    struct err_note note;
    assert_ok(parse_text("# comment\nprompt: |\n  two\n  lines\nserver: &s\n  port: 9000\n  ip: '1.2.3.4'\n"
                         "plugins:\n  a: {<<: {x: 1, y: 2}, y: 3}\n  b: &b {k: [1, ~, null, '']}\n  c: *b\n"
                         "  d:\n    <<: [*b, {z: 1}]\nmeeting:\n",
                         &c, &note));
    assert_string_equal(c->prompt, "two\nlines\n");
    assert_int_equal(c->server_port, 9000);
    assert_int_equal(conf_line(config_node(c, "server.port")), 6);
    assert_int_equal(conf_int(config_node(c, "plugins.a"), "x", 0, 0, 9), 1);
    assert_int_equal(conf_int(config_node(c, "plugins.a"), "y", 0, 0, 9), 3);
    assert_int_equal(conf_count(config_node(c, "plugins.a")), 2);
    const struct conf *k = config_node(c, "plugins.c.k");
    assert_int_equal(conf_kind(k), CONF_LIST);
    assert_int_equal(conf_count(k), 4);
    assert_int_equal(conf_kind(conf_at(k, 1)), CONF_NULL);
    assert_int_equal(conf_kind(conf_at(k, 3)), CONF_SCALAR);
    assert_string_equal(conf_key(conf_at(k, 0)), "plugins.c.k[0]");
    assert_string_equal(conf_key_at(config_node(c, "plugins.d"), 0), "k");
    assert_int_equal(conf_count(config_node(c, "plugins.d")), 2);
    assert_null(config_node(c, "meeting"));
    assert_null(config_node(c, "plugins.none.at.all"));
    assert_null(conf_at(k, 4));
    assert_int_equal(config_warnings(c), 0);
    config_unref(c);
    assert_ok(parse_text("", &c, &note));
    config_unref(c);
    assert_ok(parse_text("# only a comment\n", &c, &note));
    config_unref(c);
}

static void of_a_double_key_the_last_counts(void **state)
{
    struct config *c;
    struct err_note note;
    assert_ok(parse_text("server:\n  port: 1\n  ip: x\n  port: 2\n", &c, &note));
    assert_int_equal(c->server_port, 2);
    assert_int_equal(config_warnings(c), 1);
    assert_non_null(strstr(lines.data, "config.duplicate key=server.port line=4 before=2"));
    config_unref(c);
}

/* ---- an existing file of another server ---- */

static void an_existing_file_loads_with_warnings_only(void **state)
{
    char path[600];
    struct config_holder *h = NULL;
    struct err_note note = { 0 };
    snprintf(path, sizeof(path), "%s/tests/data/config/existing.yaml", project);
    buf_clear(&lines);
    enum err e = config_holder_create(&h, path, &note);
    if (e)
        fail_msg("%s", note.text);
    buf_put(&lines, (struct slice){ 0 });
    struct config *c = config_now(h);
    assert_string_equal(config_path(c), path);
    assert_int_equal(config_warnings(c), 4);
    assert_non_null(strstr(lines.data, "key=LLM.ChatGLMLLM.api_key"));
    assert_non_null(strstr(lines.data, "key=VLLM.ChatGLMVLLM.api_key"));
    assert_non_null(strstr(lines.data, "alias=\"FunASR\""));
    assert_non_null(strstr(lines.data, "alias=\"EdgeTTS\""));
    assert_null(strstr(lines.data, " ERROR "));
    assert_null(c->server_websocket);
    assert_null(c->server_mqtt_signature_key);
    assert_null(c->mcp_endpoint);
    assert_false(c->server_auth_enabled);
    assert_int_equal(c->server_auth_allowed_devices.count, 1);
    assert_true(c->server_timezone_offset == 8);
    assert_int_equal(c->close_connection_no_voice_time, 120);
    assert_int_equal(c->xiaozhi_audio_params_sample_rate, 16000);
    assert_string_equal(c->log_log_dir, "tmp");
    assert_string_equal(c->selected_module_LLM, "ChatGLMLLM");
    assert_string_equal(c->selected_module_ASR, "PocketSphinx");
    assert_string_equal(c->selected_module_TTS, "Local");
    assert_string_equal(c->selected_module_VLLM, "ChatGLMVLLM");
    const struct conf *llm = config_entry(c, "LLM", "ChatGLMLLM");
    assert_string_equal(conf_url(llm, "url", ""), "https://open.bigmodel.cn/api/paas/v4/");
    assert_null(conf_secret(llm, "api_key"));
    assert_int_equal(conf_int(config_entry(c, "VAD", "SileroVAD"), "min_silence_duration_ms", 500, 100, 3000), 200);
    assert_true(strncmp(c->prompt, "你是小智", 12) == 0);
    config_unref(c);
    config_holder_free(h);
}

/* ---- holder ---- */

static void the_file_is_looked_for_in_order(void **state)
{
    struct config_holder *h = NULL;
    struct err_note note;
    assert_ok(config_holder_create(&h, NULL, &note));
    struct config *c = config_now(h);
    assert_string_equal(config_path(c), "");
    config_unref(c);
    write_file("config.yaml", "server: {port: 1001}\n");
    assert_ok(config_reload(h, &note));
    c = config_now(h);
    assert_int_equal(c->server_port, 1001);
    config_unref(c);
    config_holder_free(h);
    mkdir("data", 0700);
    write_file("data/.config.yaml", "server: {port: 1002}\n");
    assert_ok(config_holder_create(&h, NULL, &note));
    c = config_now(h);
    assert_int_equal(c->server_port, 1002);
    config_unref(c);
    config_holder_free(h);
    write_file("t.yaml", "server: {port: 1003}\n");
    assert_ok(config_holder_create(&h, "t.yaml", &note));
    c = config_now(h);
    assert_int_equal(c->server_port, 1003);
    config_unref(c);
    config_holder_free(h);
    h = NULL;
    assert_int_equal(config_holder_create(&h, "absent.yaml", &note), ERR_NOT_FOUND);
    assert_string_equal(note.text, "absent.yaml: No such file or directory");
    assert_int_equal(config_holder_create(&h, "data", &note), ERR_IO);
    assert_null(h);
}

static void a_broken_file_keeps_the_old_values(void **state)
{
    struct config_holder *h = NULL;
    struct err_note note;
    write_file("t.yaml", "exit_commands: [a]\nserver: {port: 7, api_token: before-before}\n");
    assert_ok(config_holder_create(&h, "t.yaml", &note));
    struct config *old = config_now(h);
    write_file("t.yaml", "exit_commands: [b]\nserver: {port: 8\n");
    buf_clear(&lines);
    assert_int_equal(config_reload(h, &note), ERR_PROTO);
    assert_non_null(strstr(note.text, "t.yaml:3: "));
    assert_non_null(strstr(lines.data, " ERROR config config.broken"));
    struct config *now = config_now(h);
    assert_ptr_equal(now, old);
    config_unref(now);
    unlink("t.yaml");
    assert_int_equal(config_reload(h, &note), ERR_NOT_FOUND);

    write_file("t.yaml", "exit_commands: [b]\nserver: {port: 8, api_token: after-after}\nlimits: {worker_queue: 99}\n");
    assert_ok(config_reload(h, &note));
    assert_string_equal(note.text, "after restart: server.port, limits.worker_queue");
    now = config_now(h);
    assert_int_equal(config_generation(now), config_generation(old) + 1);
    assert_string_equal(now->exit_commands.items[0], "b");
    assert_string_equal(old->exit_commands.items[0], "a"); /* a turn on it ends as it began */
    assert_string_equal(old->server_api_token, "before-before");
    assert_ok(config_reload(h, &note));
    assert_string_equal(note.text, "");
    config_unref(now);
    config_unref(old);
    config_holder_free(h);
}

static void warnings_come_once_in_each_generation(void **state)
{
    struct config_holder *h = NULL;
    struct err_note note;
    write_file("t.yaml", "server: {port: x}\n");
    atomic_store(&warn_lines, 0);
    assert_ok(config_holder_create(&h, "t.yaml", &note));
    assert_int_equal(warn_lines, 1);
    assert_ok(config_reload(h, &note));
    assert_int_equal(warn_lines, 2);
    config_holder_free(h);
}

struct readers {
    struct config_holder *h;
    atomic_bool stop;
    atomic_uint torn, reads;
};

/* Both values of a snapshot come from the same file. */
static void *read_on(void *arg)
{
    struct readers *r = arg;
    while (!atomic_load(&r->stop)) {
        struct config *c = config_now(r->h);
        const struct conf *entry = config_entry(c, "LLM", "A");
        const char *secret = conf_secret(entry, "api_key");
        int64_t bad = conf_int(entry, "bad", 5, 0, 9);
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "secret-%lld", (long long)c->server_port);
        if (!secret || strcmp(secret, wanted) != 0 || bad != 5 || c->server_http_port != c->server_port + 1)
            atomic_fetch_add(&r->torn, 1);
        atomic_fetch_add(&r->reads, 1);
        config_unref(c);
    }
    return NULL;
}

static void readers_see_whole_snapshots_while_it_is_read_again(void **state)
{
    struct readers r = { 0 };
    struct err_note note;
    pthread_t threads[3];
    char text[200];
    static const char form[] = "server: {port: %d, http_port: %d}\nLLM: {A: {type: openai, api_key: secret-%d, bad: x}}\n";
    snprintf(text, sizeof(text), form, 1000, 1001, 1000);
    write_file("t.yaml", text);
    assert_ok(config_holder_create(&r.h, "t.yaml", &note));
    atomic_store(&warn_lines, 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &r), 0);
    for (int round = 1; round <= 30; round++) {
        snprintf(text, sizeof(text), form, 1000 + round, 1001 + round, 1000 + round);
        write_file("t.yaml", text);
        assert_ok(config_reload(r.h, &note));
    }
    unsigned reads = atomic_load(&r.reads);
    while (atomic_load(&r.reads) < reads + 10)
        sched_yield();
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(r.torn, 0);
    assert_in_range(warn_lines, 1, 31); /* one for each generation that was read */
    config_holder_free(r.h);
}

/* ---- what is made from the table ---- */

static void the_sample_means_the_defaults(void **state)
{
    auto_buf struct buf sample = { 0 };
    struct config *a, *b;
    struct err_note note;
    config_sample(&sample);
    if (parse_text(sample.data, &a, &note))
        fail_msg("%s", note.text);
    if (config_warnings(a))
        fail_msg("%s", lines.data);
    assert_ok(parse_text("", &b, &note));
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    auto_buf struct buf left = { 0 }, right = { 0 };
    config_print(a, &left);
    config_print(b, &right);
    struct slice l = buf_slice(&left), r = buf_slice(&right);
    slice_cut(&l, '\n');
    slice_cut(&r, '\n');
    while (l.data && r.data) {
        struct slice x = slice_cut(&l, '\n'), y = slice_cut(&r, '\n');
        const char *end_x = x.len ? memmem(x.data, x.len, " # ", 3) : NULL;
        const char *end_y = y.len ? memmem(y.data, y.len, " # ", 3) : NULL;
        if (!x.len && !y.len)
            continue;
        assert_true(end_x && end_y);
        if (!slice_eq(slice_from(x.data, (size_t)(end_x - x.data)), slice_from(y.data, (size_t)(end_y - y.data))))
            fail_msg(SLICE_FMT " but " SLICE_FMT, SLICE_ARG(x), SLICE_ARG(y));
    }
    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(rows[i].key, '.');
        assert_non_null(strstr(sample.data, dot ? dot + 1 : rows[i].key));
    }
    config_unref(a);
    config_unref(b);
}

/* PARLEY_UPDATE_DOCS=1 writes the file instead. */
static void the_documentation_is_up_to_date(void **state)
{
    auto_buf struct buf wanted = { 0 }, have = { 0 };
    char path[600];
    config_docs(&wanted);
    snprintf(path, sizeof(path), "%s/docs/configuration.md", project);
    if (getenv("PARLEY_UPDATE_DOCS"))
        write_file(path, wanted.data);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t got; (got = fread(buf_reserve(&have, 65536), 1, 65536, f)) > 0;)
        have.len += got;
    fclose(f);
    if (!slice_eq(buf_slice(&have), buf_slice(&wanted)))
        fail_msg("docs/configuration.md is old: build/parleyd --docs >docs/configuration.md");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files_are_refused_with_their_line),
        cmocka_unit_test(a_file_that_unfolds_too_far_is_refused),
        cmocka_unit_test(yaml_is_read_as_people_write_it),
        cmocka_unit_test(of_a_double_key_the_last_counts),
        cmocka_unit_test(an_existing_file_loads_with_warnings_only),
        cmocka_unit_test(the_file_is_looked_for_in_order),
        cmocka_unit_test(a_broken_file_keeps_the_old_values),
        cmocka_unit_test(warnings_come_once_in_each_generation),
        cmocka_unit_test(readers_see_whole_snapshots_while_it_is_read_again),
        cmocka_unit_test(the_sample_means_the_defaults),
        cmocka_unit_test(the_documentation_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
