/* SPDX-License-Identifier: MIT
 * process.c -- fork and exec, watched through a pidfd: no SIGCHLD, no reaping of strangers.
 *
 * libuv can start processes but cannot tie a child's life to ours, so the start is our own: fork,
 * PR_SET_PDEATHSIG, streams, every other descriptor closed, exec; a close-on-exec pipe brings the
 * errno of a failed exec back. Output of both streams arrives on one pipe, line by line. */
#include "loop/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "loop/timer.h"

#define LINE_MAX_BYTES 1024
#define KILL_AFTER_MS 2000
#define READ_MAX_BYTES 4096
#define READS_PER_ROUND 16
#define EXEC_ERRNO_FD 3

struct process {
    struct loop *loop;
    struct process_events events;
    void *user;
    pid_t pid;
    int pid_fd, out_fd; /* -1: closed */
    uv_poll_t exit_watch, out_watch;
    unsigned watches_open;
    struct timer kill_timer;
    struct buf line;
    unsigned line_max_bytes;
    bool is_cutting; /* the rest of a line that was too long */
    bool is_closed, has_exited;
};

static void child_main(const struct process_opts *o, pid_t parent, int out_fd, int errno_fd)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    setpgid(0, 0); /* a terminal's ^C is for us; we end our children ourselves */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd >= 0)
        dup2(null_fd, 0);
    dup2(out_fd, 1);
    dup2(out_fd, 2);
    if (errno_fd != EXEC_ERRNO_FD)
        dup2(errno_fd, EXEC_ERRNO_FD);
    fcntl(EXEC_ERRNO_FD, F_SETFD, FD_CLOEXEC);
    if (syscall(SYS_close_range, EXEC_ERRNO_FD + 1, ~0u, 0)) {
        for (int fd = EXEC_ERRNO_FD + 1; fd < 65536; fd++)
            close(fd);
    }
    char *const *argv = (char *const *)o->argv;
    if (o->env)
        execvpe(argv[0], argv, (char *const *)o->env);
    else
        execvp(argv[0], argv);
    int failed = errno;
    if (write(EXEC_ERRNO_FD, &failed, sizeof(failed)) < 0)
        _exit(126);
    _exit(127);
}

static void put_line(struct process *p)
{
    struct slice line = buf_slice(&p->line);

    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len && p->events.on_line && !p->is_closed)
        p->events.on_line(p->user, line);
    buf_clear(&p->line);
    p->is_cutting = false;
}

static void take_bytes(struct process *p, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len && !p->is_closed;) {
        const char *end = memchr(bytes + at, '\n', len - at);
        size_t piece = end ? (size_t)(end - bytes) - at : len - at;
        size_t room = p->line_max_bytes - p->line.len;
        if (!p->is_cutting)
            buf_put(&p->line, slice_from(bytes + at, MIN(piece, room)));
        if (piece >= room)
            p->is_cutting = true;
        at += piece + (end ? 1 : 0);
        if (end)
            put_line(p);
    }
}

static void watch_closed(uv_handle_t *handle)
{
    struct process *p = handle->data;

    if (--p->watches_open > 0)
        return;
    buf_done(&p->line);
    mem_free(p);
}

static void close_output(struct process *p)
{
    if (p->out_fd < 0)
        return;
    uv_poll_stop(&p->out_watch);
    uv_close((uv_handle_t *)&p->out_watch, watch_closed);
    close(p->out_fd);
    p->out_fd = -1;
}

static void read_output(struct process *p, unsigned reads_max)
{
    char bytes[READ_MAX_BYTES];

    for (unsigned i = 0; i < reads_max && p->out_fd >= 0; i++) {
        ssize_t got = read(p->out_fd, bytes, sizeof(bytes));
        if (got > 0) {
            take_bytes(p, bytes, (size_t)got);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            put_line(p);
            close_output(p);
        } else {
            return;
        }
    }
}

static void on_output(uv_poll_t *watch, int status, int events)
{
    (void)status;
    (void)events;
    read_output(watch->data, READS_PER_ROUND);
}

static void on_exit_ready(uv_poll_t *watch, int status, int events)
{
    struct process *p = watch->data;
    int how = 0;

    (void)status;
    (void)events;
    if (waitpid(p->pid, &how, WNOHANG) == 0)
        return;
    p->has_exited = true;
    timer_stop(&p->kill_timer);
    read_output(p, READS_PER_ROUND);
    if (p->out_fd >= 0)
        put_line(p);
    close_output(p);
    uv_poll_stop(&p->exit_watch);
    uv_close((uv_handle_t *)&p->exit_watch, watch_closed);
    close(p->pid_fd);
    if (p->is_closed)
        return;
    p->is_closed = true;
    if (p->events.on_exit)
        p->events.on_exit(p->user, WIFEXITED(how) ? WEXITSTATUS(how) : -1, WIFSIGNALED(how) ? WTERMSIG(how) : 0);
}

static enum err start_child(const struct process_opts *o, pid_t *pid, int *out_fd)
{
    int out_pipe[2], errno_pipe[2], failed = 0;
    pid_t parent = getpid();

    if (pipe2(out_pipe, O_CLOEXEC))
        return ERR_IO;
    if (pipe2(errno_pipe, O_CLOEXEC)) {
        close(out_pipe[0]);
        close(out_pipe[1]);
        return ERR_IO;
    }
    *pid = fork();
    if (*pid == 0)
        child_main(o, parent, out_pipe[1], errno_pipe[1]);
    close(out_pipe[1]);
    close(errno_pipe[1]);
    ssize_t got = *pid > 0 ? read(errno_pipe[0], &failed, sizeof(failed)) : 0; /* until exec: microseconds */
    close(errno_pipe[0]);
    if (*pid > 0 && got <= 0) {
        fcntl(out_pipe[0], F_SETFL, O_NONBLOCK);
        *out_fd = out_pipe[0];
        return OK;
    }
    close(out_pipe[0]);
    if (*pid > 0)
        waitpid(*pid, NULL, 0);
    return failed == ENOENT || failed == EACCES ? ERR_NOT_FOUND : ERR_IO;
}

/* The thread sanitizer sees neither pidfd_open nor how libuv closes: it would take our descriptor for the last one of
 * its number, of another thread. So it moves to a number that the sanitizer saw being given to us. */
static int open_pid_fd(pid_t pid, int ours)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    (void)ours;
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    int known = fd < 0 ? -1 : dup(ours);
    if (known >= 0) {
        syscall(SYS_dup3, fd, known, O_CLOEXEC);
        syscall(SYS_close, fd);
        fd = known;
    }
#endif
#endif
    return fd;
}

enum err process_open(struct process **out, struct loop *l, const struct process_opts *o,
                      const struct process_events *ev, void *user)
{
    pid_t pid;
    int out_fd;

    assert_on_loop(l);
    enum err err = start_child(o, &pid, &out_fd);
    if (err)
        return err;
    int pid_fd = open_pid_fd(pid, out_fd);
    if (pid_fd < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(out_fd);
        return ERR_UNSUPPORTED;
    }
    struct process *p = xnew(struct process);
    p->loop = l;
    p->events = *ev;
    p->user = user;
    p->pid = pid;
    p->pid_fd = pid_fd;
    p->out_fd = out_fd;
    p->line_max_bytes = o->line_max_bytes ? o->line_max_bytes : LINE_MAX_BYTES;
    p->watches_open = 2;
    uv_poll_init(loop_uv(l), &p->exit_watch, pid_fd);
    uv_poll_init(loop_uv(l), &p->out_watch, out_fd);
    p->exit_watch.data = p->out_watch.data = p;
    uv_poll_start(&p->exit_watch, UV_READABLE, on_exit_ready);
    uv_poll_start(&p->out_watch, UV_READABLE, on_output);
    *out = p;
    return OK;
}

void process_kill(struct process *p, int signal)
{
    if (!p->has_exited)
        kill(p->pid, signal);
}

static void kill_hard(void *arg)
{
    process_kill(arg, SIGKILL);
}

void process_close(struct process *p)
{
    if (!p || p->is_closed)
        return;
    assert_on_loop(p->loop);
    p->is_closed = true;
    process_kill(p, SIGTERM);
    timer_start(&p->kill_timer, p->loop, KILL_AFTER_MS, kill_hard, p);
}

int process_pid(const struct process *p)
{
    return p->pid;
}
