/* SPDX-License-Identifier: MIT
 * embedded.h -- the providers that are there without a file: they need no key and no network. Entries
 * of the same alias in the file are laid over these. */
#ifndef PARLEY_CONFIG_EMBEDDED_H
#define PARLEY_CONFIG_EMBEDDED_H

/* clang-format off */
static const char embedded_yaml[] =
    "VAD:\n"
    "  SileroVAD: {type: silero, threshold: 0.5, threshold_low: 0.3, min_silence_duration_ms: 500}\n"
    "  WebRTCVAD: {type: webrtc, min_silence_duration_ms: 500}\n"
    "ASR:\n"
    "  PocketSphinx: {type: wyoming, engine: pocketsphinx, language: en-US}\n"
    "LLM:\n"
    "  Rules: {type: rules}\n"
    "TTS:\n"
    "  Local: {type: wyoming, engine: auto}\n"
    "  Flite: {type: wyoming, engine: flite, voice: slt}\n"
    "  EspeakNG: {type: wyoming, engine: espeak-ng}\n"
    "Memory:\n"
    "  nomem: {type: nomem}\n"
    "  mem_local_short: {type: mem_local_short}\n"
    "Intent:\n"
    "  nointent: {type: nointent}\n"
    "  function_call: {type: function_call}\n"
    "  intent_llm: {type: intent_llm}\n";

/* Kinds of providers: X(kind, alias of the embedded default ("" none), nearest type for strangers) */
#define PROVIDER_KINDS(X) \
    X("VAD", "SileroVAD", "silero") \
    X("ASR", "PocketSphinx", "openai") \
    X("LLM", "Rules", "openai") \
    X("VLLM", "", "openai") \
    X("TTS", "Local", "openai") \
    X("Memory", "nomem", "mem_local_short") \
    X("Intent", "function_call", "function_call")

/* Types that exist: X(kind, type, keys of an entry beside `type`, what it is). "*": any key. A new
 * provider adds its row here, so that --check-config, the warnings and the documentation know it. */
#define PROVIDER_TYPES(X) \
    X("VAD", "silero", "threshold threshold_low min_silence_duration_ms model_dir model", \
      "neural detector, computed in process") \
    X("VAD", "webrtc", "threshold threshold_low min_silence_duration_ms mode", \
      "simple detector, where there are no weights") \
    X("ASR", "wyoming", "*", "any Wyoming server by `uri: tcp://host:port`, or a local `engine`") \
    X("ASR", "openai", "*", "uploads to /audio/transcriptions of a service or local server") \
    X("ASR", "record", "of file", "another entry (`of`), and what it told written to `file`") \
    X("ASR", "replay", "file timing", "plays such a `file`") \
    X("LLM", "openai", "*", "any service with /chat/completions: `base_url`, `api_key`, `model_name`") \
    X("LLM", "ollama", "*", "a local Ollama: `base_url`, `model_name`") \
    X("LLM", "rules", "*", "offline replies and commands from a table") \
    X("LLM", "record", "of file", "another entry (`of`), and what it told written to `file`") \
    X("LLM", "replay", "file timing", "plays such a `file`") \
    X("VLLM", "openai", "*", "a model that sees, in the same form") \
    X("VLLM", "ollama", "*", "a model that sees, of a local Ollama") \
    X("TTS", "wyoming", "*", "any Wyoming server by `uri: tcp://host:port`, or a local `engine`") \
    X("TTS", "openai", "*", "any service with /audio/speech: `base_url`, `api_key`, `model`, `voice`") \
    X("TTS", "record", "of file", "another entry (`of`), and what it told written to `file`") \
    X("TTS", "replay", "file timing", "plays such a `file`") \
    X("Memory", "nomem", "", "nothing is remembered") \
    X("Memory", "mem_local_short", "*", "a short summary per device") \
    X("Intent", "nointent", "local rules", "the language model is offered no tools") \
    X("Intent", "function_call", "*", \
      "the language model calls tools; `local`: what the rules of `rules` (an LLM entry of that type) answer before "\
      "it is asked: commands, all or none") \
    X("Intent", "intent_llm", "*", \
      "the model of purpose `intent` (`llm`, or llm_by_mode.intent) picks a tool first, the chat model gets none")
/* clang-format on */

#endif
