/* SPDX-License-Identifier: MIT
 * crypto.c -- OpenSSL for digests; hex and base64 by hand, strict. */
#include "base/crypto.h"

#include <stdlib.h>

#include "base/openssl.h"

static const void *bytes_of(struct slice s)
{
    return s.data ? s.data : "";
}

static void digest(const EVP_MD *md, struct slice data, uint8_t *out)
{
    if (!EVP_Digest(bytes_of(data), data.len, out, NULL, md, NULL))
        abort(); /* a digest that OpenSSL always has */
}

void sha1(struct slice data, uint8_t out[20])
{
    digest(EVP_sha1(), data, out);
}

void sha256(struct slice data, uint8_t out[32])
{
    digest(EVP_sha256(), data, out);
}

void hmac_sha256(struct slice key, struct slice data, uint8_t out[32])
{
    if (!HMAC(EVP_sha256(), bytes_of(key), (int)key.len, bytes_of(data), data.len, out, NULL))
        abort();
}

void hex_encode(const void *data, size_t bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = data;
    for (size_t i = 0; i < bytes; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * bytes] = 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct slice hex, void *out, size_t bytes)
{
    if (hex.len != bytes * 2)
        return false;
    for (size_t i = 0; i < hex.len; i++)
        if (hex_value(hex.data[i]) < 0)
            return false;
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)out)[i] = (uint8_t)(hex_value(hex.data[2 * i]) << 4 | hex_value(hex.data[2 * i + 1]));
    return true;
}

static void encode(struct buf *out, struct slice data, const char *alphabet, bool padding)
{
    for (size_t at = 0; at < data.len; at += 3) {
        size_t bytes = MIN(data.len - at, (size_t)3);
        uint32_t word = 0;
        for (size_t i = 0; i < 3; i++)
            word = word << 8 | (i < bytes ? (uint8_t)data.data[at + i] : 0);
        char four[4] = { alphabet[word >> 18 & 63], alphabet[word >> 12 & 63], alphabet[word >> 6 & 63],
                         alphabet[word & 63] };
        size_t chars = bytes + 1;
        if (padding)
            for (; chars < 4; chars++)
                four[chars] = '=';
        buf_put(out, slice_from(four, chars));
    }
}

void base64_put(struct buf *out, struct slice data)
{
    encode(out, data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

void base64url_put(struct buf *out, struct slice data)
{
    encode(out, data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Padding must complete a group of four; bits beyond the last byte must be zero. */
bool base64_get(struct buf *out, struct slice text)
{
    size_t padded = text.len;
    while (text.len && padded - text.len < 2 && text.data[text.len - 1] == '=')
        text.len--;
    if (text.len % 4 == 1 || (padded != text.len && padded % 4 != 0))
        return false;
    char *to = buf_reserve(out, text.len / 4 * 3 + 3);
    if (!to)
        return false;
    uint32_t word = 0;
    unsigned bits = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return false;
        word = word << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[bytes++] = (char)(word >> bits);
        }
    }
    if (word & ((1u << bits) - 1))
        return false;
    out->len += bytes;
    out->data[out->len] = 0;
    return true;
}

/* Compares digests, so that not even the lengths are told by time. */
bool same_secret(struct slice a, struct slice b)
{
    uint8_t digest_a[32], digest_b[32];
    sha256(a, digest_a);
    sha256(b, digest_b);
    return CRYPTO_memcmp(digest_a, digest_b, sizeof(digest_a)) == 0;
}
