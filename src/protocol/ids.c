/* SPDX-License-Identifier: MIT
 * ids.c -- the order in which spellings of the ids are believed. */
#include "protocol/ids.h"

#include <stdio.h>

static const char *const query_device[] = { "device-id", "device_id", NULL };
static const char *const query_client[] = { "client-id", "client_id", NULL };
static const char *const header_device[] = { "device-id", "device_id", "x-device-id", "x-device_id", NULL };
static const char *const header_client[] = { "client-id", "client_id", "x-client-id", "x-client_id", NULL };

static struct slice strip_quotes(struct slice s, char quote)
{
    if (s.len > 0 && s.data[0] == quote)
        s = slice_sub(s, 1, s.len - 1);
    if (s.len > 0 && s.data[s.len - 1] == quote)
        s = slice_sub(s, 0, s.len - 1);
    return s;
}

static struct slice bare(struct slice raw)
{
    return slice_trim(strip_quotes(strip_quotes(slice_trim(raw), '"'), '\''));
}

bool id_normalise(struct slice raw, char out[ID_TEXT])
{
    struct slice s = bare(raw);
    if (s.len == 0 || s.len > ID_MAX_BYTES)
        return false;

    char text[ID_TEXT] = "";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == ':' || c == '.' || c == '_' || c == '-';
        if (!fine)
            return false;
        text[i] = c;
    }
    memcpy(out, text, ID_TEXT);
    return true;
}

struct search {
    const struct id_lookup *from;
    unsigned refused;
};

static bool find(struct search *s, bool in_query, const char *const *names, char out[ID_TEXT], struct slice *raw)
{
    bool (*get)(void *, const char *, struct slice *) = in_query ? s->from->query : s->from->header;
    for (; get && *names; names++) {
        struct slice value;
        if (!get(s->from->user, *names, &value) || bare(value).len == 0)
            continue;
        if (id_normalise(value, out)) {
            *raw = value;
            return true;
        }
        s->refused++;
    }
    return false;
}

void ids_resolve(struct ids *out, const struct id_lookup *from, uint32_t random)
{
    struct search s = { .from = from };
    *out = (struct ids){ .source = ID_AUTO };

    if (find(&s, true, query_device, out->device, &out->raw_device)) {
        out->source = ID_QUERY;
    } else if (find(&s, false, header_device, out->device, &out->raw_device)) {
        out->source = ID_HEADER;
    } else if (find(&s, false, header_client, out->device, &out->raw_device)) {
        out->source = ID_CLIENT;
    } else {
        snprintf(out->device, sizeof(out->device), "auto-%08x", random);
    }

    bool has_client = find(&s, true, query_client, out->client, &out->raw_client) ||
                      find(&s, false, header_client, out->client, &out->raw_client);
    if (!has_client) {
        memcpy(out->client, out->device, sizeof(out->client));
        out->raw_client = out->raw_device;
    }
    out->refused = s.refused;
}

const char *id_source_name(enum id_source s)
{
    static const char *const names[] = { "query", "header", "client", "auto" };
    return names[s];
}
