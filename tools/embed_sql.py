#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the migrations into one C table: embed_sql.py OUT 0001_x.sql 0002_y.sql ..."""
import os
import sys

out, files = sys.argv[1], sys.argv[2:]
text = '/* SPDX-License-Identifier: MIT\n * made by tools/embed_sql.py */\n'
text += 'static const struct migration migrations[] = {\n'
for number, path in enumerate(files, 1):
    name = os.path.basename(path)
    if int(name.split('_')[0]) != number:
        sys.exit(f'{name}: the {number}th migration must start with {number:04}_')
    text += f'    {{ "{name}",\n'
    for line in open(path, encoding='utf-8'):
        line = line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"')
        text += f'      "{line}\\n"\n'
    text += '    },\n'
open(out, 'w', encoding='utf-8').write(text + '};\n')
