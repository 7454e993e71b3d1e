#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each metric of src/metrics/list.h is written by some source: one that stands still tells operators a lie."""
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
UNUSED = ['backchannels_total']  # short remarks are not told from interruptions yet
names = re.findall(r'X\((\w+),\s*(?:COUNTER|GAUGE|HISTOGRAM)', open('src/metrics/list.h', encoding='utf-8').read())
source = ''
for place, _, files in os.walk('src'):
    for name in files:
        if name.endswith('.c'):
            source += open(os.path.join(place, name), encoding='utf-8').read()
bad = [n for n in names if (n in UNUSED) == bool(re.search(r'METRIC_' + n + r'\b', source))]
for name in bad:
    print(f'src/metrics/list.h: {name} is ' + ('written, yet in UNUSED' if name in UNUSED else 'written nowhere'))
if bad or len(names) < 30:
    sys.exit(1)
print(f'metrics: {len(names)} rows, each written by some source')
