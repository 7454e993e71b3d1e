/* SPDX-License-Identifier: MIT
 * test_engines.c -- the real engine programs on real sockets: a voice speaks, the words go through Opus as
 * a device would send them, the recogniser hears them. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/energy.h"
#include "audio/framer.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "protocol/wyoming.h"

#define TESTDATA "/usr/share/pocketsphinx/test/data/"
#define WAIT_MS 30000

struct engine {
    pid_t pid;
    int fd;
    char socket[128];
    struct wyoming in;
};

static char folder[64];

static bool engine_exists(const char *name, char *path, size_t bytes)
{
    const char *build = getenv("PARLEY_BUILD");
    snprintf(path, bytes, "%s/engines/%s", build ? build : "build", name);
    return access(path, X_OK) == 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void engine_start(struct engine *e, const char *name, const char *option)
{
    char path[512];
    *e = (struct engine){ .fd = -1 };
    if (!engine_exists(name, path, sizeof(path))) {
        print_message("skip: no engine %s\n", path);
        return;
    }
    snprintf(e->socket, sizeof(e->socket), "%s/%s", folder, name);
    e->pid = fork();
    if (e->pid == 0) {
        execl(path, path, option, e->socket, NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && e->fd < 0; i++) {
        e->fd = connect_to(e->socket);
        if (e->fd < 0)
            poll(NULL, 0, 10);
    }
    assert_true(e->fd >= 0);
}

static int engine_stop(struct engine *e)
{
    int status = -1;
    close(e->fd);
    wyoming_done(&e->in);
    kill(e->pid, SIGTERM);
    waitpid(e->pid, &status, 0);
    assert_int_not_equal(access(e->socket, F_OK), 0); /* it tidied up */
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ask(struct engine *e, struct buf *bytes)
{
    for (size_t at = 0; at < bytes->len;) {
        ssize_t n = send(e->fd, bytes->data + at, bytes->len - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
    buf_done(bytes);
}

static void answer(struct engine *e, struct wyoming_event *ev)
{
    while (!wyoming_next(&e->in, ev)) {
        char bytes[16384];
        struct pollfd p = { .fd = e->fd, .events = POLLIN };
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        ssize_t n = recv(e->fd, bytes, sizeof(bytes), 0);
        assert_true(n > 0);
        assert_ok(wyoming_feed(&e->in, slice_from(bytes, (size_t)n)));
    }
}

/* All the audio of one sentence; 0 Hz: the engine said no. */
static uint32_t speak(struct engine *e, const char *text, const char *voice, struct pcm_queue *out)
{
    struct buf b = { 0 };
    struct wyoming_voice v = { .name = slice_of(voice) };
    wyoming_synthesize(&b, slice_of(text), &v);
    ask(e, &b);
    uint32_t rate_hz = 0;
    for (unsigned chunks = 0;;) {
        struct wyoming_event ev;
        struct wyoming_format format;
        answer(e, &ev);
        if (slice_is(ev.type, "error"))
            return 0;
        if (slice_is(ev.type, "audio-stop")) {
            if (out->count > rate_hz)
                assert_true(chunks > 1); /* it streams */
            return rate_hz;
        }
        if (slice_is(ev.type, "audio-start")) {
            assert_ok(wyoming_format_read(&ev, &format));
            rate_hz = format.rate_hz;
        }
        if (slice_is(ev.type, "audio-chunk")) {
            int16_t samples[8192];
            assert_true(ev.payload.len <= sizeof(samples));
            memcpy(samples, ev.payload.data, ev.payload.len);
            assert_ok(pcm_queue_put(out, (struct pcm){ samples, ev.payload.len / 2 }));
            chunks++;
        }
    }
}

static void hear(struct engine *e, struct pcm pcm, char *text, size_t bytes)
{
    struct buf b = { 0 };
    struct wyoming_event ev;
    wyoming_transcribe(&b, SLICE("en"));
    wyoming_audio_start(&b, 16000);
    for (size_t at = 0; at < pcm.count; at += 960)
        wyoming_audio_chunk(&b, 16000, (struct pcm){ pcm.samples + at, MIN((size_t)960, pcm.count - at) });
    wyoming_audio_stop(&b);
    ask(e, &b);
    answer(e, &ev);
    assert_slice_is(ev.type, "transcript");
    snprintf(text, bytes, SLICE_FMT, SLICE_ARG(wyoming_text(&ev, "text")));
}

/* 16 kHz speech as the device's encoder makes it and our decoder reads it. */
static void through_opus(struct pcm in, struct pcm_queue *out)
{
    struct encoder *e = NULL;
    struct decoder *d = NULL;
    struct framer f;
    struct encoder_opts o = { .rate_hz = 16000, .frame_us = 60000, .complexity = 0, .bitrate = 16000 };
    assert_ok(encoder_create(&e, &o));
    assert_ok(decoder_create(&d, 16000));
    assert_ok(framer_init(&f, encoder_samples(e)));
    struct pcm frame;
    while (framer_next(&f, &in, &frame) || framer_flush(&f, &frame)) {
        struct slice packet;
        struct pcm back;
        assert_ok(encoder_frame(e, frame, &packet));
        assert_ok(decoder_packet(d, packet, &back));
        assert_ok(pcm_queue_put(out, back));
    }
    framer_done(&f);
    encoder_free(e);
    decoder_free(d);
}

static void spoken_commands_are_understood_through_opus(void **state)
{
    static const struct {
        const char *voice, *said, *heard;
    } rows[] = {
        { "slt", "What time is it?", "what time is it" },
        { "slt", "Stop.", "stop" },
        { "kal16", "help", "help" },
        { "slt", "repeat after me, hello world", "repeat after me hello world" },
        { "slt", "What is two plus three?", "what is two plus three" },
        { "slt", "Turn the volume up.", "turn the volume up" },
    };
    struct engine voice, ear;
    engine_start(&voice, "flite", "--voice=slt");
    engine_start(&ear, "pocketsphinx", "--");
    if (voice.fd < 0 || ear.fd < 0)
        skip();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pcm_queue said = { 0 }, sent = { 0 };
        char text[256];
        assert_int_equal(speak(&voice, rows[i].said, rows[i].voice, &said), 16000);
        through_opus(pcm_queue_peek(&said), &sent);
        hear(&ear, pcm_queue_peek(&sent), text, sizeof(text));
        print_message("%s \"%s\" -> \"%s\"\n", rows[i].voice, rows[i].said, text);
        assert_string_equal(text, rows[i].heard);
        pcm_queue_done(&said);
        pcm_queue_done(&sent);
    }
    assert_int_equal(engine_stop(&voice), 0);
    assert_int_equal(engine_stop(&ear), 0);
}

static void a_person_is_understood_and_free_speech_is_no_command(void **state)
{
    struct engine ear, voice;
    engine_start(&ear, "pocketsphinx", "--");
    engine_start(&voice, "flite", "--");
    FILE *f = fopen(TESTDATA "goforward.raw", "rb");
    if (ear.fd < 0 || voice.fd < 0 || !f) {
        print_message("skip: no recogniser or no recording\n");
        skip();
    }
    static int16_t samples[60 * 16000];
    size_t count = fread(samples, 2, COUNT(samples), f);
    fclose(f);
    char text[256];
    struct pcm_queue sent = { 0 }, said = { 0 };
    through_opus((struct pcm){ samples, count }, &sent);
    hear(&ear, pcm_queue_peek(&sent), text, sizeof(text));
    assert_string_equal(text, "go forward ten meters");

    assert_int_equal(speak(&voice, "where can i buy a new computer", "", &said), 16000);
    hear(&ear, pcm_queue_peek(&said), text, sizeof(text));
    assert_string_equal(text, "where can i buy a new computer");

    hear(&ear, (struct pcm){ samples, 0 }, text, sizeof(text));
    assert_string_equal(text, "");
    memset(samples, 0, sizeof(samples));
    hear(&ear, (struct pcm){ samples, 16000 }, text, sizeof(text));
    print_message("silence -> \"%s\"\n", text);
    pcm_queue_done(&sent);
    pcm_queue_done(&said);
    assert_int_equal(engine_stop(&ear), 0);
    assert_int_equal(engine_stop(&voice), 0);
}

static void every_language_has_a_voice(void **state)
{
    struct engine e;
    engine_start(&e, "espeak-ng", "--");
    if (e.fd < 0)
        skip();
    static const char *const texts[] = { "Hello, how are you?", "你好，今天天气怎么样？", "Guten Tag", "Привет" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct pcm_queue said = { 0 };
        uint32_t rate_hz = speak(&e, texts[i], "", &said);
        assert_int_equal(rate_hz, 22050);
        assert_true(said.count > rate_hz / 3);
        assert_true(energy_dbfs(pcm_queue_peek(&said)) > -40);
        pcm_queue_done(&said);
    }
    struct pcm_queue none = { 0 };
    assert_int_equal(speak(&e, "x", "no-such-voice-at-all", &none), 0);
    assert_int_equal(engine_stop(&e), 0);
}

static void odd_requests_do_no_harm(void **state)
{
    struct engine e;
    engine_start(&e, "flite", "--");
    if (e.fd < 0)
        skip();
    struct pcm_queue said = { 0 };
    assert_int_equal(speak(&e, "", "", &said), 16000); /* nothing to say: start and stop */
    assert_int_equal(said.count, 0);
    assert_int_equal(speak(&e, "你好", "", &said), 16000); /* no letter it can read */
    assert_int_equal(said.count, 0);
    assert_int_equal(speak(&e, "a", "nobody", &said), 0);

    struct buf b = { 0 };
    struct wyoming_event ev;
    wyoming_describe(&b);
    ask(&e, &b);
    answer(&e, &ev);
    assert_slice_is(ev.type, "info");
    assert_int_equal(json_len(wyoming_get(&ev, "tts")), 1);

    /* A caller that asks and leaves, and one that talks nonsense; the next one is served. */
    int gone = connect_to(e.socket);
    static const char request[] = "{\"type\":\"synthesize\",\"data\":{\"text\":\"one two three four five\"}}\n";
    assert_int_equal(send(gone, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
    close(gone);
    int rude = connect_to(e.socket);
    char byte;
    assert_int_equal(send(rude, "hello?\n", 7, MSG_NOSIGNAL), 7);
    assert_true(recv(rude, &byte, 1, 0) <= 0);
    close(rude);
    assert_int_equal(speak(&e, "still here", "kal16", &said), 16000);
    assert_true(said.count > 8000);
    pcm_queue_done(&said);
    assert_int_equal(engine_stop(&e), 0);
}

static int make_folder(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/parley-engines-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoken_commands_are_understood_through_opus),
        cmocka_unit_test(a_person_is_understood_and_free_speech_is_no_command),
        cmocka_unit_test(every_language_has_a_voice),
        cmocka_unit_test(odd_requests_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
