/* SPDX-License-Identifier: MIT
 * metrics.h -- counters, gauges and histograms as one table (metrics/list.h), printed in Prometheus
 * text form. Any thread, relaxed atomics, no locks; each loop may write without contention. */
#ifndef PARLEY_METRICS_METRICS_H
#define PARLEY_METRICS_METRICS_H

#include "base/buf.h"
#include "metrics/list.h" /* METRIC_LIST(X): X(name, COUNTER|GAUGE|HISTOGRAM, "help", label or NULL) */

enum metric {
#define X(name, kind, help, label) METRIC_##name,
    METRIC_LIST(X)
#undef X
    METRIC_COUNT,
};

void metric_add(enum metric m, int64_t n);                       /* counter; gauge: signed */
void metric_set(enum metric m, int64_t value);                   /* gauge */
void metric_seconds(enum metric m, double seconds);              /* histogram */
/* Labelled: value from a small closed set (outcome, reason, provider alias); at most 64 per metric,
 * more go to "other". */
void metric_add_label(enum metric m, const char *label_value, int64_t n);
int64_t metric_value(enum metric m);                             /* tests */
int64_t metric_label_value(enum metric m, const char *label_value);
uint64_t metric_count(enum metric m);                            /* histogram samples */
void metrics_print(struct buf *out);
/* Refreshes the rows about the process itself from /proc; before metrics_print. */
void metrics_sample_process(void);
void metrics_reset(void); /* tests */

#endif
