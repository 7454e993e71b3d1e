/* SPDX-License-Identifier: MIT
 * pages.h -- what becomes of a page or control. */
#ifndef PARLEY_MODES_PAGES_H
#define PARLEY_MODES_PAGES_H

enum pages_result { PAGES_OK, PAGES_LIMITED, PAGES_OFFLINE, PAGES_DENIED, PAGES_INVALID };
const char *pages_result_name(enum pages_result r);

#endif
