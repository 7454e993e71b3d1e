/* SPDX-License-Identifier: MIT
 * listener.c -- accepts connections on one loop. With SO_REUSEPORT each loop has its own listener on
 * the same port and the kernel shares the work out. When descriptors run out, libuv accepts and closes
 * at once, so that the queue does not stand still. */
#include "base/mem.h"
#include "net/conn_private.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
    union stream_io io;
    struct loop *loop;
    void (*on_accept)(void *user, struct conn *c);
    void *user;
    struct tls_context *tls;
    size_t write_max_bytes;
    char *path; /* Unix */
    uint16_t port;
};

static void on_closed(uv_handle_t *h)
{
    struct listener *l = h->data;
    mem_free(l->path);
    mem_free(l);
}

static void ask_peer(struct conn *c)
{
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    if (c->is_unix)
        return;
    if (uv_tcp_getpeername(&c->io.tcp, (struct sockaddr *)&sa, &len) == 0)
        net_addr_from_sockaddr(&c->peer, (struct sockaddr *)&sa);
    uv_tcp_nodelay(&c->io.tcp, 1);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status)
        return; /* that client went away, or descriptors ran out */
    struct conn *c = conn_new(l->loop, l->path != NULL, l->write_max_bytes);
    if (conn_init_handle(c) != OK) {
        mem_free(c);
        return;
    }
    c->state = l->tls ? CONN_OPENING : CONN_OPEN;
    if (uv_accept(stream, &c->io.stream) != 0 ||
        (l->tls && tls_stream_create(&c->tls, l->tls, NULL) != OK)) {
        conn_close(c);
        return;
    }
    ask_peer(c);
    l->on_accept(l->user, c);
}

static enum err bind_unix(struct listener *l, const char *path)
{
    struct stat st;
    if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return ERR_INVALID;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path); /* left behind by a process that died */
    if (uv_pipe_init(loop_uv(l->loop), &l->io.pipe, 0) != 0)
        return ERR_IO;
    l->path = xstrdup(path);
    return uv_pipe_bind(&l->io.pipe, path) == 0 ? OK : ERR_IO;
}

static enum err bind_tcp(struct listener *l, const struct listener_opts *o)
{
    struct sockaddr_storage sa = { 0 };
    uv_os_fd_t fd;
    int on = 1, len = sizeof(sa);
    const char *host = o->host && *o->host ? o->host : "0.0.0.0";
    if (uv_ip4_addr(host, o->port, (struct sockaddr_in *)&sa) != 0 &&
        uv_ip6_addr(host, o->port, (struct sockaddr_in6 *)&sa) != 0)
        return ERR_INVALID;
    if (uv_tcp_init_ex(loop_uv(l->loop), &l->io.tcp, sa.ss_family) != 0)
        return ERR_IO;
    if (uv_fileno(&l->io.handle, &fd) != 0 ||
        (o->has_reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0))
        return ERR_IO;
    if (uv_tcp_bind(&l->io.tcp, (struct sockaddr *)&sa, 0) != 0 ||
        uv_tcp_getsockname(&l->io.tcp, (struct sockaddr *)&sa, &len) != 0)
        return ERR_IO;
    l->port = sa.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&sa)->sin_port)
                                      : ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
    return OK;
}

enum err listener_open(struct listener **out, struct loop *loop, const struct listener_opts *o,
                       void (*on_accept)(void *user, struct conn *c), void *user)
{
    assert_on_loop(loop);
    struct listener *l = xnew(struct listener);
    l->loop = loop;
    l->on_accept = on_accept;
    l->user = user;
    l->tls = o->tls;
    l->write_max_bytes = o->write_max_bytes;
    bool is_unix = o->host && strncmp(o->host, "unix:", 5) == 0;
    enum err e = is_unix ? bind_unix(l, o->host + 5) : bind_tcp(l, o);
    l->io.handle.data = l;
    if (e == OK && uv_listen(&l->io.stream, o->backlog ? o->backlog : LISTEN_BACKLOG, on_connection) != 0)
        e = ERR_IO; /* where "address in use" shows */
    if (e == OK) {
        *out = l;
        return OK;
    }
    if (l->io.handle.type != UV_UNKNOWN_HANDLE)
        uv_close(&l->io.handle, on_closed);
    else
        on_closed(&l->io.handle);
    return e;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    assert_on_loop(l->loop);
    if (!uv_is_closing(&l->io.handle))
        uv_close(&l->io.handle, on_closed);
}
