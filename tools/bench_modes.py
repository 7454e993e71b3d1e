# SPDX-License-Identifier: MIT
"""The benches of modes for tools/bench.py: minutes, search, tasks. They get its Server, row and so on as `b`."""
import json
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

SECONDS, QUICK_SECONDS = 20, 8
WATCHERS = 100


def devices(b, what, seconds):
    command = b.on_core(1, ['build/tests/bench_modes', what, b.URL, str(seconds)])
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result_of(process):
    out = process.communicate()[0]
    return json.loads(out)


def bench_minutes(b):
    seconds = QUICK_SECONDS if b.o.quick else SECONDS
    minutes = '{"title":"The next quarter","bullets":["We ship in May"],"decisions":[],"actions":[],"risks":[],"nextSteps":[]}'
    runs = []
    for _ in range(b.o.repeat):
        with b.Server(mock=['--llm-text', minutes]) as s:
            runs.append(result_of(devices(b, 'minutes', seconds)))
    n = runs[0]
    b.row('minutes', 'snippet to its durable acknowledgement, p50', b.median([r['snippet']['p50_ms'] for r in runs]), 'ms', '',
          '50 meetings, 200 snippets a second')
    b.row('minutes', 'the same, p99', b.median([r['snippet']['p99_ms'] for r in runs]), 'ms', '<= 20',
          f'{n["acked"]} of {n["sent"]} acknowledged, {n["refused"]} refused')
    b.row('minutes', 'finalize to its acknowledgement, p99', b.median([r['finalize']['p99_ms'] for r in runs]), 'ms', '<= 100',
          f'{n["finalized"]} meetings, under that load')


def ask(b, words):
    url = f'http://127.0.0.1:{b.HTTP_PORT}/api/v1/meetings/search?limit=20&q=' + urllib.parse.quote(words)
    began = time.monotonic()
    answer = urllib.request.urlopen(url, timeout=10).read()
    return (time.monotonic() - began) * 1000, len(json.loads(answer)['data'])


def bench_search(b):
    words = ['独特', '预', '预算和人员', 'customer', '讨论 安排', 'nothing', '安人', 'customer 预算', 'unique', '的']
    place = tempfile.mkdtemp(prefix='parley-bench-')
    took = {}
    try:
        subprocess.run(['build/tests/bench_store', f'{place}/parley.db'], check=True)
        with b.Server(database=f'{place}/parley.db', more='meeting: {api_rate_limit: {enabled: false}}\n') as s:
            time.sleep(2)  # engines start beside the server
            first = ask(b, words[0])[0]
            for w in words:
                took[w] = max(ask(b, w)[0] for _ in range(5 if b.o.quick else 20))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    slowest = max(took, key=took.get)
    b.row('search', 'a question over HTTP, 1,000 meetings of 500 segments, median', b.median(list(took.values())), 'ms')
    b.row('search', 'the first one after the start', first, 'ms')
    b.row('search', 'the slowest of all others', took[slowest], 'ms', '<= 50', f'"{slowest}"')


def bench_tasks(b):
    seconds = QUICK_SECONDS if b.o.quick else SECONDS
    story = 'Once upon a time there was a small house by the sea, and in it lived a man who counted the waves. ' * 6
    groups = ', '.join(f'bench-{n}: team' for n in range(WATCHERS))
    alone, shared, took, seen = [], [], [], []
    for _ in range(b.o.repeat):
        with b.Server(mock=['--llm-text', story, '--tts-speed', '2'], limits=b.ALL, more=f'workflow: {{groups: {{{groups}}}}}\n') as s:
            r = s.load('play', 100, seconds, '--pause-ms', 0)
            alone.append(r['gaps_late_share'] * 100)
            others = devices(b, 'tasks', seconds)
            r = s.load('play', 100, seconds, '--first', 10000, '--pause-ms', 0)
            shared.append(r['gaps_late_share'] * 100)
            r = result_of(others)
            took.append(r['snapshot']['p99_ms'])
            seen.append((r['snapshots'], r['changes']))
    b.row('tasks', 'gaps over 65 ms, 100 devices that play', b.median(alone), '%', '<= 0.1')
    b.row('tasks', 'the same while 100 more get 500 tasks each second', b.median(shared), '%', 'unchanged',
          f'{seen[0][0]} snapshots after {seen[0][1]} changes')
    b.row('tasks', 'change to snapshot on each of 100 devices, p99', b.median(took), 'ms')


BENCHES = dict(minutes=bench_minutes, search=bench_search, tasks=bench_tasks)
