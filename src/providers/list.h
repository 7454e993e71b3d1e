/* SPDX-License-Identifier: MIT
 * list.h -- every provider class that is built in, by kind. A new one is its file and a row in list.c. */
#ifndef PARLEY_PROVIDERS_LIST_H
#define PARLEY_PROVIDERS_LIST_H

#include "providers/asr.h"
#include "providers/llm.h"
#include "providers/memory.h"
#include "providers/tts.h"
#include "providers/vad.h"

/* NULL-terminated. The first recogniser, model, voice and memory is the embedded default of its kind. */
extern const struct asr_class *const asr_classes[];
extern const struct llm_class *const llm_classes[];
extern const struct tts_class *const tts_classes[];
extern const struct vad_class *const vad_classes[]; /* in order of preference */
extern const struct memory_class *const memory_classes[];

#endif
