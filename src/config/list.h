/* SPDX-License-Identifier: MIT
 * list.h -- every setting, one row each: the struct field, parser, checks, --check-config, the sample
 * file and docs/configuration.md are made from it. A feature adds its rows here and refreshes that
 * page (parleyd --docs; a test compares it).
 *
 *     X(field, key, type, default, min, max, applies, help)
 *
 * field    the key with '.' and '-' turned into '_'
 * type     BOOL INT NUM SIZE DAYS ENUM STR PATH ID URL SECRET LIST MAP ANY (config/settings.h)
 * default  as it would stand in the file; "" = unset. ENUM: all choices, the first is the default
 * applies  LIVE at once (a running turn ends on the old value), SESSION the next one, RESTART
 * MAP and ANY are free below: their readers use conf_*. Bounds with exceptions: config/rules.c. */
#ifndef PARLEY_CONFIG_LIST_H
#define PARLEY_CONFIG_LIST_H

/* clang-format off */
#define SETTINGS_SERVER(X) \
    X(server_ip, "server.ip", STR, "0.0.0.0", 0, 0, RESTART, "Address to listen on.") \
    X(server_port, "server.port", INT, "8000", 0, 65535, RESTART, \
      "TCP port for devices (WebSocket, OTA, API). 0: any free one.") \
    X(server_http_port, "server.http_port", INT, "8003", 0, 65535, RESTART, \
      "Second port, serves the same paths. 0: none.") \
    X(server_websocket, "server.websocket", URL, "", 0, 0, LIVE, \
      "WebSocket URL told to devices; unset: made from the address they asked.") \
    X(server_vision_explain, "server.vision_explain", URL, "", 0, 0, LIVE, \
      "URL for photo questions told to devices; unset: made from the address they asked.") \
    X(server_advertise_ip, "server.advertise_ip", STR, "auto", 0, 0, LIVE, \
      "Address told to devices when their request does not show one; auto: the first of this machine.") \
    X(server_timezone_offset, "server.timezone_offset", NUM, "", -12, 14, LIVE, \
      "Hours east of UTC told to devices; unset: this machine's zone.") \
    X(server_language, "server.language", STR, "zh-CN", 0, 0, LIVE, "Language of devices that name none.") \
    X(server_compat_prefixes, "server.compat_prefixes", LIST, "[/xiaozhi, /supie]", 0, 0, RESTART, \
      "Path prefixes under which device paths and the API are served too.") \
    X(server_auth_key, "server.auth_key", SECRET, "", 0, 0, SESSION, \
      "Key that signs device tokens; unset: made once and kept in the data directory.") \
    X(server_auth_enabled, "server.auth.enabled", BOOL, "true", 0, 0, SESSION, "Devices must show a token.") \
    X(server_auth_pairing, "server.auth.pairing", ENUM, "lan|code|closed", 0, 0, SESSION, \
      "How a new device gets its token: by itself from a private address, by a code a person " \
      "confirms, or not at all.") \
    X(server_auth_mode, "server.auth.mode", ENUM, "token|jwt|oauth2|mixed", 0, 0, SESSION, \
      "Kind of proof that is accepted.") \
    X(server_auth_allowed_devices, "server.auth.allowed_devices", LIST, "[]", 0, 0, SESSION, \
      "Device ids whose first pairing is confirmed from any address.") \
    X(server_auth_tokens, "server.auth.tokens", ANY, "[]", 0, 0, SESSION, \
      "Fixed tokens: texts, or maps of token, device, role (device or operator).") \
    X(server_auth_expire_seconds, "server.auth.expire_seconds", INT, "2592000", 3600, 31536000, SESSION, \
      "Lifetime of a device token, seconds.") \
    X(server_auth_jwt_secret, "server.auth.jwt.secret", SECRET, "", 0, 0, SESSION, \
      "Shared secret of HS256 tokens.") \
    X(server_auth_jwt_public_key, "server.auth.jwt.public_key", SECRET, "", 0, 0, SESSION, \
      "Public key (PEM) of RS256 tokens; file:PATH is usual.") \
    X(server_auth_jwt_algorithms, "server.auth.jwt.algorithms", LIST, "[HS256]", 0, 0, SESSION, \
      "Algorithms that are accepted: HS256, RS256.") \
    X(server_auth_jwt_audience, "server.auth.jwt.audience", STR, "", 0, 0, SESSION, \
      "Audience a token must name; empty: any.") \
    X(server_auth_jwt_issuer, "server.auth.jwt.issuer", STR, "", 0, 0, SESSION, \
      "Issuer a token must name; empty: any.") \
    X(server_auth_jwt_sub_prefix, "server.auth.jwt.sub_prefix", STR, "", 0, 0, SESSION, \
      "Text before the device id in the subject.") \
    X(server_auth_oauth2_introspection_url, "server.auth.oauth2.introspection_url", URL, "", 0, 0, SESSION, \
      "Where tokens are checked (RFC 7662).") \
    X(server_auth_oauth2_client_id, "server.auth.oauth2.client_id", ID, "", 0, 0, SESSION, \
      "Parley's own id there.") \
    X(server_auth_oauth2_client_secret, "server.auth.oauth2.client_secret", SECRET, "", 0, 0, SESSION, \
      "Parley's own secret there.") \
    X(server_api_token, "server.api_token", SECRET, "", 0, 0, LIVE, \
      "Token of the HTTP API; unset: loopback only.") \
    X(server_duplicate_device, "server.duplicate_device", ENUM, "takeover|reject", 0, 0, SESSION, \
      "A device connects a second time: the new session takes over, or is refused.") \
    X(server_stats_broadcast, "server.stats.broadcast", BOOL, "false", 0, 0, LIVE, \
      "Statistics go to every session, not only to subscribers.") \
    X(server_trusted_proxies, "server.trusted_proxies", LIST, "[]", 0, 0, LIVE, \
      "Addresses or networks that may set X-Forwarded-For.") \
    X(server_websocket_ping_seconds, "server.websocket_ping_seconds", INT, "0", 0, 300, SESSION, \
      "WebSocket pings; 0: none (old firmware does not answer them).") \
    X(server_channel_keepalive_seconds, "server.channel_keepalive_seconds", INT, "100", 10, 110, LIVE, \
      "JSON keepalive notice after this silence; 0: none.") \
    X(server_hello_timeout_seconds, "server.hello_timeout_seconds", INT, "10", 2, 60, SESSION, \
      "A connection must say hello within this time.") \
    X(server_tls_cert, "server.tls.cert", PATH, "", 0, 0, RESTART, \
      "Certificate chain (PEM); its renewal is noticed without a restart.") \
    X(server_tls_key, "server.tls.key", PATH, "", 0, 0, RESTART, "Its key (PEM).") \
    X(server_tls_port, "server.tls.port", INT, "0", 0, 65535, RESTART, "Port for wss and https; 0: none.") \
    X(server_admin_listen, "server.admin.listen", STR, "127.0.0.1:8010", 0, 0, RESTART, \
      "Address and port of the admin API; off: none.") \
    X(server_mqtt_gateway, "server.mqtt_gateway", ID, "", 0, 0, LIVE, \
      "Outer MQTT gateway (host:port) told to devices.") \
    X(server_mqtt_signature_key, "server.mqtt_signature_key", SECRET, "", 0, 0, LIVE, \
      "Key of MQTT passwords; unset: derived from auth_key.") \
    X(mqtt_enabled, "mqtt.enabled", BOOL, "false", 0, 0, RESTART, "The built-in MQTT endpoint.") \
    X(mqtt_port, "mqtt.port", INT, "1883", 0, 65535, RESTART, "Its port; 0: none.") \
    X(mqtt_tls_port, "mqtt.tls_port", INT, "8883", 0, 65535, RESTART, "Its TLS port; 0: none.") \
    X(mqtt_public_host, "mqtt.public_host", STR, "auto", 0, 0, RESTART, \
      "Host told to devices; auto: the address they asked.") \
    X(udp_port, "udp.port", INT, "8884", 0, 65535, RESTART, "UDP port for audio of MQTT devices.") \
    X(udp_public_host, "udp.public_host", STR, "auto", 0, 0, RESTART, \
      "Host told to devices; auto: the address they asked.") \
    X(manager_api_secret, "manager-api.secret", SECRET, "", 0, 0, LIVE, \
      "Secret of `server` messages (reload, restart); unset: they are refused.") \
    X(firmware_dir, "firmware_dir", PATH, "data/bin", 0, 0, LIVE, "Firmware files offered by OTA.") \
    X(firmware_cache_ttl, "firmware_cache_ttl", INT, "30", 0, 86400, LIVE, \
      "How long its listing is kept, seconds.") \
    X(metrics_public, "metrics.public", BOOL, "false", 0, 0, RESTART, \
      "/metrics on the device port, not only on the admin one.") \
    X(compat_iot_echo, "compat.iot_echo", BOOL, "true", 0, 0, RESTART, \
      "Answer `iot` messages of old clients.") \
    X(compat_inject_path, "compat.inject_path", BOOL, "false", 0, 0, RESTART, \
      "Serve the old path that makes a device speak (needs an operator token).") \
    X(compat_badge_devices, "compat.badge_devices", LIST, "[]", 0, 0, RESTART, \
      "Devices that count as announcing ui, peer and transcription.")

#define SETTINGS_DIALOGUE(X) \
    X(close_connection_no_voice_time, "close_connection_no_voice_time", INT, "600", 10, 86400, LIVE, \
      "Silence that ends a session, seconds (three times as long in meeting and working mode). 0 is " \
      "not never.") \
    X(close_connection_grace_seconds, "close_connection_grace_seconds", INT, "15", 5, 30, LIVE, \
      "Notice before that, seconds.") \
    X(enable_greeting, "enable_greeting", BOOL, "true", 0, 0, LIVE, "Answer the wake word.") \
    X(enable_wakeup_words_response_cache, "enable_wakeup_words_response_cache", BOOL, "true", 0, 0, LIVE, \
      "Keep the spoken answer to the wake word.") \
    X(wakeup_words, "wakeup_words", LIST, \
      "[你好小智, 你好小志, 你好小新, 你好小鑫, 嘿你好呀, 小爱同学, 小美同学, 小龙小龙, 喵喵同学]", 0, 0, LIVE, \
      "What counts as a wake word when a device sends it as text.") \
    X(exit_commands, "exit_commands", LIST, "[退出, 关闭]", 0, 0, LIVE, \
      "Words that end the conversation at once.") \
    X(end_prompt_enable, "end_prompt.enable", BOOL, "true", 0, 0, LIVE, \
      "Say goodbye before an idle session is closed.") \
    X(end_prompt_prompt, "end_prompt.prompt", STR, "", 0, 0, LIVE, \
      "What the language model is asked to say then; empty: a short goodbye.") \
    X(enable_stt_message, "enable_stt_message", BOOL, "true", 0, 0, SESSION, \
      "Send the recognised text to the device.") \
    X(enable_transcription_event, "enable_transcription_event", ENUM, "auto|true|false", 0, 0, SESSION, \
      "Send recognised text as `audio` event too; auto: in modes and to clients that ask.") \
    X(enable_stop_tts_notify, "enable_stop_tts_notify", BOOL, "false", 0, 0, LIVE, \
      "Play a sound when an answer has ended.") \
    X(stop_tts_notify_voice, "stop_tts_notify_voice", PATH, "", 0, 0, LIVE, "That sound.") \
    X(listen_timeout_ms, "listen_timeout_ms", INT, "10000", 1000, 60000, LIVE, \
      "A chat page that waits for speech goes idle after this.") \
    X(listen_ready_delay_ms, "listen_ready_delay_ms", INT, "0", 0, 5000, LIVE, \
      "Pause before a chat page says it listens.") \
    X(enable_ready_ui, "enable_ready_ui", BOOL, "false", 0, 0, LIVE, "Show that page.") \
    X(tts_timeout, "tts_timeout", INT, "10", 1, 300, LIVE, \
      "First audio of a sentence within this, seconds.") \
    X(tool_call_timeout, "tool_call_timeout", INT, "30", 1, 300, LIVE, \
      "A tool answers within this, seconds.") \
    X(tts_audio_send_delay, "tts_audio_send_delay", INT, "0", 10, 60, SESSION, \
      "Spacing of the first packets, ms; 0: by the schedule.") \
    X(audio_lead_packets, "audio.lead_packets", INT, "4", 2, 10, SESSION, "Packets sent ahead of play-out.") \
    X(audio_start_gap_ms, "audio.start_gap_ms", INT, "80", 60, 500, SESSION, \
      "Pause between `tts start` and the first packet.") \
    X(audio_boards, "audio.boards", MAP, "", 0, 0, SESSION, \
      "The two above per board type: boards.<type>.lead_packets.") \
    X(audio_record, "audio.record", BOOL, "false", 0, 0, LIVE, "Keep raw audio.") \
    X(delete_audio, "delete_audio", BOOL, "true", 0, 0, LIVE, "Remove temporary audio files.") \
    X(device_max_output_size, "device_max_output_size", INT, "0", 0, 1000000000, LIVE, \
      "Characters spoken per device and day; 0: no limit.") \
    X(prompt, "prompt", STR, \
      "You are Parley, a friendly voice assistant. Answer in the language of the question, in short " \
      "spoken sentences, without lists or markup.", 0, 0, SESSION, \
      "Character and manners of the assistant.") \
    X(prompt_template, "prompt_template", STR, "", 0, 0, SESSION, \
      "File around the prompt; {{base_prompt}} stands for it. A missing file is not an error.") \
    X(system_error_response, "system_error_response", STR, "", 0, 0, SESSION, \
      "Said when nothing else can be; empty: the message catalogue.") \
    X(dialogue_resume_seconds, "dialogue.resume_seconds", INT, "600", 0, 86400, SESSION, \
      "A device that comes back within this goes on with the dialogue.") \
    X(memory_save_timeout_seconds, "memory_save.timeout_seconds", INT, "30", 1, 300, LIVE, \
      "One try to save a dialogue, seconds.") \
    X(shutdown_drain_seconds, "shutdown.drain_seconds", INT, "10", 0, 300, LIVE, \
      "Time for running turns and saves at the end, seconds.") \
    X(xiaozhi_audio_params_format, "xiaozhi.audio_params.format", ENUM, "opus|pcm", 0, 0, SESSION, \
      "Audio sent to devices.") \
    X(xiaozhi_audio_params_sample_rate, "xiaozhi.audio_params.sample_rate", INT, \
      "24000", 8000, 48000, SESSION, \
      "Its rate: 8000, 12000, 16000, 24000 or 48000.") \
    X(xiaozhi_audio_params_channels, "xiaozhi.audio_params.channels", INT, "1", 1, 2, SESSION, \
      "Channels announced (speech is mono).") \
    X(xiaozhi_audio_params_frame_duration, "xiaozhi.audio_params.frame_duration", INT, \
      "60", 20, 120, SESSION, \
      "Milliseconds in a packet: 20, 40, 60, 80, 100 or 120.") \
    X(messages, "messages", MAP, "", 0, 0, LIVE, "Own wording of notices: messages.<zh|en>.<key>.")

#define SETTINGS_PROVIDERS(X) \
    X(selected_module_VAD, "selected_module.VAD", STR, "SileroVAD", 0, 0, SESSION, \
      "Voice detector in use: an alias below VAD.") \
    X(selected_module_ASR, "selected_module.ASR", STR, "PocketSphinx", 0, 0, SESSION, "Recogniser in use.") \
    X(selected_module_LLM, "selected_module.LLM", STR, "Rules", 0, 0, LIVE, "Language model in use.") \
    X(selected_module_VLLM, "selected_module.VLLM", STR, "", 0, 0, SESSION, \
      "Language model for photo questions.") \
    X(selected_module_TTS, "selected_module.TTS", STR, "Local", 0, 0, SESSION, "Voice in use.") \
    X(selected_module_Memory, "selected_module.Memory", STR, "nomem", 0, 0, SESSION, "Long memory in use.") \
    X(selected_module_Intent, "selected_module.Intent", STR, "function_call", 0, 0, SESSION, \
      "How commands are recognised.") \
    X(VAD, "VAD", MAP, "", 0, 0, SESSION, "Voice detectors: <alias>: {type: ..., ...}.") \
    X(ASR, "ASR", MAP, "", 0, 0, SESSION, "Recognisers.") \
    X(LLM, "LLM", MAP, "", 0, 0, LIVE, "Language models.") \
    X(VLLM, "VLLM", MAP, "", 0, 0, SESSION, "Language models that see.") \
    X(TTS, "TTS", MAP, "", 0, 0, SESSION, "Voices.") \
    X(Memory, "Memory", MAP, "", 0, 0, SESSION, "Long memories.") \
    X(Intent, "Intent", MAP, "", 0, 0, SESSION, "Ways to recognise commands.") \
    X(llm_by_mode, "llm_by_mode", ANY, "", 0, 0, LIVE, \
      "Language model per purpose: <purpose>: alias, or {alias: ..., overrides: {...}}; `default` " \
      "for the others.") \
    X(fallback_ASR, "fallback.ASR", LIST, "[]", 0, 0, LIVE, \
      "Aliases tried in order when the selected one fails.") \
    X(fallback_LLM, "fallback.LLM", LIST, "[]", 0, 0, LIVE, "The same for language models.") \
    X(fallback_TTS, "fallback.TTS", LIST, "[]", 0, 0, LIVE, "The same for voices.") \
    X(plugins, "plugins", MAP, "", 0, 0, SESSION, "Settings of tools, by tool.") \
    X(context_providers, "context_providers", ANY, "", 0, 0, SESSION, "Sources of facts for the prompt.") \
    X(voiceprint, "voiceprint", MAP, "", 0, 0, SESSION, "Recognition of speakers.") \
    X(mcp_endpoint, "mcp_endpoint", URL, "", 0, 0, SESSION, "Endpoint that offers tools of others.")

#define SETTINGS_MODES(X) \
    X(meeting_threadpool_max_workers, "meeting.threadpool_max_workers", INT, "2", 1, 64, RESTART, \
      "Threads of the worker pool, for all modes.") \
    X(meeting_disable_tts, "meeting.disable_tts", BOOL, "true", 0, 0, SESSION, \
      "Nothing is spoken in a meeting.") \
    X(meeting_disable_chat_on_snippet, "meeting.disable_chat_on_snippet", BOOL, "true", 0, 0, SESSION, \
      "Meeting texts are not answered.") \
    X(meeting_prefer_device_vad, "meeting.prefer_device_vad", BOOL, "true", 0, 0, SESSION, \
      "The device says where speech begins and ends.") \
    X(meeting_manual_listen_fallback_ms, "meeting.manual_listen_fallback_ms", INT, \
      "5000", 500, 60000, SESSION, \
      "Without a word from the device the server's own detector decides after this.") \
    X(meeting_transcript_push_interval_ms, "meeting.transcript_push_interval_ms", INT, \
      "5000", 3000, 15000, LIVE, \
      "How often the live transcript is sent.") \
    X(meeting_merge_interval_ms, "meeting.merge_interval_ms", INT, "12000", 1000, 60000, LIVE, \
      "How often texts become segments.") \
    X(meeting_dedupe_window_ms, "meeting.dedupe_window_ms", INT, "60000", 0, 600000, LIVE, \
      "The same text within this time counts once; 0: off.") \
    X(meeting_min_duration_ms, "meeting.min_duration_ms", INT, "5000", 0, 86400000, LIVE, \
      "Least duration written into a summary.") \
    X(meeting_checkpoint_interval_min, "meeting.checkpoint_interval_min", INT, "10", 0, 120, LIVE, \
      "Summary of the newest part this often, minutes; 0: off.") \
    X(meeting_target_lang, "meeting.target_lang", STR, "", 0, 0, LIVE, \
      "Language of minutes; empty: as spoken.") \
    X(meeting_industry, "meeting.industry", STR, "", 0, 0, LIVE, "Line of business, for prompts and terms.") \
    X(meeting_scenario, "meeting.scenario", STR, "", 0, 0, LIVE, "Kind of meeting, for prompts.") \
    X(meeting_term_map, "meeting.term_map", MAP, "", 0, 0, LIVE, \
      "Words to replace: {'*': {from: to}, zh: {...}, 'industry:<name>': {...}}.") \
    X(meeting_prompts, "meeting.prompts", MAP, "", 0, 0, LIVE, \
      "Own prompts: system, userTemplate, templates.<industry>.") \
    X(meeting_llm_max_tokens, "meeting.llm.max_tokens", INT, "800", 256, 4000, LIVE, \
      "Length of a summary, tokens.") \
    X(meeting_llm_checkpoint_max_tokens, "meeting.llm.checkpoint_max_tokens", INT, "400", 64, 4000, LIVE, \
      "Length of a checkpoint, tokens.") \
    X(meeting_llm_summary_transcript_max_chars, "meeting.llm.summary_transcript_max_chars", INT, \
      "4000", 500, 200000, LIVE, \
      "Transcript given to the model, characters.") \
    X(meeting_broadcast_enabled, "meeting.broadcast.enabled", BOOL, "false", 0, 0, LIVE, \
      "Meeting content goes to other devices.") \
    X(meeting_broadcast_mode, "meeting.broadcast.mode", ENUM, "off|group|session", 0, 0, LIVE, \
      "To nobody, to the group, to the listed ones.") \
    X(meeting_broadcast_allowed_targets, "meeting.broadcast.allowed_targets", LIST, "[]", 0, 0, LIVE, \
      "Those.") \
    X(meeting_broadcast_include_origin, "meeting.broadcast.include_origin", BOOL, "false", 0, 0, LIVE, \
      "The sender too.") \
    X(meeting_webhook_url, "meeting.webhook.url", URL, "", 0, 0, LIVE, "Where summaries are posted.") \
    X(meeting_webhook_secret, "meeting.webhook.secret", SECRET, "", 0, 0, LIVE, "Key of their signature.") \
    X(meeting_webhook_headers, "meeting.webhook.headers", MAP, "", 0, 0, LIVE, "Own headers.") \
    X(meeting_api_rate_limit_enabled, "meeting.api_rate_limit.enabled", BOOL, "true", 0, 0, LIVE, \
      "Limit the rate of API requests.") \
    X(meeting_api_rate_limit_qps, "meeting.api_rate_limit.qps", INT, "10", 1, 10000, LIVE, \
      "Requests per second and address.") \
    X(meeting_retention_count, "meeting.retention_count", INT, "100", 0, 1000000, LIVE, \
      "Meetings kept; 0: all.") \
    X(meeting_retention_days, "meeting.retention_days", INT, "0", 0, 36500, LIVE, \
      "Days they are kept; 0: no limit.") \
    X(meeting_resume_hours, "meeting.resume_hours", INT, "24", 1, 168, LIVE, \
      "An open meeting can be taken up again for this long.") \
    X(meeting_auto_resume_seconds, "meeting.auto_resume_seconds", INT, "600", 0, 3600, LIVE, \
      "A device back within this is put into its meeting again.") \
    X(meeting_entry_tone, "meeting.entry_tone", STR, "builtin", 0, 0, SESSION, \
      "Sound at the start: builtin, none, or a file.") \
    X(meeting_exit_words, "meeting.exit_words", LIST, "[]", 0, 0, SESSION, \
      "Words that end a meeting; empty: the built-in ones.") \
    X(coding_insight_enabled, "coding.insight_enabled", BOOL, "true", 0, 0, SESSION, \
      "Comment on what an editor or build reports.") \
    X(coding_insight_debounce_ms, "coding.insight_debounce_ms", INT, "1200", 300, 60000, SESSION, \
      "Quiet time before a comment.") \
    X(coding_per_message_max_len, "coding.per_message_max_len", INT, "512", 64, 4096, SESSION, \
      "Characters kept of a line.") \
    X(coding_history_max_lines, "coding.history_max_lines", INT, "200", 10, 2000, SESSION, "Lines kept.") \
    X(coding_insight_max_chars, "coding.insight_max_chars", INT, "1600", 200, 20000, SESSION, \
      "Characters given to the model.") \
    X(coding_insight_max_items, "coding.insight_max_items", INT, "5", 1, 20, SESSION, "Items in a comment.") \
    X(coding_summary_max_items, "coding.summary_max_items", INT, "6", 1, 20, SESSION, "Items in a summary.") \
    X(coding_broadcast_enabled, "coding.broadcast.enabled", BOOL, "false", 0, 0, LIVE, \
      "Comments go to other devices.") \
    X(coding_broadcast_mode, "coding.broadcast.mode", ENUM, "off|group|session", 0, 0, LIVE, \
      "To nobody, to the group, to the listed ones.") \
    X(coding_broadcast_allowed_targets, "coding.broadcast.allowed_targets", LIST, "[]", 0, 0, LIVE, \
      "Those.") \
    X(coding_broadcast_include_origin, "coding.broadcast.include_origin", BOOL, "false", 0, 0, LIVE, \
      "The sender too.") \
    X(working_disable_tts, "working.disable_tts", BOOL, "true", 0, 0, SESSION, \
      "Nothing is spoken in working mode.") \
    X(workflow_device_alias, "workflow.device_alias", MAP, "", 0, 0, LIVE, "Names of devices: {id: name}.") \
    X(workflow_groups, "workflow.groups", MAP, "", 0, 0, LIVE, "Group of a device: {id: group}.") \
    X(workflow_cross_group, "workflow.cross_group", ENUM, "deny|allow|acl", 0, 0, LIVE, \
      "Changing tasks of another group.") \
    X(workflow_group_acl, "workflow.group_acl", MAP, "", 0, 0, LIVE, "Who may, for acl: {group: [groups]}.") \
    X(workflow_default_group, "workflow.default_group", ENUM, "home|device", 0, 0, LIVE, \
      "Devices without a group: all together, or each alone.") \
    X(workflow_snapshot_on_register_delay_ms, "workflow.snapshot_on_register_delay_ms", INT, \
      "0", 0, 10000, LIVE, \
      "Pause before a new session gets its tasks.") \
    X(peer_enabled, "peer.enabled", BOOL, "true", 0, 0, LIVE, "Messages between devices.") \
    X(peer_allow_all, "peer.allow_all", BOOL, "false", 0, 0, LIVE, "Everybody may write to everybody.") \
    X(peer_allow_broadcast, "peer.allow_broadcast", BOOL, "false", 0, 0, LIVE, "Messages to all devices.") \
    X(peer_peer_task_to_workflow, "peer.peer_task_to_workflow", BOOL, "true", 0, 0, LIVE, \
      "A message of category task becomes a task.") \
    X(peer_max_targets, "peer.max_targets", INT, "10", 1, 100, LIVE, "Targets of one message.") \
    X(peer_unicast_per_s, "peer.unicast_per_s", INT, "5", 1, 50, LIVE, "Messages per second and device.") \
    X(peer_broadcast_per_min, "peer.broadcast_per_min", INT, "6", 1, 60, LIVE, \
      "Broadcasts per minute and device.") \
    X(peer_allowlist, "peer.allowlist", LIST, "[]", 0, 0, LIVE, "Devices that may write to all.") \
    X(peer_rules, "peer.rules", MAP, "", 0, 0, LIVE, "Who may write to whom: {origin: [targets]}.") \
    X(peer_device_roles, "peer.device_roles", MAP, "", 0, 0, LIVE, "Roles of devices: {id: role}.") \
    X(peer_roles_grants, "peer.roles_grants", MAP, "", 0, 0, LIVE, "What roles may: {role: [roles]}.") \
    X(peer_group_rules, "peer.group_rules", ANY, "", 0, 0, LIVE, \
      "`same` opens a group to itself; or {group: [groups]}.") \
    X(peer_queue_per_device, "peer.queue_per_device", INT, "100", 1, 10000, LIVE, \
      "Messages kept for a device that is away.") \
    X(peer_queue_total, "peer.queue_total", INT, "10000", 1, 1000000, LIVE, \
      "The same for all devices together.") \
    X(peer_ttl_seconds, "peer.ttl_seconds", INT, "259200", 60, 31536000, LIVE, "How long they are kept.") \
    X(ui_wait_ack, "ui.wait_ack", BOOL, "false", 0, 0, SESSION, "Pages are confirmed, tried again, frozen.") \
    X(ui_badges, "ui.badges", MAP, "", 0, 0, SESSION, "Owners shown on pages: {id: {badge, owner}}.") \
    X(ui_forward_acl, "ui.forward_acl", MAP, "", 0, 0, SESSION, \
      "Who may draw on another device: {origin: [targets]}.") \
    X(push_speak_request, "push.speak_request", BOOL, "false", 0, 0, LIVE, \
      "Ask MQTT devices to open a session to speak.") \
    X(push_ttl_seconds, "push.ttl_seconds", INT, "86400", 60, 31536000, LIVE, \
      "How long words for a device that is away are kept.")

#define SETTINGS_MACHINE(X) \
    X(log_log_level, "log.log_level", ENUM, "INFO|TRACE|DEBUG|WARN|WARNING|ERROR|CRITICAL", 0, 0, LIVE, \
      "Lines of this level and above are written.") \
    X(log_log_dir, "log.log_dir", PATH, "logs", 0, 0, LIVE, \
      "Directory of the log file; empty: standard output only.") \
    X(log_log_file, "log.log_file", STR, "server.log", 0, 0, LIVE, "Its name.") \
    X(log_max_message_length, "log.max_message_length", INT, "2000", 64, 65536, LIVE, \
      "Bytes of a message; longer ones lose their middle.") \
    X(log_rotation, "log.rotation", SIZE, "10 MB", 65536, 1099511627776, LIVE, \
      "A log file of this size is put aside.") \
    X(log_retention, "log.retention", DAYS, "30 days", 0, 36500, LIVE, \
      "Files put aside are kept for this long; 0: for ever.") \
    X(log_data_dir, "log.data_dir", PATH, "data", 0, 0, RESTART, "Directory of what Parley keeps.") \
    X(storage_path, "storage.path", PATH, "data/parley.db", 0, 0, RESTART, "The database.") \
    X(storage_durability, "storage.durability", ENUM, "full|normal", 0, 0, RESTART, \
      "full: what was acknowledged survives a power cut.") \
    X(limits_text_bytes, "limits.text_bytes", INT, "65536", 4096, 1048576, SESSION, \
      "Longest text message of a device.") \
    X(limits_binary_bytes, "limits.binary_bytes", INT, "16384", 4096, 65536, SESSION, \
      "Longest audio message of a device.") \
    X(limits_connections, "limits.connections", INT, "12000", 1, 1000000, LIVE, "Connections at one time.") \
    X(limits_per_ip, "limits.per_ip", INT, "64", 1, 1000000, LIVE, "The same from one address.") \
    X(limits_per_ip_new_per_s, "limits.per_ip_new_per_s", INT, "20", 1, 1000000, LIVE, \
      "New connections per second from one address.") \
    X(limits_device_connects_per_min, "limits.device_connects_per_min", INT, "6", 1, 100000, LIVE, \
      "Sessions per minute of one device.") \
    X(limits_busy_percent, "limits.busy_percent", INT, "80", 0, 100, LIVE, \
      "A loop that works more of its time than this takes no new sessions and conversations; conversations begin the " \
      "slower, the nearer it comes. 0: no such limit.") \
    X(limits_send_queue_bytes, "limits.send_queue_bytes", INT, "262144", 16384, 67108864, SESSION, \
      "What may wait for a device that does not read.") \
    X(limits_utterance_seconds, "limits.utterance_seconds", INT, "60", 5, 600, SESSION, \
      "Longest utterance.") \
    X(limits_tools, "limits.tools", INT, "64", 1, 64, SESSION, \
      "Tools of a device that the language model is offered.") \
    X(limits_dialogue_tokens, "limits.dialogue_tokens", INT, "8000", 500, 1000000, SESSION, \
      "Estimated tokens of a dialogue the language model is given; the oldest turns go first.") \
    X(limits_worker_queue, "limits.worker_queue", INT, "256", 16, 65536, RESTART, \
      "Jobs that may wait for a worker.") \
    X(limits_session_bytes, "limits.session_bytes", INT, "4194304", 65536, 67108864, RESTART, \
      "Memory of one session; its dialogue may take half of it.")

#define SETTINGS(X) SETTINGS_SERVER(X) SETTINGS_DIALOGUE(X) SETTINGS_PROVIDERS(X) SETTINGS_MODES(X) SETTINGS_MACHINE(X)

/* Other spellings of a key (the first one found is used): X(other, key). A key may be a whole map. */
#define SETTING_ALIASES(X) \
    X("server.meeting_api_token", "server.api_token") \
    X("meeting_api_token", "server.api_token") \
    X("meeting.vad_fallback_ms", "meeting.manual_listen_fallback_ms") \
    X("vad_fallback_ms", "meeting.manual_listen_fallback_ms") \
    X("device_alias", "workflow.device_alias") \
    X("render.wait_ack", "ui.wait_ack") \
    X("render.badges", "ui.badges") \
    X("render.forward_acl", "ui.forward_acl")

/* Keys of existing files that load without a word and change nothing. A '*' at the end: and all below. */
#define SETTINGS_ACCEPTED(X) \
    X("server.udp_gateway") \
    X("enable_websocket_ping") \
    X("log.log_format") \
    X("log.log_format_file") \
    X("xiaozhi.*") \
    X("module_test.*") \
    X("manager-api.url") \
    X("read_config_from_api") \
    X("workflow.test_mode")

/* Keys that are read and checked, but whose part is not built yet: said by --check-config, at the start and in
 * docs/configuration.md. ./dev tidy compares this list with what the sources read. '*' as above. */
#define SETTINGS_UNUSED(X) \
    X("mqtt.*") \
    X("udp.*") \
    X("push.speak_request") \
    X("audio.record") \
    X("delete_audio") \
    X("listen_ready_delay_ms") \
    X("enable_ready_ui") \
    X("xiaozhi.audio_params.format") \
    X("xiaozhi.audio_params.channels") \
    X("plugins.*") \
    X("context_providers") \
    X("voiceprint.*") \
    X("mcp_endpoint")
/* clang-format on */

#endif
