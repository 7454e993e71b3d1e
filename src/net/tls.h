/* SPDX-License-Identifier: MIT
 * tls.h -- TLS contexts (OpenSSL 3, memory buffers). A context is shared by loops; its certificate
 * can be replaced live: connections that are open keep theirs, tickets stay good. Any thread. */
#ifndef PARLEY_NET_TLS_H
#define PARLEY_NET_TLS_H

#include "base/base.h"

struct tls_context;
must_check enum err tls_server_create(struct tls_context **out, const char *cert_path, const char *key_path,
                                      struct err_note *note);
enum err tls_server_reload(struct tls_context *t, const char *cert_path, const char *key_path, struct err_note *note);
/* ca_path NULL: the system's bundle file, read with the first connection. is_verified false: any certificate
 * will do (tests, own devices). */
must_check enum err tls_client_create(struct tls_context **out, const char *ca_path, bool is_verified);
void tls_free(struct tls_context *t); /* NULL is fine; open connections go on */
/* The system's file of trusted certificates; NULL when there is none. */
const char *tls_ca_bundle(void);

#endif
