/* SPDX-License-Identifier: MIT
 * tls_stream.h -- one TLS connection without a socket: ciphertext in, plaintext out, and back. For
 * conn.c. What is to be sent lies in tls_stream_output() after every call. Nothing is kept between
 * calls but OpenSSL's own state: the buffers go when they are empty. Loop thread. */
#ifndef PARLEY_NET_TLS_STREAM_H
#define PARLEY_NET_TLS_STREAM_H

#include "base/buf.h"
#include "net/tls.h"

#define TLS_RECORD_MAX 16384 /* bytes of plaintext */

struct tls_stream;

/* name: outgoing, the server name or address to check; NULL: as server. */
must_check enum err tls_stream_create(struct tls_stream **out, struct tls_context *context, const char *name);
void tls_stream_free(struct tls_stream *t);
void tls_stream_input(struct tls_stream *t, struct slice ciphertext); /* borrowed until eaten or kept */
void tls_stream_keep_input(struct tls_stream *t); /* copies what tls_stream_read has not eaten yet */
bool tls_stream_has_input(const struct tls_stream *t);
/* Goes on with the handshake, then reads: bytes put into `plain`, 0 when more input is needed, -1 at
 * the peer's end, -2 when TLS failed (tls_stream_untrusted). */
int tls_stream_read(struct tls_stream *t, char *plain, size_t cap);
bool tls_stream_ready(const struct tls_stream *t); /* the handshake is through */
enum err tls_stream_write(struct tls_stream *t, struct slice plain);
void tls_stream_end(struct tls_stream *t); /* puts close_notify into the output */
struct buf *tls_stream_output(struct tls_stream *t);
bool tls_stream_untrusted(const struct tls_stream *t); /* it failed since the certificate was refused */

#endif
