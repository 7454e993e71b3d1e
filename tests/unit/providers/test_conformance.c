/* SPDX-License-Identifier: MIT
 * test_conformance.c -- every class against its contract: one end, in time, nothing after close, nothing
 * inside a call, nothing leaked; with good servers, bad servers, and servers cut at every byte. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "http/client.h"
#include "loop/loop.h"
#include "providers/registry.h"
#include "providers/resolve.h"
#include "tests/support/fake_providers.h"
#include "tests/support/mock_speech.h"

#define TEXT "Hello from the mock."

struct subject {
    const char *name, *kind, *entry; /* %u: the mock's port, as often as it stands there */
    bool is_remote;                  /* can be made to fail by the mock */
};

static const struct subject subjects[] = {
    { "fake asr", "ASR", "{type: fake}", false },
    { "fake opus asr", "ASR", "{type: fake_opus}", false },
    { "wyoming asr", "ASR", "{type: wyoming, host: 127.0.0.1, port: %u}", true },
    { "openai asr", "ASR", "{type: openai, base_url: 'http://127.0.0.1:%u/v1/audio/transcriptions', api_key: k1234567}",
      true },
    { "openai asr, wav", "ASR", "{type: openai, base_url: 'http://127.0.0.1:%u/v1', format: wav}", true },
    { "fake llm", "LLM", "{type: fake}", false },
    { "rules", "LLM", "{type: rules}", false },
    { "openai llm", "LLM", "{type: openai, base_url: 'http://127.0.0.1:%u/v1', model_name: m, api_key: k1234567}", true },
    { "ollama", "LLM", "{type: ollama, base_url: 'http://127.0.0.1:%u', model_name: m}", true },
    { "fake tts", "TTS", "{type: fake}", false },
    { "fake opus tts", "TTS", "{type: fake_opus}", false },
    { "wyoming tts", "TTS", "{type: wyoming, uri: 'tcp://127.0.0.1:%u'}", true },
    { "openai tts, pcm", "TTS", "{type: openai, api_url: 'http://127.0.0.1:%u/v1/audio/speech', voice: v}", true },
    { "openai tts, opus", "TTS", "{type: openai, api_url: 'http://127.0.0.1:%u/v1/audio/speech', format: opus}", true },
    { "openai tts, wav", "TTS", "{type: openai, api_url: 'http://127.0.0.1:%u/v1/audio/speech', format: wav}", true },
};

enum where { IN_NOTHING, IN_FIRST, IN_SECOND, IN_MARK, IN_END };

struct stream;
struct world {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct use_opts use;
    struct mock *mock;
    const struct subject *subject;
};

/* One open thing of any kind, and all it told. */
struct stream {
    struct world *w;
    struct asr_use asr;
    struct llm_use llm;
    struct tts_use tts;
    struct buf text;
    unsigned events, ends, marks;
    uint64_t audio_us;
    struct err_note why;
    bool is_in_call, is_closed;
    unsigned holds;      /* pauses it in the first so many events */
    enum where close_in;
};

static void world_open(struct world *w, const struct subject *s)
{
    struct err_note note = { 0 };
    *w = (struct world){ .subject = s };
    fakes_reset();
    fake_asr_script("")->texts[0] = TEXT;
    fake_llm_script("")->replies[0].text = TEXT;
    fake_tts_script("")->sentence_ms = 200;
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(http_client_create(&w->env.http, w->loop, NULL));
    assert_ok(registry_create(&w->registry));
    fakes_add(NULL, w->registry);
    w->mock = mock_open(w->loop);
    mock_answer(w->mock, TEXT);
    w->env.loop = w->loop;
    char entry[256];
    const char *number = strstr(s->entry, "%u");
    snprintf(entry, sizeof(entry), "%s", s->entry);
    if (number)
        snprintf(entry, sizeof(entry), "%.*s%u%s", (int)(number - s->entry), s->entry, mock_port(w->mock), number + 2);
    auto_mem char *yaml = xprintf("%s: {x: %s}\nselected_module: {%s: x}\n", s->kind, entry, s->kind);
    if (config_parse(&w->config, slice_of(yaml), "test", &note))
        fail_msg("%s", note.text);
    w->use = (struct use_opts){ .env = &w->env, .config = w->config, .language = "en-US" };
}

static void settle(struct world *w)
{
    for (int i = 0; i < 5; i++)
        loop_step(w->loop, 0);
}

static void world_close(struct world *w)
{
    settle(w);
    mock_close(w->mock);
    settle(w);
    http_client_free(w->env.http);
    config_unref(w->config);
    registry_free(w->registry);
    settle(w);
    if (fakes_live() || loop_timers_armed(w->loop))
        fail_msg("%s: %u fakes, %zu timers left", w->subject->name, fakes_live(), loop_timers_armed(w->loop));
    loop_free(w->loop);
}

static void stream_close(struct stream *s)
{
    s->is_closed = true;
    if (s->asr.asr)
        s->asr.cls->close(take_ptr(&s->asr.asr));
    if (s->llm.llm)
        s->llm.cls->close(take_ptr(&s->llm.llm));
    if (s->tts.tts)
        s->tts.cls->close(take_ptr(&s->tts.tts));
}

/* Every event passes here. */
static void seen(struct stream *s, enum where where)
{
    if (s->is_in_call)
        fail_msg("%s: an event from inside of a call", s->w->subject->name);
    if (s->is_closed)
        fail_msg("%s: an event after close", s->w->subject->name);
    if (s->ends)
        fail_msg("%s: an event after the end", s->w->subject->name);
    s->events++;
    if (s->events <= s->holds)
        s->tts.cls->pause(s->tts.tts, true);
    if (where == IN_END)
        s->ends++;
    if (s->close_in == where || (s->close_in == IN_FIRST && s->events == 1) ||
        (s->close_in == IN_SECOND && s->events == 2))
        stream_close(s);
}

static void on_end(void *user, const struct err_note *why)
{
    struct stream *s = user;
    s->why = *why;
    seen(s, IN_END);
}

static void on_text(void *user, const struct asr_text *t)
{
    struct stream *s = user;
    if (t->final)
        buf_put(&s->text, t->text);
    seen(s, IN_NOTHING + 100);
}

static void on_delta(void *user, struct slice text)
{
    struct stream *s = user;
    buf_put(&s->text, text);
    seen(s, IN_NOTHING + 100);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    seen(user, IN_NOTHING + 100);
}

static void on_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    struct stream *s = user;
    s->audio_us += pcm.count * 1000000ull / rate_hz;
    seen(s, IN_NOTHING + 100);
}

static void on_opus(void *user, struct slice packet, uint32_t duration_us)
{
    struct stream *s = user;
    s->audio_us += duration_us;
    seen(s, IN_NOTHING + 100);
}

static void on_mark(void *user, uint32_t sentence)
{
    struct stream *s = user;
    assert_int_equal(sentence, s->marks);
    s->marks++;
    seen(s, IN_MARK);
}

static const struct asr_events asr_events = { .on_text = on_text, .on_end = on_end };
static const struct llm_events llm_events = { .on_delta = on_delta, .on_tool_call = on_tool_call, .on_end = on_end };
static const struct tts_events tts_events = {
    .on_pcm = on_pcm, .on_opus = on_opus, .on_mark = on_mark, .on_end = on_end,
};
static const struct tts_events tts_events_pcm = { .on_pcm = on_pcm, .on_mark = on_mark, .on_end = on_end };

static bool is_kind(const struct stream *s, const char *kind)
{
    return strcmp(s->w->subject->kind, kind) == 0;
}

/* pcm_only: the listener of a voice wants no packets. */
static void stream_open(struct stream *s, struct world *w, bool pcm_only)
{
    struct llm_message m = { .role = LLM_USER, .text = SLICE("who are you") };
    struct llm_request rq = { .messages = &m, .message_count = 1, .purpose = "chat" };
    *s = (struct stream){ .w = w, .is_in_call = true };
    enum err e = is_kind(s, "ASR")   ? asr_open_for(&s->asr, w->registry, &w->use, &asr_events, s)
                 : is_kind(s, "LLM") ? llm_open_for(&s->llm, w->registry, &w->use, &rq, &llm_events, s)
                                     : tts_open_for(&s->tts, w->registry, &w->use,
                                                    pcm_only ? &tts_events_pcm : &tts_events, s);
    s->is_in_call = false;
    if (e)
        fail_msg("%s: %s", w->subject->name, err_name(e));
}

/* Gives it what its kind takes: a second of audio, or two sentences. */
static void stream_feed(struct stream *s)
{
    int16_t samples[960] = { 0 };
    s->is_in_call = true;
    for (int i = 0; i < 16 && s->asr.asr; i++) {
        bool takes_opus = s->asr.cls->caps & ASR_TAKES_OPUS;
        enum err e = takes_opus ? s->asr.cls->feed_opus(s->asr.asr, SLICE("\xf8\xff\xfe"), 20000)
                                : s->asr.cls->feed(s->asr.asr, (struct pcm){ samples, 960 });
        assert_ok(e);
    }
    for (int i = 0; i < 2 && s->tts.tts; i++)
        assert_ok(s->tts.cls->say(s->tts.tts, SLICE("Hello.")));
    s->is_in_call = false;
}

static void stream_finish(struct stream *s)
{
    s->is_in_call = true;
    if (s->asr.asr)
        s->asr.cls->finish(s->asr.asr);
    if (s->tts.tts)
        s->tts.cls->finish(s->tts.tts);
    s->is_in_call = false;
}

/* Runs until it ended or the clock moved limit_ms. Sockets get some real time at each step. */
static void run(struct stream *s, unsigned limit_ms)
{
    unsigned quiet = 0;
    for (unsigned moved_ms = 0; !s->ends && !s->is_closed && moved_ms <= limit_ms;) {
        unsigned before = s->events;
        loop_step(s->w->loop, 2);
        quiet = s->events == before ? quiet + 1 : 0;
        if (quiet >= 12) { /* nothing moves by itself: let time pass */
            loop_advance(s->w->loop, 1000);
            moved_ms += 1000;
            quiet = moved_ms > 3000 ? 11 : 6;
        }
    }
}

static void stream_done(struct stream *s)
{
    stream_close(s);
    buf_done(&s->text);
}

static void assert_good(struct stream *s)
{
    const char *name = s->w->subject->name;
    if (s->ends != 1 || s->why.err)
        fail_msg("%s: %u ends, %s (%s)", name, s->ends, err_name(s->why.err), s->why.text);
    if (is_kind(s, "TTS") && (s->marks != 2 || s->audio_us < 390000 || s->audio_us > 410000))
        fail_msg("%s: %u marks, %llu us", name, s->marks, (unsigned long long)s->audio_us);
    if (!is_kind(s, "TTS") && strcmp(name, "rules") != 0 && !slice_is(buf_slice(&s->text), TEXT))
        fail_msg("%s: \"%s\"", name, s->text.data ? s->text.data : "");
}

#define EACH_SUBJECT(s) for (const struct subject *s = subjects; s < subjects + COUNT(subjects); s++)

static void each_does_its_work_and_ends_once(void **state)
{
    EACH_SUBJECT(subject)
    {
        for (int pcm_only = 0; pcm_only < 2; pcm_only++) {
            struct world w;
            struct stream s;
            world_open(&w, subject);
            stream_open(&s, &w, pcm_only);
            stream_feed(&s);
            stream_finish(&s);
            run(&s, 5000);
            assert_good(&s);
            stream_done(&s);
            world_close(&w);
        }
    }
}

static void two_instances_do_not_disturb_each_other(void **state)
{
    EACH_SUBJECT(subject)
    {
        struct world w;
        struct stream a, b;
        world_open(&w, subject);
        stream_open(&a, &w, false);
        stream_open(&b, &w, false);
        stream_feed(&a);
        stream_feed(&b);
        stream_finish(&b);
        stream_finish(&a);
        run(&a, 5000);
        run(&b, 5000);
        assert_good(&a);
        assert_good(&b);
        stream_done(&a);
        stream_done(&b);
        world_close(&w);
    }
}

static void closing_at_once_is_silent(void **state)
{
    EACH_SUBJECT(subject)
    {
        for (int step = 0; step < 4; step++) {
            struct world w;
            struct stream s;
            world_open(&w, subject);
            stream_open(&s, &w, false);
            if (step > 0)
                stream_feed(&s);
            if (step > 1)
                stream_finish(&s);
            if (step > 2)
                loop_step(w.loop, 0);
            if (!s.is_closed)
                stream_close(&s);
            settle(&w);
            stream_done(&s);
            world_close(&w);
        }
    }
}

static void closing_inside_each_event_is_silent(void **state)
{
    EACH_SUBJECT(subject)
    {
        for (int where = IN_FIRST; where <= IN_END; where++) {
            struct world w;
            struct stream s;
            world_open(&w, subject);
            stream_open(&s, &w, false);
            s.close_in = where;
            stream_feed(&s);
            stream_finish(&s);
            run(&s, 5000);
            settle(&w);
            stream_done(&s);
            world_close(&w);
        }
    }
}

static void finishing_without_anything_ends_well(void **state)
{
    EACH_SUBJECT(subject)
    {
        if (strcmp(subject->kind, "LLM") == 0)
            continue;
        struct world w;
        struct stream s;
        fakes_reset();
        world_open(&w, subject);
        fake_asr_script("")->texts[0] = "";
        stream_open(&s, &w, false);
        stream_finish(&s);
        run(&s, 5000);
        assert_int_equal(s.ends, 1);
        assert_int_equal(s.why.err, OK);
        assert_int_equal(s.text.len, 0);
        stream_done(&s);
        world_close(&w);
    }
}

static void a_bad_server_gives_one_error_in_time(void **state)
{
    static const enum mock_mode modes[] = { MOCK_REFUSE, MOCK_HANG, MOCK_500, MOCK_401, MOCK_HTML, MOCK_HALF_JSON,
                                            MOCK_MID_ERROR, MOCK_STALL, MOCK_DRIP };
    EACH_SUBJECT(subject)
    {
        for (size_t i = 0; i < COUNT(modes) && subject->is_remote; i++) {
            struct world w;
            struct stream s;
            bool has_mid = strcmp(subject->kind, "ASR") != 0 || strstr(subject->name, "wyoming");
            if (modes[i] == MOCK_MID_ERROR && !has_mid)
                continue;
            world_open(&w, subject);
            mock_set(w.mock, modes[i], 0);
            stream_open(&s, &w, false);
            stream_feed(&s);
            stream_finish(&s);
            run(&s, TOTAL_MS + IDLE_MS);
            if (s.ends != 1 || !s.why.err || !s.why.text[0])
                fail_msg("%s in mode %d: %u ends, %s (%s)", subject->name, (int)modes[i], s.ends,
                         err_name(s.why.err), s.why.text);
            stream_done(&s);
            world_close(&w);
        }
    }
}

static void a_server_that_is_not_there_gives_an_error(void **state)
{
    EACH_SUBJECT(subject)
    {
        if (!subject->is_remote)
            continue;
        struct world w;
        struct stream s;
        world_open(&w, subject);
        mock_close(w.mock);
        w.mock = mock_open(w.loop); /* on another port */
        stream_open(&s, &w, false);
        stream_feed(&s);
        stream_finish(&s);
        run(&s, 20000);
        assert_int_equal(s.ends, 1);
        assert_int_not_equal(s.why.err, OK);
        stream_done(&s);
        world_close(&w);
    }
}

static void an_answer_cut_at_any_byte_is_whole_or_an_error(void **state)
{
    EACH_SUBJECT(subject)
    {
        if (!subject->is_remote)
            continue;
        struct world w;
        size_t whole = 1;
        world_open(&w, subject);
        for (size_t cut = 0; cut < whole; cut += whole < 1200 ? 1 : 1 + whole / 97) {
            struct stream s;
            mock_set(w.mock, MOCK_CUT, cut);
            loop_advance(w.loop, BREAKER_PAUSE_MS); /* so that the breaker does not hide the case */
            stream_open(&s, &w, false);
            stream_feed(&s);
            stream_finish(&s);
            run(&s, 30000);
            whole = MAX(whole, mock_answer_bytes(w.mock));
            if (s.ends != 1)
                fail_msg("%s cut at %zu: %u ends", subject->name, cut, s.ends);
            if (!s.why.err && !is_kind(&s, "TTS") && !slice_is(buf_slice(&s.text), TEXT))
                fail_msg("%s cut at %zu of %zu: well, but \"%s\"", subject->name, cut, whole,
                         s.text.data ? s.text.data : "");
            stream_done(&s);
            settle(&w);
        }
        mock_set(w.mock, MOCK_GOOD, 0);
        loop_advance(w.loop, BREAKER_PAUSE_MS);
        struct stream last;
        stream_open(&last, &w, false);
        stream_feed(&last);
        stream_finish(&last);
        run(&last, 5000);
        assert_good(&last);
        stream_done(&last);
        world_close(&w);
    }
}

static void too_much_is_refused_for_now_and_the_rest_is_done(void **state)
{
    EACH_SUBJECT(subject)
    {
        if (strcmp(subject->kind, "TTS") != 0)
            continue;
        struct world w;
        struct stream s;
        unsigned said = 0;
        world_open(&w, subject);
        stream_open(&s, &w, false);
        while (said < 500 && s.tts.cls->say(s.tts.tts, SLICE("Hi.")) == OK)
            said++;
        assert_true(said < 500);
        stream_finish(&s);
        run(&s, 20000);
        if (s.ends != 1 || s.why.err || s.marks != said)
            fail_msg("%s: %u said, %u marks, %s", subject->name, said, s.marks, s.why.text);
        stream_done(&s);
        world_close(&w);
    }
}

static void an_answer_in_one_piece_is_understood(void **state)
{
    EACH_SUBJECT(subject)
    {
        if (strcmp(subject->kind, "LLM") != 0 || !subject->is_remote)
            continue;
        struct world w;
        struct stream s;
        world_open(&w, subject);
        mock_set(w.mock, MOCK_PLAIN, 0);
        stream_open(&s, &w, false);
        run(&s, 5000);
        assert_good(&s);
        stream_done(&s);
        world_close(&w);
    }
}

/* A quick voice with a long sentence: held after its first sound for longer than any time-out, it gives
 * nothing more, and everything when it may go on. */
static void a_voice_that_is_held_waits_and_loses_nothing(void **state)
{
    EACH_SUBJECT(subject)
    {
        if (strcmp(subject->kind, "TTS") != 0 || !subject->is_remote)
            continue;
        struct world w;
        struct stream s;
        world_open(&w, subject);
        mock_speech_ms(w.mock, 8000);
        stream_open(&s, &w, false);
        stream_feed(&s);
        stream_finish(&s);
        s.holds = 1;
        run(&s, 300000);
        if (s.events != 1)
            fail_msg("%s: %u events", subject->name, s.events);
        s.tts.cls->pause(s.tts.tts, false);
        run(&s, 5000);
        if (s.ends != 1 || s.why.err || s.marks != 2 || s.audio_us < 15999000 || s.audio_us > 16000000)
            fail_msg("%s: %u ends, %s, %u marks, %llu us", subject->name, s.ends, s.why.text, s.marks,
                     (unsigned long long)s.audio_us);
        stream_done(&s);
        world_close(&w);
    }
}

static void nothing(void *arg)
{
    (void)arg;
}

/* A server that leaves after its answer, which is seen before the voice may go on (a loop with more work than fits
 * into a round), or when the next sentence is on its way to it. */
static void a_server_that_leaves_while_its_voice_is_held_loses_nothing(void **state)
{
    static struct grave others[3000];
    EACH_SUBJECT(subject)
    {
        for (size_t count = 0; count <= COUNT(others); count += COUNT(others)) {
            if (strcmp(subject->kind, "TTS") != 0 || !subject->is_remote)
                continue;
            struct world w;
            struct stream s;
            world_open(&w, subject);
            mock_speech_ms(w.mock, 400);
            mock_set(w.mock, MOCK_CUT, SIZE_MAX);
            stream_open(&s, &w, false);
            stream_feed(&s);
            stream_finish(&s);
            s.holds = 1000;
            run(&s, 1000);
            for (unsigned i = 0; i < 100 && !s.ends; i++) {
                for (size_t k = 0; k < count; k++)
                    loop_work(w.loop, &others[k], nothing, NULL);
                s.tts.cls->pause(s.tts.tts, false);
                run(&s, 100);
            }
            if (s.ends != 1 || s.why.err || s.marks != 2 || s.audio_us < 799000 || s.audio_us > 800000)
                fail_msg("%s, %zu others: %u ends, %s, %u marks, %llu us", subject->name, count, s.ends, s.why.text,
                         s.marks, (unsigned long long)s.audio_us);
            stream_done(&s);
            world_close(&w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_does_its_work_and_ends_once),
        cmocka_unit_test(two_instances_do_not_disturb_each_other),
        cmocka_unit_test(closing_at_once_is_silent),
        cmocka_unit_test(closing_inside_each_event_is_silent),
        cmocka_unit_test(finishing_without_anything_ends_well),
        cmocka_unit_test(a_bad_server_gives_one_error_in_time),
        cmocka_unit_test(a_server_that_is_not_there_gives_an_error),
        cmocka_unit_test(an_answer_cut_at_any_byte_is_whole_or_an_error),
        cmocka_unit_test(too_much_is_refused_for_now_and_the_rest_is_done),
        cmocka_unit_test(an_answer_in_one_piece_is_understood),
        cmocka_unit_test(a_voice_that_is_held_waits_and_loses_nothing),
        cmocka_unit_test(a_server_that_leaves_while_its_voice_is_held_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
