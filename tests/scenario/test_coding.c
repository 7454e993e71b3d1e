/* SPDX-License-Identifier: MIT
 * test_coding.c -- `parley coding` against a whole server with fake providers: a log read to its end, what the
 * model makes of it printed, and what is said when there is no server. TSAN */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define ARGS_MAX 12

static struct buf printed;

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(temp_path(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Both streams go into `printed`. */
static int run(const char *const *words)
{
    char *argv[ARGS_MAX] = { (char *)"coding" }, bytes[16384];
    int argc = 1;
    for (; words[argc - 1] && argc < ARGS_MAX; argc++)
        argv[argc] = (char *)words[argc - 1];
    auto_mem char *path = xstrdup(temp_path("printed"));
    fflush(stdout);
    fflush(stderr);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    close(file);
    int status = command_coding(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f)
        fclose(f);
    buf_clear(&printed);
    buf_put(&printed, slice_from(bytes, n));
    return status;
}

static void wants(int status, int want_status, const char *text)
{
    if (status != want_status || !slice_contains(buf_slice(&printed), slice_of(text)))
        fail_msg("%d, no \"%s\" in\n" SLICE_FMT, status, text, SLICE_ARG(buf_slice(&printed)));
}

static void a_log_is_told_and_its_summary_printed(void **state)
{
    struct world w;
    struct server_ports ports;
    world_start(&w, &(struct world_opts){ .has_threads = true });
    server_ports(w.server, &ports);
    auto_mem char *url = xprintf("ws://127.0.0.1:%u/xiaozhi/v1/", ports.device);
    write_file("build.log", "[1/2] Compiling C object a.o\na.c:1:1: error: broken\n12 passed, 3 failed\n");
    auto_mem char *log = xstrdup(temp_path("build.log"));
    fake_llm_script("f")->replies[0].text =
        "{\"insights\":[\"a.c does not compile\"],\"risks\":[],\"actions\":[\"mend line 1\"],\"nextSteps\":[]}";
    int status = run((const char *const[]){ "--follow", log, "--once", "--url", url, NULL });
    wants(status, EXIT_FINE, "a.c does not compile");
    wants(status, EXIT_FINE, "do        mend line 1");
    wants(status, EXIT_FINE, "summary");
    wants(status, EXIT_FINE, "3 lines: 2 errors, 0 warnings");
    status = run((const char *const[]){ "--follow", log, "--once", "--json", "--url", url, NULL });
    wants(status, EXIT_FINE, "\"event\":\"summary\"");
    world_end(&w);
}

static void failures_say_what_to_do_next(void **state)
{
    wants(run((const char *const[]){ NULL }), EXIT_USAGE, "| parley coding --follow -");
    wants(run((const char *const[]){ "--follow", "/no/such/log", NULL }), EXIT_BAD, "or - for a pipe");
    write_file("empty.log", "");
    auto_mem char *log = xstrdup(temp_path("empty.log"));
    wants(run((const char *const[]){ "--follow", log, "--once", "--ota", "http://127.0.0.1:1/", NULL }), EXIT_BAD,
          "Is the server running?");
    temp_remove();
    buf_done(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_told_and_its_summary_printed),
        cmocka_unit_test(failures_say_what_to_do_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
