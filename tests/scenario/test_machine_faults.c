/* SPDX-License-Identifier: MIT
 * test_machine_faults.c -- a whole server on a machine that runs out: of disk, of descriptors. Who talks goes on
 * talking, the fault is said where it is looked for, what was acknowledged stays, and all is well afterwards. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/gateway.h"
#include "store/db.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define PLAIN "enable_greeting: false\nlimits: {device_connects_per_min: 100000}\n"
#define ASK(text) "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"" text "\"}"

static const struct world_opts plain = { .more = PLAIN };
static struct buf errors;

static void keep_error(void *user, struct slice line)
{
    if (!slice_contains(line, SLICE(" ERROR ")))
        return;
    buf_put(&errors, line);
    buf_puts(&errors, "\n");
}

static void turn(struct client *c, const char *ask)
{
    client_forget(c);
    client_say(c, ask);
    for (unsigned i = 0; i < 500 && !client_count(c, "\"state\":\"stop\""); i++)
        world_advance(c->world, 20);
    if (client_count(c, "\"state\":\"start\"") != 1 || client_count(c, "\"state\":\"stop\"") != 1)
        fail_msg("%s", c->log.data);
}

static enum err count_saved(struct db *db, void *input)
{
    return db_number(input, db, "SELECT count(*) FROM save_job WHERE state = 1 AND device IN ('dev1', 'dev4')");
}

static bool two_are_saved(void *arg)
{
    int64_t n = 0;
    return store_run(server_store(arg), count_saved, &n) == OK && n == 2;
}

/* Closed by the server, within 100 ms whatever the store does. */
static void end_session(struct world *w, struct client *c, const char *device)
{
    uint64_t asked_ms = loop_now_ms(w->loop);
    gateway_kick(server_gateway(w->server), device);
    world_advance(w, 100);
    assert_true(client_closes(c));
    assert_true(c->closed_ms - asked_ms <= 100);
}

static bool is_ready(void *arg)
{
    struct world *w = arg;
    auto_buf struct buf reply = { 0 };
    return world_http(w, server_port(w->server), "GET /readyz", NULL, NULL, &reply) == 200;
}

static int fill_disk(const char *path)
{
    static const char zeros[4096];
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    return fd;
}

static char *long_ask(void)
{
    auto_mem char *text = xalloc(12001);
    memset(text, 'y', 12000);
    return xprintf("{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"%s\"}", text);
}

/* A small disk that nobody else sees and that goes with this process. */
static bool small_disk(const char *dir)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return false;
    return mount("tmpfs", dir, "tmpfs", 0, "size=2m") == 0;
}

static void a_full_disk_stops_nobody_and_loses_nothing_acknowledged(void **state)
{
    struct world w;
    world_start(&w, &plain);
    if (!small_disk(w.dir)) {
        print_message("skip: a small disk cannot be mounted here (%s)\n", strerror(errno));
        world_end(&w);
        skip();
    }
    world_restart(&w, NULL); /* onto it */
    fake_llm_script("")->replies[0].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    turn(c, ASK("remember the milk"));
    end_session(&w, c, "dev1");
    c = world_talker(&w, "dev2");
    auto_mem char *filler = xprintf("%s/filler", w.dir);
    int fd = fill_disk(filler);
    log_tap(keep_error, NULL);
    auto_mem char *much = long_ask(); /* the journal has room for a while */
    for (unsigned i = 0; i < 100 && is_ready(&w); i++)
        turn(c, much);
    assert_false(is_ready(&w));
    turn(c, ASK("and now"));
    turn(world_talker(&w, "dev3"), ASK("who comes new is heard too"));
    end_session(&w, c, "dev2");
    log_tap(NULL, NULL);
    assert_true(errors.len > 0);
    assert_non_null(strstr(errors.data, "disk is full"));
    close(fd);
    assert_int_equal(unlink(filler), 0);
    assert_true(world_until(&w, is_ready, &w)); /* by itself */
    c = world_talker(&w, "dev4");
    turn(c, ASK("there is room again"));
    end_session(&w, c, "dev4");
    world_restart(&w, NULL);
    assert_true(world_until(&w, two_are_saved, w.server)); /* the first and the last */
    assert_int_equal(umount2(w.dir, MNT_DETACH), 0);
    world_end(&w);
    buf_done(&errors);
}

static void without_descriptors_those_inside_go_on_and_others_come_later(void **state)
{
    struct rlimit usual, scarce;
    struct world w;
    int fds[20];
    world_start(&w, &plain);
    fake_llm_script("")->replies[0].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server_port(w.server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    turn(c, ASK("are you there"));
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    scarce = (struct rlimit){ (rlim_t)fds[COUNT(fds) - 1] + 1, usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &scarce), 0);
    for (size_t i = 0; i < COUNT(fds); i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
    turn(c, ASK("and now, with nothing left"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    world_advance(&w, 1000);
    turn(world_talker(&w, "dev2"), ASK("may I come in"));
    turn(c, ASK("still there"));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_descriptors_those_inside_go_on_and_others_come_later),
        cmocka_unit_test(a_full_disk_stops_nobody_and_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
