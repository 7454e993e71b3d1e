/* SPDX-License-Identifier: MIT
 * energy.h -- how loud it is. The gate says "certainly no speech" only of near digital silence, so it
 * never decides what a detector should. */
#ifndef PARLEY_AUDIO_ENERGY_H
#define PARLEY_AUDIO_ENERGY_H

#include "base/base.h"

#define ENERGY_SILENT_PEAK 8 /* of 32768: -72 dBFS */

float energy_dbfs(struct pcm pcm);      /* RMS; -100 for silence and for nothing */
int energy_peak(struct pcm pcm);        /* 0..32768 */
bool energy_is_silent(struct pcm pcm);  /* peak <= ENERGY_SILENT_PEAK */

#endif
