#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/founding.md and docs/modes.md name tests; each file and each case must exist, and the case must be run."""
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
bad, cases = [], 0


def check(page):
    global cases
    for number, line in enumerate(open(page, encoding='utf-8'), 1):
        if not line.startswith('|'):
            continue
        text, name = '', None
        for word, colon in re.findall(r'`([^`\s]+)`(:?)', line.split('|')[-2]):
            if '/' in word:
                name = 'tests/' + word + ('' if word.endswith('.talk') else '.c')
                text = open(name, encoding='utf-8').read() if os.path.exists(name) else ''
                if not text:
                    bad.append(f'{page}:{number}: no such file: {name}')
                cases += word.endswith('.talk')
            elif name and text:
                cases += 1
                # defined as a function and named once more in the list of tests
                if not re.search(r'^static void ' + word + r'\(void \*\*', text, re.M) or \
                        len(re.findall(r'\b' + word + r'\b', text)) < 2:
                    bad.append(f'{page}:{number}: {name} has no case {word}')


for page in ('docs/founding.md', 'docs/modes.md'):
    check(page)
for text in bad:
    print(text)
if bad or not cases:
    sys.exit(1)
print(f'founding and modes: {cases} tests named, all there')
