/* SPDX-License-Identifier: MIT
 * mock_speech.h -- a server on loopback that is every speech and language service at once, and as bad as
 * it is told: HTTP (chat completions, transcriptions, speech) or Wyoming, by the first byte of a connection.
 * On the loop of the test; bytes are written by hand so that they can be cut anywhere. */
#ifndef PARLEY_TESTS_MOCK_SPEECH_H
#define PARLEY_TESTS_MOCK_SPEECH_H

#include "base/buf.h"
#include "loop/loop.h"

enum mock_mode {
    MOCK_GOOD,
    MOCK_PLAIN,      /* chat: one JSON object instead of events */
    MOCK_REFUSE,     /* closes at once */
    MOCK_HANG,       /* never answers */
    MOCK_500,
    MOCK_401,
    MOCK_HTML,       /* 200 and a web page */
    MOCK_HALF_JSON,  /* 200 and half an object */
    MOCK_MID_ERROR,  /* half of it, then an error as the protocol has it */
    MOCK_STALL,      /* half of it, then nothing */
    MOCK_DRIP,       /* a byte every 10 s */
    MOCK_CUT,        /* cut_bytes of it, then the connection closes */
};

struct mock;
struct mock *mock_open(struct loop *l);
void mock_close(struct mock *m);
uint16_t mock_port(const struct mock *m);
void mock_set(struct mock *m, enum mock_mode mode, size_t cut_bytes);
void mock_answer(struct mock *m, const char *text); /* what chat says and transcriptions hear; borrowed */
void mock_speech_ms(struct mock *m, unsigned ms);   /* how long spoken sentences are; 200 */
unsigned mock_requests(const struct mock *m);
size_t mock_answer_bytes(const struct mock *m);     /* of the last whole answer, head and all */
struct slice mock_request(const struct mock *m);    /* the last one, head and body */

#endif
