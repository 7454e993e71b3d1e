/* SPDX-License-Identifier: MIT
 * tls.c -- TLS contexts, and the streams made of them.
 *
 * A stream talks to a BIO of our own that reads straight out of the bytes that just came and writes
 * into a buffer that conn.c sends and drops. So an idle TLS connection holds OpenSSL's state and no
 * record buffers (SSL_MODE_RELEASE_BUFFERS). A reload builds a whole new SSL_CTX and swaps it under a
 * lock; the ticket keys move over, so that devices still resume. */
#include "net/tls.h"

#include "base/mem.h"
#include "base/openssl.h"
#include "net/tls_stream.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define TICKET_KEYS_MAX 256 /* bytes; OpenSSL 3 uses 80 */

struct tls_context {
    pthread_mutex_t lock;
    SSL_CTX *ctx; /* under lock; each stream holds a reference of its own */
    BIO_METHOD *bio;
    const char *bundle; /* not read yet; under lock. The system's is 1.7 MB when it lies in memory */
    bool is_server, is_verified;
};

struct tls_stream {
    SSL *ssl;
    struct slice in;  /* not yet eaten; points into the read buffer or into `kept` */
    struct buf kept;
    struct buf out;
};

/* ---- the BIO ---- */

static int bio_read(BIO *b, char *to, int cap)
{
    struct tls_stream *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (t->in.len == 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    size_t take = MIN(t->in.len, (size_t)cap);
    memcpy(to, t->in.data, take);
    t->in = slice_sub(t->in, take, t->in.len);
    return (int)take;
}

static int bio_write(BIO *b, const char *from, int len)
{
    struct tls_stream *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    return buf_put(&t->out, slice_from(from, (size_t)len)) == OK ? len : -1;
}

static long bio_ctrl(BIO *b, int command, long number, void *pointer)
{
    (void)b, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parley");
    if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) && BIO_meth_set_ctrl(m, bio_ctrl))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* ---- contexts ---- */

static int no_password(char *to, int cap, int is_writing, void *user)
{
    (void)to, (void)cap, (void)is_writing, (void)user;
    return 0; /* never asks on a terminal */
}

static enum err refuse(struct err_note *note, enum err e, const char *what, const char *path)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (note) {
        note->err = e;
        snprintf(note->text, sizeof(note->text), "%s %s: %s", what, path, reason ? reason : err_text(e));
    }
    ERR_clear_error();
    return e;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    return ctx;
}

static enum err server_ctx(SSL_CTX **out, const char *cert_path, const char *key_path, struct err_note *note)
{
    SSL_CTX *ctx = new_ctx(TLS_server_method());
    enum err e = ctx ? OK : ERR_NO_MEMORY;
    if (e == OK && SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
        e = refuse(note, ERR_INVALID, "certificate", cert_path);
    if (e == OK && SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1)
        e = refuse(note, ERR_INVALID, "key", key_path);
    if (e == OK && SSL_CTX_check_private_key(ctx) != 1)
        e = refuse(note, ERR_INVALID, "the key does not belong to the certificate", key_path);
    if (e) {
        SSL_CTX_free(ctx);
        return e;
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"parley", 6);
    SSL_CTX_set_num_tickets(ctx, 1);
    *out = ctx;
    return OK;
}

static enum err context_create(struct tls_context **out, SSL_CTX *ctx, bool is_server, bool is_verified)
{
    BIO_METHOD *bio = bio_method();
    if (!bio) {
        SSL_CTX_free(ctx);
        return ERR_NO_MEMORY;
    }
    struct tls_context *t = xnew(struct tls_context);
    pthread_mutex_init(&t->lock, NULL);
    t->ctx = ctx;
    t->bio = bio;
    t->is_server = is_server;
    t->is_verified = is_verified;
    *out = t;
    return OK;
}

enum err tls_server_create(struct tls_context **out, const char *cert_path, const char *key_path,
                           struct err_note *note)
{
    SSL_CTX *ctx;
    enum err e = server_ctx(&ctx, cert_path, key_path, note);
    return e ? e : context_create(out, ctx, true, false);
}

enum err tls_server_reload(struct tls_context *t, const char *cert_path, const char *key_path,
                           struct err_note *note)
{
    unsigned char keys[TICKET_KEYS_MAX];
    SSL_CTX *fresh, *old;
    enum err e = server_ctx(&fresh, cert_path, key_path, note);
    if (e)
        return e;
    pthread_mutex_lock(&t->lock);
    old = t->ctx;
    long bytes = SSL_CTX_get_tlsext_ticket_keys(old, NULL, 0);
    if (bytes > 0 && bytes <= TICKET_KEYS_MAX && SSL_CTX_get_tlsext_ticket_keys(old, keys, bytes) == 1)
        SSL_CTX_set_tlsext_ticket_keys(fresh, keys, bytes);
    t->ctx = fresh;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old);
    OPENSSL_cleanse(keys, sizeof(keys));
    return OK;
}

const char *tls_ca_bundle(void)
{
    static const char *const usual[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    };
    for (size_t i = 0; i < COUNT(usual); i++)
        if (access(usual[i], R_OK) == 0)
            return usual[i];
    return NULL;
}

enum err tls_client_create(struct tls_context **out, const char *ca_path, bool is_verified)
{
    const char *ca = ca_path ? ca_path : tls_ca_bundle();
    if (is_verified && !ca)
        return ERR_NOT_FOUND;
    SSL_CTX *ctx = new_ctx(TLS_client_method());
    if (!ctx)
        return ERR_NO_MEMORY;
    if (is_verified && ca_path && SSL_CTX_load_verify_file(ctx, ca) != 1) {
        ERR_clear_error();
        SSL_CTX_free(ctx);
        return ERR_INVALID;
    }
    SSL_CTX_set_verify(ctx, is_verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    enum err e = context_create(out, ctx, false, is_verified);
    if (e == OK && is_verified && !ca_path)
        (*out)->bundle = ca;
    return e;
}

/* Whoever makes the first connection waits 3 ms for it; many servers never make one. Under lock. */
static bool read_bundle(struct tls_context *t)
{
    if (t->bundle && SSL_CTX_load_verify_file(t->ctx, t->bundle) != 1)
        return false;
    t->bundle = NULL;
    return true;
}

void tls_free(struct tls_context *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->bio);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

/* ---- streams ---- */

static bool set_name(SSL *ssl, const char *name, bool is_verified)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);
    bool is_ip = ip != NULL;
    ASN1_OCTET_STRING_free(ip);
    if (!is_ip && SSL_set_tlsext_host_name(ssl, name) != 1)
        return false;
    if (!is_verified)
        return true;
    if (is_ip)
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

enum err tls_stream_create(struct tls_stream **out, struct tls_context *context, const char *name)
{
    pthread_mutex_lock(&context->lock);
    SSL *ssl = read_bundle(context) ? SSL_new(context->ctx) : NULL;
    pthread_mutex_unlock(&context->lock);
    BIO *bio = ssl ? BIO_new(context->bio) : NULL;
    if (!bio || (name && !set_name(ssl, name, context->is_verified))) {
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return ERR_NO_MEMORY;
    }
    struct tls_stream *t = xnew(struct tls_stream);
    t->ssl = ssl;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    if (context->is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    *out = t;
    return OK;
}

void tls_stream_free(struct tls_stream *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    buf_done(&t->kept);
    buf_done(&t->out);
    mem_free(t);
}

void tls_stream_keep_input(struct tls_stream *t)
{
    struct buf fresh = { 0 };
    (void)buf_put(&fresh, t->in);
    buf_done(&t->kept);
    t->kept = fresh;
    t->in = buf_slice(&t->kept);
}

void tls_stream_input(struct tls_stream *t, struct slice ciphertext)
{
    if (t->in.len == 0) {
        t->in = ciphertext;
        return;
    }
    tls_stream_keep_input(t);
    (void)buf_put(&t->kept, ciphertext);
    t->in = buf_slice(&t->kept);
}

bool tls_stream_has_input(const struct tls_stream *t)
{
    return t->in.len > 0 || SSL_pending(t->ssl) > 0;
}

int tls_stream_read(struct tls_stream *t, char *plain, size_t cap)
{
    size_t got = 0;
    ERR_clear_error();
    int status = SSL_read_ex(t->ssl, plain, cap, &got);
    if (t->in.len == 0) {
        buf_done(&t->kept);
        t->in = (struct slice){ NULL, 0 };
    }
    if (status == 1)
        return (int)got;
    switch (SSL_get_error(t->ssl, status)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -1;
    default:
        ERR_clear_error();
        return -2;
    }
}

bool tls_stream_ready(const struct tls_stream *t)
{
    return SSL_is_init_finished(t->ssl);
}

enum err tls_stream_write(struct tls_stream *t, struct slice plain)
{
    size_t put = 0;
    ERR_clear_error();
    if (SSL_write_ex(t->ssl, plain.data, plain.len, &put) == 1 && put == plain.len)
        return OK;
    ERR_clear_error();
    return ERR_IO;
}

void tls_stream_end(struct tls_stream *t)
{
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

struct buf *tls_stream_output(struct tls_stream *t)
{
    return &t->out;
}

bool tls_stream_untrusted(const struct tls_stream *t)
{
    return SSL_get_verify_result(t->ssl) != X509_V_OK;
}
