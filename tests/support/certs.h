/* SPDX-License-Identifier: MIT
 * certs.h -- self-signed certificates (ECDSA P-256) made on the spot, for localhost and 127.0.0.1. */
#ifndef PARLEY_TESTS_SUPPORT_CERTS_H
#define PARLEY_TESTS_SUPPORT_CERTS_H

#include "base/base.h"
#include "base/openssl.h"

#include <stdio.h>

static inline void cert_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert(e);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* Writes PEM files; serial tells certificates apart. */
static inline void cert_make(const char *cert_path, const char *key_path, long serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    assert(key && cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600 * 24);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                               -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    cert_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    cert_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_sign(cert, key, EVP_sha256());
    FILE *f = fopen(cert_path, "w");
    assert(f);
    PEM_write_X509(f, cert);
    fclose(f);
    f = fopen(key_path, "w");
    assert(f);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

#endif
