/* SPDX-License-Identifier: MIT
 * watch.h -- what the kernel says of another process: CPU time and resident memory. */
#ifndef PARLEY_CLI_WATCH_H
#define PARLEY_CLI_WATCH_H

#include "base/base.h"

struct watch {
    int64_t cpu_us, rss_bytes;
};
/* False: there is no such process that we may see. pid 0: this one. */
must_check bool watch_read(struct watch *out, int pid);

#endif
