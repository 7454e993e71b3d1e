/* SPDX-License-Identifier: MIT
 * test_auth.c -- pairing, tokens, revocation, static tokens, JWT, and a service that is asked. TSAN */
#include "tests/support/test.h"

#include "base/crypto.h"
#include "protocol/ota.h"
#include "protocol/token.h"
#include "tests/support/jwt_make.h"
#include "tests/support/temp.h"
#include "tests/support/dworld.h"

#define DEV "AA:BB:CC:00:00:01"
#define CLI "client-1"
#define LAN "192.168.1.20"
#define NET "203.0.113.7"
#define KEYED "server:\n  auth_key: test-key\n"

static struct dworld w;

static int tear_down(void **state)
{
    dworld_close(&w);
    return 0;
}

/* Asks as OTA does, and waits until it is saved. */
static struct pair_answer ask_as(struct identity *who)
{
    struct pair_answer answer;
    struct dworld_answer h = { 0 };
    const struct pair_ask asked = { who, { "zh-CN", "board", "1.0", "esp32c3" } };
    if (auth_pair(w.auth, w.loop, &asked, &answer, dworld_hear, &h))
        assert_ok(dworld_heard(&w, &h));
    dworld_settle(&w);
    return answer;
}

static struct pair_answer ask(const char *device, const char *client, const char *address)
{
    struct identity who = dworld_identity(device, client, address, NULL);
    struct pair_answer answer = ask_as(&who);
    identity_done(&who);
    return answer;
}

static void keep_answer(void *user, const struct auth_answer *answer)
{
    *(struct auth_answer *)user = *answer;
}

static struct auth_answer check(const char *device, const char *client, const char *address, const char *token)
{
    struct auth_answer answer = { .err = ERR_COUNT };
    struct auth_call *call = NULL;
    struct identity who = dworld_identity(device, client, address, token);
    auth_check(&call, w.auth, NULL, &who, keep_answer, &answer);
    assert_null(call);
    identity_done(&who);
    return answer;
}

static void token_for(struct buf *out, const char *device, const char *client)
{
    struct identity who = dworld_identity(device, client, LAN, NULL);
    auth_token(w.auth, &who, out);
}

static enum err confirm(const char *code, const char *address, char *device)
{
    struct dworld_answer h = { 0 };
    struct typed_code typed = { .text = slice_of(code) };
    assert_true(net_addr_parse(slice_of(address), &typed.peer));
    auth_confirm(w.auth, w.loop, &typed, device, dworld_hear, &h);
    return dworld_heard(&w, &h);
}

static enum err revoke(const char *device, const char *client)
{
    struct dworld_answer h = { 0 };
    auth_revoke(w.auth, w.loop, device, client, dworld_hear, &h);
    return dworld_heard(&w, &h);
}

/* --- pairing ---- */

static void the_first_pair_from_the_own_network_is_confirmed_by_itself(void **state)
{
    static const struct {
        const char *address;
        bool is_forwarded, is_public_origin;
        enum pair_state want;
    } rows[] = {
        { "127.0.0.1", false, false, PAIR_ACTIVE },   { "192.168.1.20", false, false, PAIR_ACTIVE },
        { "10.1.2.3", false, false, PAIR_ACTIVE },    { "fd00::5", false, false, PAIR_ACTIVE },
        { "203.0.113.7", false, false, PAIR_PENDING }, { "2001:db8::1", false, false, PAIR_PENDING },
        { "192.168.1.20", true, false, PAIR_PENDING }, { "192.168.1.20", false, true, PAIR_PENDING },
    };
    dworld_open(&w, KEYED);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char device[32];
        snprintf(device, sizeof device, "dev-%zu", i);
        struct identity who = dworld_identity(device, CLI, rows[i].address, NULL);
        who.is_forwarded = rows[i].is_forwarded;
        who.is_public_origin = rows[i].is_public_origin;
        struct pair_answer a = ask_as(&who);
        if (a.state != rows[i].want)
            fail_msg("%s: %s", rows[i].address, pair_state_name(a.state));
        assert_int_equal(a.code[0] != '\0', a.state == PAIR_PENDING);
    }
}

static void a_second_client_of_a_device_needs_a_code(void **state)
{
    dworld_open(&w, KEYED);
    assert_int_equal(ask(DEV, CLI, LAN).state, PAIR_ACTIVE);
    struct pair_answer other = ask(DEV, "client-2", LAN);
    assert_int_equal(other.state, PAIR_PENDING);
    assert_string_equal(ask(DEV, "client-2", LAN).code, other.code); /* the same while it lives */
    assert_int_equal(ask(DEV, CLI, LAN).state, PAIR_ACTIVE);
}

static void a_stranger_who_asked_first_does_not_take_the_place(void **state)
{
    dworld_open(&w, KEYED);
    assert_int_equal(ask(DEV, "evil", NET).state, PAIR_PENDING);
    assert_int_equal(ask(DEV, CLI, LAN).state, PAIR_ACTIVE);
    assert_int_equal(auth_pair_state(w.auth, "aa:bb:cc:00:00:01", "evil"), PAIR_PENDING);
}

static void pairing_modes_and_the_list_of_devices(void **state)
{
    static const struct {
        const char *yaml, *address;
        enum pair_state want;
    } rows[] = {
        { "server:\n  auth:\n    pairing: code\n", LAN, PAIR_PENDING },
        { "server:\n  auth:\n    pairing: closed\n", LAN, PAIR_NONE },
        { "server:\n  auth:\n    pairing: code\n    allowed_devices: [\"aa:bb:CC:00:00:01\"]\n", NET, PAIR_ACTIVE },
        { "server:\n  auth:\n    allowed_devices: [\"aa:bb:cc:00:00:02\"]\n", NET, PAIR_PENDING },
        { "server:\n  auth:\n    enabled: false\n    pairing: code\n", NET, PAIR_ACTIVE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        dworld_open(&w, rows[i].yaml);
        struct pair_answer a = ask(DEV, CLI, rows[i].address);
        if (a.state != rows[i].want)
            fail_msg("row %zu: %s", i, pair_state_name(a.state));
        if (i + 1 < COUNT(rows))
            dworld_close(&w);
    }
}

static void a_placeholder_in_the_list_lets_nobody_in(void **state)
{
    dworld_open(&w, "server:\n  auth:\n    allowed_devices: [\"11:22:33:44:55:66\"]\n");
    assert_int_equal(ask("11:22:33:44:55:66", CLI, NET).state, PAIR_PENDING);
}

static void a_code_confirms_its_pair_once(void **state)
{
    dworld_open(&w, KEYED);
    struct pair_answer a = ask(DEV, CLI, NET);
    char device[ID_TEXT] = "";
    struct arena arena = { 0 };
    struct pending_pair rows[4];
    assert_int_equal(auth_pending(w.auth, &arena, rows, 4), 1);
    assert_string_equal(rows[0].code, a.code);
    assert_string_equal(rows[0].device, "aa:bb:cc:00:00:01");
    assert_ok(confirm(a.code, LAN, device));
    assert_string_equal(device, "aa:bb:cc:00:00:01");
    assert_int_equal(auth_pair_state(w.auth, device, CLI), PAIR_ACTIVE);
    assert_int_equal(confirm(a.code, LAN, NULL), ERR_NOT_FOUND);
    assert_int_equal(auth_pending(w.auth, &arena, rows, 4), 0);
    assert_int_equal(ask(DEV, CLI, NET).state, PAIR_ACTIVE);
    arena_done(&arena);
}

static void a_code_dies_after_a_quarter_of_an_hour(void **state)
{
    dworld_open(&w, KEYED);
    struct pair_answer a = ask(DEV, CLI, NET);
    dworld_now_ms += AUTH_CODE_LIFE_MS - 1;
    assert_string_equal(ask(DEV, CLI, NET).code, a.code);
    dworld_now_ms += 1;
    assert_int_equal(confirm(a.code, LAN, NULL), ERR_NOT_FOUND);
    struct pair_answer b = ask(DEV, CLI, NET);
    assert_string_not_equal(b.code, a.code);
    assert_ok(confirm(b.code, LAN, NULL));
}

static void five_wrong_codes_a_minute_are_enough(void **state)
{
    dworld_open(&w, KEYED);
    struct pair_answer a = ask(DEV, CLI, NET);
    static const char *const wrong[] = { "", "abc", "0000000000", "99999x", "1" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(confirm(wrong[i], LAN, NULL), ERR_NOT_FOUND);
    assert_int_equal(confirm(a.code, LAN, NULL), ERR_LIMIT);
    assert_ok(confirm(a.code, "192.168.1.99", NULL)); /* another address may */
}

static void pairs_and_codes_survive_a_restart(void **state)
{
    dworld_open(&w, "");
    auto_buf struct buf token = { 0 };
    assert_int_equal(ask(DEV, CLI, LAN).state, PAIR_ACTIVE);
    struct pair_answer pending = ask("dev-2", CLI, NET);
    token_for(&token, DEV, CLI);
    dworld_reopen(&w);
    assert_ok(check(DEV, CLI, LAN, token.data).err); /* the made key is the same */
    assert_string_equal(ask("dev-2", CLI, NET).code, pending.code);
    assert_ok(confirm(pending.code, LAN, NULL));
    assert_ok(revoke("dev-2", NULL));
    dworld_reopen(&w);
    assert_int_equal(auth_pair_state(w.auth, "dev-2", CLI), PAIR_REVOKED);
    struct device_known known;
    assert_true(auth_device(w.auth, "aa:bb:cc:00:00:01", &known));
    assert_string_equal(known.language, "zh-CN");
    assert_string_equal(known.board, "board");
    assert_string_equal(known.chip, "esp32c3");
}

static void a_failing_store_activates_nobody_by_code(void **state)
{
    dworld_open(&w, KEYED);
    struct pair_answer a = ask(DEV, CLI, NET);
    store_fail_nth(w.store, 1);
    assert_int_equal(confirm(a.code, LAN, NULL), ERR_STORE);
    assert_int_equal(auth_pair_state(w.auth, "aa:bb:cc:00:00:01", CLI), PAIR_PENDING);
    assert_ok(confirm(a.code, LAN, NULL)); /* the code is still good */
}

static void too_many_clients_of_one_device_are_refused(void **state)
{
    dworld_open(&w, KEYED);
    for (int i = 0; i < AUTH_PAIRS_PER_DEVICE; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i);
        struct pair_answer a = ask(DEV, client, LAN);
        if (a.state == PAIR_PENDING)
            assert_ok(confirm(a.code, LAN, NULL));
    }
    assert_int_equal(ask(DEV, "one-more", LAN).state, PAIR_NONE);
}

static void codes_for_one_address_are_bounded(void **state)
{
    dworld_open(&w, KEYED);
    unsigned given = 0;
    for (int i = 0; i < 60; i++) {
        char device[16];
        snprintf(device, sizeof device, "d%d", i);
        given += ask(device, CLI, NET).state == PAIR_PENDING;
    }
    assert_in_range(given, 25, 35);
}

/* --- tokens ---- */

static void a_token_counts_for_its_pair_and_no_other(void **state)
{
    dworld_open(&w, KEYED);
    auto_buf struct buf token = { 0 }, foreign = { 0 };
    ask(DEV, CLI, LAN);
    ask("dev-2", "client-2", LAN);
    token_for(&token, DEV, CLI);
    token_mint(&foreign, SLICE("other-key"), &(struct token_subject){ SLICE(CLI), SLICE(DEV) }, dworld_now_ms / 1000);
    static const struct {
        const char *device, *client;
        enum err want;
    } rows[] = {
        { DEV, CLI, OK },
        { "aa:bb:cc:00:00:01", CLI, ERR_AUTH }, /* the raw spelling is signed */
        { DEV, "client-2", ERR_AUTH },
        { "dev-2", CLI, ERR_AUTH },
        { "dev-2", "client-2", ERR_AUTH },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(check(rows[i].device, rows[i].client, NET, token.data).err, rows[i].want);
    assert_int_equal(check(DEV, CLI, NET, foreign.data).err, ERR_AUTH);
    assert_int_equal(check(DEV, CLI, NET, NULL).err, ERR_AUTH);
    assert_int_equal(check(DEV, CLI, NET, "").err, ERR_AUTH);
    struct auth_answer a = check(DEV, CLI, NET, token.data);
    assert_int_equal(a.role, AUTH_DEVICE);
    assert_string_equal(a.proof, "pair:" CLI);
}

static void a_good_token_of_an_unconfirmed_pair_is_not_enough(void **state)
{
    dworld_open(&w, KEYED);
    auto_buf struct buf token = { 0 };
    token_mint(&token, SLICE("test-key"), &(struct token_subject){ SLICE(CLI), SLICE(DEV) }, dworld_now_ms / 1000);
    assert_int_equal(check(DEV, CLI, LAN, token.data).err, ERR_AUTH);
    ask(DEV, CLI, NET);
    assert_int_equal(check(DEV, CLI, NET, token.data).err, ERR_AUTH);
}

static void an_expired_token_of_an_active_pair_lives_a_second_time(void **state)
{
    dworld_open(&w, "server:\n  auth_key: k\n  auth:\n    expire_seconds: 3600\n");
    auto_buf struct buf token = { 0 };
    ask(DEV, CLI, LAN);
    token_for(&token, DEV, CLI);
    dworld_now_ms += 3600 * 1000;
    struct auth_answer a = check(DEV, CLI, NET, token.data);
    assert_ok(a.err);
    assert_false(a.is_old);
    dworld_now_ms += 1000;
    a = check(DEV, CLI, NET, token.data);
    assert_ok(a.err);
    assert_true(a.is_old);
    dworld_now_ms += 3600 * 1000;
    assert_int_equal(check(DEV, CLI, NET, token.data).err, ERR_AUTH);
}

static void a_revoked_pair_is_refused_at_once_and_needs_a_new_code(void **state)
{
    dworld_open(&w, KEYED);
    auto_buf struct buf token = { 0 };
    ask(DEV, CLI, LAN);
    token_for(&token, DEV, CLI);
    assert_int_equal(revoke("nobody", NULL), ERR_NOT_FOUND);
    assert_int_equal(revoke("aa:bb:cc:00:00:01", "none"), ERR_NOT_FOUND);
    assert_ok(revoke("aa:bb:cc:00:00:01", NULL));
    assert_int_equal(check(DEV, CLI, LAN, token.data).err, ERR_FORBIDDEN);
    struct pair_answer a = ask(DEV, CLI, LAN);
    assert_int_equal(a.state, PAIR_PENDING);
    assert_int_equal(check(DEV, CLI, LAN, token.data).err, ERR_FORBIDDEN);
    assert_ok(confirm(a.code, LAN, NULL));
    assert_ok(check(DEV, CLI, LAN, token.data).err);
}

static void static_tokens_have_a_device_and_a_role(void **state)
{
    dworld_open(&w, "server:\n  auth:\n    tokens:\n      - plain-token\n      - {token: bound, device: \"DEV-9\"}\n"
                   "      - {token: boss, role: operator}\n      - 你的token\n"
                   "      - {token: your-token1, name: your-device-name1}\n");
    static const struct {
        const char *device, *token;
        enum err want;
        enum auth_role role;
    } rows[] = {
        { "any", "plain-token", OK, AUTH_DEVICE }, { "dev-9", "bound", OK, AUTH_DEVICE },
        { "dev-8", "bound", ERR_AUTH, AUTH_NOBODY }, { "x", "boss", OK, AUTH_OPERATOR },
        { "x", "bos", ERR_AUTH, AUTH_NOBODY },       { "x", "你的token", ERR_AUTH, AUTH_NOBODY },
        { "auto-12345678", "plain-token", OK, AUTH_DEVICE }, { "x", "your-token1", ERR_AUTH, AUTH_NOBODY },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct auth_answer a = check(rows[i].device, CLI, NET, rows[i].token);
        assert_int_equal(a.err, rows[i].want);
        assert_int_equal(a.role, rows[i].role);
    }
    struct identity boss = dworld_identity("x", CLI, NET, "boss");
    struct identity plain = dworld_identity("x", CLI, LAN, "plain-token");
    assert_true(auth_is_operator(w.auth, &boss));
    assert_false(auth_is_operator(w.auth, &plain));
    identity_done(&boss);
    identity_done(&plain);
}

static void with_auth_off_operators_are_on_loopback_only(void **state)
{
    dworld_open(&w, "server:\n  auth:\n    enabled: false\n");
    assert_int_equal(check("d", CLI, NET, NULL).role, AUTH_DEVICE);
    assert_int_equal(check("d", CLI, "127.0.0.1", NULL).role, AUTH_OPERATOR);
    assert_string_equal(check("d", CLI, NET, "rubbish").proof, "open");
}

static void a_jwt_vouches_for_any_device_but_not_for_a_revoked_one(void **state)
{
    dworld_open(&w, "server:\n  auth:\n    mode: jwt\n    jwt:\n      secret: key\n      sub_prefix: user-\n");
    auto_buf struct buf good = { 0 }, bound = { 0 }, token = { 0 };
    jwt_make_hs256(&good, "{\"alg\":\"HS256\"}", "{\"sub\":\"user-1\"}", "key");
    jwt_make_hs256(&bound, "{\"alg\":\"HS256\"}", "{\"sub\":\"user-1\",\"device_id\":\"DEV-1\"}", "key");
    struct auth_answer a = check("dev-1", CLI, NET, good.data);
    assert_ok(a.err);
    assert_string_equal(a.proof, "jwt:user-1");
    assert_ok(check("dev-1", CLI, NET, bound.data).err);
    assert_int_equal(check("dev-2", CLI, NET, bound.data).err, ERR_AUTH);
    ask("dev-1", CLI, LAN);
    token_for(&token, "dev-1", CLI);
    assert_int_equal(check("dev-1", CLI, NET, token.data).err, ERR_AUTH); /* our own form is off in this mode */
    assert_ok(revoke("dev-1", NULL));
    assert_int_equal(check("dev-1", CLI, NET, good.data).err, ERR_FORBIDDEN);
}

static void mixed_mode_believes_either(void **state)
{
    dworld_open(&w, "server:\n  auth_key: k\n  auth:\n    mode: mixed\n    jwt:\n      secret: key\n");
    auto_buf struct buf jwt = { 0 }, token = { 0 };
    jwt_make_hs256(&jwt, "{\"alg\":\"HS256\"}", "{\"sub\":\"u\"}", "key");
    ask(DEV, CLI, LAN);
    token_for(&token, DEV, CLI);
    assert_ok(check(DEV, CLI, NET, jwt.data).err);
    assert_ok(check(DEV, CLI, NET, token.data).err);
    assert_int_equal(check(DEV, CLI, NET, "opaque").err, ERR_AUTH);
}

/* --- activation ---- */

static int activate(const char *body)
{
    struct identity who = dworld_identity(DEV, CLI, NET, NULL);
    struct ota_activate proof;
    ota_activate_read(&proof, slice_of(body));
    int status = auth_activate(w.auth, w.loop, &who, &proof);
    dworld_settle(&w);
    return status;
}

static void activation_waits_for_a_person(void **state)
{
    dworld_open(&w, KEYED);
    assert_int_equal(activate("{}"), 202); /* never seen at OTA */
    struct pair_answer a = ask(DEV, CLI, NET);
    assert_int_equal(activate("{}"), 202);
    assert_int_equal(activate("not json"), 202);
    assert_int_equal(activate("{\"algorithm\":\"md5\",\"serial_number\":\"S\",\"hmac\":\"00\"}"), 400);
    assert_ok(confirm(a.code, LAN, NULL));
    assert_int_equal(activate("{}"), 200);
}

static void activation_is_bounded_per_device(void **state)
{
    dworld_open(&w, KEYED);
    int limited = 0;
    for (int i = 0; i < AUTH_ACTIVATE_PER_MIN + 5; i++)
        limited += activate("{}") == 429;
    assert_in_range(limited, 4, 5);
}

static const char key_hex[] = "000102030405060708090a0b0c0d0e0f";

static enum err serial_add(const char *serial, const char *key)
{
    struct dworld_answer h = { 0 };
    auth_serial_add(w.auth, w.loop, slice_of(serial), slice_of(key), dworld_hear, &h);
    return dworld_heard(&w, &h);
}

static enum err serial_remove(const char *serial)
{
    struct dworld_answer h = { 0 };
    auth_serial_remove(w.auth, w.loop, slice_of(serial), dworld_hear, &h);
    return dworld_heard(&w, &h);
}

static int prove_as(const char *device, const char *client, const struct pair_answer *a)
{
    uint8_t key[16], mac[32];
    char hmac[65], body[512];
    struct ota_activate proof;
    assert_true(hex_decode(slice_of(key_hex), key, sizeof key));
    hmac_sha256(slice_from(key, sizeof key), slice_of(a->challenge), mac);
    hex_encode(mac, sizeof mac, hmac);
    snprintf(body, sizeof body,
             "{\"algorithm\":\"hmac-sha256\",\"serial_number\":\"SN1\",\"challenge\":\"%s\",\"hmac\":\"%s\"}",
             a->challenge, hmac);
    struct identity who = dworld_identity(device, client, NET, NULL);
    ota_activate_read(&proof, slice_of(body));
    int status = auth_activate(w.auth, w.loop, &who, &proof);
    identity_done(&who);
    dworld_settle(&w);
    return status;
}

static void keys_of_serials_are_checked(void **state)
{
    static const struct {
        const char *serial, *key;
        enum err err;
    } rows[] = {
        { "SN1", "xyz", ERR_INVALID },
        { "SN1", "", ERR_INVALID },
        { "SN1", "000102030405060708090a0b0c0d0e", ERR_INVALID },  /* 15 bytes */
        { "SN1", "000102030405060708090a0b0c0d0e0", ERR_INVALID }, /* half a byte */
        { "", key_hex, ERR_INVALID },
        { "a b", key_hex, ERR_INVALID },
        { "123456789012345678901234567890123456789012345678901234567890abcd", key_hex, ERR_INVALID },
        { "123456789012345678901234567890123456789012345678901234567890abc", key_hex, OK },
        { "SN-1.a:b_c", key_hex, OK },
    };
    dworld_open(&w, KEYED);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(serial_add(rows[i].serial, rows[i].key), rows[i].err);
    assert_int_equal(serial_remove("SN-1.a:b_c"), OK);
    assert_int_equal(serial_remove("SN-1.a:b_c"), ERR_NOT_FOUND);
    assert_int_equal(serial_remove("a b"), ERR_NOT_FOUND);
}

static void a_serial_is_of_the_device_that_proved_it_first(void **state)
{
    dworld_open(&w, KEYED);
    assert_ok(serial_add("SN1", key_hex));
    struct pair_answer a = ask("dev1", CLI, NET), b = ask("dev2", CLI, NET);
    assert_int_equal(prove_as("dev1", CLI, &a), 202);
    assert_int_equal(prove_as("dev1", CLI, &a), 200);
    assert_int_equal(prove_as("dev2", CLI, &b), 202); /* its own challenge, the right key */
    assert_int_equal(prove_as("dev2", CLI, &b), 202);
    dworld_reopen(&w);
    assert_int_equal(prove_as("dev2", CLI, &b), 202);
    assert_int_equal(auth_pair_state(w.auth, "dev2", CLI), PAIR_PENDING);
    a = ask("dev1", "flashed-anew", NET);
    assert_int_equal(prove_as("dev1", "flashed-anew", &a), 202);
    assert_int_equal(auth_pair_state(w.auth, "dev1", "flashed-anew"), PAIR_ACTIVE);
    assert_ok(serial_add("SN1", key_hex)); /* told anew: the key went into another board */
    assert_int_equal(prove_as("dev2", CLI, &b), 202);
    assert_int_equal(auth_pair_state(w.auth, "dev2", CLI), PAIR_ACTIVE);
}

static void who_was_locked_out_is_not_let_in_by_its_serial(void **state)
{
    dworld_open(&w, KEYED);
    assert_ok(serial_add("SN1", key_hex));
    struct pair_answer a = ask("dev1", CLI, NET);
    assert_int_equal(prove_as("dev1", CLI, &a), 202);
    assert_ok(revoke("dev1", NULL));
    static const char *const clients[] = { CLI, "another" };
    for (size_t i = 0; i < COUNT(clients); i++) {
        a = ask("dev1", clients[i], NET);
        assert_int_equal(prove_as("dev1", clients[i], &a), 202);
        assert_int_not_equal(auth_pair_state(w.auth, "dev1", clients[i]), PAIR_ACTIVE);
    }
    assert_ok(confirm(a.code, LAN, NULL)); /* a person may */
    assert_int_equal(auth_pair_state(w.auth, "dev1", "another"), PAIR_ACTIVE);
}

static void a_removed_serial_proves_nothing_more(void **state)
{
    dworld_open(&w, KEYED);
    assert_ok(serial_add("SN1", key_hex));
    struct pair_answer a = ask("dev1", CLI, NET), b = ask("dev1", "second", NET);
    assert_int_equal(prove_as("dev1", CLI, &a), 202);
    assert_ok(serial_remove("SN1"));
    assert_int_equal(auth_pair_state(w.auth, "dev1", CLI), PAIR_ACTIVE); /* what it made stays */
    assert_int_equal(prove_as("dev1", "second", &b), 202);
    assert_int_equal(auth_pair_state(w.auth, "dev1", "second"), PAIR_PENDING);
    dworld_reopen(&w);
    assert_int_equal(prove_as("dev1", "second", &b), 202);
    assert_int_equal(auth_pair_state(w.auth, "dev1", "second"), PAIR_PENDING);
}

static void a_known_serial_proves_itself(void **state)
{
    dworld_open(&w, KEYED);
    assert_ok(serial_add("SN1", key_hex));
    struct pair_answer a = ask(DEV, CLI, NET);
    uint8_t key[16], mac[32];
    char hmac[65], body[512];
    assert_true(hex_decode(slice_of(key_hex), key, sizeof key));
    hmac_sha256(slice_from(key, sizeof key), slice_of(a.challenge), mac);
    hex_encode(mac, sizeof mac, hmac);
    static const char form[] = "{\"algorithm\":\"hmac-sha256\",\"serial_number\":\"%s\","
                               "\"challenge\":\"%s\",\"hmac\":\"%s\"}";
    snprintf(body, sizeof body, form, "SN1", "stale", hmac);
    assert_int_equal(activate(body), 202);
    snprintf(body, sizeof body, form, "SN2", a.challenge, hmac);
    assert_int_equal(activate(body), 202);
    hmac[0] = hmac[0] == '0' ? '1' : '0';
    snprintf(body, sizeof body, form, "SN1", a.challenge, hmac);
    assert_int_equal(activate(body), 202);
    assert_int_equal(auth_pair_state(w.auth, "aa:bb:cc:00:00:01", CLI), PAIR_PENDING);
    hex_encode(mac, sizeof mac, hmac);
    snprintf(body, sizeof body, form, "SN1", a.challenge, hmac);
    assert_int_equal(activate(body), 202); /* on its way to the disk */
    assert_int_equal(activate(body), 200);
}

#define IN_WORLD(test) cmocka_unit_test_teardown(test, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(the_first_pair_from_the_own_network_is_confirmed_by_itself),
        IN_WORLD(a_second_client_of_a_device_needs_a_code),
        IN_WORLD(a_stranger_who_asked_first_does_not_take_the_place),
        IN_WORLD(pairing_modes_and_the_list_of_devices),
        IN_WORLD(a_placeholder_in_the_list_lets_nobody_in),
        IN_WORLD(a_code_confirms_its_pair_once),
        IN_WORLD(a_code_dies_after_a_quarter_of_an_hour),
        IN_WORLD(five_wrong_codes_a_minute_are_enough),
        IN_WORLD(pairs_and_codes_survive_a_restart),
        IN_WORLD(a_failing_store_activates_nobody_by_code),
        IN_WORLD(too_many_clients_of_one_device_are_refused),
        IN_WORLD(codes_for_one_address_are_bounded),
        IN_WORLD(a_token_counts_for_its_pair_and_no_other),
        IN_WORLD(a_good_token_of_an_unconfirmed_pair_is_not_enough),
        IN_WORLD(an_expired_token_of_an_active_pair_lives_a_second_time),
        IN_WORLD(a_revoked_pair_is_refused_at_once_and_needs_a_new_code),
        IN_WORLD(static_tokens_have_a_device_and_a_role),
        IN_WORLD(with_auth_off_operators_are_on_loopback_only),
        IN_WORLD(a_jwt_vouches_for_any_device_but_not_for_a_revoked_one),
        IN_WORLD(mixed_mode_believes_either),
        IN_WORLD(activation_waits_for_a_person),
        IN_WORLD(activation_is_bounded_per_device),
        IN_WORLD(a_known_serial_proves_itself),
        IN_WORLD(keys_of_serials_are_checked),
        IN_WORLD(a_serial_is_of_the_device_that_proved_it_first),
        IN_WORLD(who_was_locked_out_is_not_let_in_by_its_serial),
        IN_WORLD(a_removed_serial_proves_nothing_more),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
