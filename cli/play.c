/* SPDX-License-Identifier: MIT
 * play.c -- `parley play`: .talk files against a running server. `given` lines about providers are the
 * server's business and passed over, so its answers must be those the file expects. Without --token the server is
 * asked for one first, as a device does at boot. */
#include "cli/args.h"
#include "cli/boot.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/script.h"
#include "cli/voice.h"

#include "base/mem.h"

#include <stdio.h>

#define FILES_MAX 256
#define FILE_MAX_BYTES (1u << 20)

static enum err speech(void *user, struct slice source, struct pcm_queue *out, struct err_note *note)
{
    auto_buf struct buf word = { 0 };
    if (!script_word(&source, &word))
        return ERR_INVALID;
    if (!slice_is(buf_slice(&word), "say"))
        return voice_from_wav(out, word.data, VOICE_RATE_HZ, note);
    buf_clear(&word);
    return script_word(&source, &word) ? voice_from_text(out, user, word.data, note) : ERR_INVALID;
}

static bool play(const char *path, struct script_host *h)
{
    auto_buf struct buf text = { 0 };
    auto_mem struct script *s = xnew(struct script);
    struct err_note note = { 0 };
    enum err e = file_read(&text, path, FILE_MAX_BYTES);
    if (e)
        snprintf(note.text, sizeof(note.text), "%s", err_text(e));
    else
        e = script_parse(s, buf_slice(&text), &note);
    if (e == OK)
        e = script_run(s, h, &note);
    script_done(s);
    if (e)
        printf("[  FAILED  ] %s: %s\n", path, note.text);
    else
        printf("[       OK ] %s\n", path);
    return e == OK;
}

/* ws://HOST/PREFIX/v1/ -> http://HOST/PREFIX/ota/: every port serves all device paths. */
static bool ota_of(struct slice url, struct buf *out)
{
    size_t at = url.len;
    while (at > 0 && !slice_starts(slice_sub(url, at, url.len), SLICE("/v1")))
        at--;
    if (!slice_starts(url, SLICE("ws")) || at == 0)
        return false;
    buf_puts(out, "http");
    buf_put(out, slice_sub(url, 2, at - 2));
    buf_puts(out, "/ota/");
    return true;
}

/* A server that wants no token, or knows no OTA, is talked to without. */
static void ask_token(struct script_host *h, struct ota_answer *to)
{
    auto_buf struct buf url = { 0 };
    struct err_note note = { 0 };
    struct ota_client who = { h->device_id, h->client_id, DEVICE_BOARD, DEVICE_FIRMWARE, "en-US" };
    if (!ota_of(slice_of(h->url), &url))
        return;
    enum err e = boot(to, h->loop, url.data, &who, &note);
    if (e && h->is_verbose)
        printf("no token: %s\n", note.text);
    else if (!e)
        h->token = to->websocket_token;
    if (!e && to->has_activation && to->activation_code[0])
        fprintf(stderr, "parley: the server does not know this device yet; confirm it: parley pair %s\n",
                to->activation_code);
}

int command_play(int argc, char **argv)
{
    const char *files[FILES_MAX];
    struct script_host h = { .url = "ws://127.0.0.1:8000/xiaozhi/v1/", .device_id = "02:00:00:00:00:01",
                             .client_id = "00000000-0000-4000-8000-000000000001", .speech = speech };
    int64_t expect_ms = 0;
    const struct arg list[] = {
        {"--url", ARG_TEXT, "URL", "WebSocket URL (ws://127.0.0.1:8000/xiaozhi/v1/)", .text = &h.url},
        {"--token", ARG_TEXT, "TOKEN", "bearer token (asked of the server's OTA)", .text = &h.token},
        {"--device-id", ARG_TEXT, "ID", "device id", .text = &h.device_id},
        {"--wait", ARG_NUMBER, "MS", "patience for each answer (5000)", .number = &expect_ms, .min = 1,
         .max = 600000},
        {"--verbose", ARG_FLAG, NULL, "every message as it goes by", .flag = &h.is_verbose},
    };
    struct args a = { "parley play FILE.talk ... [options]", list, COUNT(list), files, FILES_MAX, 0 };
    int e = args_parse(&a, argc, argv);
    if (e)
        return e - 1;
    if (a.rest_count == 0) {
        fprintf(stderr, "parley: which file (see --help)\n");
        return EXIT_USAGE;
    }
    h.expect_ms = (unsigned)expect_ms;
    if (loop_create(&h.loop, &(struct loop_opts){ .name = "play" }))
        return EXIT_BAD;
    h.user = h.loop;
    auto_mem struct ota_answer *to = xnew(struct ota_answer);
    if (!h.token)
        ask_token(&h, to);
    bool is_fine = true;
    for (size_t i = 0; i < a.rest_count; i++)
        is_fine = play(files[i], &h) && is_fine;
    loop_end(h.loop);
    loop_free(h.loop);
    return is_fine ? EXIT_FINE : EXIT_BAD;
}
