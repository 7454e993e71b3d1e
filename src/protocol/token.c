/* SPDX-License-Identifier: MIT
 * token.c -- minting and checking of tokens. */
#include "protocol/token.h"

#include "base/crypto.h"

enum { TOKEN_MAX_BYTES = 256, SECONDS_DIGITS_MAX = 19 };

static void put_signature(struct buf *out, struct slice secret, const struct token_subject *who, struct slice seconds)
{
    auto_buf struct buf content = { 0 };
    buf_put(&content, who->client);
    buf_put_byte(&content, '|');
    buf_put(&content, who->device);
    buf_put_byte(&content, '|');
    buf_put(&content, seconds);

    uint8_t mac[32];
    hmac_sha256(secret, buf_slice(&content), mac);
    base64url_put(out, slice_from(mac, sizeof(mac)));
}

void token_mint(struct buf *out, struct slice secret, const struct token_subject *who, int64_t now_s)
{
    auto_buf struct buf seconds = { 0 };
    buf_printf(&seconds, "%lld", (long long)now_s);
    put_signature(out, secret, who, buf_slice(&seconds));
    buf_put_byte(out, '.');
    buf_put(out, buf_slice(&seconds));
}

static bool is_digits(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return s.len > 0 && s.len <= SECONDS_DIGITS_MAX;
}

enum token_verdict token_verify(struct slice token, struct slice secret, const struct token_subject *who,
                                const struct token_clock *clock, int64_t *age_s)
{
    if (token.len > TOKEN_MAX_BYTES || secret.len == 0)
        return TOKEN_BAD;
    struct slice seconds = token;
    struct slice signature = slice_cut(&seconds, '.');
    int64_t ts;
    if (!is_digits(seconds) || !slice_to_i64(seconds, &ts))
        return TOKEN_BAD;

    auto_buf struct buf wanted = { 0 };
    put_signature(&wanted, secret, who, seconds);
    if (!same_secret(buf_slice(&wanted), signature))
        return TOKEN_BAD;
    if (ts > clock->now_s && ts - clock->now_s > TOKEN_FUTURE_MAX_S)
        return TOKEN_BAD;
    int64_t age = clock->now_s - ts;
    if (age_s)
        *age_s = age;
    return age > clock->expire_s ? TOKEN_OLD : TOKEN_GOOD;
}

bool token_bearer(struct slice header, struct slice *token)
{
    struct slice s = slice_trim(header);
    if (s.len < 7 || !slice_eq_nocase(slice_sub(s, 0, 7), SLICE("bearer ")))
        return false;
    *token = slice_trim(slice_sub(s, 7, s.len - 7));
    return token->len > 0;
}

void mqtt_password(struct buf *out, struct slice key, struct slice client_id, struct slice username)
{
    auto_buf struct buf content = { 0 };
    buf_put(&content, client_id);
    buf_put_byte(&content, '|');
    buf_put(&content, username);

    uint8_t mac[32];
    hmac_sha256(key, buf_slice(&content), mac);
    base64_put(out, slice_from(mac, sizeof(mac)));
}
