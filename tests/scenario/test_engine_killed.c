/* SPDX-License-Identifier: MIT
 * test_engine_killed.c -- a local engine is killed with signal 9 in the middle of its work: the turn ends with one
 * stop, the engine is started again, the next turn works. Real engines, real time. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/fake_providers.h"

#define TURN_US 30000000ull /* under sanitizers on a busy machine */

static const struct world_opts with_engines = {
    .has_threads = true, .has_engines = true,
    .more = "enable_greeting: false\nselected_module: {VAD: f, ASR: PocketSphinx, LLM: f, TTS: Flite, Memory: f}\n",
};

/* Our own child of that name; 0: none. */
static pid_t engine_pid(const char *name)
{
    pid_t found = 0;
    DIR *dir = opendir("/proc");

    assert_non_null(dir);
    for (struct dirent *e; !found && (e = readdir(dir));) {
        char comm[64], path[300];
        int pid = 0, parent = 0;
        snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!f)
            continue;
        if (fscanf(f, "%d (%60[^)]) %*c %d", &pid, comm, &parent) == 3 && parent == getpid() && strcmp(comm, name) == 0)
            found = pid;
        fclose(f);
    }
    closedir(dir);
    return found;
}

static bool comes(struct client *c, const char *needle)
{
    uint64_t began_us = clock_mono_us();

    while (client_count(c, needle) == 0) {
        if (clock_mono_us() - began_us > TURN_US)
            return false;
        loop_step(c->world->loop, 5);
    }
    return true;
}

static void must_come(struct client *c, const char *needle, const char *when)
{
    if (!comes(c, needle))
        fail_msg("%s: no %s:\n%s", when, needle, c->log.data ? c->log.data : "(nothing)");
}

static void check_one_stop(struct client *c, const char *when)
{
    for (unsigned i = 0; i < 60; i++) /* nothing comes after it */
        loop_step(c->world->loop, 5);
    if (client_count(c, "\"state\":\"start\"") != 1 || client_count(c, "\"state\":\"stop\"") != 1)
        fail_msg("%s:\n%s", when, c->log.data);
    if (strstr(strstr(c->log.data, "\"state\":\"stop\""), "<audio>"))
        fail_msg("%s: audio after the stop", when);
}

static void spoken_turn(struct client *c, const char *ask, const char *when)
{
    client_forget(c);
    client_say(c, ask);
    must_come(c, "\"state\":\"stop\"", when);
    check_one_stop(c, when);
    if (client_count(c, "<audio>") < 3)
        fail_msg("%s: nothing to hear:\n%s", when, c->log.data);
}

#define ASK "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"tell me a story\"}"

static void a_voice_killed_in_mid_sentence_ends_the_turn_and_comes_back(void **state)
{
    static const char story[] = "It is ten. It was nine before that. It will be eleven. Then comes noon. "
                                "Everybody eats.";
    struct world w;

    world_start(&w, &with_engines);
    fake_llm_script("")->replies[0].text = story;
    fake_llm_script("")->replies[1].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    client_forget(c);
    client_say(c, ASK);
    must_come(c, "\"state\":\"start\"", "before the kill");
    pid_t pid = engine_pid("flite");
    for (unsigned i = 0; !pid && i < 1000; i++) {
        loop_step(w.loop, 2);
        pid = engine_pid("flite");
    }
    assert_int_not_equal(pid, 0);
    must_come(c, "<audio>", "before the kill");
    assert_int_equal(kill(pid, SIGKILL), 0);
    must_come(c, "\"state\":\"stop\"", "after the kill");
    check_one_stop(c, "after the kill");
    spoken_turn(c, ASK, "the next turn");
    pid_t now = engine_pid("flite");
    assert_true(now != 0 && now != pid);
    world_end(&w);
}

static void a_recogniser_killed_while_it_works_ends_the_turn_and_comes_back(void **state)
{
    static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
    struct world w;

    world_start(&w, &with_engines);
    fake_llm_script("")->replies[0].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    client_forget(c);
    client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
    for (unsigned i = 0; i < 25; i++)
        client_frame(c, silence, sizeof(silence));
    pid_t pid = 0;
    for (unsigned i = 0; !pid && i < 2000; i++) {
        loop_step(w.loop, 2);
        pid = engine_pid("pocketsphinx");
    }
    assert_int_not_equal(pid, 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    for (unsigned i = 0; i < 25; i++)
        client_frame(c, silence, sizeof(silence));
    client_say(c, "{\"type\":\"listen\",\"state\":\"stop\"}");
    for (unsigned i = 0; i < 1000 && client_count(c, "\"state\":\"stop\"") == 0; i++)
        loop_step(w.loop, 5); /* an apology, or nothing heard where the new one took over */
    assert_int_equal(client_count(c, "\"state\":\"start\""), client_count(c, "\"state\":\"stop\""));
    spoken_turn(c, ASK, "the next turn");
    pid_t now = engine_pid("pocketsphinx");
    for (unsigned i = 0; (!now || now == pid) && i < 2000; i++) {
        loop_step(w.loop, 5);
        now = engine_pid("pocketsphinx");
    }
    assert_true(now != 0 && now != pid);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_voice_killed_in_mid_sentence_ends_the_turn_and_comes_back),
        cmocka_unit_test(a_recogniser_killed_while_it_works_ends_the_turn_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
