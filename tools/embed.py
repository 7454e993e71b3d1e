#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints a text file as a C source: tools/embed.py share/rules.yaml rules_default > src/providers/rules_default.c"""
import sys

path, name = sys.argv[1:3]
print(f'''/* SPDX-License-Identifier: MIT
 * {name}.c -- {path} as the program carries it; made by tools/embed.py, a test compares the two. */
extern const char {name}_yaml[];
const char {name}_yaml[] =''')
for line in open(path, encoding='utf-8').read().split('\n')[:-1]:
    text = line.replace('\\', '\\\\').replace('"', '\\"').replace('??', '?\\?') + '\\n'
    while len(text.encode()) > 0:
        cut = text
        if len(cut) > 100:
            cut = text[:96]
            while cut.endswith('\\') or cut[-2:-1] == '\\':
                cut = cut[:-1]
        text = text[len(cut):]
        print(f'    "{cut}"' + (';' if False else ''))
print('    "";')
