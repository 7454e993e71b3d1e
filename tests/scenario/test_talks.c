/* SPDX-License-Identifier: MIT
 * test_talks.c -- every .talk file of tests/scenario, one after the other (or those named on the command
 * line): one line each in cmocka's form. With PARLEY_TALK_VERBOSE every message is shown. TSAN: `given real`
 * runs the server in threads of its own. */
#include "tests/support/talks.h"

#include "base/log.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_talk(const struct dirent *e)
{
    return slice_ends(slice_of(e->d_name), SLICE(".talk"));
}

static bool run(const char *path)
{
    struct err_note note = { 0 };
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    printf("[ RUN      ] %s\n", name);
    fflush(stdout);
    alarm(60); /* a conversation that hangs is a failure of its own */
    enum err e = talk_file_run(path, getenv("PARLEY_TALK_VERBOSE") != NULL, &note);
    alarm(0);
    if (e == OK)
        printf("[       OK ] %s\n", name);
    else if (e == ERR_UNSUPPORTED)
        printf("skip: %s\n[  SKIPPED ] %s\n", note.text, name);
    else
        printf("[  FAILED  ] %s: %s\n", name, note.text);
    fflush(stdout);
    return e == OK || e == ERR_UNSUPPORTED;
}

int main(int argc, char **argv)
{
    bool is_fine = true;
    signal(SIGPIPE, SIG_IGN);
    if (!getenv("PARLEY_TALK_VERBOSE"))
        log_configure(&(struct log_opts){ .level = LOG_ERROR, .message_max_bytes = 2000, .fd = 2 });
    for (int i = 1; i < argc; i++)
        is_fine = run(argv[i]) && is_fine;
    if (argc > 1)
        return is_fine ? 0 : 1;

    struct dirent **entries;
    auto_buf struct buf dir = { 0 };
    const char *source = getenv("PARLEY_SOURCE");
    buf_printf(&dir, "%s/tests/scenario", source ? source : ".");
    int count = scandir(dir.data, &entries, is_talk, alphasort);
    for (int i = 0; i < count; i++) {
        auto_buf struct buf path = { 0 };
        buf_printf(&path, "%s/%s", dir.data, entries[i]->d_name);
        is_fine = run(path.data) && is_fine;
        free(entries[i]);
    }
    if (count > 0)
        free(entries);
    return is_fine && count > 0 ? 0 : 1;
}
