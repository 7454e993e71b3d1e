/* SPDX-License-Identifier: MIT
 * talks.h -- a whole server in this process for one .talk file: fakes set by its `given` lines, a clock
 * moved by hand; or, with `given real`, the local engines and real time.
 *
 *     given asr "what time is it" "stop"      given llm "It is ten."       given tts 900ms
 *     given llm tool get_time {} "It is ten." given llm hangs | error | first 300ms | each 50ms | open error
 *     given llm bad 1                         the faults hold for the first stream only
 *     given config enable_greeting: false     one top-level key and its value, in YAML flow style
 *     given no server faults ...              see cli/script_run.c for lines about the device */
#ifndef PARLEY_TESTS_TALKS_H
#define PARLEY_TESTS_TALKS_H

#include "cli/script.h"

/* OK; ERR_UNSUPPORTED: cannot run here (no engines), note says why; else it failed, note says where. */
must_check enum err talk_file_run(const char *path, bool is_verbose, struct err_note *note);

#endif
