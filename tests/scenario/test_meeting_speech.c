/* SPDX-License-Identifier: MIT
 * test_meeting_speech.c -- speech in a meeting from packets on, with a slow recogniser: nothing that is said while the
 * last sentence is still being recognised is lost, and each meeting has a recogniser of its own. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "tests/support/fake_providers.h"

#define FRAME_SAMPLES 960 /* 60 ms */
#define FRAME_MS 60
#define PCM_HELLO "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"audio_params\":{\"format\":\"pcm\"," \
                  "\"sample_rate\":16000,\"channels\":1,\"frame_duration\":60}}"
#define LISTEN "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}"
static const struct world_opts by_detector = { .server = "  language: en-US",
                                               .more = "meeting: {prefer_device_vad: false, entry_tone: none}" };

static struct client *microphone(struct world *w)
{
    struct client *c = world_client(w, "dev1");
    client_say(c, PCM_HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    return c;
}

static void streams(struct client *c, unsigned ms, bool is_voice)
{
    int16_t samples[FRAME_SAMPLES];
    for (int i = 0; i < FRAME_SAMPLES; i++)
        samples[i] = (int16_t)(!is_voice ? 0 : i % 40 < 20 ? 9000 : -9000);
    for (unsigned sent = 0; sent < ms; sent += FRAME_MS) {
        client_frame(c, samples, sizeof(samples));
        world_advance(c->world, FRAME_MS);
    }
}

/* Until so many texts are stored. */
static void records(struct client *c, const char *meeting, const char *texts)
{
    for (unsigned i = 0; i < 100 && strcmp(stored_texts(c->world, meeting), texts) != 0; i++) {
        world_advance(c->world, 100);
        client_sync(c);
    }
    assert_string_equal(stored_texts(c->world, meeting), texts);
}

static void what_is_said_while_the_last_is_still_recognised_is_recorded_in_order(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, &by_detector);
    struct fake_asr_script *asr = fake_asr_script("");
    asr->texts[0] = "the first thing";
    asr->texts[1] = "the second thing";
    asr->texts[2] = "the third thing";
    asr->plan.first_ms = 6000;
    struct client *c = microphone(&w);
    meeting_begins(c, id);
    client_say(c, LISTEN);
    client_sync(c);
    for (unsigned i = 0; i < 3; i++) {
        streams(c, 600, true);
        streams(c, 780, false);
    }
    assert_string_equal(stored_texts(&w, id), ""); /* none is recognised yet, and all three were heard */
    assert_int_equal(asr->seen.opens, 3);
    records(c, id, "the first thing\nthe second thing\nthe third thing\n");
    assert_int_equal(model_calls(), 0);
    world_end(&w);
}

static void each_meeting_has_a_recogniser_of_its_own(void **state)
{
    struct world w;
    char one[64], two[64];
    world_start(&w, &by_detector);
    struct fake_asr_script *asr = fake_asr_script("");
    asr->texts[0] = "half a sentence";
    asr->texts[1] = "in the second meeting";
    struct client *c = microphone(&w);
    meeting_begins(c, one);
    client_say(c, LISTEN);
    client_sync(c);
    streams(c, 600, true); /* and it ends before the sentence does */
    meeting_ends(c);
    streams(c, 1200, false);
    assert_int_equal(asr->seen.live, 0);
    meeting_begins(c, two);
    client_say(c, LISTEN);
    client_sync(c);
    streams(c, 600, true);
    streams(c, 780, false);
    records(c, two, "in the second meeting\n");
    assert_string_equal(stored_texts(&w, one), "");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_while_the_last_is_still_recognised_is_recorded_in_order),
        cmocka_unit_test(each_meeting_has_a_recogniser_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
