/* SPDX-License-Identifier: MIT
 * firmware.c -- see firmware.h. */
#include "devices/firmware.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "protocol/ota.h"

struct firmware {
    pthread_mutex_t lock;
    char *dir;
    uint64_t read_ms;
    bool was_read;
    char (*files)[FIRMWARE_NAME_BYTES];
    size_t count;
};

struct firmware *firmware_create(void)
{
    struct firmware *f = xnew(struct firmware);
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

void firmware_free(struct firmware *f)
{
    if (!f)
        return;
    mem_free(f->dir);
    mem_free(f->files);
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

static void list(struct firmware *f)
{
    f->count = 0;
    DIR *d = opendir(f->dir);
    if (!d)
        return;
    if (!f->files)
        f->files = xalloc(FIRMWARE_FILES_MAX * sizeof f->files[0]);
    for (struct dirent *e; f->count < FIRMWARE_FILES_MAX && (e = readdir(d));) {
        struct slice name = slice_of(e->d_name), model, version;
        if (name.len < FIRMWARE_NAME_BYTES && firmware_name_ok(name) && firmware_name_split(name, &model, &version) &&
            version_is_plain(version))
            memcpy(f->files[f->count++], name.data, name.len + 1);
    }
    closedir(d);
}

static void refresh(struct firmware *f, const struct firmware_ask *ask)
{
    bool is_same = f->dir && strcmp(f->dir, ask->dir) == 0;
    if (f->was_read && is_same && ask->now_ms - f->read_ms < ask->ttl_s * 1000ULL)
        return;
    if (!is_same) {
        mem_free(f->dir);
        f->dir = xstrdup(ask->dir);
    }
    f->was_read = true;
    f->read_ms = ask->now_ms;
    list(f);
}

/* Has file i an image of this model: its version, or an empty slice. */
static struct slice version_of(const struct firmware *f, size_t i, struct slice model)
{
    struct slice m, v;
    bool is_its = firmware_name_split(slice_of(f->files[i]), &m, &v) && slice_eq_nocase(m, model) &&
                  v.len < sizeof((struct firmware_image *)0)->version;
    return is_its ? v : (struct slice){ NULL, 0 };
}

static void image_put(struct firmware_image *out, const char file[FIRMWARE_NAME_BYTES], struct slice version)
{
    memcpy(out->file, file, sizeof out->file);
    memcpy(out->version, version.data, version.len);
    out->version[version.len] = '\0';
}

static bool newest(struct firmware *f, struct slice model, struct slice version, struct firmware_image *out)
{
    bool found = false;
    struct slice best = version;
    for (size_t i = 0; i < f->count; i++) {
        struct slice v = version_of(f, i, model);
        if (!v.len || version_compare(v, best) <= 0)
            continue;
        best = v;
        found = true;
        image_put(out, f->files[i], v);
    }
    return found;
}

bool firmware_find(struct firmware *f, const struct firmware_ask *ask, struct firmware_image *out)
{
    pthread_mutex_lock(&f->lock);
    refresh(f, ask);
    bool found = newest(f, ask->model, ask->version, out);
    pthread_mutex_unlock(&f->lock);
    return found;
}

bool firmware_exact(struct firmware *f, const struct firmware_ask *ask, struct firmware_image *out)
{
    bool found = false;
    pthread_mutex_lock(&f->lock);
    refresh(f, ask);
    for (size_t i = 0; i < f->count && !found && ask->version.len; i++) {
        found = slice_eq(version_of(f, i, ask->model), ask->version);
        if (found)
            image_put(out, f->files[i], ask->version);
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

enum err firmware_open(const char *dir, struct slice file, int *fd, int64_t *bytes)
{
    if (!firmware_name_ok(file) || file.len >= FIRMWARE_NAME_BYTES)
        return ERR_INVALID;
    auto_mem char *path = xprintf("%s/" SLICE_FMT, dir, SLICE_ARG(file));
    char real_dir[PATH_MAX], real_path[PATH_MAX];
    if (!realpath(dir, real_dir) || !realpath(path, real_path))
        return ERR_NOT_FOUND;
    size_t n = strlen(real_dir);
    if (strncmp(real_path, real_dir, n) != 0 || real_path[n] != '/')
        return ERR_INVALID; /* a link that leads out of the folder */
    int got = open(real_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (got < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    struct stat st;
    if (fstat(got, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        close(got);
        return ERR_NOT_FOUND;
    }
    *fd = got;
    *bytes = st.st_size;
    return OK;
}
