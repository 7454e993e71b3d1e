/* SPDX-License-Identifier: MIT
 * temp.c -- see temp.h. */
#include "tests/support/temp.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "store/db.h"

static char dir[64];

const char *temp_dir(void)
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/parley-test-XXXXXX");
        if (!mkdtemp(dir))
            abort();
    }
    return dir;
}

const char *temp_path(const char *name)
{
    static char paths[2][200];
    static unsigned turn;
    char *at = paths[turn++ % 2];
    snprintf(at, sizeof paths[0], "%s/%s", temp_dir(), name);
    return at;
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void temp_remove(void)
{
    if (dir[0])
        nftw(dir, drop, 16, FTW_DEPTH | FTW_PHYS);
    dir[0] = '\0';
}

struct db *temp_db(void)
{
    struct db *db = NULL;
    struct err_note note = { 0 };
    if (db_open(&db, &(struct db_opts){ .path = ":memory:" }, &note) != OK) {
        fprintf(stderr, "%s\n", note.text);
        abort();
    }
    return db;
}

uint16_t temp_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || getsockname(fd, (struct sockaddr *)&at, &len))
        abort();
    close(fd);
    return ntohs(at.sin_port);
}

int temp_quiet(void **state)
{
    (void)state;
    return log_start(&(struct log_opts){ .level = LOG_ERROR, .message_max_bytes = 2000, .fd = -1 }) != OK;
}

int temp_tidy(void **state)
{
    (void)state;
    log_stop();
    temp_remove();
    return 0;
}
