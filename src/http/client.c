/* SPDX-License-Identifier: MIT
 * client.c -- libcurl's multi interface on the loop.
 *
 *     http_call_open -> easy handle -> multi <-> uv_poll per socket, one timer
 *     curl's callbacks -> on_head, on_data;  a finished transfer or a time-out -> on_end
 *
 * libcurl must not be called from its own callbacks, and a call may be closed, opened or the whole
 * client freed from any event. So nothing is taken apart where it is asked for: calls are marked and
 * listed in `changed`, and sweep() at the top of the loop starts, resumes, removes and frees them. Time-outs
 * are the loop's timers (libcurl only watches the connect), so tests can move them. */
#include "http/client.h"

#include "base/list.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "net/tls.h"

#include <curl/curl.h>
#include <uv.h> /* after base.h: it brings MIN and MAX of its own */

#define CONNECTION_AGE_S 50L      /* unused longer: not taken again; most servers close after 60 */
#define CONNECT_MS 5000u
#define FIRST_BYTE_MS 15000u
#define IDLE_MS 20000u
#define TOTAL_MS 120000u
#define REPLY_MAX_BYTES (1u << 20)
#define REPLY_HEAD_MAX_BYTES 65536u
#define TYPE_MAX_BYTES 200u
#define RECEIVE_BUFFER_BYTES 16384u

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct list calls, changed; /* changed: sweep() has something to do for them */
    struct timer timer;  /* libcurl's wish to be called */
    struct grave grave;
    char *ca_file;
    bool is_later, is_due, is_closed;
};

struct http_call {
    struct node node;    /* of calls */
    struct node change;  /* of changed */
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    curl_mime *mime;
    struct buf body, type;
    const struct http_call_events *ev; /* NULL: ended or closed; sweep() frees it */
    void *user;
    struct timer stage, total;
    unsigned first_byte_ms, idle_ms;
    uint64_t total_end_ms, left_ms; /* when it takes too long; the same while paused */
    size_t reply_max_bytes, reply_bytes, head_bytes;
    enum err why;        /* our own reason to stop the transfer */
    int status;
    bool is_added, is_reused, has_head, is_paused;
    bool is_held;        /* libcurl keeps what it read until it is told to go on */
    char note[CURL_ERROR_SIZE];
};

/* One socket of libcurl's. */
struct watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

static void later(struct http_client *c);
static void changed(struct http_call *call);
static void check_done(struct http_client *c);

/* ---- libcurl on the loop ---- */

static void act(struct http_client *c, curl_socket_t fd, int flags)
{
    int running;
    curl_multi_socket_action(c->multi, fd, flags, &running);
    check_done(c);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = container_of(poll, struct watch, poll);
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(w->client, w->fd, flags);
}

static void on_watch_closed(uv_handle_t *h)
{
    mem_free(container_of((uv_poll_t *)h, struct watch, poll));
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct http_client *c = user;
    struct watch *w = socket_user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            curl_multi_assign(c->multi, fd, NULL);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        }
        return 0;
    }
    if (!w) {
        w = xnew(struct watch);
        w->client = c;
        w->fd = fd;
        if (uv_poll_init_socket(loop_uv(c->loop), &w->poll, fd) != 0) {
            mem_free(w);
            return -1;
        }
        curl_multi_assign(c->multi, fd, w);
    }
    int events = what == CURL_POLL_IN ? UV_READABLE : what == CURL_POLL_OUT ? UV_WRITABLE
                                                                            : UV_READABLE | UV_WRITABLE;
    return uv_poll_start(&w->poll, events, on_socket_ready) == 0 ? 0 : -1;
}

static void on_curl_due(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long ms, void *user)
{
    struct http_client *c = user;
    (void)multi;
    timer_stop(&c->timer);
    if (ms == 0) {
        c->is_due = true;
        later(c);
    } else if (ms > 0) {
        timer_start(&c->timer, c->loop, (uint64_t)ms, on_curl_due, c);
    }
    return 0;
}

/* ---- the end of a call ---- */

static void silence(struct http_call *call)
{
    call->ev = NULL;
    timer_stop(&call->stage);
    timer_stop(&call->total);
    changed(call);
}

static void end(struct http_call *call, enum err err, const char *note)
{
    const struct http_call_events *ev = call->ev;
    if (!ev)
        return;
    silence(call);
    ev->on_end(call->user, err, call->status, note);
}

static enum err err_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return ERR_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return ERR_AUTH;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
        return ERR_CLOSED;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
        return ERR_PROTO;
    case CURLE_URL_MALFORMAT:
        return ERR_INVALID;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NO_MEMORY;
    default:
        return ERR_UPSTREAM;
    }
}

/* Transfers that libcurl has finished. An event may close any call, also those still in this list. */
static void check_done(struct http_client *c)
{
    CURLMsg *m;
    int left;
    while (!c->is_closed && (m = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct http_call *call;
        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call) != CURLE_OK)
            continue;
        CURLcode code = m->data.result;
        if (call->why)
            end(call, call->why, err_text(call->why));
        else if (code == CURLE_OK && !call->has_head)
            end(call, ERR_CLOSED, "the server ended inside its head");
        else
            end(call, err_of(code), code == CURLE_OK ? "" : *call->note ? call->note : curl_easy_strerror(code));
    }
}

static void call_free(struct http_call *call)
{
    list_unlink(&call->node);
    list_unlink(&call->change);
    timer_stop(&call->stage);
    timer_stop(&call->total);
    if (call->is_added)
        curl_multi_remove_handle(call->client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_mime_free(call->mime);
    curl_slist_free_all(call->headers);
    buf_done(&call->body);
    buf_done(&call->type);
    mem_free(call);
}

static void add(struct http_call *call)
{
    call->is_added = curl_multi_add_handle(call->client->multi, call->easy) == CURLM_OK;
    if (!call->is_added)
        end(call, ERR_INTERNAL, "the transfer could not be started");
}

/* Gives what libcurl kept, and may finish the transfer. */
static void resume(struct http_call *call)
{
    call->is_held = false;
    curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

static void client_free(struct http_client *c)
{
    timer_stop(&c->timer);
    list_each(&c->calls, n)
        call_free(container_of(n, struct http_call, node));
    curl_multi_cleanup(c->multi);
    timer_stop(&c->timer); /* cleaning up may have set it once more */
    curl_global_cleanup();
    mem_free(c->ca_file);
    mem_free(c);
}

/* Top of the loop: nothing of libcurl or of our callers is on the stack. */
static void sweep(void *arg)
{
    struct http_client *c = arg;
    if (c->is_closed) {
        client_free(c);
        return;
    }
    c->is_later = false;
    struct node *n = list_shift(&c->changed); /* one at a time: to begin a request costs as much as two packets */
    struct http_call *call = n ? container_of(n, struct http_call, change) : NULL;
    if (call && !call->ev)
        call_free(call);
    else if (call && !call->is_added)
        add(call);
    else if (call && call->is_held && !call->is_paused)
        resume(call);
    check_done(c);
    if (c->is_due) {
        c->is_due = false;
        act(c, CURL_SOCKET_TIMEOUT, 0);
    }
    if (!list_empty(&c->changed))
        later(c);
}

static void later(struct http_client *c)
{
    if (c->is_later)
        return;
    c->is_later = true;
    loop_work(c->loop, &c->grave, sweep, c);
}

static void changed(struct http_call *call)
{
    if (!node_in_list(&call->change))
        list_push(&call->client->changed, &call->change);
    later(call->client);
}

/* ---- what libcurl hears ---- */

static void on_stage_timeout(void *arg)
{
    struct http_call *call = arg;
    end(call, ERR_TIMEOUT, call->has_head ? "the answer stopped coming" : "no answer came in time");
}

static void on_total_timeout(void *arg)
{
    end(arg, ERR_TIMEOUT, "the answer took too long in all");
}

static void heard(struct http_call *call)
{
    if (call->is_paused)
        return;
    timer_start(&call->stage, call->client->loop, call->idle_ms, on_stage_timeout, call);
}

static size_t refuse(struct http_call *call, enum err why)
{
    call->why = why;
    return CURL_WRITEFUNC_ERROR;
}

static void head_complete(struct http_call *call)
{
    long status = 0, connects = 1;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return; /* 100 Continue: the head that counts is still to come */
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects);
    call->status = (int)status;
    call->is_reused = connects == 0;
    call->has_head = true;
    if (call->ev->on_head)
        call->ev->on_head(call->user, call->status, buf_slice(&call->type));
}

static size_t on_curl_header(char *bytes, size_t size, size_t count, void *user)
{
    struct http_call *call = user;
    struct slice line = slice_trim(slice_from(bytes, size * count)), value = line;
    if (!call->ev)
        return CURL_WRITEFUNC_ERROR;
    heard(call);
    call->head_bytes += size * count;
    if (call->head_bytes > REPLY_HEAD_MAX_BYTES)
        return refuse(call, ERR_LIMIT);
    struct slice name = slice_cut(&value, ':');
    if (line.len == 0 && !call->has_head)
        head_complete(call);
    else if (value.data && slice_eq_nocase(name, SLICE("content-type"))) {
        buf_clear(&call->type);
        (void)buf_put(&call->type, slice_sub(slice_trim(value), 0, TYPE_MAX_BYTES));
    }
    return call->ev ? size * count : CURL_WRITEFUNC_ERROR;
}

static size_t on_curl_data(char *bytes, size_t size, size_t count, void *user)
{
    struct http_call *call = user;
    size_t len = size * count;
    if (!call->ev)
        return CURL_WRITEFUNC_ERROR;
    if (call->is_paused) {
        call->is_held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    heard(call);
    call->reply_bytes += len;
    if (call->reply_bytes > call->reply_max_bytes)
        return refuse(call, ERR_LIMIT);
    call->ev->on_data(call->user, slice_from(bytes, len));
    return call->ev ? len : CURL_WRITEFUNC_ERROR;
}

/* ---- opening ---- */

static bool is_line(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == '\0')
            return false;
    return true;
}

static enum err set_headers(struct http_call *call, const struct http_call_opts *o)
{
    call->headers = curl_slist_append(NULL, "Expect:");
    for (unsigned i = 0; i < o->header_count; i++) {
        const struct http_header *h = &o->headers[i];
        auto_buf struct buf line = { 0 };
        if (!is_line(slice_of(h->name)) || !is_line(h->value))
            return ERR_INVALID;
        (void)buf_printf(&line, h->value.len ? "%s: " SLICE_FMT : "%s;" SLICE_FMT, h->name, SLICE_ARG(h->value));
        call->headers = curl_slist_append(call->headers, line.data);
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return OK;
}

static void set_body(struct http_call *call, const struct http_call_opts *o)
{
    CURL *easy = call->easy;
    bool has_body = o->body.len > 0 || (o->method && strcmp(o->method, "POST") == 0);
    if (o->part_count > 0) {
        call->mime = curl_mime_init(easy);
        for (unsigned i = 0; i < o->part_count; i++) {
            const struct http_part *p = &o->parts[i];
            curl_mimepart *part = curl_mime_addpart(call->mime);
            curl_mime_name(part, p->name);
            curl_mime_data(part, p->data.data ? p->data.data : "", p->data.len);
            if (p->filename)
                curl_mime_filename(part, p->filename);
            if (p->type)
                curl_mime_type(part, p->type);
        }
        curl_easy_setopt(easy, CURLOPT_MIMEPOST, call->mime);
    } else if (has_body) {
        (void)buf_put(&call->body, o->body);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.data ? call->body.data : "");
    }
    if (o->method && strcmp(o->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (o->method && strcmp(o->method, "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, o->method);
}

static void set_transport(struct http_call *call, const struct http_call_opts *o)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_URL, o->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->note);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* scanning a folder costs 25 ms for each connection */
    curl_easy_setopt(easy, CURLOPT_CAINFO, call->client->ca_file);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_ms ? o->connect_ms : CONNECT_MS));
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)(o->buffer_bytes ? o->buffer_bytes : RECEIVE_BUFFER_BYTES));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "parley/" PARLEY_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
}

static bool is_url_good(const char *url)
{
    struct slice u = slice_of(url);
    bool is_http = slice_eq_nocase(slice_sub(u, 0, 7), SLICE("http://")) ||
                   slice_eq_nocase(slice_sub(u, 0, 8), SLICE("https://"));
    return is_http && is_line(u);
}

enum err http_call_open(struct http_call **out, struct http_client *c, const struct http_call_opts *o,
                        const struct http_call_events *ev, void *user)
{
    assert_on_loop(c->loop);
    if (!o->url || !is_url_good(o->url))
        return ERR_INVALID;
    CURL *easy = curl_easy_init();
    if (!easy)
        return ERR_NO_MEMORY;
    struct http_call *call = xnew(struct http_call);
    call->client = c;
    call->easy = easy;
    call->first_byte_ms = o->first_byte_ms ? o->first_byte_ms : FIRST_BYTE_MS;
    call->idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
    call->reply_max_bytes = o->reply_max_bytes ? o->reply_max_bytes : REPLY_MAX_BYTES;
    set_transport(call, o);
    enum err e = set_headers(call, o);
    if (e) {
        call_free(call);
        return e;
    }
    set_body(call, o);
    call->ev = ev;
    call->user = user;
    list_push(&c->calls, &call->node);
    timer_start(&call->stage, c->loop, call->first_byte_ms, on_stage_timeout, call);
    unsigned total_ms = o->total_ms ? o->total_ms : TOTAL_MS;
    call->total_end_ms = loop_now_ms(c->loop) + total_ms;
    timer_start(&call->total, c->loop, total_ms, on_total_timeout, call);
    changed(call); /* starts it */
    *out = call;
    return OK;
}

void http_call_close(struct http_call *call)
{
    if (call && call->ev)
        silence(call);
}

void http_call_pause(struct http_call *call, bool is_paused)
{
    if (!call || !call->ev || call->is_paused == is_paused)
        return;
    struct loop *l = call->client->loop;
    call->is_paused = is_paused;
    if (is_paused) {
        call->left_ms = call->total_end_ms - MIN(call->total_end_ms, loop_now_ms(l));
        timer_stop(&call->stage);
        timer_stop(&call->total);
        return;
    }
    call->total_end_ms = loop_now_ms(l) + call->left_ms;
    timer_start(&call->total, l, call->left_ms, on_total_timeout, call);
    timer_start(&call->stage, l, call->has_head ? call->idle_ms : call->first_byte_ms, on_stage_timeout, call);
    changed(call);
}

unsigned http_call_retry_after_s(const struct http_call *call)
{
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
        return 0;
    return (unsigned)MIN(MAX(seconds, 0), INT32_MAX);
}

bool http_call_is_reused(const struct http_call *call)
{
    return call->is_reused;
}

/* ---- the client ---- */

enum err http_client_create(struct http_client **out, struct loop *l, const struct http_client_opts *o)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_INTERNAL;
    CURLM *multi = curl_multi_init();
    if (!multi) {
        curl_global_cleanup();
        return ERR_NO_MEMORY;
    }
    struct http_client *c = xnew(struct http_client);
    c->loop = l;
    c->multi = multi;
    c->ca_file = xstrdup(o && o->ca_file ? o->ca_file : tls_ca_bundle());
    list_init(&c->calls);
    list_init(&c->changed);
    long idle_max = o ? (long)o->idle_max : 0;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, idle_max);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    *out = c;
    return OK;
}

void http_client_free(struct http_client *c)
{
    if (!c || c->is_closed)
        return;
    list_each(&c->calls, n)
        http_call_close(container_of(n, struct http_call, node));
    timer_stop(&c->timer);
    c->is_closed = true;
    later(c);
}
