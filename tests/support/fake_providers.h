/* SPDX-License-Identifier: MIT
 * fake_providers.h -- scripted recogniser, language model, synthesiser, detector and memory, behind the
 * real contracts. Classes are named "fake"; a script is found by alias, else the one named "".
 *
 *     fakes_reset();
 *     fake_asr_script("")->texts[0] = "what time is it";
 *     fake_llm_script("")->replies[0].text = "It is ten.";
 *     fakes_add(NULL, r);                          config: selected_module: {ASR: f}, ASR: {f: {type: fake}}
 *
 * Two aliases with equal entries are one provider to the registry: tell them apart by any key
 * (f: {type: fake, n: 1}, g: {type: fake, n: 2}).
 * Time is the loop's (manual clock works). Set scripts before the loops run; counters may be read from
 * any thread. Strings in scripts are borrowed for the test's life. */
#ifndef PARLEY_TESTS_FAKE_PROVIDERS_H
#define PARLEY_TESTS_FAKE_PROVIDERS_H

#include "providers/asr.h"
#include "providers/llm.h"
#include "providers/memory.h"
#include "providers/tts.h"
#include "providers/vad.h"

struct registry;

#define FAKE_LINES_MAX 32

/* How the streams of a script behave. Zero: at once and well. */
struct fake_plan {
    unsigned first_ms, each_ms; /* before the first event; between events (a large one: a drip) */
    enum err open_error;        /* open() fails with it */
    enum err error;             /* on_end with it instead of event number error_at (0: the first) */
    unsigned error_at;
    const char *error_text;
    bool hangs;                 /* at error_at: nothing more ever comes */
    unsigned bad_streams;       /* the faults above hold for the first n streams only; 0: for all */
    unsigned bad_stream;        /* ... or for this one only (1..); 0: does not say */
};
struct fake_counts {
    _Atomic unsigned opens, closes, finishes, ends;
    _Atomic unsigned live; /* opened and not closed */
};

struct fake_asr_script {
    struct fake_plan plan;
    struct fake_counts seen;
    const char *texts[FAKE_LINES_MAX]; /* the nth stream hears texts[n]; the last one repeats; "" or none: no speech */
    bool has_partials;                 /* each word as a partial before the final */
    unsigned busy_at;                  /* this feed (1..) answers ERR_BUSY; 0: never */
    _Atomic unsigned feeds;
    _Atomic uint64_t samples, packets; /* fed in all */
};

struct fake_reply {
    const char *text;                  /* NULL with a tool: none; NULL alone: "You said: <user's text>" */
    const char *tool, *tool_args;      /* one tool call after the text */
};
struct fake_llm_script {
    struct fake_plan plan;
    struct fake_counts seen;
    struct fake_reply replies[FAKE_LINES_MAX]; /* the nth stream answers replies[n]; the last set one repeats */
    unsigned delta_chars;              /* code points in a delta; 0: 8 */
};

struct fake_tts_script {
    struct fake_plan plan;
    struct fake_counts seen;
    unsigned sentence_ms;              /* audio per sentence; 0: by its length */
    unsigned char_ms;                  /* per code point; 0: 50 */
    unsigned chunk_ms;                 /* audio per event; 0: 60 */
    unsigned busy_at;                  /* this say (1..) answers ERR_BUSY; 0: never */
    _Atomic unsigned says;
};

struct fake_memory_script {
    struct fake_plan plan;
    struct fake_counts seen;
    const char *facts;
};

/* Made on first use; never NULL. */
struct fake_asr_script *fake_asr_script(const char *alias);
struct fake_llm_script *fake_llm_script(const char *alias);
struct fake_tts_script *fake_tts_script(const char *alias);
struct fake_memory_script *fake_memory_script(const char *alias);

void fakes_add(void *user, struct registry *r); /* all of them; fits server_opts.setup */
void fakes_reset(void);          /* forgets scripts and notes; nothing may be live */
unsigned fakes_live(void);       /* streams opened and not closed, all kinds */
/* What was asked of them, one line each, in order; copied into out (terminated). */
void fakes_said(char *out, size_t bytes);      /* sentences given to the synthesiser */
void fakes_asked(char *out, size_t bytes);     /* last message of each llm request */
void fakes_remembered(char *out, size_t bytes); /* device, key, turns */

extern const struct asr_class fake_asr;      /* "fake": PCM, partials */
extern const struct asr_class fake_asr_opus; /* "fake_opus": takes the device's packets */
extern const struct llm_class fake_llm;      /* "fake" */
extern const struct tts_class fake_tts;      /* "fake": a 440 Hz tone, 24 kHz */
extern const struct tts_class fake_tts_opus; /* "fake_opus": silent packets of 20 ms */
extern const struct vad_class fake_vad;      /* "fake": speech is what is loud (mean over 300) */
extern const struct memory_class fake_memory; /* "fake" */

#endif
