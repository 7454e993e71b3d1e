/* SPDX-License-Identifier: MIT
 * tool_exit.c -- the model found out that the user wants to leave: say goodbye, then close. */
#include "tools/tool.h"

extern const struct tool_class tool_exit_intent;

static enum err run(struct tool_call *c, const struct json *args)
{
    tool_call_end(c, &(struct tool_result){
                         .then = TOOL_SAY_CLOSE,
                         .text = slice_trim(json_get_text(args, "say_goodbye")),
                     });
    return OK;
}

const struct tool_class tool_exit_intent = {
    .name = "handle_exit_intent",
    .description = "Call this when the user wants to end the conversation or leave the system. "
                   "当用户想结束对话或退出系统时调用。",
    .schema_json = "{\"type\":\"object\",\"properties\":{\"say_goodbye\":{\"type\":\"string\",\"description\":"
                   "\"a friendly goodbye in the user's language\"}},\"required\":[\"say_goodbye\"]}",
    .run = run,
};
