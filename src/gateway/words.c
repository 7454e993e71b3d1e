/* SPDX-License-Identifier: MIT
 * words.c -- catalogue texts in two languages, replaceable in the configuration. */
#include "gateway/words.h"

#include <stdio.h>
#include <strings.h>

#define KEY_MAX_BYTES 64

static const struct {
    const char *key, *zh, *en;
} rows[] = {
    { "idle.timeout", "连接将因长时间空闲而关闭，如需继续请发送任意消息。",
      "This connection will close because it is idle. Send any message to go on." },
    { "idle.farewell", "我先休息啦，需要时再叫我。", "I will rest now. Call me when you need me." },
    { "register.failed", "设备注册失败", "Device registration failed" },
    { "register.busy", "设备已在线", "Device is already online" },
    { "takeover", "检测到新连接，当前通道将于约1.5秒后关闭以切换到新通道",
      "New connection found; this channel closes in about 1.5 s" },
    { "auth.failed", "认证失败", "Authentication failed" },
    { "server.secret", "服务器密钥验证失败", "Server secret is wrong" },
    { "server.updated", "配置更新成功", "Configuration updated" },
    { "server.update_failed", "更新配置失败: {e}", "Configuration update failed: {e}" },
    { "server.restarting", "服务器重启中...", "Server is restarting..." },
};

const char *words_of(const struct config *cfg, const char *language, const char *key)
{
    char path[KEY_MAX_BYTES];
    bool is_chinese = strncasecmp(language, "zh", 2) == 0;

    snprintf(path, sizeof(path), "messages.%s.%s", is_chinese ? "zh" : "en", key);
    const char *own = conf_text(config_node(cfg, path));
    if (own[0])
        return own;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(rows[i].key, key) == 0)
            return is_chinese ? rows[i].zh : rows[i].en;
    }
    return key;
}
