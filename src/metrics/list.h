/* SPDX-License-Identifier: MIT
 * list.h -- every metric, one row each. Printed as parley_<name>. Counters end in _total, names carry
 * their unit. With a label the values are told apart by it (a small closed set; never a device id). */
#ifndef PARLEY_METRICS_LIST_H
#define PARLEY_METRICS_LIST_H

/* clang-format off */
#define METRIC_LIST(X) \
    /* connections and sessions */ \
    X(connections,                       GAUGE,     "Connections open now.", NULL) \
    X(connections_total,                 COUNTER,   "Connections accepted.", NULL) \
    X(connections_refused_total,         COUNTER,   "Connections refused, by reason.", "reason") \
    X(handshakes_failed_total,           COUNTER,   "Upgrades that failed, by HTTP status.", "status") \
    X(auth_failures_total,               COUNTER,   "Devices and callers refused for their proof.", NULL) \
    X(sessions,                          GAUGE,     "Device sessions open now.", NULL) \
    X(sessions_total,                    COUNTER,   "Device sessions opened.", NULL) \
    X(sessions_closed_total,             COUNTER,   "Device sessions closed, by reason.", "reason") \
    X(takeovers_total,                   COUNTER,   "Sessions taken over by a newer one of the same device.", NULL) \
    X(idle_closes_total,                 COUNTER,   "Sessions closed because they were idle, by layer.", "layer") \
    X(sessions_resumed_total,            COUNTER,   "Sessions that went on with an earlier dialogue.", NULL) \
    X(bytes_in_total,                    COUNTER,   "Bytes received from devices.", NULL) \
    X(bytes_out_total,                   COUNTER,   "Bytes sent to devices.", NULL) \
    X(messages_in_total,                 COUNTER,   "Text messages received from devices.", NULL) \
    X(messages_out_total,                COUNTER,   "Text messages sent to devices.", NULL) \
    X(messages_invalid_total,            COUNTER,   "Messages refused, by code.", "code") \
    X(rate_limited_total,                COUNTER,   "Requests refused for their rate, by what was limited.", "what") \
    X(send_dropped_total,                COUNTER,   "Messages dropped because a peer does not read.", NULL) \
    /* audio */ \
    X(frames_in_total,                   COUNTER,   "Audio packets received.", NULL) \
    X(frames_silent_total,               COUNTER,   "Of those packets of silence that needed no decoding.", NULL) \
    X(frames_out_total,                  COUNTER,   "Audio packets sent.", NULL) \
    X(frames_late_total,                 COUNTER,   "Audio packets sent over 65 ms after their time.", NULL) \
    X(underruns_total,                   COUNTER,   "Times a device ran out of audio within a sentence.", NULL) \
    X(audio_dropped_total,               COUNTER,   "Audio packets dropped, by reason.", "reason") \
    X(opus_errors_total,                 COUNTER,   "Audio packets that could not be decoded.", NULL) \
    X(utterances_total,                  COUNTER,   "Utterances heard to their end.", NULL) \
    /* turns */ \
    X(turns_total,                       COUNTER,   "Turns ended, by outcome.", "outcome") \
    X(interruptions_total,               COUNTER,   "Answers interrupted by speech or button.", NULL) \
    X(backchannels_total,                COUNTER,   "Short remarks that did not interrupt an answer.", NULL) \
    X(turn_end_of_turn_delay_seconds,    HISTOGRAM, "Last speech sample to the end-of-speech decision.", NULL) \
    X(turn_transcription_delay_seconds,  HISTOGRAM, "Last speech sample to the final text.", NULL) \
    X(turn_llm_ttft_seconds,             HISTOGRAM, "Request to the first token.", NULL) \
    X(turn_llm_ttfs_seconds,             HISTOGRAM, "Request to the first sentence.", NULL) \
    X(turn_tts_ttfb_seconds,             HISTOGRAM, "Text given to the first audio.", NULL) \
    X(turn_tts_leading_silence_seconds,  HISTOGRAM, "Silence at the start of synthesised speech.", NULL) \
    X(turn_server_added_seconds,         HISTOGRAM, "What queueing, JSON, codec and TLS add to a turn.", NULL) \
    X(turn_e2e_seconds,                  HISTOGRAM, "Last speech sample to the first audio packet sent.", NULL) \
    /* providers and tools */ \
    X(llm_tokens_in_total,               COUNTER,   "Tokens sent to language models, by alias.", "provider") \
    X(llm_tokens_cached_total,           COUNTER,   "Of those the ones the service had cached, by alias.", "provider") \
    X(llm_tokens_out_total,              COUNTER,   "Tokens received from language models, by alias.", "provider") \
    X(tts_characters_total,              COUNTER,   "Characters given to speech synthesis, by alias.", "provider") \
    X(tts_audio_ms_total,                COUNTER,   "Milliseconds of speech synthesised, by alias.", "provider") \
    X(asr_audio_ms_total,                COUNTER,   "Milliseconds of speech recognised, by alias.", "provider") \
    X(provider_errors_total,             COUNTER,   "Provider calls that failed, by alias.", "provider") \
    X(provider_fallbacks_total, COUNTER, "Calls that went on to the next alias, by the one left.", "provider") \
    X(provider_breaks_total,             COUNTER,   "Circuit breakers opened, by alias.", "provider") \
    X(connection_acquire_total,          COUNTER,   "Outbound connections taken, by whether reused.", "reused") \
    X(engine_restarts_total,             COUNTER,   "Engine processes started again, by engine.", "engine") \
    X(tool_calls_total,                  COUNTER,   "Tool calls, by result.", "result") \
    /* the machine room */ \
    X(workers,                           GAUGE,     "Threads of the worker pool.", NULL) \
    X(workers_busy,                      GAUGE,     "Worker threads that run a job now.", NULL) \
    X(worker_queue,                      GAUGE,     "Jobs waiting for a worker.", NULL) \
    X(jobs_refused_total,                COUNTER,   "Jobs refused because the queue was full.", NULL) \
    X(queue_stay_seconds,                HISTOGRAM, "How long jobs and mail wait before they run.", NULL) \
    X(loop_stall_seconds,                HISTOGRAM, "Rounds of an event loop that took over 10 ms.", NULL) \
    X(store_commit_seconds,              HISTOGRAM, "Transactions of the store.", NULL) \
    X(store_queue,                       GAUGE,     "Writes waiting for the store.", NULL) \
    X(store_errors_total,                COUNTER,   "Transactions that failed.", NULL) \
    X(memory_saves_waiting,              GAUGE,     "Dialogues that wait to be saved to memory.", NULL) \
    X(memory_saves_total,                COUNTER,   "Dialogues saved to memory, by result.", "result") \
    X(config_generation,                 GAUGE,     "Number of the configuration in use.", NULL) \
    X(config_reloads_total,              COUNTER,   "Reloads of the configuration, by result.", "result") \
    X(http_requests_total,               COUNTER,   "HTTP requests answered, by status.", "status") \
    X(ota_requests_total,                COUNTER,   "OTA requests, by result.", "result") \
    /* modes */ \
    X(meetings_open,                     GAUGE,     "Meetings being recorded now.", NULL) \
    X(meeting_texts_total,               COUNTER,   "Texts given to meetings, by what became of them.", "result") \
    X(meeting_finalize_seconds,          HISTOGRAM, "Finalize request to the stored summary.", NULL) \
    X(meeting_segments_total,            COUNTER,   "Segments of meetings summed up.", NULL) \
    X(meeting_checkpoints_total,         COUNTER,   "Checkpoints of meetings summed up.", NULL) \
    X(meeting_bullets_total,             COUNTER,   "Bullets of their summaries.", NULL) \
    X(meeting_llm_seconds,               HISTOGRAM, "What the model took for a summary.", NULL) \
    X(meeting_empty_bullets_total,       COUNTER,   "Summaries that came without bullets.", NULL) \
    X(webhooks_total,                    COUNTER,   "Webhook deliveries, by result.", "result") \
    X(peer_messages_total,               COUNTER,   "Messages between devices, by result.", "result") \
    X(renders_total,                     COUNTER,   "Pages and controls, by result.", "result") \
    /* the process; refreshed by metrics_sample_process() */ \
    X(process_resident_bytes,            GAUGE,     "Resident memory of the process.", NULL) \
    X(process_open_fds,                  GAUGE,     "Descriptors open.", NULL) \
    X(process_threads,                   GAUGE,     "Threads of the process.", NULL) \
    X(process_cpu_ms_total,              COUNTER,   "Processor time used, in milliseconds.", NULL)
/* clang-format on */

#endif
