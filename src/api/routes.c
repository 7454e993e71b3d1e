/* SPDX-License-Identifier: MIT
 * routes.c -- the table of all HTTP resources. One row: method, where, pattern, who may, handler, what it
 * is. The API page (openapi.c) is made of it; a literal piece of a path goes before a {parameter}. */
#include "api/private.h"

/* clang-format off */
const struct route api_routes[] = {
    /* devices: no API token */
    { HTTP_POST, ROUTE_DEVICE, "/ota", ROLE_NOBODY, serve_ota, "What a device asks at boot" },
    { HTTP_GET, ROUTE_DEVICE, "/ota", ROLE_NOBODY, serve_ota_text,
      "One sentence naming the WebSocket URL", .reply_type = "text/plain" },
    { HTTP_POST, ROUTE_DEVICE, "/ota/activate", ROLE_NOBODY, serve_activate,
      "Has a person confirmed this device" },
    { HTTP_GET, ROUTE_DEVICE, "/ota/download/{file}", ROLE_NOBODY, serve_download,
      "A firmware image", .reply_type = "application/octet-stream" },
    { HTTP_GET, ROUTE_DEVICE, "/v1", ROLE_NOBODY, serve_websocket_text,
      "The device WebSocket, asked without upgrade", .reply_type = "text/plain" },
    { HTTP_POST, ROUTE_DEVICE, "/vision/explain", ROLE_NOBODY, serve_vision, "A picture and a question" },
    { HTTP_GET, ROUTE_DEVICE, "/vision/explain", ROLE_NOBODY, serve_vision_text,
      "Is the vision endpoint there", .reply_type = "text/plain" },
    { HTTP_POST, ROUTE_PLAIN, "/mcp/vision/explain", ROLE_NOBODY, serve_vision, "A picture and a question" },
    { HTTP_GET, ROUTE_PLAIN, "/mcp/vision/explain", ROLE_NOBODY, serve_vision_text,
      "Is the vision endpoint there", .reply_type = "text/plain" },
    /* health */
    { HTTP_GET, ROUTE_PLAIN, "/healthz", ROLE_NOBODY, serve_healthz,
      "The process is alive", .reply_type = "text/plain" },
    { HTTP_GET, ROUTE_PLAIN, "/readyz", ROLE_NOBODY, serve_readyz,
      "Listening, storage works, not draining" },
    { HTTP_GET, ROUTE_PLAIN, "/metrics", ROLE_METRICS, serve_metrics,
      "Figures in Prometheus text form", .reply_type = "text/plain" },
    /* the API */
    { HTTP_GET, ROUTE_API, "/openapi.json", ROLE_API, serve_openapi, "This description" },
    { HTTP_GET, ROUTE_API, "/meetings/recent", ROLE_API, serve_meetings_recent, "Meetings, newest first",
      .query = "limit:1..100, 10;deviceId:beginning of a device id;fromTs:ms or ISO-8601;toTs:ms or ISO-8601" },
    { HTTP_GET, ROUTE_API, "/meetings/search", ROLE_API, serve_meetings_search,
      "Segments that contain the words",
      .query = "q:1..100 characters;limit:1..100, 20;offset:0" },
    { HTTP_GET, ROUTE_API, "/meetings/{id}", ROLE_API, serve_meeting,
      "One meeting with its summary", .query = "preview:segments shown, 1..20, 5" },
    { HTTP_DELETE, ROUTE_API, "/meetings/{id}", ROLE_API, serve_meeting_delete,
      "Removes text, index and summary for good" },
    { HTTP_GET, ROUTE_API, "/meetings/{id}/transcript", ROLE_API, serve_meeting_transcript,
      "Its segments", .query = "offset:0;limit:1..500, 100" },
    { HTTP_GET, ROUTE_API, "/meetings/{id}/export", ROLE_API, serve_meeting_export,
      "It as a file", .query = "format:md, srt, vtt, json, txt", .reply_type = "text/plain" },
    { HTTP_POST, ROUTE_API, "/meetings/{id}/finalize", ROLE_API, serve_meeting_finalize,
      "Ends it and has it summed up" },
    { HTTP_POST, ROUTE_API, "/meetings/{id}/summarize", ROLE_API, serve_meeting_summarize,
      "Has it summed up again" },
    { HTTP_GET, ROUTE_API, "/workflow", ROLE_API, serve_workflow,
      "Tasks of a group", .query = "groupKey:home" },
    { HTTP_POST, ROUTE_API, "/workflow/import-from-meeting", ROLE_API, serve_workflow_import,
      "A meeting's actions and next steps as tasks",
      .body = "groupKey:the group, home;meetingId:default the newest;sessionId:instead of meetingId" },
    { HTTP_POST, ROUTE_API, "/workflow/tasks", ROLE_API, serve_task_put,
      "Makes a task, or changes the fields given of a known one",
      .body = "groupKey:the group, home;id:of a known task, absent for a new one;title:1..200 characters;"
              "priority:0..3;owner:a device or a person;status:open or done" },
    { HTTP_DELETE, ROUTE_API, "/workflow/tasks/{id}", ROLE_API, serve_task_delete, "Removes a task",
      .query = "groupKey:home" },
    { HTTP_GET, ROUTE_API, "/devices", ROLE_API, serve_devices,
      "Devices seen", .query = "offset:0;limit:1..500, 100" },
    { HTTP_GET, ROUTE_API, "/devices/{id}", ROLE_API, serve_device, "One device and its state" },
    { HTTP_GET, ROUTE_API, "/devices/{id}/turns", ROLE_API, serve_device_turns,
      "What was said last", .query = "limit:1..100, 10" },
    { HTTP_POST, ROUTE_API, "/devices/{id}/say", ROLE_API, serve_say, "Has a device say something",
      .body = "text:1..2000 bytes;auto_listen:listen afterwards, false;"
              "ttl:seconds to wait for an absent device;"
              "idempotencyKey:a repeat with the same key is not played again" },
    { HTTP_DELETE, ROUTE_API, "/devices/{id}/data", ROLE_API, serve_device_data_delete,
      "Removes everything said, remembered, recorded of it" },
    { HTTP_POST, ROUTE_PLAIN, "/admin/inject_msg", ROLE_API, serve_inject,
      "The same as say, as one test suite calls it (compat.inject_path)",
      .body = "device_id:the device;message:text;skip_llm:ignored, true;auto_listen:false" },
    /* the admin listener */
    { HTTP_GET, ROUTE_ADMIN, "/pairing", ROLE_API, serve_pairing_list, "Codes that wait for a person" },
    { HTTP_POST, ROUTE_ADMIN, "/pairing/{code}", ROLE_API, serve_pairing_confirm, "Confirms a code" },
    { HTTP_DELETE, ROUTE_ADMIN, "/devices/{id}/pair", ROLE_API, serve_pair_delete,
      "Revokes a device and closes its session", .query = "client:only this client of it" },
    { HTTP_GET, ROUTE_ADMIN, "/devices", ROLE_API, serve_devices,
      "Devices seen", .query = "offset:0;limit:1..500, 100" },
    { HTTP_POST, ROUTE_ADMIN, "/reload", ROLE_API, serve_reload, "Reads the configuration again" },
    { HTTP_POST, ROUTE_ADMIN, "/restart", ROLE_API, serve_restart, "Drains and starts again" },
    { HTTP_GET, ROUTE_ADMIN, "/config", ROLE_API, serve_config,
      "The configuration in use, secrets masked", .reply_type = "text/plain" },
};
/* clang-format on */
const size_t api_route_count = COUNT(api_routes);
