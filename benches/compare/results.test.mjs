import assert from 'node:assert/strict';
import { test } from 'node:test';
import { report } from './results.mjs';

const MACHINE = { cores: 2, cpu: 'A processor', memory_bytes: 4 * 1024 ** 3, system: 'linux x86_64', kernel: '1.2.3' };

/** A document as `wulin bench` prints it, with made-up figures. */
function document(stack, protocol, mode, run, figures) {
  const json = {
    machine: MACHINE, started: '2001-02-03T04:05:06Z', asked: { time_seconds: 60 }, people: { lost: 0 },
    server: {}, play: null, ...figures,
  };
  return { stack, protocol, mode, people: '3000', run: String(run), json };
}

const connect = (stack, run, per_second) => document(stack, 'native', 'connect', run, {
  arrival: { per_second, ms: { p50: 1.25, p99: 2 } }, server: { cpu_ms_per_arrival: 0.5 },
});

test('a row has the median of its runs', () => {
  const runs = [connect('wulin', 1, 10), connect('wulin', 2, 5000), connect('wulin', 3, 900)];
  const text = report(runs, ['nginx/1', 'Node v1']);
  assert.match(text, /Medians of 3 runs/);
  assert.match(text, /2001-02-03; 2 cores of A processor, 4 GiB; linux x86_64, kernel 1\.2\.3/);
  assert.match(text, /nginx\/1; Node v1/);
  assert.match(text, /^## 3,000 people come/m);
  assert.match(text, /^\| Wulin \| native \| 900 \| 1\.3 \| 2\.0 \| 0\.50 \| 0 \|$/m);
});

test('what is not known is a dash, not a nought', () => {
  const runs = [connect('wulin', 1, 10)];
  runs[0].json.server.cpu_ms_per_arrival = null;
  assert.match(report(runs, []), /\| 10 \| 1\.3 \| 2\.0 \| – \| 0 \|$/m);
});

test('the floor is beside the rest, with an echo for a movement', () => {
  const times = (p50, p99) => ({ p50, p99 });
  const wulin = document('wulin', 'eio3', 'play', 1, {
    play: { movement_ms: times(1, 2), result_late_ms: times(3, 4), rounds_per_second: 500 },
    server: { cpu_seconds_per_1000_rounds: 0.25 },
  });
  const floor = { ...wulin, stack: 'floor', protocol: 'native', json: { connections: 3000, echo_ms: times(0.5, 1.5) } };
  const text = report([wulin, floor], []);
  assert.match(text, /^\| Wulin \| eio3 \| 1\.00 \| 2\.00 \| 4\.0 \| 500 \| 0\.25 \| 0 \|$/m);
  assert.match(text, /^\| bare TLS WebSocket \| – \| 0\.50 \| 1\.50 \| – \| – \| – \| – \|$/m);
});

test('tables come in the order of arriving, staying and playing', () => {
  const hold = document('wulin', 'native', 'hold', 1, {
    server: { bytes_per_person: 10240, resident_bytes_before: 2 ** 20, resident_bytes_after: 2 ** 21, cores_while_holding: 0.05 },
  });
  const text = report([hold, connect('wulin', 1, 1)], []);
  assert.ok(text.indexOf('people come') < text.indexOf('people stay'));
  assert.match(text, /^\| Wulin \| native \| 10\.0 \| 1\.0 \| 2\.0 \| 5\.0 \| 0 \|$/m);
});
