/* SPDX-License-Identifier: MIT
 * tree.h -- the YAML file as a tree of nodes with line numbers, all in one arena. Inside the room. */
#ifndef PARLEY_CONFIG_TREE_H
#define PARLEY_CONFIG_TREE_H

#include "base/mem.h"
#include "config/config.h"

#define CONF_FILE_BYTES_MAX (1u << 20)
#define CONF_DEPTH_MAX 32
#define CONF_NODES_MAX 10000 /* aliases count as often as they are used */
#define CONF_ANCHORS_MAX 100
#define CONF_KEY_BYTES_MAX 200
#define CONF_PATH_BYTES_MAX 480

struct config_inner;

/* The parts share the arena. inner may be NULL while nobody wants warnings. */
struct conf_tree {
    struct arena arena;
    size_t nodes;
    struct config_inner *inner;
};

struct conf {
    enum conf_kind kind;
    bool quoted;
    unsigned line;
    const char *key;  /* its name in the map around it; "" in a list and for the root */
    const char *path; /* its full dotted key as the file has it */
    const char *text; /* scalar */
    struct conf **items;
    size_t count, cap;
    struct conf_tree *tree;
};

/* Reads one document. is_builtin: lines are 0. The note says what is wrong and where. */
must_check enum err tree_read(struct conf_tree *t, struct conf **root, struct slice yaml, const char *name,
                              bool is_builtin, struct err_note *note);
struct conf *tree_node(struct conf_tree *t, enum conf_kind kind, const char *key, const char *path);
void tree_add(struct conf *parent, struct conf *child); /* replaces a child of that key, in a map */
/* A child of that name, also when it is null; NULL: none, or not a map. */
struct conf *tree_child(const struct conf *map, struct slice key);
const char *tree_join(struct conf_tree *t, const char *path, const char *key); /* "a.b" */

#endif
