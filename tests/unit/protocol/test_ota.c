/* SPDX-License-Identifier: MIT
 * test_ota.c -- the boot request read, the answer written within what devices survive. */
#include "protocol/ota.h"
#include "tests/support/test.h"

static const char full_body[] =
    "{\"version\":2,\"language\":\"zh-CN\",\"flash_size\":16777216,\"minimum_free_heap_size\":\"8318916\","
    "\"mac_address\":\"aa:bb:cc:dd:ee:ff\",\"uuid\":\"u-1\",\"chip_model_name\":\"esp32s3\","
    "\"application\":{\"name\":\"xiaozhi\",\"version\":\"2.4.2\"},"
    "\"partition_table\":[{\"label\":\"nvs\",\"type\":1}],"
    "\"board\":{\"type\":\"bread-compact-wifi\",\"name\":\"bread\",\"ssid\":\"home\",\"rssi\":-55}}";

static void a_request_is_read(void **state)
{
    struct ota_request r;
    ota_read(&r, slice_of(full_body));
    assert_true(r.is_json);
    assert_string_equal(r.version, "2.4.2");
    assert_string_equal(r.app_name, "xiaozhi");
    assert_string_equal(r.board_type, "bread-compact-wifi");
    assert_string_equal(r.board_name, "bread");
    assert_string_equal(r.chip, "esp32s3");
    assert_string_equal(r.language, "zh-CN");
    assert_string_equal(r.mac, "aa:bb:cc:dd:ee:ff");
    assert_string_equal(r.uuid, "u-1");
    assert_int_equal(r.flash_bytes, 16777216);
}

static void broken_and_empty_bodies_give_defaults(void **state)
{
    static const struct {
        const char *body;
        bool is_json;
        const char *board_type;
    } rows[] = {
        { "", false, "default" },
        { "{\"board\":{\"ssid\":\"my \"home\"\"}}", false, "default" },
        { "[]", false, "default" },
        { "null", false, "default" },
        { "{}", true, "default" },
        { "{\"model\":\"m5\"}", true, "m5" },
        { "{\"model\":\"m5\",\"board\":{\"type\":\"b\"}}", true, "b" },
        { "{\"application\":7,\"board\":[1],\"language\":{}}", true, "default" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_request r;
        ota_read(&r, slice_of(rows[i].body));
        assert_int_equal(r.is_json, rows[i].is_json);
        assert_string_equal(r.board_type, rows[i].board_type);
        assert_string_equal(r.version, "");
    }
}

static void long_fields_are_cut_at_a_character(void **state)
{
    auto_buf struct buf body = { 0 };
    buf_puts(&body, "{\"board\":{\"type\":\"");
    for (int i = 0; i < 100; i++)
        buf_puts(&body, "好");
    buf_puts(&body, "\"}}");
    struct ota_request r;
    ota_read(&r, buf_slice(&body));
    assert_int_equal(strlen(r.board_type), 63);
}

static void user_agents_split(void **state)
{
    struct slice board, version;
    assert_true(ota_user_agent(SLICE("bread-compact-wifi/2.4.2"), &board, &version));
    assert_slice_is(board, "bread-compact-wifi");
    assert_slice_is(version, "2.4.2");
    assert_true(ota_user_agent(SLICE(" b/1.0 (x) "), &board, &version));
    assert_slice_is(version, "1.0");
    assert_false(ota_user_agent(SLICE("curl"), &board, &version));
    assert_false(ota_user_agent(SLICE("Mozilla/x"), &board, &version));
    assert_false(ota_user_agent(SLICE("/1.0"), &board, &version));
    assert_false(ota_user_agent(SLICE(""), &board, &version));
}

static struct ota_reply plain_reply(void)
{
    return (struct ota_reply){
        .time_ms = 1754640000000, .zone_offset_minutes = 480, .firmware_version = "2.4.2", .firmware_url = "",
        .websocket_url = "ws://192.168.1.5:8000/xiaozhi/v1/", .websocket_token = "t", .websocket_version = 1,
    };
}

static void the_answer_holds_the_agreed_fields_only(void **state)
{
    auto_buf struct buf out = { 0 };
    struct ota_reply r = plain_reply();
    assert_ok(ota_write(&out, &r));
    assert_string_equal(
        out.data,
        "{\"server_time\":{\"timestamp\":1754640000000,\"timezone_offset\":480},"
        "\"firmware\":{\"version\":\"2.4.2\",\"url\":\"\"},"
        "\"websocket\":{\"url\":\"ws://192.168.1.5:8000/xiaozhi/v1/\",\"token\":\"t\",\"version\":1}}");
}

static void activation_mqtt_and_force_appear_when_asked_for(void **state)
{
    auto_buf struct buf out = { 0 };
    struct ota_reply r = plain_reply();
    r.is_forced = true;
    r.mqtt = &(struct ota_mqtt){ "h:1883", "GID_a@@@b@@@c", "u", "p", "device-server", "null", 240 };
    r.activation = &(struct ota_activation){ "123456", "go to\n123456", "aa:bb", 30000 };
    assert_ok(ota_write(&out, &r));
    auto_json struct json *root = NULL;
    assert_ok(json_parse(&root, buf_slice(&out), NULL));
    assert_int_equal(json_get_i64(json_get(root, "firmware"), "force", 0), 1);
    assert_int_equal(json_len(json_get(root, "mqtt")), 7);
    assert_slice_is(json_get_text(json_get(root, "activation"), "code"), "123456");
    assert_slice_is(json_get_text(json_get(root, "activation"), "challenge"), "aa:bb");
    for (size_t i = 0; i < json_len(json_get(root, "mqtt")); i++) { /* the device's storage keys have 15 */
        struct slice key;
        const struct json *v;
        assert_true(json_member(json_get(root, "mqtt"), i, &key, &v));
        assert_true(key.len <= 15);
    }
}

static void what_would_hurt_a_device_is_refused(void **state)
{
    auto_buf struct buf out = { 0 }, big = { 0 };
    while (big.len < OTA_VALUE_MAX_BYTES)
        buf_puts(&big, "x");
    struct ota_reply r = plain_reply();

    r.firmware_version = "v2.4.2";
    assert_int_equal(ota_write(&out, &r), ERR_INVALID);
    r = plain_reply();
    r.firmware_version = NULL;
    assert_int_equal(ota_write(&out, &r), ERR_INVALID);
    r = plain_reply();
    r.websocket_version = 0;
    assert_int_equal(ota_write(&out, &r), ERR_INVALID);
    r = plain_reply();
    r.websocket_url = "http://h/";
    assert_int_equal(ota_write(&out, &r), ERR_INVALID);
    r = plain_reply();
    r.websocket_token = big.data;
    assert_int_equal(ota_write(&out, &r), ERR_LIMIT);
    r = plain_reply();
    r.mqtt = &(struct ota_mqtt){ .endpoint = "h" };
    assert_int_equal(ota_write(&out, &r), ERR_INVALID);
    r = plain_reply();
    big.data[3500] = '\0';
    r.websocket_token = big.data;
    r.activation = &(struct ota_activation){ "1", big.data, NULL, 1 };
    assert_int_equal(ota_write(&out, &r), ERR_LIMIT);
    assert_int_equal(out.len, 0);
}

static void urls_are_checked_as_devices_parse_them(void **state)
{
    static const struct {
        const char *url;
        bool is_ok;
    } rows[] = {
        {"ws://h/", true},
        {"wss://h.example:8443/xiaozhi/v1/", true},
        {"ws://1.2.3.4:8000/a?b=c", true},
        {"ws://h", false},
        {"ws://h:0/", false},
        {"ws://h:port/", false},
        {"ws://h?x/", false},
        {"ws://h/a:b", false},
        {"ws://[::1]:80/", false},
        {"ws:///x", false},
        {"http://h/", false},
        {"ws:/h/", false},
        {"", false},
        {"ws://h:70000/", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (ota_url_ok(slice_of(rows[i].url)) != rows[i].is_ok)
            print_error("row %zu\n", i);
        assert_int_equal(ota_url_ok(slice_of(rows[i].url)), rows[i].is_ok);
    }
}

static void a_client_reads_the_answer(void **state)
{
    auto_buf struct buf out = { 0 }, big = { 0 };
    struct ota_reply r = plain_reply();
    struct ota_answer a;
    assert_ok(ota_write(&out, &r));
    assert_ok(ota_read_answer(&a, buf_slice(&out)));
    assert_true(a.has_websocket);
    assert_false(a.has_mqtt || a.has_activation);
    assert_string_equal(a.websocket_url, r.websocket_url);
    assert_string_equal(a.websocket_token, "t");
    assert_int_equal(a.websocket_version, 1);

    assert_int_equal(ota_read_answer(&a, SLICE("null")), ERR_PROTO);
    assert_int_equal(ota_read_answer(&a, SLICE("<html>")), ERR_PROTO);
    while (big.len <= OTA_REPLY_MAX_BYTES)
        buf_puts(&big, " ");
    assert_int_equal(ota_read_answer(&a, buf_slice(&big)), ERR_LIMIT);
}

static void a_client_request_is_read_by_the_server(void **state)
{
    auto_buf struct buf out = { 0 };
    struct ota_request r;
    ota_write_request(&out, &(struct ota_client){ "aa:bb", "u", "parley-talk", "2.4.2", "en-US" });
    ota_read(&r, buf_slice(&out));
    assert_true(r.is_json);
    assert_string_equal(r.board_type, "parley-talk");
    assert_string_equal(r.version, "2.4.2");
    assert_string_equal(r.mac, "aa:bb");
}

static void activation_proofs_are_read(void **state)
{
    struct ota_activate a;
    ota_activate_read(&a, SLICE("{}"));
    assert_false(a.has_proof || a.has_hmac);
    ota_activate_read(&a, SLICE("not json"));
    assert_false(a.has_proof);
    ota_activate_read(&a, SLICE("{\"algorithm\":\"md5\"}"));
    assert_true(a.has_proof);
    assert_false(a.is_algorithm_known);
    ota_activate_read(
        &a, SLICE("{\"algorithm\":\"hmac-sha256\",\"serial_number\":\"SN\",\"challenge\":\"c\",\"hmac\":"
                  "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"));
    assert_true(a.is_algorithm_known && a.has_hmac);
    assert_string_equal(a.serial, "SN");
    assert_string_equal(a.challenge, "c");
    assert_int_equal(a.hmac[1], 0x11);
    ota_activate_read(&a, SLICE("{\"algorithm\":\"hmac-sha256\",\"hmac\":\"0011\"}"));
    assert_false(a.has_hmac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read),
        cmocka_unit_test(broken_and_empty_bodies_give_defaults),
        cmocka_unit_test(long_fields_are_cut_at_a_character),
        cmocka_unit_test(user_agents_split),
        cmocka_unit_test(the_answer_holds_the_agreed_fields_only),
        cmocka_unit_test(activation_mqtt_and_force_appear_when_asked_for),
        cmocka_unit_test(what_would_hurt_a_device_is_refused),
        cmocka_unit_test(urls_are_checked_as_devices_parse_them),
        cmocka_unit_test(a_client_reads_the_answer),
        cmocka_unit_test(a_client_request_is_read_by_the_server),
        cmocka_unit_test(activation_proofs_are_read),
    };
    return cmocka_run_group_tests_name("ota", tests, NULL, NULL);
}
