# SPDX-License-Identifier: MIT
"""Starting, and devices that come, stay and go."""
import re


def turn_costs(b):
    """(ms to the first packet, us of a frame through a dialogue, us of it by the bare libraries); None: not measured."""
    said = b.run_program('build/tests/bench_turn')
    up = re.search(r'detecting: ([\d.]+) us, bare libraries ([\d.]+)', said)
    first = re.search(r'aside: (-?[\d.]+) ms', said)
    return (float(first.group(1)) if first else None, *(map(float, up.groups()) if up else (None, None)))


def bench_start(b):
    times, sizes = [], []
    for _ in range(b.o.repeat):
        with b.Server() as s:
            times.append(s.ready_s)
            sizes.append(s.rss_mb())
    b.row('start', 'start to ready', b.median(times), 's', '<= 0.5')
    b.row('start', 'resident after start, without engines', b.median(sizes), 'MB', '<= 20')
    first_ms, path_us, bare_us = turn_costs(b)
    if first_ms is not None:
        b.row('start', 'end of speech to first packet, instant providers', first_ms, 'ms', '<= 5', 'start gap aside')
    if path_us:
        b.row('start', 'uplink frame in a dialogue, to the bare libraries', path_us / bare_us, 'x', '<= 1.2', f'{path_us:.1f} us')


def bench_idle(b):
    devices, seconds = (2000, 24) if b.o.quick else (19000, 114) # some six to come; a keepalive for each after 100
    with b.Server() as s:
        r = s.load('idle', devices, seconds, '--at-once', 64)
    kb = (r['server']['rss_after_bytes'] - r['server']['rss_before_bytes']) / 1024 / max(r['alive'], 1)
    b.row('idle', f'devices connected and greeted, of {devices}', r['alive'], '', str(devices))
    b.row('idle', 'resident for each', kb, 'KB', '<= 4')
    b.row('idle', 'CPU of the server while they are idle', r['server']['cpu_steady'] * 100, '% of core', '<= 1',
          f'over {r["server"]["steady_s"]:.0f} s')


# How they come, and whether over TLS. Each is a device never seen before: a request at boot on a connection of its
# own, an upgrade with the token from there, hello, gone.
NEW = {
    'boot request, upgrade, token, hello': dict(more=['--ota'], tls=False, target='>= 3000'),
    'the same over TLS, full handshake, ECDSA P-256': dict(more=['--ota'], tls=True, target='>= 1000'),
    'without the boot request (upgrade, hello)': dict(more=[], tls=False, target=''),
}


def bench_new(b):
    seconds = 4 if b.o.quick else 8
    per_cpu, runs = {name: [] for name in NEW}, {name: [] for name in NEW}
    for _ in range(b.o.repeat):
        for n, (name, how) in enumerate(NEW.items()):
            # All of the core is to be used.
            with b.Server(tls=True, auth=bool(how['more']), limits=b.ALL) as s:
                url = b.TLS_URL if how['tls'] else None if how['more'] else b.URL
                r = s.load('storm', 32, seconds, *how['more'], *([b.OTA_URL] if how['more'] else []),
                           '--first', n * 100000000, url=url)
            per_cpu[name].append(r['greeted'] / max(r['server']['cpu_s'], 0.01))
            runs[name].append(r)
    for name, how in NEW.items():
        r = runs[name][0]
        errors = sum(r['errors'].values())
        note = f'{r["greeted"] / r["seconds"]:.0f} a second came' + (f', {errors} errors' if errors else '')
        b.row('new', f'new devices per second of CPU: {name}', b.median(per_cpu[name]), '1/s', how['target'], note)


def mean_rss(samples):
    return sum(s['rss_bytes'] for s in samples) / max(len(samples), 1)


def bench_mixed(b):
    """70 % idle, 15 % talk, 5 % listen, 5 % play, 5 % come and go. The first third warms up; then the sixth after it
    is set against the last sixth. Dialogues are short, so that they are full when it begins: of 8,000 tokens each would
    grow for an hour, to 32 KB."""
    seconds = 3600 if b.o.hour else 48 if b.o.quick else 300
    table = 'hour' if b.o.hour else 'mixed'
    with b.Server(mock=['--tts-speed', '2'], limits=', dialogue_tokens: 500',
                  more='close_connection_no_voice_time: 86400\n') as s: # idle devices stay
        r = s.load('mixed', 300, seconds)
        is_alive = s.is_alive()
    samples = r['samples']
    third, sixth = len(samples) // 3, len(samples) // 6
    first, last = mean_rss(samples[third:third + sixth]), mean_rss(samples[-sixth:])
    verdict = 'too short to warm up: no verdict' if b.o.quick else ''
    b.row(table, f'resident, drift over {seconds * 2 // 3} s of churn', (last / first - 1) * 100, '%', '<= 1',
          '; '.join(filter(None, [f'{last / 1e6:.1f} MB, 300 devices, {seconds} s in all', verdict])))
    b.row(table, 'devices that came and went', r['left'], '', '', f'{r["turns"]} turns, {r["turns_good"]} of them good')
    b.row(table, 'errors, and turns lost', sum(r['errors'].values()) + r['turns_lost'] + (not is_alive), '', '0',
          ', '.join(f'{name} {count}' for name, count in r['errors'].items()), runs=[r])


BENCHES = dict(start=bench_start, idle=bench_idle, new=bench_new, mixed=bench_mixed)
