/* SPDX-License-Identifier: MIT
 * page.h -- pages and controls as data: what may be in them, cut to what a small screen takes. Pure. */
#ifndef PARLEY_MODES_PAGE_H
#define PARLEY_MODES_PAGE_H

#include "base/json.h"

#define PAGE_TEXT_CHARS 200
#define PAGE_ITEMS_MAX 10
#define PAGE_ITEM_CHARS 50
#define PAGE_HINT_CHARS 50
#define PAGE_TITLE_WIDE 16      /* full-width characters; two narrow ones count as one */
#define PAGE_JSON_MAX_BYTES 4096
#define BANNER_MS_MAX 60000
#define TONE_NAME_BYTES 32

enum page_verdict { PAGE_OK, PAGE_UNKNOWN, PAGE_BAD_BODY, PAGE_MALFORMED };

/* Reads a ui.render as a client or a mode gives it and writes it cleaned: unknown pages, body kinds and
 * fields are not passed on, texts are cut at characters. title: replaces the header's (NULL: as given). */
enum page_verdict page_clean(struct buf *out, const struct json *render, const char *title, const char *id,
                             int64_t ts_ms);
/* The same for device.control: net.banner and play.tone, `name` kept on every path. */
enum page_verdict control_clean(struct buf *out, const struct json *control);
bool page_is_known(struct slice page);
/* At most `chars` characters / `wide` full-width columns. */
struct slice page_clip(struct slice text, size_t chars);
struct slice page_clip_wide(struct slice text, size_t wide);

#endif
