/* SPDX-License-Identifier: MIT
 * list.c -- the explicit list: adding a provider is its file and one row here. */
#include "providers/list.h"

extern const struct llm_class llm_rules, llm_openai, llm_ollama, llm_record, llm_replay;
extern const struct asr_class asr_wyoming, asr_openai, asr_record, asr_replay;
extern const struct tts_class tts_wyoming, tts_openai, tts_record, tts_replay;
extern const struct vad_class vad_silero, vad_webrtc;
extern const struct memory_class memory_nomem, memory_local_short;

const struct asr_class *const asr_classes[] = { &asr_wyoming, &asr_openai, &asr_record, &asr_replay, NULL };
const struct llm_class *const llm_classes[] = { &llm_rules, &llm_openai, &llm_ollama, &llm_record, &llm_replay, NULL };
const struct tts_class *const tts_classes[] = { &tts_wyoming, &tts_openai, &tts_record, &tts_replay, NULL };
const struct vad_class *const vad_classes[] = { &vad_silero, &vad_webrtc, NULL };
const struct memory_class *const memory_classes[] = { &memory_nomem, &memory_local_short, NULL };
