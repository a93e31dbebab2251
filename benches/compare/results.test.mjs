import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bars, curves } from './pictures.mjs';
import { pictures, report } from './results.mjs';

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
  arrival: { per_second, ms: { p50: 1.25, p95: 1.5, p99: 2, 'p99.9': 3 } }, server: { cpu_ms_per_arrival: 0.5 },
});

test('a row has the median of its runs', () => {
  const runs = [connect('wulin', 1, 10), connect('wulin', 2, 5000), connect('wulin', 3, 900)];
  const text = report(runs, ['nginx/1', 'Node v1']);
  assert.match(text, /Medians of 3 runs/);
  assert.match(text, /2001-02-03; 2 cores of A processor, 4 GiB; linux x86_64, kernel 1\.2\.3/);
  assert.match(text, /nginx\/1; Node v1/);
  assert.match(text, /^## 3,000 people come/m);
  assert.match(text, /^\| Wulin \| native \| 900 \| 1\.3 \| 1\.5 \| 2\.0 \| 3\.0 \| 0\.50 \| 0 \|$/m);
});

test('what is not known is a dash, not a nought', () => {
  const runs = [connect('wulin', 1, 10)];
  runs[0].json.server.cpu_ms_per_arrival = null;
  assert.match(report(runs, []), /\| 10 \| 1\.3 \| 1\.5 \| 2\.0 \| 3\.0 \| – \| 0 \|$/m);
});

const times = (p50, p99) => ({ p50, p90: p50, p95: p50, p99, 'p99.9': p99 * 2 });
const play = (stack, protocol, movement, late, cpu) => document(stack, protocol, 'play', 1, {
  play: { movement_ms: movement, result_late_ms: times(late, late), rounds_per_second: 500 },
  server: { cpu_seconds_per_1000_rounds: cpu, cpu_us_per_message: cpu * 100 },
});
const floor = (movement) => document('floor', 'native', 'play', 1, { echo: { echo_ms: movement }, server: { cpu_us_per_message: 5 } });

test('the floor is beside the rest, with an echo for a movement', () => {
  const text = report([play('wulin', 'eio3', times(1, 2), 4, 0.25), floor(times(0.5, 1.5))], []);
  assert.match(text, /^\| Wulin \| eio3 \| 1\.00 \| 2\.00 \| 4\.00 \| 4\.0 \| 500 \| 0\.25 \| 25\.0 \| 0 \|$/m);
  assert.match(text, /^\| bare TLS WebSocket \| – \| 0\.50 \| 1\.50 \| 3\.00 \| – \| – \| – \| 5\.0 \| 0 \|$/m);
});

test('goals are reached or not, by what was measured', () => {
  const measured = (late) => report([
    play('wulin', 'native', times(1, 2), late, 0.25), play('socketio-2', 'eio3', times(10, 100), 9, 2), floor(times(0.5, 1.5)),
  ], []);
  const text = measured(4);
  assert.match(text, /p99: ≤ 1\.5 × the floor \| 2\.00 ms to 1\.50: 1\.33 × \| yes \|$/m);
  assert.match(text, /≤ 1\/10 of the stack it replaces \| 2\.00 ms to 100: 1\/50 \| yes \|$/m);
  assert.match(text, /CPU of a round: .* 0\.25 ms to 2\.00: 1\/8\.0; .* \| yes \|$/m);
  assert.match(text, /a result late, p99: ≤ 5 ms \| 4\.0 ms \| yes \|$/m);
  assert.match(measured(6), /a result late, p99: ≤ 5 ms \| 6\.0 ms \| \*\*no\*\* \|$/m);
});

test('what many people cost is told for a million', () => {
  const many = document('wulin', 'native', 'many', 1, {
    server: { bytes_per_person: 10240, resident_bytes_before: 2 ** 20, resident_bytes_after: 2 ** 20, cores_while_holding: 0.02 },
  });
  many.json.asked.time_seconds = 600;
  assert.match(report([many], []), /held for 10 min: .* \| 0 lost, 2\.0 %, 10\.0 KiB each; .* 1 MiB \+ 1,000,000 × 10\.0 KiB = 9\.5 GiB \| yes \|$/m);
});

test('there is a picture of each mode, and it is an SVG', () => {
  const drawn = new Map(pictures([connect('wulin', 1, 10), play('wulin', 'native', times(1, 2), 4, 1), floor(times(0.5, 1.5))]));
  assert.deepEqual([...drawn.keys()], ['connect-3000.svg', 'movement-3000.svg']);
  assert.match(drawn.get('movement-3000.svg'), /^<svg [^]*Wulin, native[^]*bare TLS WebSocket[^]*<\/svg>\n$/);
});

test('longer times lie higher, and bars are as long as their values', () => {
  const drawn = curves('Title <&', [{ name: 'a', points: [[0.5, 1], [0.99, 10]] }]);
  const [[, , low], [, , high]] = [...drawn.match(/points="([^"]+)"/)[1].matchAll(/([\d.]+),([\d.]+)/g)];
  assert.ok(Number(high) < Number(low));
  assert.match(drawn, /Title &lt;&amp;/);
  const widths = [...bars('t', 'KiB', [{ name: 'Wulin', value: 5 }, { name: 'b', value: 10 }, { name: 'c', value: NaN }])
    .matchAll(/<rect x="240" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assert.equal(widths.length, 2);
  assert.equal(widths[1], widths[0] * 2);
});

test('tables come in the order of arriving, staying and playing', () => {
  const hold = document('wulin', 'native', 'hold', 1, {
    server: { bytes_per_person: 10240, resident_bytes_before: 2 ** 20, resident_bytes_after: 2 ** 21, cores_while_holding: 0.05 },
  });
  const text = report([hold, connect('wulin', 1, 1)], []);
  assert.ok(text.indexOf('people come') < text.indexOf('people stay'));
  assert.match(text, /^\| Wulin \| native \| 10\.0 \| 1\.0 \| 2\.0 \| 5\.0 \| 0 \|$/m);
});
