/* SPDX-License-Identifier: MIT
 * self_test.c -- after the start: does the OTA address answer, and does an upgrade on the path it hands
 * out reach the gateway? A plain blocking client, on the main thread. Its upgrade carries a mark that only
 * this process knows, so the gateway says 204 and neither refuses a stranger nor opens a session. */
#include "main/private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LOG_TOPIC "main"
#include "base/log.h"

#define WAIT_MS 1000
#define ANSWER_MAX_BYTES 4096

static int dial(uint16_t port, const char *ip)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval wait = { .tv_sec = WAIT_MS / 1000, .tv_usec = WAIT_MS % 1000 * 1000 };

    if (strcmp(ip, "0.0.0.0") == 0 || inet_pton(AF_INET, ip, &to.sin_addr) != 1)
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Sends the request; status of the answer, 0 without one. The answer's bytes go to out. */
static int ask(struct server *s, const char *ip, const char *request, char out[ANSWER_MAX_BYTES])
{
    size_t len = 0;
    int status = 0, fd = dial(s->ports[DOOR_DEVICE], ip);

    out[0] = '\0';
    if (fd < 0)
        return 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request)) {
        while (len < ANSWER_MAX_BYTES - 1) {
            ssize_t got = recv(fd, out + len, ANSWER_MAX_BYTES - 1 - len, 0);
            if (got <= 0)
                break;
            len += (size_t)got;
            out[len] = '\0';
            if (strncmp(out, "HTTP/1.1 101", 12) == 0 && strstr(out, "\r\n\r\n"))
                break;
        }
    }
    close(fd);
    if (sscanf(out, "HTTP/1.1 %d", &status) != 1)
        return 0;
    return status;
}

/* The path of the ws URL in OTA's sentence. */
static bool path_of(const char *answer, char path[256])
{
    const char *url = strstr(answer, "ws://");
    size_t skip = 5;

    if (!url) {
        url = strstr(answer, "wss://");
        skip = 6;
    }
    if (!url)
        return false;
    const char *slash = strchr(url + skip, '/');
    if (!slash)
        return false;
    size_t len = strcspn(slash, " \r\n\t\"'<>");
    if (len == 0 || len >= 256)
        return false;
    snprintf(path, 256, "%.*s", (int)len, slash);
    return true;
}

enum err server_self_test(struct server *s, struct err_note *note)
{
    char request[1024], answer[ANSWER_MAX_BYTES], path[256] = "/xiaozhi/v1/";
    struct config *cfg = config_now(s->config);
    const char *prefix = cfg->server_compat_prefixes.count ? cfg->server_compat_prefixes.items[0] : "";
    bool has_own_url = cfg->server_websocket != NULL;
    enum err err = OK;

    snprintf(request, sizeof(request), "GET %s/ota/ HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n",
             prefix, s->ports[DOOR_DEVICE]);
    int status = ask(s, cfg->server_ip, request, answer);
    if (status != 200) {
        err = ERR_UPSTREAM;
        snprintf(note->text, sizeof(note->text), "GET %s/ota/ answered %d instead of 200", prefix, status);
    } else if (!has_own_url && !path_of(answer, path)) {
        err = ERR_UPSTREAM;
        snprintf(note->text, sizeof(note->text), "GET %s/ota/ names no WebSocket URL", prefix);
    }
    if (err == OK) {
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cGFybGV5LXNlbGYtdGVzdA==\r\n"
                 GATEWAY_OWN_MARK ": %s\r\n\r\n",
                 path, s->own_mark);
        status = ask(s, cfg->server_ip, request, answer);
        if (status != 204) {
            err = ERR_UPSTREAM;
            snprintf(note->text, sizeof(note->text), "the WebSocket path %.60s answered %d instead of 204", path,
                     status);
        }
    }
    config_unref(cfg);
    note->err = err;
    LOG_AT(err ? LOG_ERROR : LOG_INFO, NULL, "self.test", "result=%s %s", err ? "failed" : "ok", note->text);
    return err;
}
