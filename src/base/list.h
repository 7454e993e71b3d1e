/* SPDX-License-Identifier: MIT
 * list.h -- doubly linked, intrusive. A zeroed node is not in a list; list_init before use. */
#ifndef PARLEY_BASE_LIST_H
#define PARLEY_BASE_LIST_H

#include "base/base.h"

struct node {
    struct node *prev, *next;
};
struct list {
    struct node head;
};

static inline void list_init(struct list *l)
{
    l->head.prev = l->head.next = &l->head;
}
static inline bool list_empty(const struct list *l)
{
    return l->head.next == &l->head || !l->head.next;
}
static inline bool node_in_list(const struct node *n)
{
    return n->next != NULL;
}
static inline void list_push(struct list *l, struct node *n) /* at the end */
{
    n->prev = l->head.prev;
    n->next = &l->head;
    n->prev->next = n;
    l->head.prev = n;
}
static inline void list_unlink(struct node *n) /* fine when in no list */
{
    if (!n->next)
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
}
static inline struct node *list_shift(struct list *l) /* first, or NULL */
{
    if (list_empty(l))
        return NULL;
    struct node *n = l->head.next;
    list_unlink(n);
    return n;
}
/* The entry just visited may be unlinked. */
#define list_each(l, n)                                                                          \
    for (struct node *n = (l)->head.next, *n##_next = n ? n->next : NULL; n && n != &(l)->head; \
         n = n##_next, n##_next = n->next)

#endif
