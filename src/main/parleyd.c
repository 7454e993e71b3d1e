/* SPDX-License-Identifier: MIT
 * parleyd.c -- the program: options, signals, start, drain, restart.
 *
 * The main thread only waits for signals; every loop has a thread of its own. TERM and INT drain, a
 * second one ends at once, HUP reads the configuration again, USR1 is how the server says "drained". */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/settings.h"
#include "main/server.h"

/* Larger blocks (what somebody says, a file) are pages of their own and go back with their owner. Without a
 * fixed bound the C library keeps them in its heap after the first, where they leave holes. */
#define MMAP_BYTES (128 * 1024)

enum task { SERVE, CHECK_CONFIG };

struct arguments {
    const char *config_path;
    unsigned loops;
    enum task task;
};

static const char help[] =
    "usage: parleyd [options]\n"
    "\n"
    "  -c, --config FILE   configuration; otherwise data/.config.yaml, config.yaml, built-in defaults\n"
    "      --check-config  print every setting with the line it comes from, then end\n"
    "      --print-config  print a commented sample configuration, then end\n"
    "      --docs          print docs/configuration.md, then end\n"
    "      --loops N       event loops; otherwise one per core\n"
    "      --version       print the version, then end\n"
    "  -h, --help          this text\n"
    "\n"
    "Signals: HUP reads the configuration again, TERM and INT end after the turns under way.\n";

/* -1: go on; otherwise the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *out)
{
    enum { OPT_CHECK = 256, OPT_PRINT, OPT_VERSION, OPT_LOOPS, OPT_DOCS };
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },      { "check-config", no_argument, NULL, OPT_CHECK },
        { "print-config", no_argument, NULL, OPT_PRINT }, { "version", no_argument, NULL, OPT_VERSION },
        { "loops", required_argument, NULL, OPT_LOOPS },  { "help", no_argument, NULL, 'h' },
        { "docs", no_argument, NULL, OPT_DOCS },          { NULL, 0, NULL, 0 },
    };
    auto_buf struct buf sample = { 0 };
    int64_t number;

    for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            out->config_path = optarg;
            break;
        case OPT_CHECK:
            out->task = CHECK_CONFIG;
            break;
        case OPT_LOOPS:
            if (!slice_to_i64(slice_of(optarg), &number) || number < 1 || number > 16) {
                fprintf(stderr, "parleyd: --loops wants a number from 1 to 16\n");
                return 2;
            }
            out->loops = (unsigned)number;
            break;
        case OPT_PRINT:
        case OPT_DOCS:
            if (c == OPT_PRINT)
                config_sample(&sample);
            else
                config_docs(&sample);
            fwrite(sample.data, 1, sample.len, stdout);
            return 0;
        case OPT_VERSION:
            printf("parleyd %s\n", PARLEY_VERSION);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            fputs("parleyd: see --help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "parleyd: what is \"%s\"? See --help\n", argv[optind]);
        return 2;
    }
    return -1;
}

/* A warning stops no server (wrong values have their defaults), so the status is that of a usable file. */
static void print_verdict(const struct config *cfg)
{
    unsigned n = config_warnings(cfg);
    printf("# file: %s\n", config_path(cfg)[0] ? config_path(cfg) : "none (built-in defaults)");
    printf("# configuration is usable, %u warning%s%s\n", n, n == 1 ? "" : "s",
           n ? "; the WARN lines name key, line and value used" : "");
}

static int check_config(const char *path)
{
    struct config_holder *holder;
    struct err_note note = { 0 };
    auto_buf struct buf out = { 0 };

    if (config_holder_create(&holder, path, &note)) {
        fprintf(stderr, "parleyd: %s\n", note.text);
        return 1;
    }
    struct config *cfg = config_now(holder);
    config_print(cfg, &out);
    fwrite(out.data ? out.data : "", 1, out.len, stdout);
    print_verdict(cfg);
    config_unref(cfg);
    config_holder_free(holder);
    return 0;
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* threads started later inherit it */
    signal(SIGPIPE, SIG_IGN);
}

static void wake_main(void *user)
{
    (void)user;
    kill(getpid(), SIGUSR1);
}

/* Until the server is drained or somebody insists. */
static void serve(struct server *s, const sigset_t *set)
{
    bool is_ending = false;

    while (!server_is_drained(s)) {
        int number = 0;
        struct err_note note = { 0 };
        sigwait(set, &number);
        switch (number) {
        case SIGHUP:
            if (server_reload(s, &note))
                fprintf(stderr, "parleyd: the configuration was not taken: %s\n", note.text);
            break;
        case SIGTERM:
        case SIGINT:
            if (is_ending)
                return;
            is_ending = true;
            server_drain(s, false);
            break;
        default:
            break;
        }
    }
}

/* Nothing but the standard streams survives the exec, and no signal stays blocked. */
static void restart(const char *program, char **argv, const sigset_t *set)
{
    for (int fd = 3; syscall(SYS_close_range, 3, ~0u, 0) && fd < 4096; fd++)
        close(fd);
    pthread_sigmask(SIG_UNBLOCK, set, NULL);
    execv(program, argv);
    fprintf(stderr, "parleyd: restart failed: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
    struct arguments args = { 0 };
    struct err_note note = { 0 };
    struct server *server;
    sigset_t signals;
    char program[1024] = "";

    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    int status = read_arguments(argc, argv, &args);
    if (status >= 0)
        return status;
    if (args.task == CHECK_CONFIG)
        return check_config(args.config_path);
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1); /* now: it may be replaced later */
    program[MAX(len, 0)] = '\0';
    block_signals(&signals);
    struct server_opts opts = { .config_path = args.config_path, .loops = args.loops, .has_log = true,
                                .on_stopped = wake_main };
    if (server_create(&server, &opts, &note)) {
        fprintf(stderr, "parleyd: %s\n", note.text);
        return 1;
    }
    auto_buf struct buf banner = { 0 };
    server_banner(server, &banner);
    fwrite(banner.data, 1, banner.len, stdout);
    fflush(stdout);
    if (server_self_test(server, &note))
        fprintf(stderr, "parleyd: self-test: %s\n", note.text);
    malloc_trim(0); /* certificates and weights were read; what that took is not needed again */
    serve(server, &signals);
    bool wants_restart = server_wants_restart(server);
    server_free(server);
    if (wants_restart)
        restart(program, argv, &signals);
    return wants_restart;
}
