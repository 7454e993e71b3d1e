# SPDX-License-Identifier: MIT
"""Devices that speak and devices that are spoken to: what a frame of 60 ms costs, next to what it must cost."""
import array
import os
import random
import tempfile
import wave

SPEECH_SHARE = 0.385    # of one side's time in a conversation (ITU-T P.59)
PAUSE_NOISE = 1         # bit: what noise suppression leaves of a quiet room
DEVICES = 200
SPREAD_MS = 2000        # first questions of devices that play
BEGUN_S = 4             # then all speak or play: a frame's cost is measured from here on


def seconds_of(b):
    return 8 if b.o.quick else 14


def per_core(us):
    return 60000 / us


def read_wav(path):
    with wave.open(path) as f:
        return array.array('h', f.readframes(f.getnframes())), f.getframerate()


def conversation(b):
    """One side of a conversation: the other one's turn, then what is said, since the devices begin anew where they
    say no more. A file; None: no recording here."""
    if not b.recording():
        return None
    samples, rate = read_wav(b.recording())
    chance = random.Random(1)
    out, at = array.array('h'), 0
    while at < len(samples) and len(out) < 110 * rate:
        part = samples[at:at + int(rate * chance.uniform(1.5, 4.5))]
        at += len(part)
        pause = int(len(part) * (1 / SPEECH_SHARE - 1))
        out += array.array('h', (chance.randint(-PAUSE_NOISE, PAUSE_NOISE) for _ in range(pause)))
        out += part
    file, path = tempfile.mkstemp(prefix='parley-bench-', suffix='.wav')
    with wave.open(os.fdopen(file, 'wb'), 'wb') as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(rate)
        f.writeframes(out.tobytes())
    return path


def speaking(b):
    """Half of what a core bears: then there are batches for the detector, and states that no cache holds."""
    return DEVICES if b.o.quick else 600


def bench_listen(b):
    us, costs, devices = [], [], speaking(b)
    with b.Server(mock=['--asr-text', ''], limits=b.ALL) as s:
        for n in range(b.o.repeat):
            us.append(b.steady_us(s.load('listen', devices, seconds_of(b), '--first', n * 10000), 'packets_out', BEGUN_S))
            costs.append(b.bare('up', devices))
    c, us = b.medians(costs), b.median(us)
    limit = c['hear'] + c['receive_up']
    b.row('listen', f'CPU for each uplink frame, {devices} devices that speak', us, 'us', '', 'socket to decision, recogniser uploads and all')
    b.row('listen', 'the bare limit: libopus, detector, one recv of TCP', limit, 'us', '',
          f'decode {c["decode"]:.1f}, detect {c["hear"] - c["decode"]:.1f}, TCP {c["receive_up"]:.1f}')
    b.row('listen', 'devices that speak, per core', per_core(us), '', f'{0.85 * per_core(limit):.0f}', f'{limit / us * 100:.0f} % of the bare limit, 85 % wanted')


def bench_converse(b):
    path, devices = conversation(b), speaking(b)
    if not path:
        print('  no recording here: not measured')
        return
    speak, talk, sizes, costs = [], [], [], []
    try:
        with b.Server(mock=['--asr-text', ''], limits=b.ALL) as s:
            for n in range(b.o.repeat):
                r = s.load('listen', devices, seconds_of(b), '--first', n * 20000)
                speak.append(b.steady_us(r, 'packets_out', BEGUN_S))
                r = s.load('listen', 2 * devices, seconds_of(b), '--first', n * 20000 + 10000, '--wav', path)
                talk.append(b.steady_us(r, 'packets_out', BEGUN_S))
                sizes.append(r['bytes_out'] / r['packets_out'])
                costs.append(b.bare('up', devices))
    finally:
        os.unlink(path)
    c, us = b.medians(costs), b.median(talk)
    wanted = 2 * 0.85 * per_core(c['hear'] + c['receive_up'])
    b.row('converse', f'CPU for each uplink frame of a conversation, {2 * devices} devices', us, 'us', '',
          f'{SPEECH_SHARE * 100:.1f} % speech, {b.median(sizes):.0f} bytes a packet on average')
    b.row('converse', 'devices in conversation, per core', per_core(us), '', f'{wanted:.0f}', 'wanted: twice 85 % of the bare limit of those that speak')
    b.row('converse', 'times the devices that only speak', b.median(speak) / us, 'x', '', f'these: {per_core(b.median(speak)):.0f} per core')


def bench_play(b):
    us, costs = [], []
    with b.Server(mock=['--llm-text', b.STORY, '--tts-speed', '2'], limits=b.ALL) as s:
        for n in range(b.o.repeat):
            r = s.load('play', DEVICES, seconds_of(b), '--first', n * 10000, '--pause-ms', 0, '--spread-ms', SPREAD_MS)
            us.append(b.steady_us(r, 'packets_in', BEGUN_S))
            costs.append(b.bare('down', DEVICES))
    c, us = b.medians(costs), b.median(us)
    limit = c['encode'] + c['send_down'] + c['receive_pcm']
    b.row('play', f'CPU for each downlink frame, {DEVICES} devices', us, 'us', '', 'from the synthesiser\'s PCM over HTTP to the socket')
    b.row('play', 'the bare limit: libopus at complexity 3, TCP both ways', limit, 'us', '',
          f'encode {c["encode"]:.1f}, send {c["send_down"]:.1f}, receive the PCM {c["receive_pcm"]:.1f}')
    b.row('play', 'devices that play, per core', per_core(us), '', f'{0.85 * per_core(limit):.0f}', f'{limit / us * 100:.0f} % of the bare limit, 85 % wanted')


def bench_cached(b):
    """A synthesiser that answers with Opus: packets of 60 ms go out as they are, three of 20 ms are joined."""
    devices = 400 if b.o.quick else 1000
    for opus_ms, what in ((60, 'packets as they came'), (20, 'joined from three')):
        us, costs, runs = [], [], []
        with b.Server(mock=['--llm-text', b.STORY, '--opus-ms', opus_ms], limits=b.ALL, tts=', format: opus') as s:
            for n in range(b.o.repeat):
                r = s.load('play', devices, seconds_of(b), '--first', n * 10000, '--pause-ms', 0, '--spread-ms', SPREAD_MS)
                us.append(b.steady_us(r, 'packets_in', BEGUN_S))
                runs.append(r)
                costs.append(b.bare('down', devices))
        c = b.medians(costs)
        b.row('cached', f'CPU for each downlink frame, {what}', b.median(us), 'us', '', f'{devices} devices; one send of TCP alone: {c["send_down"]:.1f}')
        b.row('cached', f'devices that play, per core, {what}', per_core(b.median(us)), '', '>= 3000')
        b.row('cached', f'gaps over 65 ms, {devices} devices, {what}', b.median([r['gaps_late_share'] * 100 for r in runs]), '%', '<= 0.1', runs=runs)


def bench_crowded(b):
    """500 devices play: started as people start them, and as a worst case all within 60 ms, which then also ask for
    their next sentences together."""
    devices, seconds = 500, 12 if b.o.quick else 25
    runs, together = [], []
    with b.Server(mock=['--llm-text', b.STORY, '--tts-speed', '2'], limits=b.ALL) as s:
        for n in range(b.o.repeat):
            runs.append(s.load('play', devices, seconds, '--first', n * 20000, '--pause-ms', 500, '--spread-ms', 6000,
                               '--abort-percent', 20, '--abort-after-ms', 2500))
            together.append(s.load('play', devices, seconds, '--first', n * 20000 + 10000, '--pause-ms', 500))
    b.row('crowded', f'gaps over 65 ms, {devices} devices started over 6 s', b.median([r['gaps_late_share'] * 100 for r in runs]), '%', '<= 0.1', runs=runs)
    b.row('crowded', 'gaps, p99', b.median([b.figure(r, 'gap', 'p99_ms') for r in runs]), 'ms', '', runs=runs)
    b.row('crowded', 'underruns of the queue in a device, of a million packets',
          b.median([r['underruns'] * 1e6 / max(r['packets_in'], 1) for r in runs]), '')
    b.row('crowded', 'button to tts stop under that load, p99', b.median([b.figure(r, 'abort', 'p99_ms') for r in runs]), 'ms', '<= 20',
          f'{sum(r["aborts"] for r in runs)} aborts', runs=runs)
    b.row('crowded', 'CPU of the server meanwhile', b.median([r['server']['cpu_steady'] * 100 for r in runs]), '% of core')
    b.row('crowded', 'worst case, all started within 60 ms: gaps over 65 ms', b.median([r['gaps_late_share'] * 100 for r in together]), '%', '',
          f'p99 {b.median([b.figure(r, "gap", "p99_ms") for r in together]):.0f} ms', runs=together)


BENCHES = dict(listen=bench_listen, converse=bench_converse, play=bench_play, cached=bench_cached, crowded=bench_crowded)
