/* SPDX-License-Identifier: MIT
 * export.h -- a stored meeting as a file: Markdown, SubRip, WebVTT, JSON, text. Pure. */
#ifndef PARLEY_API_EXPORT_H
#define PARLEY_API_EXPORT_H

#include "base/buf.h"
#include "store/meeting.h"

struct export_input {
    const struct meeting_row *meeting;
    const struct segment_row *segments;
    size_t segment_count;
    const struct checkpoint_row *checkpoints; /* JSON only */
    size_t checkpoint_count;
    int zone_minutes; /* of the dates people read */
};
struct export_format {
    const char *name, *type;
    void (*write)(struct buf *out, const struct export_input *in);
};
/* NULL: no such format. */
const struct export_format *export_find(struct slice name);

#endif
