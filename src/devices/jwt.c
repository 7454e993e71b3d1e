/* SPDX-License-Identifier: MIT
 * jwt.c -- see jwt.h. The algorithm must be allowed and its own key configured, so that a public key is
 * never taken for an HMAC secret. */
#include "devices/jwt.h"

#include "base/openssl.h"

#include "base/crypto.h"
#include "base/json.h"

#define PART_MAX_BYTES 8192

static enum err part_json(struct slice part, struct json **out)
{
    auto_buf struct buf text = { .max = PART_MAX_BYTES };
    if (part.len == 0 || part.len > PART_MAX_BYTES || !base64_get(&text, part))
        return ERR_PROTO;
    struct json *v = NULL;
    enum err e = json_parse(&v, buf_slice(&text), NULL);
    if (!e && !json_is(v, JSON_OBJECT)) {
        json_free(v);
        e = ERR_PROTO;
    }
    if (!e)
        *out = v;
    return e ? ERR_PROTO : OK;
}

static bool hs256_ok(struct slice content, struct slice signature, struct slice secret)
{
    uint8_t mac[32];
    hmac_sha256(secret, content, mac);
    return same_secret(slice_from(mac, sizeof mac), signature);
}

static bool rs256_ok(struct slice content, struct slice signature, struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_PKEY_base_id(key) == EVP_PKEY_RSA &&
              EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, (const unsigned char *)signature.data, signature.len,
                               (const unsigned char *)content.data, content.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static bool signature_ok(const struct json *header, struct slice content, struct slice signature,
                         const struct jwt_rules *r)
{
    struct slice alg = json_get_text(header, "alg");
    auto_buf struct buf sig = { .max = PART_MAX_BYTES };
    if (signature.len == 0 || signature.len > PART_MAX_BYTES || !base64_get(&sig, signature) || sig.len == 0)
        return false;
    if (json_get(header, "crit"))
        return false;
    if (slice_is(alg, "HS256"))
        return r->has_hs256 && r->secret.len && hs256_ok(content, buf_slice(&sig), r->secret);
    if (slice_is(alg, "RS256"))
        return r->has_rs256 && r->public_key.len && rs256_ok(content, buf_slice(&sig), r->public_key);
    return false;
}

static bool audience_ok(const struct json *aud, struct slice want)
{
    if (want.len == 0)
        return true;
    for (size_t i = 0; json_is(aud, JSON_ARRAY) && i < json_len(aud); i++)
        if (slice_eq(json_text(json_at(aud, i)), want))
            return true;
    return slice_eq(json_text(aud), want);
}

static bool times_ok(const struct json *claims, int64_t now_s)
{
    int64_t exp = json_get_i64(claims, "exp", 0), nbf = json_get_i64(claims, "nbf", 0);
    if (json_get(claims, "exp") && now_s > exp && now_s - exp > JWT_SKEW_S)
        return false;
    return !json_get(claims, "nbf") || nbf <= now_s || nbf - now_s <= JWT_SKEW_S;
}

static void copy(char out[JWT_TEXT_BYTES], struct slice s)
{
    size_t n = MIN(s.len, (size_t)JWT_TEXT_BYTES - 1);
    if (n)
        memcpy(out, s.data, n);
    out[n] = '\0';
}

enum err jwt_check(struct slice token, const struct jwt_rules *rules, struct jwt_claims *out)
{
    struct slice rest = token;
    struct slice head = slice_cut(&rest, '.'), body = slice_cut(&rest, '.');
    if (!rest.data || memchr(rest.data, '.', rest.len))
        return ERR_PROTO;
    struct slice content = slice_from(token.data, head.len + 1 + body.len);
    auto_json struct json *header = NULL;
    auto_json struct json *claims = NULL;
    if (part_json(head, &header) || part_json(body, &claims))
        return ERR_PROTO;
    if (!signature_ok(header, content, rest, rules))
        return ERR_AUTH;
    struct slice sub = json_get_text(claims, "sub");
    bool ok = times_ok(claims, rules->now_s) && audience_ok(json_get(claims, "aud"), rules->audience) &&
              (rules->issuer.len == 0 || slice_eq(json_get_text(claims, "iss"), rules->issuer)) && sub.len > 0 &&
              sub.len < JWT_TEXT_BYTES && slice_starts(sub, rules->sub_prefix);
    if (!ok)
        return ERR_AUTH;
    copy(out->sub, sub);
    copy(out->device, json_get_text(claims, "device_id"));
    return OK;
}
