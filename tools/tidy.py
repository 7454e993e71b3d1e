#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Form that a compiler does not check: line length, banned calls, file and function length, words."""
import os
import re
import subprocess
import sys

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
os.chdir(root)
files = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], capture_output=True, text=True).stdout.split()
if not files:
    files = [os.path.join(d, n)[2:] for d, _, ns in os.walk('.') if 'build' not in d for n in ns]
code = [f for f in files if f.endswith(('.c', '.h')) and os.path.exists(f)]

LINE_MAX = 120
TEST_LINE_MAX = 150  # tables of cases
FILE_MAX = 900
FUNCTION_MAX = 120
BANNED = {
    r'\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|tmpnam|alloca)\s*\(': 'banned call',
    r'\b(sleep|usleep|nanosleep)\s*\(': 'no sleep: time comes from the loop',
    r'(?<![_a-zA-Z])(malloc|calloc|realloc|free|strdup|strndup)\s*\(': 'raw allocation: base/mem.h',
}
RAW_OK = ('src/base/mem.c', 'tests/', 'engines/')
SLEEP_OK = ('tests/', 'cli/', 'engines/')
bad = []

for f in code:
    text = open(f, encoding='utf-8').read()
    if not text.startswith('/* SPDX-License-Identifier: MIT'):
        bad.append(f'{f}:1: first line must be the SPDX line')
    lines = text.split('\n')
    if len(lines) > FILE_MAX and not f.startswith('tests/'):
        bad.append(f'{f}: {len(lines)} lines; over {FILE_MAX} a piece of it wants to be a file of its own')
    stripped = re.sub(r'/\*.*?\*/', lambda m: '\n' * m.group(0).count('\n'), text, flags=re.S)
    stripped = re.sub(r'"(\\.|[^"\\\n])*"', '""', stripped)
    for n, line in enumerate(lines, 1):
        most = TEST_LINE_MAX if f.startswith('tests/') else LINE_MAX
        if len(line) > most and 'http' not in line:
            bad.append(f'{f}:{n}: {len(line)} columns, {most} at most')
        if line != line.rstrip():
            bad.append(f'{f}:{n}: white space at the end')
        if '\t' in line:
            bad.append(f'{f}:{n}: tab')
    for n, line in enumerate(stripped.split('\n'), 1):
        for pattern, why in BANNED.items():
            if re.search(pattern, line):
                if 'raw' in why and f.startswith(RAW_OK):
                    continue
                if 'sleep' in why and f.startswith(SLEEP_OK):
                    continue
                if re.match(r'\s*#\s*define|.*->free\(|.*\.free\(', line):
                    continue
                bad.append(f'{f}:{n}: {why}: {line.strip()[:60]}')

# Functions: a name at column 0 followed by { at column 0 ... } at column 0.
for f in code:
    if not f.endswith('.c') or f.startswith('tests/'):
        continue
    start = None
    for n, line in enumerate(open(f, encoding='utf-8').read().split('\n'), 1):
        if line == '{':
            start = n
        elif line == '}' and start:
            if n - start > FUNCTION_MAX:
                bad.append(f'{f}:{start}: a function of {n - start} lines, {FUNCTION_MAX} at most')
            start = None

for f in files:
    if os.path.exists(f) and os.path.getsize(f) < 1 << 20 and not f.startswith(('tools/tidy.py', '.ci/')):
        try:
            text = open(f, encoding='utf-8').read()
        except UnicodeDecodeError:
            continue
        if re.search(r'\.\./shared|/work/', text):
            bad.append(f'{f}: refers to a place outside the project')

for line in bad[:60]:
    print(line)
if bad:
    print(f'tidy: {len(bad)} places')
    sys.exit(1)
print(f'tidy: {len(code)} files clean')
