/* SPDX-License-Identifier: MIT
 * api_client.h -- what the operator's commands share: asking the HTTP API, saying what to do when it does
 * not answer as hoped, and commands made of a table of verbs.
 *
 *   parley meetings show M1  ->  verbs_run finds `show` -> verb.run(c) -> api_ask_server -> print
 *
 * Blocks: one request at a time on a loop of its own. */
#ifndef PARLEY_CLI_API_CLIENT_H
#define PARLEY_CLI_API_CLIENT_H

#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/table.h"

#define API_URL_DEFAULT "http://127.0.0.1:8003"
#define ADMIN_URL_DEFAULT "http://127.0.0.1:8010"

enum api_side { SIDE_API, SIDE_ADMIN }; /* <api>/api/v1<path> or <admin><path> */

struct api_client;
struct command {
    struct api_client *client;
    const char *name;         /* "meetings" */
    const char **words;       /* behind the verb */
    size_t word_count;
    bool is_json;
    void *options;            /* the command's own */
};
struct verb {
    const char *name, *words, *help; /* "show", "MEETING", "one meeting ..." */
    size_t words_min, words_max;
    int (*run)(struct command *c);   /* an exit status */
};
struct verb_table {
    const char *name, *about; /* "meetings", a sentence for --help */
    const struct verb *verbs; /* the first is the default; one alone needs no word for it */
    size_t verb_count;
    const struct arg *extra;  /* options beside those of every such command: --api --admin --token --json */
    size_t extra_count;
    void *options;            /* where they go; command.options */
};
int verbs_run(const struct verb_table *t, int argc, char **argv); /* an exit status */

struct api_answer {
    int status;
    struct buf body;
    struct json *json;        /* NULL: not JSON */
    const struct json *data;  /* of {"success":true,"data":...} */
};
void api_answer_done(struct api_answer *a);
#define auto_answer __attribute__((cleanup(api_answer_done)))

struct api_question {
    enum api_side side;
    const char *method, *path; /* path with query, already encoded */
    struct slice body;         /* JSON; empty: none */
    const char *missing;       /* said at 404: "no such meeting; `parley meetings list` shows them" */
    bool is_raw;               /* the answer is a file, not the wrapper */
};
/* True: 200 and readable. Otherwise it was explained on standard error. */
bool api_ask_server(struct command *c, const struct api_question *q, struct api_answer *out);

void url_piece(struct buf *out, struct slice text); /* percent-encoded */
char *url_path(const char *before, const char *piece, const char *behind); /* only the piece is encoded; given */
/* --json: the data as it came, one line. True when it was printed. */
bool print_json(const struct command *c, const struct api_answer *a);
void print_line(const char *name, struct slice value); /* "name      value" */
void print_duration(struct buf *out, int64_t ms);      /* 01:02:03 */

#endif
