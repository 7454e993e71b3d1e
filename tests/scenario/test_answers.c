/* SPDX-License-Identifier: MIT
 * test_answers.c -- a client that numbers its messages finds the number in every answer. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/mem.h"

#define CONTROL "\"type\":\"device.control\",\"targets\":[\"dev2\"],\"actions\":[{\"action\":\"volume.set\",\"value\":5}]"

static const char *const asked[] = {
    "\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"audio_params\":{\"format\":\"opus\"}",
    "\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"audio_params\":{\"format\":\"opus\"}",
    "\"type\":\"hello\",\"transport\":\"pigeon\"",
    "\"type\":\"ping\"",
    "\"type\":\"keepalive\"",
    "\"type\":\"nonsense\"",
    "\"other\":1",
    "\"type\":\"listen\",\"state\":\"sideways\"",
    "\"type\":\"mcp\"",
    "\"type\":\"iot\",\"text\":\"echo\"",
    "\"type\":\"config_update\",\"x\":1",
    "\"type\":\"server\",\"action\":\"restart\",\"content\":{\"secret\":\"wrong\"}",
    "\"type\":\"server\",\"action\":\"dance\",\"content\":{\"secret\":\"s3cret\"}",
    "\"type\":\"server\",\"action\":\"update_config\",\"content\":{\"secret\":\"s3cret\"}",
    "\"type\":\"server\"",
    "\"type\":\"mode\",\"state\":\"start\",\"mode\":\"party\"",
    "\"type\":\"mode\",\"state\":\"end\",\"mode\":\"coding\"",
    "\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[]",
    "\"type\":\"mode\",\"state\":\"start\",\"mode\":\"coding\"",
    "\"type\":\"coding\",\"event\":\"log\",\"level\":\"loud\",\"text\":\"x\"",
    "\"type\":\"coding\",\"event\":\"log\",\"level\":\"info\",\"text\":\"x\"",
    "\"type\":\"workflow\",\"event\":\"sing\"",
    "\"type\":\"peer\"",
    "\"type\":\"ui.render\"",
    CONTROL,
};

static void each_answer_carries_the_number_of_its_question(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "enable_greeting: false\nmanager-api: {secret: s3cret}\n" });
    struct client *c = world_client(&w, "dev1");
    for (size_t i = 0; i < COUNT(asked); i++) {
        auto_mem char *question = xprintf("{%s,\"reqId\":\"number-%zu\"}", asked[i], i);
        auto_mem char *number = xprintf("\"reqId\":\"number-%zu\"", i);
        client_forget(c);
        client_say(c, question);
        if (!client_gets(c, number))
            fail_msg("%s: %s", question, c->log.data ? c->log.data : "no answer");
    }
    world_end(&w);
}

/* 64 characters, not bytes; longer ones are no numbers. */
static void a_number_has_at_most_64_characters(void **state)
{
    auto_buf struct buf id = { 0 };
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 64; i++)
        buf_puts(&id, "号");
    for (unsigned more = 0; more < 2; more++) {
        auto_mem char *question = xprintf("{\"type\":\"ping\",\"reqId\":\"%s\"}", id.data);
        client_forget(c);
        client_say(c, question);
        assert_true(client_gets(c, "pong"));
        assert_int_equal(client_count(c, "reqId"), more ? 0 : 1);
        buf_puts(&id, "号");
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_carries_the_number_of_its_question),
        cmocka_unit_test(a_number_has_at_most_64_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
