#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev bench [NAME ...] [--write] [--compare] [--quick]: what Parley costs, next to the bare libraries in the same run.

The server has core 0, load generator and mock services core 1. Each bench starts a server of its own in
a temporary folder. --write puts the tables into docs/performance.md, --compare prints the figures kept
from the last commit that was measured (build/bench-last.json)."""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import bench_modes

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
os.chdir(ROOT)
KEPT = 'build/bench-last.json'
PAGE = 'docs/performance.md'
PORT, HTTP_PORT, ADMIN_PORT, TLS_PORT, MOCK_PORT = 18100, 18103, 18110, 18143, 18190
URL = f'ws://127.0.0.1:{PORT}/xiaozhi/v1/'

arg = argparse.ArgumentParser(prog='./dev bench')
arg.add_argument('names', nargs='*')
arg.add_argument('--write', action='store_true', help='tables into docs/performance.md')
arg.add_argument('--compare', action='store_true', help='next to the last commit measured')
arg.add_argument('--quick', action='store_true', help='fewer devices, one round each')
arg.add_argument('--repeat', type=int, default=3)
o = arg.parse_args()
if o.quick:
    o.repeat = 1

# Where it is allowed, the three run before whatever else the machine does: a busy neighbour is no fault of a server.
RT = ['chrt', '-r', '1'] if subprocess.run(['chrt', '-r', '1', 'true'], stderr=subprocess.DEVNULL).returncode == 0 else []
rows = []       # (bench, what, value, unit, target, comment)


def digits(value):
    return f'{value:.0f}' if value >= 1000 else f'{value:.3g}'


def on_core(core, command):
    return [*RT, 'taskset', '-c', str(core), *command]


def row(bench, what, value, unit, target='', comment=''):
    rows.append(dict(bench=bench, what=what, value=value, unit=unit, target=target, comment=comment))
    print(f'  {what:<58} {digits(value):>10} {unit:<10} {"wanted: " + target if target else "":<22} {comment}')


def recording():
    places = [os.path.join(os.environ.get('PARLEY_RECORDINGS', '/nonexistent'), 'en.wav')]
    places += [f'/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0{n}.wav' for n in ('870', '880')]
    places += ['/usr/share/pocketsphinx/test/data/cards/001.wav']
    return next((p for p in places if os.path.exists(p)), None)


class Server:
    def __init__(self, mock=(), tls=False, database=None, more=''):
        self.dir = tempfile.mkdtemp(prefix='parley-bench-')
        cert = ''
        if tls:
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                            '-keyout', f'{self.dir}/key.pem', '-out', f'{self.dir}/cert.pem', '-days', '2', '-subj', '/CN=localhost'],
                           check=True, stderr=subprocess.DEVNULL)
            cert = f'  tls: {{cert: {self.dir}/cert.pem, key: {self.dir}/key.pem, port: {TLS_PORT}}}\n'
        base = f'http://127.0.0.1:{MOCK_PORT}/v1'
        with open(f'{self.dir}/config.yaml', 'w') as f:
            f.write(f'server:\n  ip: 127.0.0.1\n  port: {PORT}\n  http_port: {HTTP_PORT}\n  admin: {{listen: "127.0.0.1:{ADMIN_PORT}"}}\n'
                    f'  auth: {{enabled: false}}\n{cert}'
                    f'log: {{log_level: WARN, log_dir: "", data_dir: {self.dir}}}\n'
                    f'storage: {{path: {database or self.dir + "/parley.db"}}}\n{more}'
                    'limits: {connections: 100000, per_ip: 100000, per_ip_new_per_s: 1000000, '
                    'device_connects_per_min: 100000}\n'
                    'selected_module: {VAD: SileroVAD, ASR: Mock, LLM: Mock, TTS: Mock, Memory: nomem, Intent: nointent}\n'
                    f'ASR: {{Mock: {{type: openai, base_url: "{base}/audio/transcriptions", api_key: k, model_name: m}}}}\n'
                    f'LLM: {{Mock: {{type: openai, base_url: "{base}", api_key: k, model_name: m}}}}\n'
                    f'TTS: {{Mock: {{type: openai, api_url: "{base}/audio/speech", api_key: k, model: m, voice: v}}}}\n')
        self.mock = subprocess.Popen(on_core(1, ['build/parley', 'mock', '--port', str(MOCK_PORT), *mock]), stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        began = time.monotonic()
        env = dict(os.environ, PARLEY_MODELS=os.path.join(ROOT, 'models'))
        self.process = subprocess.Popen(on_core(0, ['build/parleyd', '--loops', '1', '-c', f'{self.dir}/config.yaml']),
                                        stdout=open(f'{self.dir}/out', 'w'), stderr=subprocess.STDOUT, env=env)
        self.pid = self.process.pid
        while True:
            try:
                urllib.request.urlopen(f'http://127.0.0.1:{HTTP_PORT}/healthz', timeout=2).read()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() - began > 15:
                    said = open(f'{self.dir}/out').read()
                    self.__exit__()
                    sys.exit('bench: parleyd did not start:\n' + said)
                time.sleep(0.005)
        self.ready_s = time.monotonic() - began

    def rss_mb(self):
        return int(open(f'/proc/{self.pid}/statm').read().split()[1]) * 4096 / 1e6

    def load(self, profile, devices, seconds, *more, url=URL):
        command = ['build/parley', 'load', '--profile', profile, '--devices', str(devices), '--seconds', str(seconds), '--url', url,
                   '--pid', str(self.pid), '--json', '--quiet', *map(str, more)]
        if profile in ('listen', 'talk', 'mixed') and recording() and '--wav' not in more:
            command += ['--wav', recording()]
        out = subprocess.run(on_core(1, command), stdout=subprocess.PIPE, text=True).stdout
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in (self.process, self.mock):
            p.send_signal(signal.SIGTERM)
        for p in (self.process, self.mock):
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def median(values):
    return statistics.median(values)


def bare():
    """Bare costs of this moment, us per frame: (decode + detect, encode at complexity 3)."""
    env = dict(os.environ, PARLEY_MODELS=os.path.join(ROOT, 'models'))
    turn = subprocess.run(on_core(0, ['build/tests/bench_turn']), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env).stdout
    opus = subprocess.run(on_core(0, ['build/tests/bench_opus']), stdout=subprocess.PIPE, text=True).stdout
    up = re.search(r'detecting: ([\d.]+) us, bare libraries ([\d.]+)', turn)
    down = re.search(r'complexity 3 +([\d.]+) us +bare library +([\d.]+)', opus)
    first = re.search(r'aside: ([\d.]+) ms', turn)
    return dict(up=float(up.group(2)) if up else None, path=float(up.group(1)) if up else None, down=float(down.group(2)),
                first=float(first.group(1)) if first else None)


def bench_start():
    times, sizes = [], []
    for _ in range(o.repeat):
        with Server() as s:
            times.append(s.ready_s)
            sizes.append(s.rss_mb())
    row('start', 'start to ready', median(times), 's', '<= 0.5')
    row('start', 'resident after start, without engines', median(sizes), 'MB', '<= 20')
    b = bare()
    if b['path']:
        row('start', 'end of speech to first packet, instant providers', b['first'], 'ms', '<= 5', 'start gap aside')
        row('start', 'uplink frame in a dialogue, to the bare libraries', b['path'] / b['up'], 'x', '<= 1.2', f'{b["path"]:.1f} us')


def bench_idle():
    devices = 2000 if o.quick else 19000
    with Server() as s:
        r = s.load('idle', devices, 8 if o.quick else 18, '--at-once', 64)
        kb = (r['server']['rss_after_bytes'] - r['server']['rss_before_bytes']) / 1024 / max(r['alive'], 1)
        row('idle', f'devices connected and greeted, of {devices}', r['alive'], '', str(devices))
        row('idle', 'resident for each', kb, 'KB', '<= 4')
        row('idle', 'CPU of the server while they are idle', r['server']['cpu_steady'] * 100, '% of core', '<= 1')


def bench_new():
    plain, tls = [], []
    seconds = 4 if o.quick else 8
    for _ in range(o.repeat):
        with Server(tls=True) as s:
            r = s.load('storm', 32, seconds)
            plain.append(r['greeted'] / r['server']['cpu_s'])
            r = s.load('storm', 32, seconds, '--first', 1000000000, url=f'wss://127.0.0.1:{TLS_PORT}/xiaozhi/v1/')
            tls.append(r['greeted'] / max(r['server']['cpu_s'], 0.01))
    row('new', 'new devices per second of CPU: upgrade, hello, gone', median(plain), '1/s', '>= 3000')
    row('new', 'the same over TLS, full handshake, ECDSA P-256', median(tls), '1/s', '>= 1000')


def bench_listen():
    devices, seconds, us = 200, 8 if o.quick else 14, []
    with Server(mock=['--asr-text', '']) as s:
        for n in range(o.repeat):
            r = s.load('listen', devices, seconds, '--first', n * 10000)
            us.append(r['server']['cpu_s'] * 1e6 / r['packets_out'])
    b, us = bare(), median(us)
    row('listen', f'CPU for each uplink frame, {devices} devices that speak', us, 'us', '', 'socket to decision, recogniser uploads and all')
    row('listen', 'the bare libraries: libopus and the detector', b['up'], 'us')
    row('listen', 'devices that speak, per core', 60000 / us, '', '>= 85 % of bare', f'{b["up"] / us * 100:.0f} % of {60000 / b["up"]:.0f}')


def bench_play():
    devices, seconds, us, late, p99 = 200, 8 if o.quick else 14, [], [], []
    story = 'Once upon a time there was a small house by the sea, and in it lived a man who counted the waves. ' * 6
    with Server(mock=['--llm-text', story, '--tts-speed', '2']) as s:
        for n in range(o.repeat):
            r = s.load('play', devices, seconds, '--first', n * 10000, '--pause-ms', 0)
            us.append(r['server']['cpu_s'] * 1e6 / max(r['packets_in'], 1))
            late.append(r['gaps_late_share'] * 100)
            p99.append(r['gap']['p99_ms'])
    b, us = bare(), median(us)
    row('play', f'CPU for each downlink frame, {devices} devices', us, 'us', '', 'from the synthesiser\'s PCM over HTTP to the socket')
    row('play', 'the bare library: encode, complexity 3', b['down'], 'us')
    row('play', 'devices that play, per core', 60000 / us, '', '>= 85 % of bare', f'{b["down"] / us * 100:.0f} % of {60000 / b["down"]:.0f}')
    row('play', f'gaps over 65 ms, {devices} devices', median(late), '%', '<= 0.1')
    row('play', 'gaps, p99', median(p99), 'ms')


def bench_talk():
    seconds = 12 if o.quick else 20
    added50, added99, late, abort, memory = [], [], [], [], []
    # shorter than a recording of a minute: questions, not lectures
    question = next((p for p in ['/usr/share/pocketsphinx/test/data/cards/001.wav'] if os.path.exists(p)), recording())
    for _ in range(o.repeat):
        with Server(mock=['--tts-speed', '2']) as s:
            r = s.load('talk', 200, seconds, '--mode', 'manual', '--start-gap-ms', 80, '--abort-percent', 20, '--wav', question)
            added50.append(r['added']['p50_ms'])
            added99.append(r['added']['p99_ms'])
            late.append(r['gaps_late_share'] * 100)
            abort.append(r.get('abort', {}).get('p99_ms', 0))
            memory.append((r['server']['rss_peak_bytes'] - r['server']['rss_before_bytes']) / 1024 / 200)
    row('talk', 'added by the server, 200 conversations at once, p50', median(added50), 'ms', '<= 5', 'instant mocks; speech at twice its speed')
    row('talk', 'the same, p99', median(added99), 'ms', '<= 20')
    row('talk', 'gaps over 65 ms', median(late), '%', '<= 0.1')
    row('talk', 'button to tts stop, p99', median(abort), 'ms', '<= 20')
    row('talk', 'memory for each conversing device, at most', median(memory), 'KB', '<= 110')


def bench_mixed():
    seconds = 20 if o.quick else 45
    with Server() as s:
        s.load('mixed', 300, seconds // 2)
        r = s.load('mixed', 300, seconds)
        first, last = r['samples'][len(r['samples']) // 2], r['samples'][-1]
        row('mixed', f'resident, drift over the last {seconds // 2} s of churn', (last['rss_bytes'] / first['rss_bytes'] - 1) * 100, '%', '<= 1',
            f'{last["rss_bytes"] / 1e6:.1f} MB, 300 devices')
        row('mixed', 'errors', sum(r['errors'].values()), '', '0')


BENCHES = dict(start=bench_start, idle=bench_idle, new=bench_new, listen=bench_listen, play=bench_play, talk=bench_talk, mixed=bench_mixed)
BENCHES.update({name: lambda bench=bench: bench(sys.modules[__name__]) for name, bench in bench_modes.BENCHES.items()})


def write_page():
    text = open(PAGE, encoding='utf-8').read()
    for name in BENCHES:
        mine = [r for r in rows if r['bench'] == name]
        begin, end = f'<!-- bench {name} -->\n', f'<!-- end {name} -->'
        if not mine or begin not in text:
            continue
        lines = ['| what | measured | wanted | |', '|---|---|---|---|']
        lines += [f'| {r["what"]} | {digits(r["value"])} {r["unit"]} | {r["target"]} | {r["comment"]} |' for r in mine]
        head, rest = text.split(begin, 1)
        text = head + begin + '\n'.join(lines) + '\n' + end + rest.split(end, 1)[1]
    open(PAGE, 'w', encoding='utf-8').write(text)


def main():
    names = o.names or list(BENCHES)
    unknown = [n for n in names if n not in BENCHES]
    if unknown:
        sys.exit(f'bench: {unknown[0]}: there are {", ".join(BENCHES)}')
    kept = json.load(open(KEPT)) if os.path.exists(KEPT) else {}
    if not RT:
        print('bench: no right to real-time scheduling: on a busy machine read latencies as upper bounds')
    for name in names:
        print(name)
        BENCHES[name]()
    if o.compare and kept:
        print(f'\nnext to {kept["commit"]}:')
        for r in rows:
            old = kept['rows'].get(r['what'])
            if old:
                print(f'  {r["what"]:<58} {old:>10.4g} -> {r["value"]:<10.4g} {(r["value"] / old - 1) * 100:+.1f} %')
    if o.write:
        write_page()
    commit = subprocess.run(['git', 'describe', '--always', '--dirty'], stdout=subprocess.PIPE, text=True).stdout.strip()
    json.dump(dict(commit=commit, rows={**kept.get('rows', {}), **{r['what']: r['value'] for r in rows}}), open(KEPT, 'w'), indent=1)


main()
