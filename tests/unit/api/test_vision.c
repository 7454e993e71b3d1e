/* SPDX-License-Identifier: MIT
 * test_vision.c -- photo questions as a camera board asks them: chunked multipart, a token of its session,
 * a model that sees; and everything that may be wrong with it. */
#include "tests/support/test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "providers/registry.h"
#include "tests/support/api_world.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define BOUNDARY "----ESP32_CAMERA_BOUNDARY"
#define JPEG "\xff\xd8\xff\xe0 a tiny picture"
#define FORM_HEAD "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\nTransfer-Encoding: chunked\r\n"
#define QUESTION(text) "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"question\"\r\n\r\n" text "\r\n"
#define PICTURE_HEAD "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"camera.jpg\"\r\n" \
                     "Content-Type: image/jpeg\r\n\r\n"
#define FORM_END "\r\n--" BOUNDARY "--\r\n"
#define SEES "selected_module: {VLLM: eyes}\nVLLM: {eyes: {type: fake}}\n"

static struct api_world w;
static struct registry *registry;
static struct provider_env provider;

static const struct provider_env *env_of(void *user, struct loop *l)
{
    return &provider;
}

static void start(const char *yaml)
{
    fakes_reset();
    api_world_open(&w, yaml);
    assert_ok(registry_create(&registry));
    registry_add_llm(registry, &fake_llm);
    provider = (struct provider_env){ .loop = w.base.loop, .registry = registry };
    w.env.registry = registry;
    w.env.provider_env = env_of;
    api_world_serve(&w);
    struct presence_entry e = { .device = "d1", .session = "live-session" };
    presence_add(w.presence, &e, NULL, NULL);
}

static int tear_down(void **state)
{
    for (int i = 0; i < 20; i++)
        loop_step(w.base.loop, 1);
    registry_free(registry);
    api_world_close(&w);
    assert_int_equal(fakes_live(), 0);
    return 0;
}

static char *token_for(const char *device, const char *session)
{
    struct buf token = { 0 };
    api_vision_token(w.api, device, session, &token);
    return buf_take(&token);
}

/* The body goes out in chunks of `step` bytes. */
static int post(struct reply *r, const char *token, const char *device, struct slice body, size_t step)
{
    auto_buf struct buf head = { 0 };
    buf_printf(&head, "Device-Id: %s\r\nClient-Id: c1\r\n" FORM_HEAD, device);
    if (token)
        buf_printf(&head, "Authorization: Bearer %s\r\n", token);
    buf_puts(&head, "\r\n");
    for (size_t at = 0; at < body.len; at += step) {
        struct slice piece = slice_sub(body, at, step);
        buf_printf(&head, "%zx\r\n", piece.len);
        buf_put(&head, piece);
        buf_puts(&head, "\r\n");
    }
    buf_puts(&head, "0\r\n"); /* the empty line is added */
    api_ask(&w, API_DEVICE, r, "POST /xiaozhi/vision/explain", head.data, NULL);
    return r->status;
}

static const char good[] = QUESTION("what is this") PICTURE_HEAD JPEG FORM_END;

/* --- good ---- */

static void a_picture_is_looked_at_whatever_the_pieces(void **state)
{
    static const size_t steps[] = { 1, 7, 64, 4096 };
    start(SEES);
    auto_mem char *token = token_for("d1", "live-session");
    fake_llm_script("eyes")->replies[0].text = "A \"red\" cup.";
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct reply r;
        assert_int_equal(post(&r, token, "D1", slice_of(good), steps[i]), 200);
        assert_true(json_get_bool(r.json, "success", false));
        assert_slice_is(json_get_text(r.json, "action"), "RESPONSE");
        assert_slice_is(json_get_text(r.json, "response"), "A \"red\" cup.");
        assert_slice_is(reply_header(&r, "access-control-allow-origin"), "*");
        reply_done(&r);
    }
    char asked[512];
    fakes_asked(asked, sizeof asked);
    assert_non_null(strstr(asked, "what is this"));
}

static void a_long_answer_is_cut_below_what_a_device_can_take(void **state)
{
    char text[9000];
    struct reply r;
    start(SEES);
    auto_mem char *token = token_for("d1", "live-session");
    for (size_t i = 0; i + 4 < sizeof text; i += 4)
        memcpy(text + i, i % 8 ? "\"\"\"\n" : "猫\"", 5);
    fake_llm_script("eyes")->replies[0].text = text;
    assert_int_equal(post(&r, token, "d1", slice_of(good), 4096), 200);
    assert_true(r.body.len < 6000);
    assert_true(json_get_text(r.json, "response").len > 1000);
    reply_done(&r);
}

/* --- who may ---- */

static void a_token_serves_its_device_and_session_only(void **state)
{
    start(SEES);
    auto_mem char *fine = token_for("d1", "live-session"), *other = token_for("d2", "live-session"),
                  *gone = token_for("d1", "old-session"), *forged = xprintf("%sx", fine),
                  *longer = xstrdup(fine);
    char *expiry = strchr(longer, '.') + 1;
    expiry[0] = '9'; /* a later end than was signed */
    const struct {
        const char *token, *device;
        int status;
    } rows[] = {
        { fine, "d1", 200 },   { fine, "d2", 401 },   { other, "d1", 401 },   { gone, "d1", 401 },
        { forged, "d1", 401 }, { longer, "d1", 401 }, { NULL, "d1", 401 },    { "x", "d1", 401 },
        { "..", "d1", 401 },   { "a.1.", "d1", 401 }, { fine, "a b", 401 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        int status = post(&r, rows[i].token, rows[i].device, slice_of(good), 4096);
        if (status != rows[i].status)
            fail_msg("row %zu: %d", i, status);
        assert_true(json_get_bool(r.json, "success", false) == (status == 200));
        reply_done(&r);
    }
}

/* --- what may be wrong with it: 200 with a sentence, or the device shows nothing of it ---- */

static void forms_that_are_no_picture_get_a_sentence(void **state)
{
    static const struct {
        const char *body, *why;
    } rows[] = {
        { QUESTION("q") PICTURE_HEAD "<html>not a picture</html>" FORM_END, "no picture" },
        { QUESTION("q") PICTURE_HEAD JPEG, "whole picture" },
        { QUESTION("q") "--" BOUNDARY "--\r\n", "whole picture" },
        { PICTURE_HEAD "BM" FORM_END, "whole picture" },
        { "nothing of the kind", "whole picture" },
        { QUESTION("\xff\xfe") PICTURE_HEAD JPEG FORM_END, "UTF-8" },
        { PICTURE_HEAD JPEG "\r\n" PICTURE_HEAD JPEG FORM_END, "one picture" },
    };
    start(SEES);
    auto_mem char *token = token_for("d1", "live-session");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        assert_int_equal(post(&r, token, "d1", slice_of(rows[i].body), 4096), 200);
        assert_false(json_get_bool(r.json, "success", true));
        if (!slice_contains(json_get_text(r.json, "message"), slice_of(rows[i].why)))
            fail_msg("row %zu: " SLICE_FMT, i, SLICE_ARG(r.body));
        reply_done(&r);
    }
    assert_int_equal(fake_llm_script("eyes")->seen.opens, 0);
}

static void an_upload_over_its_limit_is_stopped_while_it_is_read(void **state)
{
    struct reply r;
    start(SEES);
    auto_mem char *token = token_for("d1", "live-session");
    auto_buf struct buf body = { 0 };
    buf_puts(&body, PICTURE_HEAD JPEG);
    for (size_t i = 0; i < (6u << 20); i += 64)
        buf_puts(&body, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    assert_int_equal(post(&r, token, "d1", buf_slice(&body), 60000), 200);
    assert_true(slice_contains(json_get_text(r.json, "message"), SLICE("5 MB")));
    reply_done(&r);
}

static void a_model_that_fails_or_is_missing_is_told(void **state)
{
    struct reply r;
    start(SEES);
    auto_mem char *token = token_for("d1", "live-session");
    fake_llm_script("eyes")->plan.error = ERR_UPSTREAM;
    assert_int_equal(post(&r, token, "d1", slice_of(good), 4096), 200);
    assert_slice_is(json_get_text(r.json, "message"), "the vision model failed");
    reply_done(&r);
    fake_llm_script("eyes")->plan.open_error = ERR_CONNECT;
    assert_int_equal(post(&r, token, "d1", slice_of(good), 4096), 200);
    assert_false(json_get_bool(r.json, "success", true));
    reply_done(&r);
    tear_down(state);

    start("");
    auto_mem char *idle = token_for("d1", "live-session");
    assert_int_equal(post(&r, idle, "d1", slice_of(good), 4096), 200);
    assert_slice_is(json_get_text(r.json, "message"), "no vision model is configured");
    reply_done(&r);
    api_ask(&w, API_DEVICE, &r, "GET /xiaozhi/vision/explain", NULL, NULL);
    assert_slice_is(r.body, "No vision model is configured\n");
    reply_done(&r);
}

static void a_camera_that_leaves_meanwhile_harms_nobody(void **state)
{
    start(SEES);
    auto_mem char *token = token_for("d1", "live-session");
    auto_buf struct buf head = { 0 };
    fake_llm_script("eyes")->plan.hangs = true;
    buf_printf(&head,
               "Device-Id: d1\r\nAuthorization: Bearer %s\r\n"
               "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\n",
               token);
    for (int steps = 0; steps < 12; steps += 3)
        api_ask_and_leave(&w, "POST /mcp/vision/explain", head.data, good, steps);
    for (int i = 0; i < 10; i++)
        loop_step(w.base.loop, 1);
    assert_int_equal(fakes_live(), 0);
}

#define SERVED(test) cmocka_unit_test_teardown(test, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_picture_is_looked_at_whatever_the_pieces),
        SERVED(a_long_answer_is_cut_below_what_a_device_can_take),
        SERVED(a_token_serves_its_device_and_session_only), SERVED(forms_that_are_no_picture_get_a_sentence),
        SERVED(an_upload_over_its_limit_is_stopped_while_it_is_read),
        SERVED(a_model_that_fails_or_is_missing_is_told), SERVED(a_camera_that_leaves_meanwhile_harms_nobody),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
