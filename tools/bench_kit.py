# SPDX-License-Identifier: MIT
"""What every bench uses: a server of its own, loads, rows, the bare limits.

A bench is a function that gets this module as `b` and calls b.row(); a file tools/bench_<topic>.py lists its own in
BENCHES (name -> function) and tools/bench.py finds it. The server has core 0, load generator and mocks have core 1."""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import types
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
FIRST_PORT = int(os.environ.get('PARLEY_BENCH_PORT', '18100'))  # of a hundred; another one for a bench beside another
PORT, HTTP_PORT, ADMIN_PORT, TLS_PORT, MOCK_PORT = (FIRST_PORT + n for n in (0, 3, 10, 43, 90))
PATH = '/xiaozhi/v1/'
URL = f'ws://127.0.0.1:{PORT}{PATH}'
TLS_URL = f'wss://127.0.0.1:{TLS_PORT}{PATH}'
OTA_URL = f'http://127.0.0.1:{PORT}/xiaozhi/ota/'
STORY = 'Once upon a time there was a small house by the sea, and in it lived a man who counted the waves. ' * 6
SPEECH = '/usr/share/pocketsphinx/test/data'

# Set by tools/bench.py from the command line before any bench runs.
o = types.SimpleNamespace(quick=False, repeat=3, hour=False)
ONE_ROUND = ('idle', 'mixed', 'hour')   # are never repeated
rows = []       # dict(bench, what, value, unit, target, comment)

# Where it is allowed, all run before whatever else the machine does: a busy neighbour is no fault of a server.
# The generator goes before the mocks beside it: it keeps the time.
RT = subprocess.run(['chrt', '-r', '1', 'true'], stderr=subprocess.DEVNULL).returncode == 0
GENERATOR = 2
ALL = ', busy_percent: 0' # limits of a server that tells nobody that it is busy
LATE_MS = 5     # later than this (p99), the measuring side is not exact enough for latencies


def digits(value):
    return f'{value:.0f}' if value >= 1000 else f'{value:.3g}'


def on_core(core, command, priority=1):
    return [*(['chrt', '-r', str(priority)] if RT else []), 'taskset', '-c', str(core), *command]


def generator_note(runs):
    """Was the measuring side itself the limit? Then a figure is a bound and no fault of the server."""
    notes = []
    if any(r['generator_is_limit'] for r in runs):
        late = max(figure(r, 'late', 'p99_ms') for r in runs)
        busy = max(r['own_cpu_s'] / r['seconds'] for r in runs)
        notes.append(f'**the load generator was the limit**: late by {late:.0f} ms (p99), {busy * 100:.0f} % of its core')
    mock = max((r.get('mock_late_ms', 0) for r in runs), default=0)
    if mock > LATE_MS:
        notes.append(f'**the mocks were late** by {mock:.0f} ms (p99)')
    return '; '.join(notes)


def row(bench, what, value, unit, target='', comment='', runs=()):
    """runs: the loads this figure comes from, when it is one that a late generator would spoil."""
    comment = '; '.join(c for c in (comment, generator_note(runs)) if c)
    rows.append(dict(bench=bench, what=what, value=value, unit=unit, target=target, comment=comment))
    print(f'  {what:<58} {digits(value):>10} {unit:<10} {"wanted: " + target if target else "":<22} {comment}', flush=True)


def median(values):
    return statistics.median(values)


def recording():
    """A minute of speech at most, 16 kHz: what devices say. None: a local voice says something."""
    places = [os.path.join(os.environ.get('PARLEY_RECORDINGS', '/nonexistent'), 'en.wav')]
    places += [f'{SPEECH}/librivox/sense_and_sensibility_01_austen_64kb-0{n}.wav' for n in ('870', '880')]
    return next((p for p in [*places, question()] if p and os.path.exists(p)), None)


def question():
    """Shorter than that: questions, not lectures."""
    return next((p for p in [f'{SPEECH}/cards/001.wav'] if os.path.exists(p)), None)


def certificate(folder):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-keyout', f'{folder}/key.pem', '-out', f'{folder}/cert.pem', '-days', '2', '-subj', '/CN=localhost'],
                   check=True, stderr=subprocess.DEVNULL)
    return f'  tls: {{cert: {folder}/cert.pem, key: {folder}/key.pem, port: {TLS_PORT}}}\n'


def wait_until_there(process, url, seconds=15):
    """Seconds until it answers; None: it ended, or did not in time."""
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < seconds:
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return time.monotonic() - began
        except OSError:
            time.sleep(0.005)
    return None


class Server:
    """parleyd with one loop and mock providers, gone at the end of the with block. `mock`: options of parley mock;
    `limits` and `tts`: more settings of these; `more`: more lines of configuration."""

    def __init__(self, mock=(), tls=False, auth=False, connections=100000, limits='', tts='', database=None, more=''):
        self.dir = tempfile.mkdtemp(prefix='parley-bench-')
        base = f'http://127.0.0.1:{MOCK_PORT}/v1'
        with open(f'{self.dir}/config.yaml', 'w') as f:
            f.write(f'server:\n  ip: 127.0.0.1\n  port: {PORT}\n  http_port: {HTTP_PORT}\n  admin: {{listen: "127.0.0.1:{ADMIN_PORT}"}}\n'
                    f'  auth: {{enabled: {"true" if auth else "false"}}}\n{certificate(self.dir) if tls else ""}'
                    f'log: {{log_level: WARN, log_dir: "", data_dir: {self.dir}}}\n'
                    f'storage: {{path: {database or self.dir + "/parley.db"}}}\n'
                    f'limits: {{connections: {connections}, per_ip: 100000, per_ip_new_per_s: 1000000, '
                    f'device_connects_per_min: 100000{limits}}}\n'
                    'selected_module: {VAD: SileroVAD, ASR: Mock, LLM: Mock, TTS: Mock, Memory: nomem, Intent: nointent}\n'
                    f'ASR: {{Mock: {{type: openai, base_url: "{base}/audio/transcriptions", api_key: k, model_name: m}}}}\n'
                    f'LLM: {{Mock: {{type: openai, base_url: "{base}", api_key: k, model_name: m}}}}\n'
                    f'TTS: {{Mock: {{type: openai, api_url: "{base}/audio/speech", api_key: k, model: m, voice: v{tts}}}}}\n{more}')
        said = open(f'{self.dir}/out', 'w')
        self.mock = subprocess.Popen(on_core(1, ['build/parley', 'mock', '--port', str(MOCK_PORT), *map(str, mock)]),
                                     stdout=subprocess.DEVNULL, stderr=said)
        self.process = None
        # Before the server: one that finds no service leaves it alone for a while.
        is_there = wait_until_there(self.mock, f'http://127.0.0.1:{MOCK_PORT}/stats') is not None
        if is_there:
            env = dict(os.environ, PARLEY_MODELS=os.path.join(ROOT, 'models'))
            self.process = subprocess.Popen(on_core(0, ['build/parleyd', '--loops', '1', '-c', f'{self.dir}/config.yaml']),
                                            stdout=said, stderr=subprocess.STDOUT, env=env)
            self.pid = self.process.pid
            self.ready_s = wait_until_there(self.process, f'http://127.0.0.1:{HTTP_PORT}/healthz')
        if not is_there or self.ready_s is None:
            text = open(f'{self.dir}/out').read()
            self.__exit__()
            sys.exit(f'bench: {"parleyd" if is_there else "parley mock"} did not start:\n{text}')

    def rss_mb(self):
        return int(open(f'/proc/{self.pid}/statm').read().split()[1]) * 4096 / 1e6

    def is_alive(self):
        return self.process.poll() is None

    def start_load(self, profile, devices, seconds, *more, url=URL):
        """A load that runs beside another one; load_result() waits for it."""
        command = ['build/parley', 'load', '--profile', profile, '--devices', str(devices), '--seconds', str(seconds),
                   '--pid', str(self.pid), '--json', '--quiet', *map(str, more)]
        if url:
            command += ['--url', url]
        if profile in ('listen', 'talk', 'mixed') and recording() and '--wav' not in more:
            command += ['--wav', recording()]
        return subprocess.Popen(on_core(1, command, GENERATOR), stdout=subprocess.PIPE, text=True)

    @staticmethod
    def load_result(process):
        said = process.communicate()[0]
        if not said:
            sys.exit('bench: parley load said nothing; its words are above')
        result = json.loads(said)
        try:
            stats = json.load(urllib.request.urlopen(f'http://127.0.0.1:{MOCK_PORT}/stats', timeout=5))
            result['mock_late_ms'] = stats['late']['p99_ms'] # of all it did until now
        except OSError:
            pass
        return result

    def load(self, *args, **named):
        return self.load_result(self.start_load(*args, **named))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        ours = [p for p in (self.process, self.mock) if p]
        for p in ours:
            p.send_signal(signal.SIGTERM)
        for p in ours:
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def figure(result, *path):
    """result['added']['p99_ms'], or not-a-number where nothing of it was measured."""
    for name in path:
        result = result.get(name, {})
    return result if isinstance(result, (int, float)) else float('nan')


def steady_us(result, packets, after_s):
    """CPU of the server for each packet ('packets_in' or 'packets_out'), from second `after_s` on: all have begun."""
    samples = result['samples'][after_s:]
    count = samples[-1][packets] - result['samples'][after_s - 1][packets]
    return sum(sample['cpu'] for sample in samples) * 1e6 / max(count, 1)


def run_program(*command):
    env = dict(os.environ, PARLEY_MODELS=os.path.join(ROOT, 'models'))
    done = subprocess.run(on_core(0, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    if done.returncode:
        sys.exit(f'bench: {command[0]} failed:\n{done.stderr}')
    return done.stdout


def bare(what, devices=200):
    """What libopus, the detector's kernels and the kernel's TCP cost now, us for each frame of 60 ms and part.
    what: 'up' or 'down'. Without weights 'hear' is decoding alone."""
    lines = run_program('build/tests/bench_bare', what, str(devices), *filter(None, [recording()])).splitlines()
    costs = {name: float(value) for name, value in (line.split() for line in lines)}
    costs.setdefault('hear', costs.get('decode', 0))
    return costs


def medians(costs):
    return {name: median([c[name] for c in costs]) for name in costs[0]}
