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
        with b.Server(mock=MOCK, limits=b.ALL) as s:
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
    b.row('talk', f'memory at the peak, for each of {DEVICES} conversing devices', memory, 'KB', '<= 110')
    b.row('talk', 'worst case, all begin within a second: added, p99', of(together, 'added', 'p99_ms'), 'ms', '',
          f'p50 {of(together, "added", "p50_ms"):.1f} ms', runs=together)


def sustainable(b):
    """How many conversations take HEADROOM of a core: what limits.connections would be set to."""
    with b.Server(mock=MOCK, limits=b.ALL) as s:
        r = s.load('talk', 100, 24, *options(b), '--spread-ms', CYCLE_MS)
    share = b.median([sample['cpu'] for sample in r['samples'][-12:]])
    return int(min(100 * HEADROOM / max(share, 0.01), SUSTAINABLE_MAX))


def others(r):
    """Errors that are not the answer 'busy'."""
    return sum(count for name, count in r['errors'].items() if name != 'busy')


def told_busy(b, r):
    """At the door or, with the start gap, after a question: the slower of them."""
    return max((r[way]['p99_ms'] for way in ('refuse', 'busy') if way in r), default=float('nan'))


def bench_overload(b):
    """Two ways to be asked for 1.5 times what is sustained. limits.connections is that number, and half as many again
    go on trying; or there is no such limit, and limits.busy_percent keeps away what would be too much."""
    seconds, n = 20 if b.o.quick else 30, sustainable(b)
    many = int(n * 1.5 / HEADROOM)
    normal, crowded, refused, flooded, is_alive = [], [], [], [], True
    for _ in range(b.o.repeat):
        with b.Server(mock=MOCK, limits=b.ALL, connections=n) as s:
            normal.append(s.load('talk', n, seconds, *options(b), '--spread-ms', CYCLE_MS))
        with b.Server(mock=MOCK, limits=b.ALL, connections=n) as s:
            inside = s.start_load('talk', n, seconds, *options(b), '--spread-ms', CYCLE_MS)
            time.sleep(2) # those inside have come by then
            refused.append(s.load('talk', n // 2, seconds - 4, *options(b), '--first', 100000))
            crowded.append(s.load_result(inside))
            is_alive = is_alive and s.is_alive()
        with b.Server(mock=MOCK) as s:
            flooded.append(s.load('talk', many, seconds + 10, *options(b), '--rate', max(many // 15, 1)))
            is_alive = is_alive and s.is_alive()

    def of(runs, *path):
        return b.median([b.figure(r, *path) for r in runs])

    base = of(normal, 'added', 'p99_ms')
    b.row('overload', 'conversations at once that are sustained', n, '', '', f'{HEADROOM * 100:.0f} % of a core, at most {SUSTAINABLE_MAX}')
    b.row('overload', 'added by the server, p99, at this load', base, 'ms', '', runs=normal)
    b.row('overload', f'limited to them, {n // 2} more try to come: p99, times that', of(crowded, 'added', 'p99_ms') / base, 'x', '<= 2',
          f'{of(crowded, "added", "p99_ms"):.1f} ms', runs=crowded)
    b.row('overload', 'told busy, p99', of(refused, 'refuse', 'p99_ms'), 'ms', '<= 100',
          f'{sum(r["errors"].get("busy", 0) for r in refused)} times', runs=refused)
    b.row('overload', 'let in beyond the limit, or sent away otherwise', sum(r['greeted'] + others(r) for r in refused), '', '0')
    b.row('overload', f'not limited, {many} come in 15 s: p99, times that', of(flooded, 'added', 'p99_ms') / base, 'x', '<= 2',
          f'{of(flooded, "added", "p99_ms"):.1f} ms; {of(flooded, "turns"):.0f} turns', runs=flooded)
    b.row('overload', 'told busy meanwhile, p99', b.median([told_busy(b, r) for r in flooded]), 'ms', '<= 100',
          f'{sum(r["errors"].get("busy", 0) for r in flooded)} times at the door, {sum(r["turns_busy"] for r in flooded)} '
          'times after a question', runs=flooded)
    lost = sum(r['turns_lost'] + others(r) for r in flooded) + sum(r['turns_lost'] + sum(r['errors'].values()) for r in crowded)
    b.row('overload', 'conversations lost or broken, or a server that ended', lost + (not is_alive), '', '0',
          f'{sum(r["turns"] for r in crowded + flooded)} turns')


BENCHES = dict(talk=bench_talk, overload=bench_overload)
