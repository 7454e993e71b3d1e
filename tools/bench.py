#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev bench [NAME ...] [--write] [--compare] [--quick]: what Parley costs, next to the bare libraries in the same run.

The benches are in tools/bench_<topic>.py, what they share is in tools/bench_kit.py. Each starts a server of its own
in a temporary folder. --write puts the tables into docs/performance.md, --compare prints the figures of
the last other commit measured here next to these (kept in build/bench-kept.json)."""
import argparse
import glob
import importlib
import json
import os
import platform
import subprocess
import sys
import time

import bench_kit as kit

os.chdir(kit.ROOT)
KEPT = 'build/bench-kept.json'
PAGE = 'docs/performance.md'


def find_benches():
    """Name -> function, of all topics; those of tools/bench_devices.py first, the others by file name."""
    files = sorted(os.path.basename(f)[:-3] for f in glob.glob('tools/bench_*.py'))
    modules = [importlib.import_module(f) for f in sorted(files, key=lambda f: f != 'bench_devices')]
    return {name: bench for m in modules for name, bench in getattr(m, 'BENCHES', {}).items()}


def put_block(text, name, lines):
    begin, end = f'<!-- bench {name} -->\n', f'<!-- end {name} -->'
    if begin not in text:
        return text
    head, rest = text.split(begin, 1)
    return head + begin + '\n'.join(lines) + '\n' + end + rest.split(end, 1)[1]


def processor():
    names = [line.split(':', 1)[1].strip() for line in open('/proc/cpuinfo') if line.startswith('model name')]
    return names[0] if names else platform.machine()


def how_often(name):
    if kit.o.quick:
        return 'one round each, fewer devices (`--quick`)'
    return 'one round' if name in kit.ONE_ROUND or kit.o.repeat == 1 else f'medians of {kit.o.repeat} rounds'


def write_page(commit):
    text = open(PAGE, encoding='utf-8').read()
    for name in dict.fromkeys(r['bench'] for r in kit.rows):
        mine = [r for r in kit.rows if r['bench'] == name]
        lines = ['| what | measured | wanted | |', '|---|---|---|---|']
        lines += [f'| {r["what"]} | {kit.digits(r["value"])} {r["unit"]} | {r["target"]} | {r["comment"]} |' for r in mine]
        lines += ['', f'{time.strftime("%Y-%m-%d")}, {commit}, {processor()}, {os.cpu_count()} cores, {how_often(name)}.']
        text = put_block(text, name, lines)
    open(PAGE, 'w', encoding='utf-8').write(text)


def key_of(row):
    """What is measured with fewer devices is another figure."""
    return f'{row["bench"]}: {row["what"]}{" (--quick)" if kit.o.quick else ""}'


def others(kept, row, commit):
    """What was kept of this row from other commits: [value, commit], the last one last."""
    return [pair for pair in kept.get(key_of(row), []) if pair[1] != commit]


def compare(kept, commit):
    """With another commit's figures; with this one's, when there are no others."""
    print('\nnext to what was measured before' + (':' if any(key_of(r) in kept for r in kit.rows) else ': nothing was, here'))
    for r in kit.rows:
        for old, whose in (others(kept, r, commit) or kept.get(key_of(r), []))[-1:]:
            change = f'{(r["value"] / old - 1) * 100:+.1f} %' if old else ''
            print(f'  {key_of(r):<68} {old:>10.4g} -> {r["value"]:<10.4g} {change:>8}  {whose}')


def main():
    benches = find_benches()
    arg = argparse.ArgumentParser(prog='./dev bench', epilog='benches: ' + ' '.join(benches))
    arg.add_argument('names', nargs='*', metavar='NAME')
    arg.add_argument('--write', action='store_true', help='tables into docs/performance.md')
    arg.add_argument('--compare', action='store_true', help='next to the last other commit that was measured in this folder')
    arg.add_argument('--quick', action='store_true', help='fewer devices, one round each')
    arg.add_argument('--hour', action='store_true', help='mixed for an hour instead of five minutes')
    arg.add_argument('--repeat', type=int, default=3, metavar='N', help='rounds of each measurement (3)')
    given = arg.parse_args()
    kit.o.quick, kit.o.hour, kit.o.repeat = given.quick, given.hour, 1 if given.quick else given.repeat
    unknown = [n for n in given.names if n not in benches]
    if unknown:
        sys.exit(f'bench: {unknown[0]}: there are {", ".join(benches)}')
    if not kit.RT:
        print('bench: no right to real-time scheduling: on a busy machine read latencies as upper bounds')
    kept = json.load(open(KEPT)) if os.path.exists(KEPT) else {}  # row -> [value, commit] of two commits
    commit = subprocess.run(['git', 'describe', '--always', '--dirty'], stdout=subprocess.PIPE, text=True).stdout.strip()
    for name in given.names or benches:
        began = time.monotonic()
        print(name)
        benches[name](kit)
        print(f'  ({time.monotonic() - began:.0f} s)', flush=True)
    if given.compare:
        compare(kept, commit)
    if given.write:
        write_page(commit)
    now = {key_of(r): others(kept, r, commit)[-1:] + [[r['value'], commit]] for r in kit.rows}
    json.dump({**kept, **now}, open(KEPT, 'w'), indent=1)


main()
