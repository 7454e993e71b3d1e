#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the test programs of a build folder, counts their cases, prints 'N passed, N failed'.

A program prints cmocka's lines ([       OK ] / [  FAILED  ] / [  SKIPPED ]). One that ends otherwise
than with 0 and reported no failure, or runs too long, counts as one failed case."""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import time

arg = argparse.ArgumentParser()
arg.add_argument('--build', default='build')
arg.add_argument('--label', default='')
arg.add_argument('--filter', default='')
arg.add_argument('--fuzz', action='store_true', help='also run the seeds of the fuzz targets')
arg.add_argument('--threaded', action='store_true', help='only programs that use threads')
arg.add_argument('--save')
arg.add_argument('--sum')
arg.add_argument('--jobs', type=int, default=os.cpu_count())
arg.add_argument('--timeout', type=int, default=240)
o = arg.parse_args()


def line(passed, failed, skipped):
    return f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else '')


if o.sum:
    total = [0, 0, 0]
    names = sorted(os.listdir(o.sum))
    for name in names:
        part = json.load(open(os.path.join(o.sum, name)))
        total = [a + b for a, b in zip(total, part['counts'])]
        print(f'{name:>6}: {line(*part["counts"])} in {part["seconds"]:.0f} s')
        for text in part['failures']:
            print(f'        FAILED {text}')
    print(line(*total))
    sys.exit(1 if total[1] or not total[0] else 0)

source = os.environ.get('PARLEY_SOURCE', os.getcwd())
build = os.path.abspath(o.build)
tests = os.path.join(build, 'tests')
# Programs without threads gain nothing under TSan; a source names itself with this word.
programs = []
for name in sorted(os.listdir(tests)):
    path = os.path.join(tests, name)
    if not os.path.isfile(path) or not os.access(path, os.X_OK) or name.startswith('bench_') or '.' in name:
        continue
    if o.filter and o.filter not in name:
        continue
    room, _, test = name.partition('-')
    sources = [f'tests/unit/{room}/{test}.c', f'tests/scenario/{test}.c', f'tests/fuzz/{name}.c']
    sources = [os.path.join(source, f) for f in sources if os.path.exists(os.path.join(source, f))]
    if not sources:
        continue  # left over from an earlier build
    if name.startswith('fuzz_'):
        if not (o.fuzz or o.filter):
            continue
        seeds = os.path.join(source, 'tests/fuzz/corpus', name[5:])
        files = sorted(os.path.join(seeds, f) for f in os.listdir(seeds)) if os.path.isdir(seeds) else []
        programs.append((name, [path] + files))
    else:
        if o.threaded:
            if 'TSAN' not in open(sources[0], encoding='utf-8').read():
                continue
        programs.append((name, [path]))

env = dict(os.environ, PARLEY_BUILD=build, PARLEY_SOURCE=source, CMOCKA_MESSAGE_OUTPUT='stdout')


def run(item):
    name, argv = item
    began = time.time()
    proc = subprocess.Popen(argv, cwd=source, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        out, _ = proc.communicate(timeout=o.timeout)
        status = proc.returncode
    except subprocess.TimeoutExpired:
        os.killpg(proc.pid, signal.SIGKILL)
        out, _ = proc.communicate()
        status = 'still running after %d s' % o.timeout
    text = out.decode('utf-8', 'replace')
    passed = len(re.findall(r'^\[       OK \]', text, re.M))
    failures = sorted(set(re.findall(r'^\[  FAILED  \] (?!\d+ test)([^\n:]+)', text, re.M)))
    skipped = len(re.findall(r'^\[  SKIPPED \] (?!\d+ test)', text, re.M))
    failures = [f for f in failures if not re.match(r'\w+: \d+ test', f)]
    if status != 0 and not failures:
        failures = [f'(ended with {status})']
    if status == 0 and not (passed + skipped + len(failures)):
        failures = ['(ran no case)']
    return name, passed, failures, skipped, text, time.time() - began


def results():
    """Everything side by side; what failed so is tried once more with the machine to itself, since some
    conversations are held in real time. A second failure counts; a first one is shown all the same."""
    again = []
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        for item, result in zip(programs, pool.map(run, programs)):
            if result[2] and not o.filter:
                print(f'{o.label:>6}  again {result[0]} failed beside others: {", ".join(result[2][:3])}', flush=True)
                again.append(item)
            else:
                yield result
    yield from map(run, again)


counts, bad, began = [0, 0, 0], [], time.time()
for name, passed, failures, skipped, text, seconds in results():
    counts = [counts[0] + passed, counts[1] + len(failures), counts[2] + skipped]
    word = 'ok' if not failures else 'FAILED'
    print(f'{o.label:>6} {word:>6} {name} ({line(passed, len(failures), skipped)}, {seconds:.1f} s)', flush=True)
    if failures:
        bad += [f'{name}: {f}' for f in failures]
        print(text[-6000:], flush=True)
    elif skipped and o.label != 'asan':
        for m in re.findall(r'^(?:skip|SKIP)[^\n]*', text, re.M)[:3]:
            print('              ' + m)
for text in bad:
    print('FAILED ' + text)
if o.save:
    json.dump({'counts': counts, 'failures': bad, 'seconds': time.time() - began}, open(o.save, 'w'))
print(line(*counts))
sys.exit(1 if bad or not counts[0] else 0)
