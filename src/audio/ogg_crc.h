/* SPDX-License-Identifier: MIT
 * ogg_crc.h -- the checksum of an Ogg page: polynomial 0x04c11db7, not reflected, begins at 0 (RFC 3533). */
#ifndef PARLEY_AUDIO_OGG_CRC_H
#define PARLEY_AUDIO_OGG_CRC_H

#include "base/base.h"

/* crc: 0, or that of the bytes before. */
uint32_t ogg_crc(uint32_t crc, struct slice bytes);

#endif
