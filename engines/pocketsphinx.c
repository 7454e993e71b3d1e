/* SPDX-License-Identifier: MIT
 * pocketsphinx.c -- the engine that recognises English: a grammar of commands and a language model, both.
 *
 * A grammar hears one of its commands in anything, a language model hears something like what was said.
 * So every utterance is decoded with both, and the command is believed where it sounds like what the
 * language model heard; otherwise the free text is the answer. "Sounds like" is the edit distance of
 * their phones: "all you mad" is near enough to "volume up". */
#include "engines/common/engine.h"

#include <pocketsphinx.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#ifndef MODEL_DIR
#define MODEL_DIR "/usr/share/pocketsphinx/model"
#endif
#define GRAMMAR_FILE "grammar/commands.gram"
#define OPENINGS_MAX 16      /* "repeat after me" and its like */
#define PHONES_MAX 512       /* of an utterance; the rest is not compared */
#define PAD_SAMPLES 1600     /* silence put around an utterance: 100 ms */
#define HMMS_MAX "6000"       /* states and words followed per frame: fewer than the defaults is quicker; */
#define WORDS_MAX "20"        /* half of this and short words are lost */
#define DISTANCE_MAX 0.6     /* share of phones that may differ: a command is believed */
#define DISTANCE_OPENING 0.4 /* ... and the opening of a sentence */

struct heard {
    char text[1024];
    uint16_t phones[PHONES_MAX];
    size_t phone_count;
};

struct recogniser {
    ps_decoder_t *decoder;
    bool has_grammar, is_verbose;
    char *openings[OPENINGS_MAX];
    size_t opening_count;
};

/* --- phones ------------------------------------------------------------------------------------------ */

/* Two letters of a phone's name as a number; the stress digit is no letter. */
static void phones_add(struct recogniser *r, struct heard *h, const char *word)
{
    char *phones = ps_lookup_word(r->decoder, word);
    for (char *at = phones; at && *at && h->phone_count < PHONES_MAX;) {
        unsigned phone = (unsigned char)at[0];
        if (at[1] >= 'A' && at[1] <= 'Z')
            phone |= (unsigned)(unsigned char)at[1] << 8;
        h->phones[h->phone_count++] = (uint16_t)phone;
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    ckd_free(phones);
}

static void phones_of(struct recogniser *r, struct heard *h, const char *text)
{
    auto_mem char *copy = xstrdup(text);
    char *rest = copy;
    h->phone_count = 0;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word)
            phones_add(r, h, word);
    }
}

/* Edit distance as a share of the longer one. */
static double phone_distance(const struct heard *a, const struct heard *b, size_t b_count)
{
    uint16_t row[PHONES_MAX + 1];
    size_t longer = MAX(a->phone_count, b_count);
    if (longer == 0)
        return 1;
    for (size_t j = 0; j <= b_count; j++)
        row[j] = (uint16_t)j;
    for (size_t i = 1; i <= a->phone_count; i++) {
        uint16_t diagonal = row[0];
        row[0] = (uint16_t)i;
        for (size_t j = 1; j <= b_count; j++) {
            uint16_t same = (uint16_t)(diagonal + (a->phones[i - 1] != b->phones[j - 1]));
            diagonal = row[j];
            row[j] = (uint16_t)MIN(same, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return (double)row[b_count] / (double)longer;
}

/* --- decoding ------------------------------------------------------------------------------------------ */

static void keep_words(char *out, size_t bytes, const char *hypothesis)
{
    size_t len = 0;
    for (const char *at = hypothesis; *at && len + 1 < bytes; at++) {
        if (*at == '(') { /* "read(2)": which pronunciation */
            at += strcspn(at, ")");
            if (!*at)
                break;
            continue;
        }
        out[len++] = *at;
    }
    out[len] = 0;
}

static bool decode(struct recogniser *r, const char *search, struct pcm pcm, struct heard *out)
{
    *out = (struct heard){ 0 };
    if (ps_set_search(r->decoder, search) < 0 || ps_start_utt(r->decoder) < 0)
        return false;
    int frames = ps_process_raw(r->decoder, pcm.samples, pcm.count, FALSE, TRUE);
    if (ps_end_utt(r->decoder) < 0 || frames <= 0)
        return false;
    const char *hypothesis = ps_get_hyp(r->decoder, NULL);
    if (!hypothesis || !*hypothesis)
        return false;
    keep_words(out->text, sizeof(out->text), hypothesis);
    phones_of(r, out, out->text);
    return true;
}

/* "repeat after me ...": the opening as it is meant, then what free recognition heard. */
static bool hear_opening(struct recogniser *r, const struct heard *spoken, struct buf *text)
{
    for (size_t i = 0; i < r->opening_count; i++) {
        struct heard opening = { 0 };
        phones_of(r, &opening, r->openings[i]);
        auto_mem char *copy = xstrdup(spoken->text);
        struct heard prefix = { 0 };
        double best = 1;
        size_t best_at = 0;
        char *rest = copy;
        for (char *word; (word = strsep(&rest, " ")) != NULL && rest;) {
            phones_add(r, &prefix, word);
            double d = phone_distance(&opening, &prefix, prefix.phone_count);
            if (d < best) {
                best = d;
                best_at = (size_t)(rest - copy);
            }
        }
        if (best <= DISTANCE_OPENING) {
            buf_printf(text, "%s %s", r->openings[i], spoken->text + best_at);
            return true;
        }
    }
    return false;
}

static void recognise(void *self, struct pcm pcm, struct buf *text)
{
    struct recogniser *r = self;
    struct heard *spoken = xnew(struct heard), *command = xnew(struct heard);
    size_t count = pcm.count + 2 * PAD_SAMPLES;
    int16_t *padded = xalloc(count * sizeof(int16_t));
    memcpy(padded + PAD_SAMPLES, pcm.samples, pcm.count * sizeof(int16_t));
    struct pcm sound = { padded, count };

    bool has_spoken = decode(r, "free", sound, spoken);
    bool has_command = r->has_grammar && decode(r, "commands", sound, command);
    double distance = phone_distance(command, spoken, spoken->phone_count);
    if (r->is_verbose)
        fprintf(stderr, "free \"%s\" command \"%s\" distance %.2f\n", spoken->text, command->text, distance);
    if (has_command && has_spoken && distance <= DISTANCE_MAX)
        buf_puts(text, command->text);
    else if (has_spoken && !hear_opening(r, spoken, text))
        buf_puts(text, spoken->text);
    mem_free(padded);
    mem_free(command);
    mem_free(spoken);
}

/* --- loading ------------------------------------------------------------------------------------------- */

static char *find_grammar(const struct engine_args *a)
{
    const char *named = engine_arg(a, "grammar", NULL);
    if (named)
        return xstrdup(named);
    char program[512] = "";
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash = len > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        *slash = 0;
    static const char *const up[] = { "/../share/parley/", "/../share/", "/../../share/", "/../../../share/" };
    for (size_t i = 0; slash && i < COUNT(up); i++) {
        char *path = xprintf("%s%s" GRAMMAR_FILE, program, up[i]);
        if (access(path, R_OK) == 0)
            return path;
        mem_free(path);
    }
    return xstrdup("/usr/share/parley/" GRAMMAR_FILE);
}

/* Lines "// open: words" name sentences with an open end. */
static void read_openings(struct recogniser *r, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[512];
    while (f && r->opening_count < OPENINGS_MAX && fgets(line, sizeof(line), f)) {
        struct slice s = slice_trim(slice_of(line));
        if (slice_starts(s, SLICE("// open:")))
            r->openings[r->opening_count++] = xslicedup(slice_trim(slice_sub(s, 8, s.len)));
    }
    if (f)
        fclose(f);
}

static void *load(const struct engine_args *a)
{
    const char *models = engine_arg(a, "models", MODEL_DIR);
    auto_mem char *hmm = xprintf("%s/en-us/en-us", models);
    auto_mem char *dictionary = xprintf("%s/en-us/cmudict-en-us.dict", models);
    auto_mem char *words = xstrdup(engine_arg(a, "lm", ""));
    if (!*words) {
        mem_free(words);
        words = xprintf("%s/en-us/en-us.lm.bin", models);
    }
    cmd_ln_t *config = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-dict", dictionary, "-logfn", "/dev/null",
                                   "-mmap", "yes", "-maxhmmpf", HMMS_MAX, "-maxwpf", WORDS_MAX, NULL);
    ps_decoder_t *decoder = config ? ps_init(config) : NULL;
    if (!decoder || ps_set_lm_file(decoder, "free", words) < 0) {
        fprintf(stderr, "no English models at %s (package pocketsphinx-en-us)\n", models);
        return NULL;
    }
    struct recogniser *r = xnew(struct recogniser);
    auto_mem char *grammar = find_grammar(a);
    r->decoder = decoder;
    r->is_verbose = *engine_arg(a, "verbose", "") != 0;
    r->has_grammar = access(grammar, R_OK) == 0 && ps_set_jsgf_file(decoder, "commands", grammar) == 0;
    if (r->has_grammar)
        read_openings(r, grammar);
    else
        fprintf(stderr, "no grammar at %s: free recognition only\n", grammar);
    return r;
}

int main(int argc, char **argv)
{
    static const struct engine_class cls = {
        .name = "pocketsphinx",
        .about = "English commands (--grammar=) and free English, weakly (--models=, --lm=)",
        .version = "5prealpha",
        .languages_json = "[\"en\"]",
        .load = load,
        .recognise = recognise,
    };
    return engine_main(argc, argv, &cls);
}
