/* SPDX-License-Identifier: MIT
 * log_file.c -- appends to one file, renames it when it is full, removes renamed ones that are old.
 *
 *     logs/server.log  ->  logs/server.log.20260131-235959 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_parts.h"

#define SWEEP_EVERY_MS (3600 * 1000)
#define DAY_MS (24 * 3600 * 1000LL)
#define SAME_SECOND_MAX 100 /* rotations within one second that get a name of their own */

static void make_folders(const char *path)
{
    char part[512];
    snprintf(part, sizeof(part), "%s", path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        mkdir(part, 0755);
        *at = '/';
    }
    mkdir(part, 0755);
}

/* Removes `<name>.<anything>` that was last written longer ago than the retention. */
static void sweep(struct log_file *f, int64_t now_ms)
{
    f->swept_ms = now_ms;
    if (f->retention_days == 0)
        return;
    DIR *dir = opendir(f->dir);
    if (!dir)
        return;
    size_t name_len = strlen(f->name);
    for (struct dirent *d; (d = readdir(dir));) {
        struct stat st;
        if (strncmp(d->d_name, f->name, name_len) != 0 || d->d_name[name_len] != '.')
            continue;
        if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (now_ms - (int64_t)st.st_mtime * 1000 > f->retention_days * DAY_MS)
            unlinkat(dirfd(dir), d->d_name, 0);
    }
    closedir(dir);
}

static enum err open_path(struct log_file *f)
{
    struct stat st;
    f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    f->opened = f->fd >= 0;
    if (!f->opened)
        return ERR_IO;
    f->size_bytes = fstat(f->fd, &st) == 0 ? (size_t)st.st_size : 0;
    return OK;
}

enum err log_file_open(struct log_file *f, const char *dir, const char *name)
{
    log_file_close(f);
    int dir_len = snprintf(f->dir, sizeof(f->dir), "%s", dir && *dir ? dir : ".");
    int name_len = snprintf(f->name, sizeof(f->name), "%s", name && *name ? name : "server.log");
    if ((size_t)dir_len >= sizeof(f->dir) || (size_t)name_len >= sizeof(f->name) || strchr(f->name, '/'))
        return ERR_INVALID;
    snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, f->name);
    make_folders(f->dir);
    enum err e = open_path(f);
    if (!e)
        sweep(f, clock_wall_ms());
    return e;
}

static void rotate(struct log_file *f)
{
    char to[600], stamp[32];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm t;
    gmtime_r(&now, &t);
    strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &t);
    for (int i = 0; i < SAME_SECOND_MAX; i++) {
        int len = snprintf(to, sizeof(to), "%s.%s", f->path, stamp);
        if (i)
            snprintf(to + len, sizeof(to) - (size_t)len, "-%d", i);
        if (access(to, F_OK) != 0)
            break;
    }
    close(f->fd);
    rename(f->path, to);
    open_path(f);
    sweep(f, clock_wall_ms());
}

void log_file_write(struct log_file *f, struct slice lines)
{
    if (!f->opened)
        return;
    int64_t now_ms = clock_wall_ms();
    if (f->rotate_bytes && f->size_bytes && f->size_bytes + lines.len > f->rotate_bytes)
        rotate(f);
    else if (now_ms - f->swept_ms > SWEEP_EVERY_MS)
        sweep(f, now_ms);
    while (f->opened && lines.len) {
        ssize_t put = write(f->fd, lines.data, lines.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return; /* a full disk loses lines, not the server */
        f->size_bytes += (size_t)put;
        lines = slice_sub(lines, (size_t)put, lines.len);
    }
}

void log_file_close(struct log_file *f)
{
    if (f->opened)
        close(f->fd);
    f->opened = false;
}
