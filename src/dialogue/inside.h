/* SPDX-License-Identifier: MIT
 * inside.h -- struct dialogue, for the files that make it up. Nobody else includes this.
 *
 *   dialogue.c         what the device does and others want
 *   exchange.c         the actions of a turn
 *   exchange_model.c   ... its question to the model
 *   exchange_speech.c  ... what is spoken
 *   talk.c             what it reads from the configuration
 *   records.c          store and memory
 *   quota.c            letters spoken in a day
 *   refresh.c          greetings made anew
 *   counts.c           metrics
 *   template.c, chime.c  files
 *   rest.c             what is given back when nobody talks */
#ifndef PARLEY_DIALOGUE_INSIDE_H
#define PARLEY_DIALOGUE_INSIDE_H

#include "config/settings.h"
#include "dialogue/admission.h"
#include "dialogue/answer.h"
#include "dialogue/dialogue.h"
#include "dialogue/hearing.h"
#include "dialogue/history.h"
#include "dialogue/mode.h"
#include "dialogue/sentences.h"
#include "dialogue/speaker.h"
#include "dialogue/turn.h"
#include "loop/timer.h"

#define SAYS_MAX 8            /* queued by dialogue_say */
#define SAY_MAX_BYTES 8192
#define REPEAT_MS 300         /* a listen start or stop again within this is the same one */
#define TALK_MS 60000         /* a conversation is one while its turns are no further apart */
#define MODE_MS 60000         /* a mode has so long to answer an utterance */
#define PROMPT_MS 5000        /* and the model for something nobody asked for */
#define AFTER_ABORT_MS 3000   /* queued sentences wait so long after an abort */
#define WAKE_MS 3000          /* a listen start within this belongs to the detect before it */
#define REFRESH_MS 10000      /* a greeting older than this is made anew while it is played */
#define RECALL_MS 300         /* a question waits so long for memory and the dialogue before it */
#define HEARD_MAX_BYTES 8192  /* of one utterance; the rest is cut */
#define REST_MS 30000         /* after a turn, and after the last packet: what only they need is given back */

struct say {
    char *text, *otherwise;
    bool is_farewell, is_prompt, is_fixed, is_tone; /* is_fixed: always the same words, worth a clip */
    void (*on_begin)(void *user);
    void (*on_done)(void *user, enum outcome o);
    void *user;
};

/* What a turn is made of besides its state. Made with the first turn and kept for those that follow soon. */
struct exchange {
    struct answer model;
    struct sentences sentences;
    bool is_open;             /* turn_end has not been called for it */
    bool waits_recall;        /* the question is asked when what was before is known */
    bool wants_answer;        /* the mode was asked and has not answered */
    bool is_admitted;         /* counted by o.admission until it ends */
    bool had_words, has_emotion, is_apology, closes, is_typed;
    enum outcome outcome;     /* what to report unless something happens */
    struct turn_times times;
    int64_t started_wall_ms;
    uint64_t asked_us;        /* when the model was asked */
    struct buf question;      /* what the user said; empty: nobody asked */
    struct buf answer;        /* what turn_ask or turn_speak was given, or the piece for the speaker */
    struct say say;           /* the one being said */
};

struct dialogue {
    struct dialogue_opts o;   /* no string in it is NULL */
    struct config *config, *next_config; /* refs; the next one from the next turn on */
    struct turn turn;
    struct exchange *x;       /* these three are NULL until they are needed, and again after a rest */
    struct hearing *hearing;  /* talk_hearing makes it */
    struct speaker *speaker;
    uint32_t stamp_ms, stamp_from_ms; /* of the last packet to the device; of the speaker's zero: they grow for life */
    struct history history;
    const struct mode_class *mode_class;
    struct mode *mode;
    struct dialogue_audio audio;
    struct intent intent;
    char *voice;              /* names what shapes the sound of a fixed prompt; comes with the speaker */
    bool has_hello, closing, is_muted, is_continuous;
    unsigned fallback_ms;     /* dialogue_boundaries */
    uint64_t talked_ms;       /* end of the last turn that was admitted and answered; 0: none */
    uint64_t wake_ms;         /* a detect came then, its listen start has not; 0: none */
    struct buf pending;       /* the text of the next HEARD */
    bool pending_typed;
    uint64_t pending_t0_us;
    enum outcome failed_as;   /* why the next DEAF, LOST or MUTE */
    struct say *says;         /* SAYS_MAX; made when there is one */
    unsigned say_count;
    struct timer patience;    /* of whom the turn waits for: the mode, an apology, a prompt; between turns: rest */
    uint64_t audio_ms;        /* the last packet came then */
    struct timer say_later;
    uint64_t quiet_until_ms;  /* after an abort nothing queued is said */
    enum { LAST_NONE, LAST_START, LAST_STOP } last;
    enum listen_mode last_mode;
    uint64_t last_ms;
    uint64_t chars_today;     /* given to the synthesiser */
    int64_t chars_day;
    bool has_quota;           /* quota_open has asked the store */
    struct store_op *quota_load;
    struct job *chime_job, *tone_job;
    char *tone_path;          /* dialogue_tone_file; NULL: built in */
    struct clip *tone_clip;   /* made of it, for this format; NULL: not there (yet) */
    struct speaker *refresher; /* makes a new greeting; NULL: nobody does */
    struct grave refresh_grave;
    uint64_t recall_until_ms; /* later a question waits for nobody */
    uint64_t bad_counted;     /* packets that did not decode, already in the metrics */
    struct buf memory;        /* facts recalled */
    struct memory *recall;
    const struct memory_class *recall_cls;
    struct store_op *resume;
    struct buf template_text; /* of cfg->prompt_template; empty: the built-in one */
    struct job *template_job;
    struct grave grave;
};

/* exchange.c */
void exchange_act(void *user, enum turn_action a, enum turn_event ev);
void exchange_drop(struct dialogue *d); /* at close: silent */
void exchange_free(struct exchange *x);
size_t exchange_bytes(const struct exchange *x);
void exchange_says(struct dialogue *d);  /* begins what is queued when nothing else goes on */
void say_done(struct say *s);
static inline bool exchange_is_open(const struct dialogue *d)
{
    return d->x && d->x->is_open;
}
/* What the question of now is for: the mode's purpose, or EXCHANGE_CHAT in none. */
#define EXCHANGE_CHAT "chat"
const char *exchange_purpose(const struct dialogue *d);

/* exchange_model.c: d->x->answer holds the question */
void exchange_ask(struct dialogue *d);
void exchange_recalled(struct dialogue *d); /* memory or history came */

/* exchange_speech.c */
void speech_begin(struct dialogue *d);      /* the device listens to us from now on; twice is fine */
void speech_emotion(struct dialogue *d, const struct emotion *e); /* the first of an exchange; NULL: the default */
void speech_text(struct dialogue *d, struct slice text);          /* a fixed one, sentence by sentence */
void speech_otherwise(struct dialogue *d);  /* the model had nothing for a prompt: what was given for that case */
extern const struct speaker_events exchange_speaker;

/* dialogue.c */
extern const struct hearing_events dialogue_ear;

/* talk.c */
void talk_read(struct dialogue *d);      /* config -> intent, history, hearing, voice */
struct hearing *talk_hearing(struct dialogue *d); /* made when there is none */
struct speaker_format talk_speaker_format(const struct dialogue *d);
void talk_format(struct dialogue *d);    /* config and hello -> speaker */
struct use_opts talk_use(const struct dialogue *d);
void talk_prompt(const struct dialogue *d, struct buf *out);
int talk_zone_minutes(const struct dialogue *d);

/* quota.c */
void quota_open(struct dialogue *d);     /* once, when there is a limit: what was spoken today */
void quota_close(struct dialogue *d);
bool quota_is_used_up(struct dialogue *d);
void quota_spoke(struct dialogue *d, size_t chars);

/* refresh.c */
void refresh_greeting(struct dialogue *d, struct clip_cache *clips, struct slice text);
void refresh_close(struct dialogue *d);

/* chime.c */
void chime_open(struct dialogue *d);     /* sounds from files, on a worker */
void chime_close(struct dialogue *d);

/* rest.c */
void rest_later(struct dialogue *d);     /* a turn has ended, or audio comes outside one */
void rest_now(struct dialogue *d);       /* gives back what only a conversation needs; not inside an event */

/* counts.c */
void counts_packets(struct dialogue *d); /* those that did not decode */
void counts_turn(struct dialogue *d);    /* the open exchange as it ended */

/* template.c */
void template_open(struct dialogue *d);  /* reads the file around the prompt, on a worker */
void template_close(struct dialogue *d);

/* records.c */
void records_open(struct dialogue *d);   /* what was said lately, what is remembered */
void records_close(struct dialogue *d);
void records_turn(struct dialogue *d, struct slice heard); /* the open exchange as it ended */

#define tell(d, fn, ...)                              \
    do {                                              \
        if (!(d)->closing)                            \
            (d)->o.out->fn((d)->o.user, ##__VA_ARGS__); \
    } while (0)

#endif
