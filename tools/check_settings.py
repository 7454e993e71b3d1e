#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each setting of src/config/list.h is read by some source, or stands in SETTINGS_UNUSED, never both."""
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
LIST = 'src/config/list.h'
# read by kind: config/kinds.c, providers/registry_pick.c
GENERIC = re.compile(r'^((selected_module|fallback)\.|(VAD|ASR|LLM|VLLM|TTS|Memory|Intent|llm_by_mode)$)')

text = open(LIST, encoding='utf-8').read()
rows = re.findall(r'^    X\((\w+), "([^"]+)", [A-Z]+,', text, re.M)
unused = re.findall(r'X\("([^"]+)"\)', text.split('#define SETTINGS_UNUSED(X)')[1])
source = ''
for folder, _, files in os.walk('src'):
    for name in files:
        path = os.path.join(folder, name)
        if name.endswith(('.c', '.h')) and path != LIST:
            source += open(path, encoding='utf-8').read()


def is_unused(key):
    return any(key == u or (u.endswith('.*') and (key + '.').startswith(u[:-1])) for u in unused)


bad = []
for field, key in rows:
    is_read = GENERIC.match(key) or re.search(r'(->|\.)' + field + r'\b', source)
    if not is_read and not is_unused(key):
        bad.append(f'{LIST}: {key} is read nowhere and not in SETTINGS_UNUSED')
    if is_read and is_unused(key):
        bad.append(f'{LIST}: {key} is read, yet in SETTINGS_UNUSED')
for line in bad:
    print(line)
if bad or len(rows) < 100:
    sys.exit(1)
print(f'settings: {len(rows)} keys, each read or said to be unused')
