/* SPDX-License-Identifier: MIT
 * test_provider_faults.c -- a bad language, speech or recognition service behind a whole server: every turn ends
 * with something that is said or shown in time and exactly one stop, and the next turn works. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/mem.h"
#include "tests/support/fake_providers.h"
#include "tests/support/mock_speech.h"

#define TURN_MS_MAX 60000
#define ADVANCE_MS 20
#define FALLBACK_MS 3000
/* What a provider may take before it has failed, by what it does. */
#define AT_ONCE_MS 500
#define FIRST_BYTE_MS 15000
#define IDLE_MS 20000

static const char ask[] = "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"what time is it\"}";
static const char manual_start[] = "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}";
static const char manual_stop[] = "{\"type\":\"listen\",\"state\":\"stop\"}";

struct play {
    struct world w;
    struct mock *mock;
    struct client *device;
    unsigned paced;
    unsigned first_ms; /* of the turn: until something was heard or shown */
};

static void play_open(struct play *p, const char *kind)
{

    *p = (struct play){ 0 };
    world_start(&p->w, NULL);
    p->mock = mock_open(p->w.loop);
    mock_answer(p->mock, "It is ten. It will soon be eleven.");
    auto_mem char *more = xprintf("enable_greeting: false\n%s: {web: {type: openai, base_url: "
                                  "\"http://127.0.0.1:%u/v1\", model_name: m, api_key: k, response_format: wav}, f: {type: fake}}\n"
                                  "selected_module: {VAD: f, ASR: %s, LLM: %s, TTS: %s, Memory: f}\n",
                                  kind, mock_port(p->mock), strcmp(kind, "ASR") == 0 ? "web" : "f",
                                  strcmp(kind, "LLM") == 0 ? "web" : "f", strcmp(kind, "TTS") == 0 ? "web" : "f");
    struct err_note note = { 0 };
    auto_mem char *path = xprintf("%s/config.yaml", p->w.dir);
    FILE *f = fopen(path, "a"); /* of a double key the last counts */
    assert_non_null(f);
    fprintf(f, "%s", more);
    fclose(f);
    if (server_reload(p->w.server, &note))
        fail_msg("%s", note.text);
    world_settle(&p->w);
    fake_llm_script("")->replies[0].text = "Fine.";
    fake_asr_script("")->texts[0] = "what time is it";
    p->device = world_talker(&p->w, "dev1");
}

static void play_close(struct play *p)
{
    for (unsigned i = 0; i < p->w.client_count; i++)
        client_vanish(p->w.clients[i]);
    world_settle(&p->w);
    mock_close(p->mock);
    world_end(&p->w);
}

/* Real bytes between the steps, the clock by hand. */
static void pass(struct play *p, unsigned ms)
{
    for (unsigned done = 0; done < ms; done += ADVANCE_MS) {
        loop_advance(p->w.loop, ADVANCE_MS);
        for (unsigned i = 0; i < 4; i++)
            loop_step(p->w.loop, 0);
        if (!p->first_ms && p->paced++ < 40) /* what other threads do takes real time */
            loop_step(p->w.loop, 1);
    }
}

static void begin_turn(struct play *p, bool is_spoken)
{
    static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };

    client_forget(p->device);
    p->first_ms = p->paced = 0;
    if (!is_spoken) {
        client_say(p->device, ask);
        return;
    }
    client_say(p->device, manual_start);
    for (unsigned i = 0; i < 30; i++) {
        client_frame(p->device, silence, sizeof(silence));
        pass(p, 60);
    }
    client_say(p->device, manual_stop);
}

/* Time until the stop; the story is in the log. */
static unsigned until_stop(struct play *p, const char *what)
{
    unsigned ms = 0;

    for (; ms < TURN_MS_MAX && client_count(p->device, "\"state\":\"stop\"") == 0; ms += ADVANCE_MS) {
        pass(p, ADVANCE_MS);
        if (!p->first_ms && (client_count(p->device, "<audio>") || client_count(p->device, "\"type\":\"alert\"")))
            p->first_ms = ms + ADVANCE_MS;
    }
    if (client_count(p->device, "\"state\":\"stop\"") == 0)
        fail_msg("%s: no stop:\n%s", what, p->device->log.data ? p->device->log.data : "(nothing)");
    pass(p, 1000); /* nothing comes after it */
    return ms;
}

static void check_turn(struct play *p, const char *what, unsigned ms, unsigned ms_max)
{
    const char *log = p->device->log.data;

    assert_int_equal(client_count(p->device, "\"state\":\"start\""), 1);
    assert_int_equal(client_count(p->device, "\"state\":\"stop\""), 1);
    const char *start = strstr(log, "\"state\":\"start\""), *stop = strstr(log, "\"state\":\"stop\"");
    if (start > stop || strstr(stop, "<audio>"))
        fail_msg("%s: out of order:\n%s", what, log);
    if (client_count(p->device, "<audio>") == 0 && client_count(p->device, "\"type\":\"alert\"") == 0)
        fail_msg("%s: neither said nor shown:\n%s", what, log);
    if (ms > ms_max)
        fail_msg("%s: %u ms, %u at most:\n%s", what, ms, ms_max, log);
}

static void good_turn(struct play *p, const char *what, bool is_spoken)
{
    mock_set(p->mock, MOCK_GOOD, 0);
    begin_turn(p, is_spoken);
    unsigned ms = until_stop(p, what);
    check_turn(p, what, ms, 30000);
    if (client_count(p->device, "<audio>") < 3 || client_count(p->device, "\"type\":\"alert\"") > 0)
        fail_msg("after %s the next turn does not work:\n%s", what, p->device->log.data);
}

static const struct {
    enum mock_mode mode;
    const char *name;
    unsigned fails_ms; /* at the latest */
} faults[] = {
    { MOCK_REFUSE, "refuses", AT_ONCE_MS },     { MOCK_500, "answers 500", AT_ONCE_MS },
    { MOCK_401, "answers 401", AT_ONCE_MS },    { MOCK_HTML, "answers with a web page", AT_ONCE_MS },
    { MOCK_HALF_JSON, "half JSON", AT_ONCE_MS }, { MOCK_HANG, "hangs", FIRST_BYTE_MS },
    { MOCK_DRIP, "drips", IDLE_MS },            { MOCK_STALL, "stalls", IDLE_MS },
    { MOCK_MID_ERROR, "fails in the middle", AT_ONCE_MS },
};

/* The breaker pauses a provider after three failures: each fault gets a server of its own. */
static void try_faults(const char *kind, bool is_spoken)
{
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct play p;
        auto_mem char *what = xprintf("%s %s", kind, faults[i].name);
        play_open(&p, kind);
        good_turn(&p, "nothing yet", is_spoken); /* all that is made once is there */
        mock_set(p.mock, faults[i].mode, 0);
        begin_turn(&p, is_spoken);
        unsigned ms = until_stop(&p, what);
        /* what was said before it failed (some 2 s) and the apology itself (some 2 s) are played to their end */
        check_turn(&p, what, ms, faults[i].fails_ms + FALLBACK_MS + 5000);
        if (p.first_ms > faults[i].fails_ms + FALLBACK_MS)
            fail_msg("%s: %u ms of silence", what, p.first_ms);
        assert_true(mock_requests(p.mock) > 1 || faults[i].mode == MOCK_REFUSE);
        good_turn(&p, what, is_spoken);
        play_close(&p);
    }
}

static void a_bad_language_model_is_apologised_for_and_the_next_turn_works(void **state)
{
    try_faults("LLM", false);
}

static void a_bad_voice_is_shown_or_replaced_and_the_next_turn_works(void **state)
{
    try_faults("TTS", false);
}

static void a_bad_recogniser_is_apologised_for_and_the_next_turn_works(void **state)
{
    try_faults("ASR", true);
}

/* ---- cut at every byte ---- */

/* After three failures a provider is left out for 30 s; then it is tried once. */
static void pass_pause(struct play *p)
{
    loop_advance(p->w.loop, 31000);
    world_settle(&p->w);
}

static void cut_everywhere(const char *kind, bool is_spoken, size_t step)
{
    struct play p;

    play_open(&p, kind);
    good_turn(&p, kind, is_spoken);
    assert_int_equal(mock_requests(p.mock), 1);
    size_t bytes = mock_answer_bytes(p.mock);
    assert_true(bytes > 50);
    for (size_t cut = 0; cut < bytes; cut += step) {
        auto_mem char *what = xprintf("%s cut after %zu of %zu bytes", kind, cut, bytes);
        mock_set(p.mock, MOCK_CUT, cut);
        begin_turn(&p, is_spoken);
        check_turn(&p, what, until_stop(&p, what), AT_ONCE_MS + FALLBACK_MS + 6000);
        if (p.first_ms > AT_ONCE_MS + FALLBACK_MS)
            fail_msg("%s: %u ms of silence", what, p.first_ms);
        pass_pause(&p);
    }
    assert_true(mock_requests(p.mock) > bytes / step);
    good_turn(&p, "all the cuts", is_spoken);
    play_close(&p);
}

static void a_language_model_cut_at_any_byte_ends_in_one_stop(void **state)
{
    cut_everywhere("LLM", false, 1);
}

static void a_recogniser_cut_at_any_byte_ends_in_one_stop(void **state)
{
    cut_everywhere("ASR", true, 3);
}

static void a_voice_cut_anywhere_ends_in_one_stop(void **state)
{
    cut_everywhere("TTS", false, 997); /* its answer is sound, tens of kilobytes of it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_language_model_is_apologised_for_and_the_next_turn_works),
        cmocka_unit_test(a_bad_voice_is_shown_or_replaced_and_the_next_turn_works),
        cmocka_unit_test(a_bad_recogniser_is_apologised_for_and_the_next_turn_works),
        cmocka_unit_test(a_language_model_cut_at_any_byte_ends_in_one_stop),
        cmocka_unit_test(a_recogniser_cut_at_any_byte_ends_in_one_stop),
        cmocka_unit_test(a_voice_cut_anywhere_ends_in_one_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
