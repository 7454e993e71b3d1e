/* SPDX-License-Identifier: MIT
 * jwt_make.c -- see jwt_make.h. */
#include "tests/support/jwt_make.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/openssl.h"

static void content(struct buf *out, const char *header, const char *claims)
{
    base64url_put(out, slice_of(header));
    buf_put_byte(out, '.');
    base64url_put(out, slice_of(claims));
}

void jwt_make_hs256(struct buf *out, const char *header, const char *claims, const char *secret)
{
    uint8_t mac[32];
    content(out, header, claims);
    hmac_sha256(slice_of(secret), buf_slice(out), mac);
    buf_put_byte(out, '.');
    base64url_put(out, slice_from(mac, sizeof mac));
}

void jwt_make_rs256(struct buf *out, const char *header, const char *claims, char **pem)
{
    static EVP_PKEY *key;
    if (!key)
        key = EVP_RSA_gen(2048);
    content(out, header, claims);
    unsigned char signature[512];
    size_t bytes = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(ctx, signature, &bytes, (const unsigned char *)out->data, out->len);
    EVP_MD_CTX_free(ctx);
    buf_put_byte(out, '.');
    base64url_put(out, slice_from(signature, bytes));
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    *pem = xslicedup(slice_from(text, (size_t)n));
    BIO_free(bio);
}
