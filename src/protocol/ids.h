/* SPDX-License-Identifier: MIT
 * ids.h -- who is calling: device id and client id out of the many spellings clients use.
 * Candidates are normalised first and judged then; what is useless never hides a good one. Pure. */
#ifndef PARLEY_PROTOCOL_IDS_H
#define PARLEY_PROTOCOL_IDS_H

#include "base/base.h"

#define ID_MAX_BYTES 64
#define ID_TEXT (ID_MAX_BYTES + 1)

enum id_source { ID_QUERY, ID_HEADER, ID_CLIENT, ID_AUTO };
const char *id_source_name(enum id_source s); /* "query", "header", "client", "auto" */

/* Where names are looked up; first value of a name; false: absent. Query values come percent-decoded. */
struct id_lookup {
    bool (*query)(void *user, const char *name, struct slice *value); /* NULL: there is none */
    bool (*header)(void *user, const char *name, struct slice *value);
    void *user;
};
struct ids {
    char device[ID_TEXT], client[ID_TEXT];  /* normalised: the router's */
    struct slice raw_device, raw_client;    /* as sent (borrowed from the lookup): for the token; empty for AUTO */
    enum id_source source;                  /* of the device id */
    unsigned refused;                       /* candidates that were there and useless: one WARN if > 0 */
};
/* random: for the auto id. */
void ids_resolve(struct ids *out, const struct id_lookup *from, uint32_t random);
/* Trim, unquote, trim, lower-case; must match [0-9a-z:._-]{1,64}. */
must_check bool id_normalise(struct slice raw, char out[ID_TEXT]);

#endif
