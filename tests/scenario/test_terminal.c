/* SPDX-License-Identifier: MIT
 * test_terminal.c -- the program at a terminal, in the foreground and as a background job: it restarts itself in
 * place, with the same process, the same terminal and no descriptor more. */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/support/proc.h"
#include "tests/support/temp.h"

#define WAIT_US 20000000 /* under sanitizers on a busy machine */
#define READY "self.test result=ok"

struct seat {
    int terminal;
    pid_t shell, server; /* the same in the foreground */
    uint16_t admin;
    struct buf shown;
};

static const char *write_config(uint16_t admin)
{
    const char *path = temp_path("parley.yaml");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "server: {ip: 127.0.0.1, port: 0, http_port: 0, admin: {listen: \"127.0.0.1:%u\"}, auth: {enabled: false}}\n"
            "log: {data_dir: %s, log_dir: %s}\nstorage: {path: %s/parley.db}\nshutdown: {drain_seconds: 1}\n",
            admin, temp_dir(), temp_dir(), temp_dir());
    fclose(f);
    return path;
}

/* As a shell does: the job gets a process group of its own and is not the terminal's foreground. */
static void run_in_background(const char *program, const char *config)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives a test that fails; an exec keeps it */
        setpgid(0, 0);
        execl(program, program, "-c", config, "--loops", "1", (char *)NULL);
        _exit(127);
    }
    setpgid(pid, pid);
    printf("job %d\n", (int)pid);
    fflush(stdout);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
}

static bool shows(struct seat *s, const char *needle)
{
    uint64_t began_us = clock_mono_us();
    char piece[4096];
    while (!s->shown.data || !strstr(s->shown.data, needle)) {
        struct pollfd p = { .fd = s->terminal, .events = POLLIN };
        if (clock_mono_us() - began_us > WAIT_US)
            return false;
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = read(s->terminal, piece, sizeof(piece));
        if (n <= 0)
            return false;
        buf_put(&s->shown, slice_from(piece, (size_t)n));
    }
    return true;
}

static void sit_down(struct seat *s, bool is_background)
{
    char program[512];
    const char *build = getenv("PARLEY_BUILD");
    snprintf(program, sizeof(program), "%s/parleyd", build ? build : "build");
    *s = (struct seat){ .admin = temp_port() };
    const char *config = write_config(s->admin);
    s->shell = forkpty(&s->terminal, NULL, NULL, NULL);
    if (s->shell < 0) {
        print_message("skip: no pseudo-terminal can be opened here (%s)\n", strerror(errno));
        skip();
    }
    if (s->shell == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (is_background)
            run_in_background(program, config);
        execl(program, program, "-c", config, "--loops", "1", (char *)NULL);
        _exit(127);
    }
    if (!shows(s, READY))
        fail_msg("not ready:\n%s", s->shown.data ? s->shown.data : "");
    int job = 0;
    const char *line = strstr(s->shown.data, "job ");
    if (is_background)
        assert_int_equal(sscanf(line ? line : "", "job %d", &job), 1);
    s->server = is_background ? job : s->shell;
}

static void ask_for_restart(const struct seat *s)
{
    static const char request[] = "POST /restart HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(s->admin),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char answer[256] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
    assert_true(recv(fd, answer, sizeof(answer) - 1, 0) > 12);
    close(fd);
    assert_int_equal(strncmp(answer + 9, "20", 2), 0);
}

/* The connections of the self-test are closing while it says "ok": the least of a moment. */
static unsigned settled(struct seat *s)
{
    unsigned least = proc_fds(s->server);
    for (unsigned i = 0; i < 30; i++) {
        poll(NULL, 0, 10);
        least = MIN(least, proc_fds(s->server));
    }
    return least;
}

static void a_restart_at_a_terminal_keeps_process_and_terminal(void **state)
{
    for (unsigned is_background = 0; is_background < 2; is_background++) {
        struct seat s;
        int status = 0;
        sit_down(&s, is_background);
        unsigned counts[3] = { settled(&s) };
        for (unsigned round = 0; round < 2; round++) {
            buf_clear(&s.shown);
            ask_for_restart(&s);
            if (!shows(&s, READY)) /* at the same terminal */
                fail_msg("not back:\n%s", s.shown.data ? s.shown.data : "");
            assert_int_equal(kill(s.server, 0), 0); /* the same process */
            counts[round + 1] = settled(&s);
        }
        assert_true(counts[1] <= counts[0]); /* what we handed down by accident is gone */
        assert_int_equal(counts[2], counts[1]);
        assert_int_equal(kill(s.server, SIGTERM), 0);
        shows(&s, "a line that never comes: reads until the terminal is closed");
        assert_int_equal(waitpid(s.shell, &status, 0), s.shell);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        close(s.terminal);
        buf_done(&s.shown);
        temp_remove();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_at_a_terminal_keeps_process_and_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
