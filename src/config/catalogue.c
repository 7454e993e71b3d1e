/* SPDX-License-Identifier: MIT
 * catalogue.c -- the built-in wording, one row per message. */
#include "config/catalogue.h"

#include <stdarg.h>
#include <stdio.h>

#include "config/settings.h"

/* X(key, Chinese, English); {name} is replaced by catalogue_put. */
#define MESSAGES(X)                                                                                            \
    X("idle.timeout", "连接将因长时间空闲而关闭，如需继续请发送任意消息。",                                    \
      "This connection will close because it is idle. Send any message to go on.")                             \
    X("idle.farewell", "我先休息啦，需要时再叫我。", "I will rest now. Call me when you need me.")             \
    X("register.failed", "设备注册失败", "Device registration failed")                                         \
    X("register.busy", "设备已在线", "Device is already online")                                               \
    X("takeover", "检测到新连接，当前通道将于约1.5秒后关闭以切换到新通道",                                     \
      "New connection found; this channel closes in about 1.5 s")                                              \
    X("auth.failed", "认证失败", "Authentication failed")                                                      \
    X("pair.code", "请在控制台输入验证码 {code}", "Enter code {code} in the console")                          \
    X("server.secret", "服务器密钥验证失败", "Server secret is wrong")                                         \
    X("server.updated", "配置更新成功", "Configuration updated")                                               \
    X("server.update_failed", "更新配置失败: {e}", "Configuration update failed: {e}")                         \
    X("server.restarting", "服务器重启中...", "Server is restarting...")                                       \
    X("server.busy", "服务器繁忙，请稍后再试", "The server is busy, please try again later")                   \
    X("turn.error", "抱歉，我暂时无法回答，请稍后再试",                                                        \
      "Sorry, I cannot answer right now. Please try again later")                                              \
    X("turn.limit", "今天的使用额度已用完，明天再聊吧", "Today's limit is reached. Let us talk tomorrow")      \
    X("meeting.entered", "已进入会议模式", "Meeting mode is on")                                               \
    X("meeting.title", "会议纪要", "Meeting minutes")                                                          \
    X("meeting.llm_down", "会议内容已记录 / LLM服务暂时不可用 / 请稍后重试",                                   \
      "Meeting content is recorded / LLM service is unavailable / Please try again later")                     \
    X("chat.title", "对话模式", "Conversation")                                                                \
    X("badge.title", "工牌{badge} · {owner}", "Badge {badge} · {owner}")                                       \
    X("listen.ended", "聆听已结束", "Listening ended")                                                         \
    X("peer.prefix", "{from}发来消息：", "Message from {from}:")                                               \
    X("peer.sent", "好的，我会告诉{to}", "I will tell {to}")                                                   \
    X("peer.refused", "我不能给{to}发消息", "I may not send messages to {to}")

static const struct message {
    const char *key, *zh, *en;
} messages[] = {
#define X(key, zh, en) { key, zh, en },
    MESSAGES(X)
#undef X
};

/* messages.zh may name "turn.error" as one key, or as {turn: {error: ...}}. */
static const char *overridden(const struct config *cfg, const char *language, const char *key)
{
    const struct conf *n = conf_get(cfg->messages, language);
    const struct conf *whole = conf_get(n, key);
    if (conf_kind(whole) == CONF_SCALAR)
        return conf_text(whole);
    struct slice rest = slice_of(key);
    while (n && rest.data) {
        char part[64];
        struct slice s = slice_cut(&rest, '.');
        snprintf(part, sizeof(part), "%.*s", (int)s.len, s.data);
        n = conf_get(n, part);
    }
    return conf_kind(n) == CONF_SCALAR ? conf_text(n) : NULL;
}

const char *catalogue_text(const struct config *cfg, const char *language, const char *key)
{
    if (!language || !*language)
        language = cfg ? cfg->server_language : "zh";
    bool is_chinese = slice_eq_nocase(slice_sub(slice_of(language), 0, 2), SLICE("zh"));
    const char *own = cfg && cfg->messages ? overridden(cfg, is_chinese ? "zh" : "en", key) : NULL;
    if (own)
        return own;
    for (size_t i = 0; i < COUNT(messages); i++)
        if (strcmp(messages[i].key, key) == 0)
            return is_chinese ? messages[i].zh : messages[i].en;
    return "";
}

#define PAIRS_MAX 8

void catalogue_put(struct buf *out, const struct config *cfg, const char *language, const char *key, ...)
{
    const char *names[PAIRS_MAX], *values[PAIRS_MAX];
    size_t pairs = 0;
    va_list args;
    va_start(args, key);
    for (const char *name; pairs < PAIRS_MAX && (name = va_arg(args, const char *)); pairs++) {
        names[pairs] = name;
        values[pairs] = va_arg(args, const char *);
    }
    va_end(args);

    struct slice rest = slice_of(catalogue_text(cfg, language, key));
    while (rest.data) {
        struct slice text = slice_cut(&rest, '{');
        buf_put(out, text);
        if (!rest.data)
            return;
        const char *end = rest.len ? memchr(rest.data, '}', rest.len) : NULL;
        struct slice name = slice_from(rest.data, end ? (size_t)(end - rest.data) : 0);
        const char *value = NULL;
        for (size_t i = 0; i < pairs; i++)
            if (end && slice_is(name, names[i]))
                value = values[i] ? values[i] : "";
        if (!value) {
            buf_put_byte(out, '{'); /* not one of ours: it stands as it is */
            continue;
        }
        buf_puts(out, value);
        rest = slice_sub(rest, name.len + 1, rest.len);
    }
}
