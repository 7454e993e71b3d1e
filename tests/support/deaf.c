/* SPDX-License-Identifier: MIT
 * deaf.c -- see deaf.h. */
#include "tests/support/deaf.h"

#include "tests/support/test.h"

#include <netinet/in.h>
#include <sys/socket.h>

int deaf_connect(struct world *w)
{
    static const char request[] = "GET /xiaozhi/v1/?device-id=deaf HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server_port(w->server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int small = 2048, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
    return fd;
}

void deaf_says(int fd, const char *text)
{
    uint8_t frame[600] = { 0x81 }; /* the mask is of zeros */
    size_t len = strlen(text), head = len < 126 ? 6 : 8;
    assert_true(len < 500);
    frame[1] = (uint8_t)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        frame[2] = (uint8_t)(len >> 8);
        frame[3] = (uint8_t)len;
    }
    memcpy(frame + head, text, len);
    assert_int_equal(send(fd, frame, head + len, MSG_NOSIGNAL), head + len);
}

bool deaf_is_alone(void *world)
{
    return server_sessions(((struct world *)world)->server) == 1;
}
