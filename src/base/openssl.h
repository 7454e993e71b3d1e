/* SPDX-License-Identifier: MIT
 * openssl.h -- OpenSSL's headers, which have an ERR_STATE of their own. Include this, never them. */
#ifndef PARLEY_BASE_OPENSSL_H
#define PARLEY_BASE_OPENSSL_H

#include "base/err.h"

#define ERR_STATE openssl_err_state
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#endif
