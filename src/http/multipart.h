/* SPDX-License-Identifier: MIT
 * multipart.h -- multipart/form-data read as a stream: bytes in, parts out. Pure. */
#ifndef PARLEY_HTTP_MULTIPART_H
#define PARLEY_HTTP_MULTIPART_H

#include "base/buf.h"

struct multipart;
struct multipart_events {
    void (*on_part)(void *user, struct slice name, struct slice filename, struct slice type);
    void (*on_data)(void *user, struct slice data);
    void (*on_part_end)(void *user);
};
/* content_type: the request's header with boundary=...; ERR_INVALID without one. */
must_check enum err multipart_create(struct multipart **out, struct slice content_type,
                                     const struct multipart_events *ev, void *user);
enum err multipart_feed(struct multipart *m, struct slice bytes); /* ERR_PROTO, ERR_LIMIT (part heads) */
bool multipart_complete(const struct multipart *m);               /* the closing delimiter came */
void multipart_free(struct multipart *m);

#endif
