#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that a room includes only rooms named for it in tools/layers.txt."""
import os
import re
import sys

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
rules = {}
for line in open(os.path.join(root, 'tools/layers.txt')):
    line = line.split('#')[0].strip()
    if line:
        room, _, may = line.partition(':')
        rules[room.strip()] = set(may.split())

bad = 0
for top in ('src', 'engines', 'cli'):
    for folder, _, names in os.walk(os.path.join(root, top)):
        rel = os.path.relpath(folder, root)
        room = '/'.join(rel.split('/')[:2]) if top == 'src' else top
        for name in names:
            if not name.endswith(('.c', '.h')):
                continue
            path = os.path.join(rel, name)
            if room not in rules:
                print(f'{path}: room {room} is not in tools/layers.txt')
                bad += 1
                continue
            for number, text in enumerate(open(os.path.join(root, path), encoding='utf-8'), 1):
                m = re.match(r'\s*#\s*include\s+"([^"]+)"', text)
                if not m:
                    continue
                target = m.group(1)
                if target.startswith('../') or '/' not in target:
                    print(f'{path}:{number}: include "{target}" by its full path from src/')
                    bad += 1
                    continue
                first = target.split('/')[0]
                own = room.split('/')[-1]
                if first != own and '*' not in rules[room] and first not in rules[room]:
                    print(f'{path}:{number}: {room} may not include {target}')
                    bad += 1
if bad:
    print(f'{bad} includes break tools/layers.txt')
    sys.exit(1)
print('layers: every include points down')
