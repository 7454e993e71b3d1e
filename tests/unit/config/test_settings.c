/* SPDX-License-Identifier: MIT
 * Values: types, bounds, warnings, secrets. Each row of the table is tried, so a new setting is too. */
#include "config/settings.h"

#include <math.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "tests/support/test.h"

/* ---- every line that was logged while a configuration was read ---- */

static struct buf lines;
static unsigned line_count;

static void keep_line(void *user, struct slice line)
{
    buf_put(&lines, line);
    buf_puts(&lines, "\n");
    line_count += !slice_contains(line, SLICE(" INFO config config.unused ")); /* says nothing bad */
}

static int listen_to_log(void **state)
{
    log_tap(keep_line, NULL);
    return 0;
}

static int stop_listening(void **state)
{
    log_tap(NULL, NULL);
    buf_done(&lines);
    return 0;
}

static struct config *parse(const char *yaml)
{
    struct config *c = NULL;
    struct err_note note = { 0 };
    buf_clear(&lines);
    line_count = 0;
    enum err e = config_parse(&c, slice_of(yaml), "t.yaml", &note);
    if (e)
        fail_msg("%s\n%s", note.text, yaml);
    buf_put(&lines, (struct slice){ 0 });
    return c;
}

/* "key: value" with all but the value cut off, as --check-config shows it. */
static void shown(const struct config *c, const char *key, char *out, size_t out_bytes)
{
    auto_buf struct buf text = { 0 };
    char start[100];
    config_print(c, &text);
    snprintf(start, sizeof(start), "\n%s: ", key);
    const char *at = strstr(text.data, start);
    snprintf(out, out_bytes, "%s", at ? at + strlen(start) : "(not shown)");
    char *end = strstr(out, "  # ");
    if (end)
        *end = 0;
    for (size_t len = strlen(out); len && out[len - 1] == ' ';)
        out[--len] = 0;
}

static void yaml_for(struct buf *out, const char *key, const char *value)
{
    struct slice rest = slice_of(key);
    buf_clear(out);
    for (int depth = 0; rest.data; depth++) {
        struct slice part = slice_cut(&rest, '.');
        buf_printf(out, "%*s" SLICE_FMT ":", depth * 2, "", SLICE_ARG(part));
        buf_puts(out, rest.data ? "\n" : " ");
    }
    buf_printf(out, "%s\n", value);
}

/* Sets one key; `wanted` is what is shown then (NULL: the default), `warnings` how many there are. */
static void try_value(const char *key, const char *value, const char *wanted, unsigned warnings)
{
    auto_buf struct buf yaml = { 0 };
    char got[4000], initial[4000];
    struct config *c = parse("");
    shown(c, key, initial, sizeof(initial));
    config_unref(c);
    yaml_for(&yaml, key, value);
    c = parse(yaml.data);
    shown(c, key, got, sizeof(got));
    if (strcmp(got, wanted ? wanted : initial) != 0 || config_warnings(c) != warnings || line_count != warnings)
        fail_msg("%s: %s gave %s (wanted %s), %u warnings (wanted %u)\n%s", key, value, got, wanted ? wanted : initial,
                 config_warnings(c), warnings, lines.data ? lines.data : "");
    if (warnings && !strstr(lines.data, key))
        fail_msg("%s is not named: %s", key, lines.data);
    config_unref(c);
}

static bool is_kind(const struct setting_row *row)
{
    return row->type == SETTING_MAP && !strchr(row->key, '.');
}

static void null_is_absent_for_every_key(void **state)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (!is_kind(&rows[i])) {
            try_value(rows[i].key, "null", NULL, 0);
            try_value(rows[i].key, "", NULL, 0);
        }
}

static void a_wrong_type_gives_the_default_for_every_key(void **state)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const char *key = rows[i].key;
        if (rows[i].type == SETTING_ANY || is_kind(&rows[i]))
            continue;
        if (rows[i].type == SETTING_MAP) {
            try_value(key, "text", NULL, 1);
            try_value(key, "[1]", NULL, 1);
            continue;
        }
        try_value(key, "{a: 1}", NULL, 1);
        if (rows[i].type != SETTING_LIST)
            try_value(key, "[1, 2]", NULL, 1);
        bool is_number = rows[i].type <= SETTING_DAYS || rows[i].type == SETTING_ENUM;
        if (is_number) {
            try_value(key, "not at all", NULL, 1);
            try_value(key, ".nan", NULL, 1);
        }
        if (rows[i].type == SETTING_INT) {
            try_value(key, "true", NULL, 1);
            try_value(key, "2.9", NULL, 1);
        }
    }
}

/* The nearest limit, except for the three keys that have rules of their own. */
static void out_of_range_gives_the_nearest_limit_for_every_key(void **state)
{
    static const char *const special[] = { "meeting.threadpool_max_workers", "close_connection_no_voice_time",
                                           "log.max_message_length", "xiaozhi.audio_params.sample_rate",
                                           "xiaozhi.audio_params.frame_duration" };
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct setting_row *r = &rows[i];
        char value[40], wanted[40];
        bool is_special = false;
        for (size_t s = 0; s < COUNT(special); s++)
            is_special |= strcmp(special[s], r->key) == 0;
        if (is_special || (r->type != SETTING_INT && r->type != SETTING_NUM && r->type != SETTING_DAYS))
            continue;
        if (r->min == 0 && r->max == 0)
            continue;
        snprintf(wanted, sizeof(wanted), "%lld", (long long)r->max);
        snprintf(value, sizeof(value), "%lld", (long long)r->max + 1);
        try_value(r->key, value, wanted, 1);
        try_value(r->key, wanted, wanted, 0);
        if (r->type == SETTING_INT)
            try_value(r->key, "99999999999999999999999", wanted, 1);
        if (r->type == SETTING_DAYS)
            continue;
        snprintf(wanted, sizeof(wanted), "%lld", (long long)r->min);
        snprintf(value, sizeof(value), "%lld", (long long)r->min - 1);
        try_value(r->key, value, wanted, 1);
        try_value(r->key, wanted, wanted, 0);
    }
}

struct trial {
    const char *value, *wanted; /* NULL: the default */
    unsigned warnings;
};

static void try_all(const char *key, const struct trial *trials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        try_value(key, trials[i].value, trials[i].wanted, trials[i].warnings);
}

static void the_worker_pool_follows_its_table(void **state)
{
    static const struct trial trials[] = {
        { "null", "2", 0 }, { "4", "4", 0 },     { "\"4\"", "4", 0 }, { "4.0", "4", 0 },  { "2.9", "2", 1 },
        { "true", "2", 1 }, { "\"many\"", "2", 1 }, { ".nan", "2", 1 }, { "0", "2", 1 },    { "-3", "2", 1 },
        { "64", "64", 0 },  { "65", "64", 1 },   { "1000000", "64", 1 }, { "1", "1", 0 },  { "[3]", "2", 1 },
    };
    try_all("meeting.threadpool_max_workers", trials, COUNT(trials));
    static const struct {
        const char *yaml;
        unsigned warnings;
    } sections[] = { { "meeting: null", 0 }, { "", 0 }, { "meeting: [1]", 1 }, { "meeting: text", 1 } };
    for (size_t i = 0; i < COUNT(sections); i++) {
        struct config *c = parse(sections[i].yaml);
        assert_int_equal(c->meeting_threadpool_max_workers, 2);
        assert_int_equal(config_warnings(c), sections[i].warnings);
        config_unref(c);
    }
}

static void keys_with_exceptions_follow_them(void **state)
{
    static const struct trial idle[] = { { "\"900\"", "900", 0 }, { "-5", "600", 1 }, { "0", "600", 1 },
                                         { "5", "10", 1 }, { "86401", "86400", 1 }, { "never", "600", 1 } };
    static const struct trial length[] = { { "63", "2000", 1 }, { "64", "64", 0 }, { "65536", "65536", 0 },
                                           { "65537", "2000", 1 }, { "-1", "2000", 1 }, { "x", "2000", 1 } };
    static const struct trial keepalive[] = { { "0", "0", 0 }, { "5", "10", 1 }, { "111", "110", 1 } };
    static const struct trial rate[] = { { "16000", "16000", 0 }, { "44100", "24000", 1 }, { "0", "24000", 1 } };
    static const struct trial frame[] = { { "20", "20", 0 }, { "50", "60", 1 }, { "\"120\"", "120", 0 } };
    try_all("close_connection_no_voice_time", idle, COUNT(idle));
    try_all("log.max_message_length", length, COUNT(length));
    try_all("server.channel_keepalive_seconds", keepalive, COUNT(keepalive));
    try_all("tts_audio_send_delay", keepalive, 1);
    try_all("xiaozhi.audio_params.sample_rate", rate, COUNT(rate));
    try_all("xiaozhi.audio_params.frame_duration", frame, COUNT(frame));
}

static void each_type_takes_its_spellings(void **state)
{
    static const struct trial bools[] = {
        { "true", "true", 0 }, { "\"false\"", "false", 0 }, { "No", "false", 0 },  { "ON", "true", 0 },
        { "off", "false", 0 }, { "1", "true", 0 },          { "0", "false", 0 },   { "YES", "true", 0 },
        { "2", "true", 1 },    { "maybe", "true", 1 },
    };
    static const struct trial texts[] = { { "8", "\"8\"", 0 }, { "1.5", "\"1.5\"", 0 }, { "\"\"", "\"\"", 0 },
                                          { "true", "\"true\"", 0 } };
    static const struct trial lists[] = { { "one", "[\"one\"]", 0 }, { "[a, 2, null]", "[\"a\", \"2\"]", 0 },
                                          { "[]", "[]", 0 }, { "[a, [b]]", "[\"a\"]", 1 } };
    static const struct trial numbers[] = { { "+8", "8", 0 }, { "-3.5", "-3.5", 0 }, { "15", "14", 1 } };
    static const struct trial choices[] = { { "CODE", "\"code\"", 0 }, { "\"closed\"", "\"closed\"", 0 } };
    static const struct trial truths[] = { { "yes", "\"true\"", 0 }, { "false", "\"false\"", 0 },
                                           { "Auto", "\"auto\"", 0 } };
    static const struct trial sizes[] = { { "\"500 KB\"", "500000", 0 }, { "1GiB", "1073741824", 0 },
                                          { "100000", "100000", 0 }, { "\"1.5 MB\"", "1500000", 0 },
                                          { "\"00:00\"", "10000000", 1 }, { "1", "65536", 1 } };
    static const struct trial days[] = { { "7", "7", 0 }, { "\"2 weeks\"", "14", 0 }, { "1 day", "1", 0 },
                                         { "soon", "30", 1 } };
    static const struct trial ints[] = { { "9e3", "9000", 0 }, { "0x10", NULL, 1 }, { "\" 77 \"", "77", 0 } };
    try_all("server.auth.enabled", bools, COUNT(bools));
    try_all("server.language", texts, COUNT(texts));
    try_all("exit_commands", lists, COUNT(lists));
    try_all("server.timezone_offset", numbers, COUNT(numbers));
    try_all("server.auth.pairing", choices, COUNT(choices));
    try_all("enable_transcription_event", truths, COUNT(truths));
    try_all("log.rotation", sizes, COUNT(sizes));
    try_all("log.retention", days, COUNT(days));
    try_all("server.port", ints, COUNT(ints));
}

static void defaults_need_no_file(void **state)
{
    struct config *c = parse("");
    assert_int_equal(c->server_port, 8000);
    assert_true(c->server_auth_enabled);
    assert_string_equal(c->server_auth_pairing, "lan");
    assert_int_equal(c->server_compat_prefixes.count, 2);
    assert_string_equal(c->server_compat_prefixes.items[1], "/supie");
    assert_true(conf_list_has(&c->exit_commands, SLICE("退出")));
    assert_false(conf_list_has(&c->exit_commands, SLICE("再见")));
    assert_true(isnan(c->server_timezone_offset));
    assert_null(c->server_api_token);
    assert_null(c->server_websocket);
    assert_int_equal(c->log_rotation, 10000000);
    assert_int_equal(c->log_retention, 30);
    assert_string_equal(c->selected_module_LLM, "Rules");
    assert_string_equal(conf_str(config_entry(c, "ASR", "PocketSphinx"), "type", ""), "wyoming");
    assert_int_equal(conf_line(config_node(c, "VAD.SileroVAD")), 0);
    assert_int_equal(config_warnings(c), 0);
    assert_int_equal(config_generation(c), 1);
    config_unref(c);
}

static void a_warning_names_key_line_given_and_used(void **state)
{
    struct config *c = parse("server:\n\n  port: abc\n");
    assert_int_equal(line_count, 1);
    assert_non_null(strstr(lines.data, "WARN config config.value key=server.port line=3 given=\"abc\" used=8000"));
    config_unref(c);
}

static void accessors_warn_once_per_key(void **state)
{
    struct config *c = parse("LLM:\n  Mine: {type: openai, top_p: high, n: 7, deep: {x: 1}, flag: perhaps, t: [a]}\n");
    const struct conf *entry = config_entry(c, "LLM", "Mine");
    unsigned before = config_warnings(c);
    for (int i = 0; i < 10000; i++) {
        assert_true(conf_num(entry, "top_p", 0.9, 0, 1) == 0.9);
        assert_int_equal(conf_int(entry, "n", 3, 0, 5), 5);
        assert_string_equal(conf_str(entry, "deep", "x"), "x");
        assert_true(conf_bool(entry, "flag", true));
        assert_null(conf_secret(entry, "t"));
    }
    assert_int_equal(config_warnings(c) - before, 5);
    assert_int_equal(conf_int(entry, "absent", 3, 0, 5), 3);
    assert_int_equal(conf_int(NULL, "n", 4, 0, 5), 4);
    assert_string_equal(conf_str(entry, "type", ""), "openai");
    assert_string_equal(conf_str(entry, "n", ""), "7");
    assert_int_equal(config_warnings(c) - before, 5);
    config_unref(c);
}

static void placeholders_are_unset_where_it_matters(void **state)
{
    struct config *c = parse("server: {websocket: 'ws://你的ip:8000/', mqtt_gateway: 你的网关, api_token: 你的token}\n"
                             "prompt: 你是小智\nwakeup_words: [你好小智]\nmcp_endpoint: 你的接入点\n"
                             "LLM: {A: {type: openai, api_key: 你的key, base_url: 'http://你的/', model_name: 你}}\n");
    const struct conf *entry = config_entry(c, "LLM", "A");
    assert_null(c->server_websocket);
    assert_null(c->server_mqtt_gateway);
    assert_null(c->server_api_token);
    assert_null(c->mcp_endpoint);
    assert_string_equal(c->prompt, "你是小智");
    assert_string_equal(c->wakeup_words.items[0], "你好小智");
    assert_null(conf_secret(entry, "api_key"));
    assert_string_equal(conf_url(entry, "base_url", "http://other/"), "http://other/");
    assert_string_equal(conf_str(entry, "model_name", ""), "你");
    assert_int_equal(config_warnings(c), 0);
    config_unref(c);
}

static void secrets_come_from_files_and_the_environment(void **state)
{
    char path[] = "/tmp/parley-secret-XXXXXX";
    auto_buf struct buf yaml = { 0 };
    FILE *f = fdopen(mkstemp(path), "w");
    fputs("from-the-file-1234\n", f);
    fclose(f);
    setenv("PARLEY_TEST_SECRET", "from-the-environment", 1);
    unsetenv("PARLEY_TEST_NONE");
    buf_printf(&yaml, "server:\n  api_token: file:%s\n  auth_key: env:PARLEY_TEST_SECRET\n"
                      "  mqtt_signature_key: env:PARLEY_TEST_NONE\nLLM: {A: {type: openai, api_key: 'file:%s'}}\n",
               path, path);
    struct config *c = parse(yaml.data);
    assert_string_equal(c->server_api_token, "from-the-file-1234");
    assert_string_equal(c->server_auth_key, "from-the-environment");
    assert_null(c->server_mqtt_signature_key);
    assert_string_equal(conf_secret(config_entry(c, "LLM", "A"), "api_key"), "from-the-file-1234");
    assert_int_equal(config_warnings(c), 1);
    assert_non_null(strstr(lines.data, "server.mqtt_signature_key"));
    auto_buf struct buf out = { 0 };
    log_clean(&out, SLICE("x from-the-file-1234 from-the-environment"), 1000);
    assert_string_equal(out.data, "x *** ***");
    config_unref(c);
    unlink(path);
}

static void assert_no_canary(struct slice text, const char *canary)
{
    if (slice_contains(text, slice_of(canary)))
        fail_msg("%s is in: " SLICE_FMT, canary, SLICE_ARG(text));
}

/* Each secret key, well and wrongly used, and what providers name so. */
static void no_canary_is_ever_shown(void **state)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type != SETTING_SECRET && strcmp(rows[i].key, "server.auth.tokens") != 0)
            continue;
        static const char *const forms[] = { "%s", "[%s]", "{a: %s, token: %s}", "\"%s\"" };
        for (size_t form = 0; form < COUNT(forms); form++) {
            auto_buf struct buf yaml = { 0 }, out = { 0 }, said = { 0 };
            char canary[40], value[100];
            snprintf(canary, sizeof(canary), "kAnArIe%zux%zuq", i, form);
            snprintf(value, sizeof(value), forms[form], canary, canary);
            yaml_for(&yaml, rows[i].key, value);
            struct config *c = parse(yaml.data);
            config_print(c, &out);
            if (form != 2) { /* there `a` does not say what it holds */
                assert_no_canary(buf_slice(&out), canary);
                assert_no_canary(buf_slice(&lines), canary);
            }
            if (form == 0 || form == 3) {
                log_clean(&said, slice_of(canary), 100);
                assert_no_canary(buf_slice(&said), canary);
            }
            config_unref(c);
        }
    }
    static const char *const names[] = { "api_key",       "access_token", "appkey",
                                         "client_secret", "password",     "secret_key" };
    for (size_t i = 0; i < COUNT(names); i++) {
        auto_buf struct buf yaml = { 0 }, out = { 0 };
        char canary[40];
        snprintf(canary, sizeof(canary), "nAmEdCaNaRy%zu", i);
        buf_printf(&yaml, "LLM: {A: {type: openai, %s: %s}}\nplugins: {w: {%s: %s}}\nselected_module: {LLM: A}\n"
                          "other: {%s: %s}\nserver: {port: %s}\n",
                   names[i], canary, names[i], canary, names[i], canary, canary);
        struct config *c = parse(yaml.data);
        config_print(c, &out);
        assert_no_canary(buf_slice(&out), canary);
        assert_no_canary(buf_slice(&lines), canary); /* even where it stands in a wrong place too */
        config_unref(c);
    }
}

static void unknown_keys_name_the_nearest_one(void **state)
{
    static const struct {
        const char *yaml, *line; /* NULL: no warning */
    } rows[] = {
        { "server: {prot: 1}", "key=server.prot line=1 nearest=server.port" },
        { "sever: {port: 1}", "key=sever line=1 nearest=server" },
        { "\nserver_: {}", "key=server_ line=2 nearest=server" },
        { "max_targets: 3", "key=max_targets line=1 nearest=peer.max_targets" },
        { "meeting: {llm: {max_token: 1}}", "key=meeting.llm.max_token line=1 nearest=meeting.llm.max_tokens" },
        { "completely_different_thing: 1", "key=completely_different_thing line=1" },
        { "ab: 1", "key=ab line=1" },
        { "xiaozhi: {type: hello, version: 3}", NULL },
        { "module_test: {x: {y: 1}}", NULL },
        { "plugins: {anything: {at: all}}", NULL },
        { "enable_websocket_ping: true", NULL },
        { "VAD: {SileroVAD: {treshold: 0.4}}", "key=VAD.SileroVAD.treshold line=1 nearest=threshold" },
        { "VAD: {Other: {type: silero, treshold: 0.4}}", NULL }, /* not in use */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *c = parse(rows[i].yaml);
        assert_int_equal(line_count, rows[i].line ? 1 : 0);
        if (rows[i].line) {
            char wanted[200];
            snprintf(wanted, sizeof(wanted), "config.unknown %s\n", rows[i].line);
            if (!strstr(lines.data, wanted))
                fail_msg("%s: %s", rows[i].yaml, lines.data);
        }
        config_unref(c);
    }
}

/* What is switched on and not built is a warning; what every file has is one line. */
static void keys_of_parts_not_built_yet_are_said_to_be_unused(void **state)
{
    static const struct {
        const char *yaml, *warning, *info; /* NULL: nothing is said */
    } rows[] = {
        { "mqtt: {enabled: true}", "key=mqtt.enabled line=1 this part is not built yet", NULL },
        { "mqtt: {enabled: false}", NULL, "keys=mqtt.enabled these" },
        { "audio: {record: yes}", "key=audio.record line=1", NULL },
        { "delete_audio: true", NULL, "keys=delete_audio these" },
        { "udp: {port: 9}\nplugins: {a: {b: 1}}", NULL, "keys=udp.port,plugins these" },
        { "mcp_endpoint: ws://x/y", NULL, "keys=mcp_endpoint these" },
        { "mcp_endpoint: 你的地址", NULL, NULL },
        { "plugins: {}\nvoiceprint:\n", NULL, NULL },
        { "server: {port: 1}", NULL, NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *c = parse(rows[i].yaml);
        assert_int_equal(config_warnings(c), rows[i].warning != NULL);
        if (rows[i].warning && !strstr(lines.data, rows[i].warning))
            fail_msg("%s: %s", rows[i].yaml, lines.data);
        if (rows[i].info ? !strstr(lines.data, rows[i].info) : lines.data && strstr(lines.data, "change nothing"))
            fail_msg("%s: %s", rows[i].yaml, lines.data);
        config_unref(c);
    }
    char got[200];
    auto_buf struct buf text = { 0 };
    struct config *c = parse("plugins: {weather: {city: x}}\n");
    config_print(c, &text);
    assert_non_null(strstr(text.data, "# line 1: not used yet")); /* plugins.weather */
    assert_non_null(strstr(text.data, "# default: not used yet"));
    shown(c, "server.port", got, sizeof(got));
    assert_string_equal(got, "8000");
    config_unref(c);
}

static void an_entry_in_use_that_is_not_filled_in_is_named(void **state)
{
    struct config *c = parse("LLM:\n  A: {type: openai, base_url: \"http://x/v1\", api_key: 你的密钥}\n"
                             "  B: {type: openai, base_url: \"http://x/v1\", api_key: 你的密钥}\n"
                             "selected_module: {LLM: A}\n");
    assert_int_equal(config_warnings(c), 1); /* B is not in use */
    assert_non_null(strstr(lines.data, "config.placeholder key=LLM.A.api_key line=2 is not filled in"));
    config_unref(c);
}

static void other_spellings_are_taken(void **state)
{
    struct config *c = parse("meeting: {vad_fallback_ms: 700}\nmeeting_api_token: aaaa-bbbb\n"
                             "device_alias: {aa: Kitchen}\nrender: {wait_ack: true, badges: {x: {badge: 1}}}\n");
    assert_int_equal(c->meeting_manual_listen_fallback_ms, 700);
    assert_string_equal(c->server_api_token, "aaaa-bbbb");
    assert_string_equal(conf_str(c->workflow_device_alias, "aa", ""), "Kitchen");
    assert_true(c->ui_wait_ack);
    assert_int_equal(conf_count(c->ui_badges), 1);
    assert_int_equal(config_warnings(c), 0);
    config_unref(c);
    c = parse("vad_fallback_ms: 700\nmeeting: {manual_listen_fallback_ms: 900}\n");
    assert_int_equal(c->meeting_manual_listen_fallback_ms, 900);
    config_unref(c);
    c = parse("meeting: {vad_fallback_ms: soon}\n");
    assert_int_equal(c->meeting_manual_listen_fallback_ms, 5000);
    assert_non_null(strstr(lines.data, "key=meeting.vad_fallback_ms line=1"));
    config_unref(c);
}

static void a_misspelt_alias_is_told_with_the_entry_it_may_mean(void **state)
{
    struct config *c = parse("selected_module: {LLM: cluod}\nLLM: {cloud: {type: openai}}\n");
    assert_string_equal(c->selected_module_LLM, "Rules");
    assert_int_equal(line_count, 1);
    assert_non_null(strstr(lines.data, "key=selected_module.LLM alias=\"cluod\" line=1 nearest=cloud used=Rules"));
    auto_buf struct buf out = { 0 };
    config_print(c, &out);
    assert_non_null(strstr(out.data, "there is no entry LLM.cluod; the nearest is cloud"));
    config_unref(c);
}

static void a_type_that_is_not_there_gives_the_embedded_default(void **state)
{
    struct config *c = parse("selected_module: {ASR: Fun, LLM: olama, TTS: Mine, VLLM: See, Intent: magic}\n"
                             "ASR: {Fun: {type: fun_local}}\nTTS: {Mine: {type: openia}}\nVLLM: {See: {type: dify}}\n"
                             "Intent: {magic: {type: intent_magic}}\n");
    assert_string_equal(c->selected_module_ASR, "PocketSphinx");
    assert_string_equal(c->selected_module_LLM, "Rules");
    assert_string_equal(c->selected_module_TTS, "Local");
    assert_string_equal(c->selected_module_VLLM, "");
    assert_string_equal(c->selected_module_Intent, "function_call");
    assert_string_equal(conf_text(config_node(c, "selected_module.ASR")), "PocketSphinx");
    assert_int_equal(line_count, 5);
    assert_non_null(strstr(lines.data, "alias=\"Fun\" line=1 type=\"fun_local\" nearest=openai used=PocketSphinx"));
    assert_non_null(strstr(lines.data, "type=\"olama\" nearest=ollama used=Rules"));
    assert_non_null(strstr(lines.data, "type=\"openia\" nearest=openai used=Local"));
    auto_buf struct buf out = { 0 };
    config_print(c, &out);
    assert_non_null(strstr(out.data, "\"Fun\" has type \"fun_local\", which Parley does not have"));
    config_unref(c);

    c = parse("selected_module: {ASR: f, LLM: ollama}\nASR: {f: {type: fake_opus}}\nLLM: 3\n");
    assert_string_equal(c->selected_module_ASR, "f");
    assert_string_equal(c->selected_module_LLM, "ollama");
    assert_non_null(config_entry(c, "LLM", "Rules"));
    assert_int_equal(line_count, 1);
    config_unref(c);
}

static void entries_of_the_file_lie_over_the_embedded_ones(void **state)
{
    struct config *c = parse("VAD: {SileroVAD: {type: silero, threshold: 0.7}}\nASR: {PocketSphinx: {language: de}}\n"
                             "TTS: {Flite: {type: openai}}\nLLM: {Rules: null}\n");
    const struct conf *vad = config_entry(c, "VAD", "SileroVAD"), *asr = config_entry(c, "ASR", "PocketSphinx");
    assert_true(conf_num(vad, "threshold", 0, 0, 1) == 0.7);
    assert_true(conf_num(vad, "threshold_low", 0, 0, 1) == 0.3);
    assert_string_equal(conf_str(asr, "type", ""), "wyoming");
    assert_string_equal(conf_str(asr, "language", ""), "de");
    assert_null(conf_get(config_entry(c, "TTS", "Flite"), "engine"));
    assert_string_equal(conf_str(config_entry(c, "LLM", "Rules"), "type", ""), "rules");
    assert_non_null(config_entry(c, "VAD", "WebRTCVAD"));
    config_unref(c);
}

static void equal_maps_have_one_canonical_text(void **state)
{
    struct config *c = parse("plugins:\n  a: {x: 1, y: {q: 2, p: [a, 'b\"']}, n: null}\n"
                             "  b: {y: {p: [a, 'b\"'], q: 2}}\n  o: {x: 1}\n  p: {x: 2}\n");
    auto_buf struct buf one = { 0 }, two = { 0 }, three = { 0 };
    conf_canonical(conf_get(c->plugins, "a"), NULL, &one);
    conf_canonical(conf_get(c->plugins, "b"), conf_get(c->plugins, "o"), &two);
    conf_canonical(conf_get(c->plugins, "a"), conf_get(c->plugins, "p"), &three);
    assert_string_equal(one.data, "{\"x\":\"1\",\"y\":{\"p\":[\"a\",\"b\\\"\"],\"q\":\"2\"}}");
    assert_string_equal(one.data, two.data);
    assert_string_equal(three.data, "{\"x\":\"2\",\"y\":{\"p\":[\"a\",\"b\\\"\"],\"q\":\"2\"}}");
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_absent_for_every_key),
        cmocka_unit_test(a_wrong_type_gives_the_default_for_every_key),
        cmocka_unit_test(out_of_range_gives_the_nearest_limit_for_every_key),
        cmocka_unit_test(the_worker_pool_follows_its_table),
        cmocka_unit_test(keys_with_exceptions_follow_them),
        cmocka_unit_test(each_type_takes_its_spellings),
        cmocka_unit_test(defaults_need_no_file),
        cmocka_unit_test(a_warning_names_key_line_given_and_used),
        cmocka_unit_test(accessors_warn_once_per_key),
        cmocka_unit_test(placeholders_are_unset_where_it_matters),
        cmocka_unit_test(secrets_come_from_files_and_the_environment),
        cmocka_unit_test(no_canary_is_ever_shown),
        cmocka_unit_test(unknown_keys_name_the_nearest_one),
        cmocka_unit_test(keys_of_parts_not_built_yet_are_said_to_be_unused),
        cmocka_unit_test(an_entry_in_use_that_is_not_filled_in_is_named),
        cmocka_unit_test(other_spellings_are_taken),
        cmocka_unit_test(a_misspelt_alias_is_told_with_the_entry_it_may_mean),
        cmocka_unit_test(a_type_that_is_not_there_gives_the_embedded_default),
        cmocka_unit_test(entries_of_the_file_lie_over_the_embedded_ones),
        cmocka_unit_test(equal_maps_have_one_canonical_text),
    };
    return cmocka_run_group_tests(tests, listen_to_log, stop_listening);
}
