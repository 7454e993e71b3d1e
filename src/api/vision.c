/* SPDX-License-Identifier: MIT
 * vision.c -- a picture and a question: multipart read as a stream, the picture judged by its first bytes,
 * the model that sees asked, its words back in a form the device reads whole (under 6 KB, status 200).
 *
 *   MCP initialize: url + token(device, session, expiry) -> camera -> POST -> model -> {"response":...}
 *
 * Runs on the loop of the request; the model is asked over the network, so nobody else waits. */

#include "api/private.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "devices/identity.h"
#include "devices/presence.h"
#include "http/multipart.h"
#include "protocol/token.h"
#include "providers/vision.h"

#define LOG_TOPIC "api"
#include "base/log.h"

#define PICTURE_MAX_BYTES (5u << 20)
#define UPLOAD_MAX_BYTES (PICTURE_MAX_BYTES + 65536u) /* with delimiters and the question */
#define QUESTION_MAX_BYTES 4096
#define ANSWER_MAX_BYTES 3500    /* of text; the device cannot take a body of 6 KB */
#define BODY_MAX_REPLY_BYTES 5900
#define MAGIC_BYTES 12
#define TOKEN_LIFE_S 3600
#define DEFAULT_QUESTION "What do you see in this picture?"

enum part { PART_OTHER, PART_QUESTION, PART_PICTURE };

struct looking {
    struct multipart *form;
    enum part part;
    struct buf question, picture, answer;
    const char *type;            /* of the picture; NULL: not known yet */
    const char *why;             /* it goes no further; a sentence */
    struct llm_use model;
    char device[ID_TEXT];
};

static void looking_free(void *state)
{
    struct looking *v = state;
    if (v->model.llm)
        v->model.cls->close(v->model.llm);
    multipart_free(v->form);
    buf_done(&v->question);
    buf_done(&v->picture);
    buf_done(&v->answer);
    mem_free(v);
}

/* --- token ---- */

static void sign(const struct api *a, const char *device, struct slice session, int64_t expires_s, struct buf *out)
{
    auto_buf struct buf key = { 0 }, text = { 0 };
    uint8_t mac[32];
    auth_vision_key(a->env.auth, &key);
    buf_printf(&text, "%s|" SLICE_FMT "|%lld", device, SLICE_ARG(session), (long long)expires_s);
    hmac_sha256(buf_slice(&key), buf_slice(&text), mac);
    base64url_put(out, slice_from(mac, sizeof mac));
}

void api_vision_token(const struct api *a, const char *device, const char *session, struct buf *out)
{
    int64_t expires_s = clock_wall_ms() / 1000 + TOKEN_LIFE_S;
    sign(a, device, slice_of(session), expires_s, out);
    buf_printf(out, ".%lld.%s", (long long)expires_s, session);
}

/* Ours, for this device, of its present session, not too old. */
static bool token_ok(struct api_call *c, struct slice token, const char *device)
{
    struct presence_entry online;
    int64_t expires_s;
    struct slice session = token, signature = slice_cut(&session, '.'), expiry = slice_cut(&session, '.');
    if (!slice_to_i64(expiry, &expires_s) || session.len == 0 || session.len >= sizeof online.session)
        return false;
    auto_buf struct buf want = { 0 };
    sign(c->api, device, session, expires_s, &want);
    if (!same_secret(signature, buf_slice(&want)) || expires_s < clock_wall_ms() / 1000)
        return false;
    return c->api->env.presence && presence_get(c->api->env.presence, device, &online) &&
           slice_is(session, online.session);
}

bool api_vision_url(const struct api *a, struct http_req *r, struct buf *out)
{
    struct config *cfg = config_now(a->env.config);
    bool is_there = a->env.registry && vision_is_there(a->env.registry, cfg);
    if (is_there && cfg->server_vision_explain && cfg->server_vision_explain[0]) {
        buf_puts(out, cfg->server_vision_explain);
    } else if (is_there) {
        url_base(out, r, cfg, false, a->env.device_port);
        buf_puts(out, a->prefix_count ? a->prefixes[0] : "/mcp");
        buf_puts(out, "/vision/explain");
    }
    config_unref(cfg);
    return is_there;
}

/* --- answers: 200, whatever happened, or the device shows nothing of it (401 apart) ---- */

static void refuse(struct api_call *c, int status, const char *why)
{
    auto_buf struct buf body = { 0 };
    struct jw w;
    LOGW(NULL, "vision.refused", "status=%d why=\"%s\" peer=%s", status, why, c->peer.text);
    jw_init(&w, &body);
    jw_object(&w);
    jw_bool(&w, "success", false);
    jw_cstr(&w, "message", why);
    jw_end(&w);
    call_reply(c, status, "application/json", buf_slice(&body));
}

static void write_answer(struct buf *body, struct slice text)
{
    struct jw w;
    buf_clear(body);
    jw_init(&w, body);
    jw_object(&w);
    jw_bool(&w, "success", true);
    jw_cstr(&w, "action", "RESPONSE");
    jw_str(&w, "response", text);
    jw_end(&w);
}

static void answer(struct api_call *c)
{
    struct looking *v = c->state;
    auto_buf struct buf body = { 0 };
    struct slice text = slice_trim(buf_slice(&v->answer));
    size_t max = ANSWER_MAX_BYTES;
    do { /* quotes and line ends grow when they are written */
        text.len = utf8_cut(text, max);
        write_answer(&body, text);
        max = max * 3 / 4;
    } while (body.len > BODY_MAX_REPLY_BYTES);
    LOGI(NULL, "vision", "dev=%s picture_bytes=%zu answer_bytes=%zu", v->device, v->picture.len, text.len);
    call_reply(c, 200, "application/json", buf_slice(&body));
}

/* --- the model ---- */

static void on_delta(void *user, struct slice text)
{
    struct looking *v = ((struct api_call *)user)->state;
    if (v->answer.len < ANSWER_MAX_BYTES)
        buf_put(&v->answer, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
}

static void on_model_end(void *user, const struct err_note *why)
{
    struct api_call *c = user;
    struct looking *v = c->state;
    if (why && why->err)
        LOGW(NULL, "vision.model", "dev=%s err=%s why=\"%s\"", v->device, err_name(why->err), why->text);
    if (slice_trim(buf_slice(&v->answer)).len)
        answer(c); /* also when it broke off: something is better than nothing */
    else
        refuse(c, 200, why && why->err == ERR_TIMEOUT ? "the vision model took too long" : "the vision model failed");
}

static void too_late(void *arg)
{
    struct api_call *c = arg;
    struct looking *v = c->state;
    if (slice_trim(buf_slice(&v->answer)).len)
        answer(c);
    else
        refuse(c, 200, "the vision model took too long");
}

static void ask_model(struct api_call *c)
{
    static const struct llm_events events = { .on_delta = on_delta, .on_tool_call = on_tool_call,
                                              .on_end = on_model_end };
    struct looking *v = c->state;
    const struct api_env *env = &c->api->env;
    auto_buf struct buf url = { 0 };
    buf_printf(&url, "data:%s;base64,", v->type);
    base64_put(&url, buf_slice(&v->picture));
    struct slice question = slice_trim(buf_slice(&v->question));
    const struct llm_message messages[] = {
        { .role = LLM_SYSTEM,
          .text = SLICE("You answer a question about a photo. The answer is spoken aloud: a few plain sentences, "
                        "in the language of the question, no lists and no markup.") },
        { .role = LLM_USER, .text = question.len ? question : SLICE(DEFAULT_QUESTION), .image_url = buf_slice(&url) },
    };
    struct llm_request rq = { .messages = messages, .message_count = COUNT(messages), .purpose = "vision" };
    struct use_opts use = { .env = env->provider_env(env->user, c->loop), .config = c->cfg,
                            .language = c->cfg->server_language };
    enum err e = vision_open(&v->model, env->registry, &use, &rq, &events, c);
    if (e)
        refuse(c, 200, "the vision model cannot be asked");
    else
        timer_start(&c->timer, c->loop, VISION_MS, too_late, c);
}

/* --- the upload ---- */

/* NULL: no picture we know. */
static const char *picture_type(struct slice s)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *type;
    } rows[] = {
        { "\xff\xd8\xff", 3, "image/jpeg" }, { "\x89PNG\r\n\x1a\n", 8, "image/png" }, { "GIF87a", 6, "image/gif" },
        { "GIF89a", 6, "image/gif" },        { "BM", 2, "image/bmp" },                { "II*\0", 4, "image/tiff" },
        { "MM\0*", 4, "image/tiff" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (slice_starts(s, slice_from(rows[i].bytes, rows[i].len)))
            return rows[i].type;
    bool is_webp = slice_starts(s, SLICE("RIFF")) && slice_is(slice_sub(s, 8, 4), "WEBP");
    return is_webp ? "image/webp" : NULL;
}

static void on_form_part(void *user, struct slice name, struct slice filename, struct slice type)
{
    struct looking *v = user;
    v->part = slice_is(name, "question") ? PART_QUESTION : slice_is(name, "file") ? PART_PICTURE : PART_OTHER;
    if (v->part == PART_PICTURE && v->picture.len)
        v->why = "one picture at a time";
}

static void on_form_data(void *user, struct slice data)
{
    struct looking *v = user;
    if (v->why || v->part == PART_OTHER)
        return;
    struct buf *into = v->part == PART_QUESTION ? &v->question : &v->picture;
    size_t max = v->part == PART_QUESTION ? QUESTION_MAX_BYTES : PICTURE_MAX_BYTES;
    if (into->len + data.len > max) {
        v->why = v->part == PART_QUESTION ? "the question is too long" : "the picture is over 5 MB";
        return;
    }
    buf_put(into, data);
    if (v->type || v->picture.len < MAGIC_BYTES)
        return;
    v->type = picture_type(buf_slice(&v->picture));
    if (!v->type)
        v->why = "this is no picture (JPEG, PNG, GIF, BMP, TIFF or WEBP)";
}

static void on_form_end(void *user)
{
    ((struct looking *)user)->part = PART_OTHER;
}

static bool on_upload(void *user, struct http_req *r, struct slice bytes, bool is_done)
{
    struct api_call *c = user;
    struct looking *v = c->state;
    if (bytes.len && multipart_feed(v->form, bytes) != OK && !v->why)
        v->why = "the form is broken";
    if (is_done && !v->why && (!multipart_complete(v->form) || !v->type))
        v->why = "the form has no whole picture";
    if (is_done && !v->why && !utf8_valid(buf_slice(&v->question)))
        v->why = "the question is no UTF-8";
    if (v->why)
        refuse(c, 200, v->why);
    else if (is_done)
        ask_model(c);
    else
        return true;
    return false;
}

void serve_vision(struct api_call *c)
{
    static const struct multipart_events events = { .on_part = on_form_part, .on_data = on_form_data,
                                                    .on_part_end = on_form_end };
    const struct api_env *env = &c->api->env;
    struct looking *v = xnew(struct looking);
    struct slice header, token, device, type;
    c->state = v;
    c->state_free = looking_free;
    bool is_known = http_header(c->r, "authorization", &header) && token_bearer(header, &token) &&
                    http_header(c->r, "device-id", &device) && id_normalise(device, v->device) &&
                    token_ok(c, token, v->device);
    if (!is_known)
        refuse(c, 401, err_text(ERR_AUTH));
    else if (!env->registry || !env->provider_env || !vision_is_there(env->registry, c->cfg))
        refuse(c, 200, "no vision model is configured");
    else if (!http_header(c->r, "content-type", &type) || multipart_create(&v->form, type, &events, v))
        refuse(c, 200, "this is no multipart form");
    else
        http_stream_body(c->r, UPLOAD_MAX_BYTES, on_upload, c);
}

void serve_vision_text(struct api_call *c)
{
    bool is_there = c->api->env.registry && vision_is_there(c->api->env.registry, c->cfg);
    call_reply_text(c, 200, is_there ? "The vision endpoint works\n" : "No vision model is configured\n");
}
