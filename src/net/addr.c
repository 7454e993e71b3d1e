/* SPDX-License-Identifier: MIT
 * addr.c -- numeric addresses: parsed, printed, compared with networks. IPv4 inside IPv6
 * (::ffff:a.b.c.d, what a dual-stack listener sees) is taken for the IPv4 address it is. */
#include "net/conn_private.h"

#include <arpa/inet.h>

struct raw_addr {
    uint8_t bytes[16];
    unsigned bits; /* 32 or 128 */
};

struct network {
    uint8_t bytes[16];
    unsigned bits, prefix;
};

/* RFC 1918, 4193, 3927, 4291 and loopback; the first two are loopback. */
static const struct network private_nets[] = {
    { { 127 }, 32, 8 },
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 128, 128 },
    { { 10 }, 32, 8 },
    { { 172, 16 }, 32, 12 },
    { { 192, 168 }, 32, 16 },
    { { 169, 254 }, 32, 16 },
    { { 0xfc }, 128, 7 },
    { { 0xfe, 0x80 }, 128, 10 },
};
#define LOOPBACK_NETS 2

static bool raw_parse(struct slice text, struct raw_addr *out)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    char name[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(name) || memchr(text.data, '\0', text.len))
        return false;
    memcpy(name, text.data, text.len);
    name[text.len] = '\0';
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, name, out->bytes) == 1) {
        out->bits = 32;
        return true;
    }
    if (inet_pton(AF_INET6, name, out->bytes) != 1)
        return false;
    out->bits = 128;
    if (memcmp(out->bytes, mapped, sizeof(mapped)) == 0) {
        memmove(out->bytes, out->bytes + 12, 4);
        memset(out->bytes + 4, 0, 12);
        out->bits = 32;
    }
    return true;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static void fill(struct net_addr *out, const struct raw_addr *raw, uint16_t port)
{
    memset(out, 0, sizeof(*out));
    out->port = port;
    inet_ntop(raw->bits == 32 ? AF_INET : AF_INET6, raw->bytes, out->text, sizeof(out->text));
    for (size_t i = 0; i < COUNT(private_nets); i++) {
        const struct network *net = &private_nets[i];
        if (net->bits != raw->bits || !same_prefix(net->bytes, raw->bytes, net->prefix))
            continue;
        out->is_private = true;
        if (i < LOOPBACK_NETS)
            out->is_loopback = true;
    }
}

bool net_addr_parse(struct slice text, struct net_addr *out)
{
    struct raw_addr raw;
    if (!raw_parse(text, &raw))
        return false;
    fill(out, &raw, 0);
    return true;
}

bool net_addr_in(const struct net_addr *addr, struct slice cidr)
{
    struct raw_addr own, net;
    int64_t prefix = -1;
    struct slice rest = cidr, base = slice_cut(&rest, '/');
    if (!raw_parse(slice_of(addr->text), &own) || !raw_parse(base, &net))
        return false;
    if (base.len == cidr.len)
        prefix = net.bits;
    else if (!slice_to_i64(rest, &prefix))
        return false;
    bool was_mapped = net.bits == 32 && memchr(base.data, ':', base.len);
    if (was_mapped && base.len != cidr.len)
        prefix -= 96;
    if (prefix < 0 || prefix > net.bits || own.bits != net.bits)
        return false;
    return same_prefix(own.bytes, net.bytes, (unsigned)prefix);
}

void net_addr_from_sockaddr(struct net_addr *out, const struct sockaddr *sa)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint16_t port = 0;
    struct raw_addr raw;
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        port = ntohs(in->sin_port);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
        port = ntohs(in6->sin6_port);
    }
    if (raw_parse(slice_of(text), &raw))
        fill(out, &raw, port);
    else
        net_addr_unix(out);
}

void net_addr_unix(struct net_addr *out)
{
    *out = (struct net_addr){ .text = "unix", .is_loopback = true, .is_private = true };
}
