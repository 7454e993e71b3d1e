# SPDX-License-Identifier: MIT
"""Whole conversations: what the server adds to them, what they hold, and what happens beyond its capacity."""
import time

DEVICES = 200
OPTIONS = ['--mode', 'manual', '--start-gap-ms', 80]
MOCK = ['--tts-speed', '2']
CYCLE_MS = 10000        # question, answer, pause: people begin anywhere in it
HEADROOM = 0.7          # of a core: what a careful operator plans for
SUSTAINABLE_MAX = 900   # beyond it the core of generator and mocks would be the limit


def options(b):
    question = b.question()
    return OPTIONS + (['--wav', question] if question else [])


def bench_talk(b):
    seconds, runs, together = 20 if b.o.quick else 30, [], []
    for _ in range(b.o.repeat):
        with b.Server(mock=MOCK) as s:
            runs.append(s.load('talk', DEVICES, seconds, *options(b), '--spread-ms', CYCLE_MS, '--abort-percent', 20))
        with b.Server(mock=MOCK) as s:
            together.append(s.load('talk', DEVICES, seconds // 2, *options(b), '--first', 10000))

    def of(runs, *path):
        return b.median([b.figure(r, *path) for r in runs])

    memory = b.median([(r['server']['rss_peak_bytes'] - r['server']['rss_before_bytes']) / 1024 / DEVICES for r in runs])
    b.row('talk', f'added by the server, {DEVICES} conversations at once, p50', of(runs, 'added', 'p50_ms'), 'ms', '<= 5',
          'instant mocks; speech at twice its speed', runs=runs)
    b.row('talk', 'the same, p99', of(runs, 'added', 'p99_ms'), 'ms', '<= 20', f'{sum(r["turns"] for r in runs)} turns', runs=runs)
    b.row('talk', 'end of speech to text, p99', of(runs, 'text', 'p99_ms'), 'ms', '', runs=runs)
    b.row('talk', 'gaps over 65 ms', of(runs, 'gaps_late_share') * 100, '%', '<= 0.1', runs=runs)
    b.row('talk', 'button to tts stop, p99', of(runs, 'abort', 'p99_ms'), 'ms', '<= 20', runs=runs)
    b.row('talk', 'memory for each conversing device, at most', memory, 'KB', '<= 110')
    b.row('talk', 'worst case, all begin within a second: added, p99', of(together, 'added', 'p99_ms'), 'ms', '',
          f'p50 {of(together, "added", "p50_ms"):.1f} ms', runs=together)


def sustainable(b):
    """How many conversations take HEADROOM of a core: what limits.connections would be set to."""
    with b.Server(mock=MOCK) as s:
        r = s.load('talk', 100, 24, *options(b), '--spread-ms', CYCLE_MS)
    share = b.median([sample['cpu'] for sample in r['samples'][-12:]])
    return int(min(100 * HEADROOM / max(share, 0.01), SUSTAINABLE_MAX))


def bench_overload(b):
    """limits.connections is what the server sustains; half as many again come meanwhile and go on trying."""
    seconds, n = 20 if b.o.quick else 30, sustainable(b)
    normal, crowded, refused, is_alive = [], [], [], True
    for _ in range(b.o.repeat):
        for runs, is_crowded in ((normal, False), (crowded, True)):
            with b.Server(mock=MOCK, connections=n) as s:
                inside = s.start_load('talk', n, seconds, *options(b), '--spread-ms', CYCLE_MS)
                if is_crowded:
                    time.sleep(2) # those inside have come by then
                    refused.append(s.load('talk', n // 2, seconds - 4, *options(b), '--first', 100000))
                runs.append(s.load_result(inside))
                is_alive = is_alive and s.is_alive()
    p99 = [b.median([b.figure(r, 'added', 'p99_ms') for r in runs]) for runs in (normal, crowded)]
    lost = sum(r['turns_lost'] + sum(r['errors'].values()) for r in crowded)
    b.row('overload', 'conversations at once that are sustained', n, '', '', f'{HEADROOM * 100:.0f} % of a core, at most {SUSTAINABLE_MAX}')
    b.row('overload', 'added by the server, p99, at this load', p99[0], 'ms', '', runs=normal)
    b.row('overload', f'the same while {n // 2} more try to come, times that', p99[1] / p99[0], 'x', '<= 2', f'{p99[1]:.1f} ms', runs=crowded)
    b.row('overload', 'told busy, p99', b.median([b.figure(r, 'refuse', 'p99_ms') for r in refused]), 'ms', '<= 100',
          f'{sum(r["errors"].get("busy", 0) for r in refused)} times', runs=refused)
    b.row('overload', 'let in beyond the limit, or sent away otherwise', sum(r['greeted'] for r in refused) +
          sum(count for r in refused for name, count in r['errors'].items() if name != 'busy'), '', '0')
    b.row('overload', 'conversations lost or broken, or a server that ended', lost + (not is_alive), '', '0',
          f'{sum(r["turns"] for r in crowded)} turns')


BENCHES = dict(talk=bench_talk, overload=bench_overload)
