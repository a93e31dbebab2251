// Makes RESULTS.md and its pictures from what run.sh has kept: `node results.mjs FOLDER BENCHES`.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bars, curves } from './pictures.mjs';

const STACKS = {
  wulin: 'Wulin',
  'socketio-2': 'nginx, Node, socket.io 2',
  'socketio-4': 'nginx, Node, socket.io 4',
  floor: 'bare TLS WebSocket',
};
const PROTOCOLS = ['native', 'eio3', 'eio4'];
const NONE = '–';

const KIB = 1024;
const MIB = KIB ** 2;
/** The event whose latency is compared: a movement of the game, or an echo of the floor. */
const movements = (run) => run.play?.movement_ms ?? run.echo.echo_ms;
/** Columns of each mode: heading, digits, and where the figure is in a document. */
const COLUMNS = {
  connect: [
    ['people a second', 0, (run) => run.arrival.per_second],
    ['p50 ms', 1, (run) => run.arrival.ms.p50],
    ['p95 ms', 1, (run) => run.arrival.ms.p95],
    ['p99 ms', 1, (run) => run.arrival.ms.p99],
    ['p99.9 ms', 1, (run) => run.arrival.ms['p99.9']],
    ['CPU ms each', 2, (run) => run.server.cpu_ms_per_arrival],
    ['lost', 0, (run) => run.people.lost],
  ],
  hold: [
    ['KiB a person', 1, (run) => run.server.bytes_per_person / KIB],
    ['MiB with nobody', 1, (run) => run.server.resident_bytes_before / MIB],
    ['MiB after all have left', 1, (run) => run.server.resident_bytes_after / MIB],
    ['% of a core', 1, (run) => run.server.cores_while_holding * 100],
    ['lost', 0, (run) => run.people.lost],
  ],
  play: [
    ['movement p50 ms', 2, (run) => movements(run).p50],
    ['p99 ms', 2, (run) => movements(run).p99],
    ['p99.9 ms', 2, (run) => movements(run)['p99.9']],
    ['result late p99 ms', 1, (run) => run.play?.result_late_ms.p99],
    ['rounds a second', 0, (run) => run.play?.rounds_per_second],
    ['CPU ms a round', 2, (run) => run.server.cpu_seconds_per_1000_rounds],
    ['CPU µs a message', 1, (run) => run.server.cpu_us_per_message],
    ['lost', 0, (run) => run.people.lost],
  ],
};
COLUMNS.many = COLUMNS.hold;
const TITLES = {
  connect: 'people come, each with a full handshake, to `hi`',
  hold: 'people stay and say nothing',
  many: 'people stay for longer',
  play: 'people play, a choice every 500 ms',
};

function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of a figure over the runs; NaN if no run knows it (an unknown figure is null in a document). */
function typical(runs, figure) {
  return median(runs.map((run) => figure(run) ?? NaN));
}

function digits(value, count) {
  if (!Number.isFinite(value)) return NONE;
  return value.toLocaleString('en', { minimumFractionDigits: count, maximumFractionDigits: count });
}

function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

/** One table: a mode with a number of people, a row for each stack and protocol. */
function table({ mode, people, rows }) {
  const columns = COLUMNS[mode];
  const body = rows.map(({ stack, protocol, runs }) => row([
    STACKS[stack],
    stack === 'floor' ? NONE : protocol,
    ...columns.map(([, count, figure]) => digits(typical(runs, figure), count)),
  ]));
  return [
    `## ${digits(people, 0)} ${TITLES[mode]}`,
    '',
    row(['stack', 'protocol', ...columns.map(([heading]) => heading)]),
    row(['---', '---', ...columns.map(() => '---:')]),
    ...body,
    '',
  ].join('\n');
}

/** Documents by mode and people, in the order in which they are shown. */
function group(documents) {
  const groups = new Map();
  for (const { stack, protocol, mode, people, json } of documents) {
    const key = `${mode} ${people}`;
    const found = groups.get(key) ?? { mode, people: Number(people), rows: [] };
    groups.set(key, found);
    let one = found.rows.find((it) => it.stack === stack && it.protocol === protocol);
    if (!one) found.rows.push(one = { stack, protocol, runs: [] });
    one.runs.push(json);
  }
  const order = Object.keys(TITLES);
  return [...groups.values()].sort((a, b) => order.indexOf(a.mode) - order.indexOf(b.mode) || a.people - b.people);
}

/** What a goal says, what was measured, and whether that is enough. */
function goal(words, measured, reached) {
  return row([words, measured, reached ? 'yes' : '**no**']);
}

/** The goals against what was measured. A mode that was not run has none. */
function goals(groups) {
  const lines = [];
  const runsOf = ({ rows }, stack, protocol) =>
    rows.find((it) => it.stack === stack && (!protocol || it.protocol === protocol))?.runs;
  for (const found of groups) {
    const { mode, people } = found;
    const wulin = runsOf(found, 'wulin', 'native');
    const old = runsOf(found, 'socketio-2');
    const floor = runsOf(found, 'floor');
    const each = (run) => run.server.bytes_per_person / KIB;
    const many = digits(people, 0);
    if (mode === 'many' && wulin) {
      const [size, share, lost] = [each, (run) => run.server.cores_while_holding * 100, (run) => run.people.lost]
        .map((figure) => typical(wulin, figure));
      const before = typical(wulin, (run) => run.server.resident_bytes_before);
      const million = (before + size * KIB * 1e6) / KIB ** 3;
      const minutes = Math.round(wulin[0].asked.time_seconds / 60);
      lines.push(goal(`${many} people held for ${minutes} min: nobody lost, less than 5 % of a core`,
        `${digits(lost, 0)} lost, ${digits(share, 1)} %, ${digits(size, 1)} KiB each; so a million take `
          + `${digits(before / MIB, 0)} MiB + 1,000,000 × ${digits(size, 1)} KiB = ${digits(million, 1)} GiB`,
        lost === 0 && share < 5));
    }
    if (!wulin || !old || !floor) continue;
    if (mode === 'connect') {
      const [ours, theirs, least] = [wulin, old, floor].map((runs) => typical(runs, (run) => run.arrival.per_second));
      lines.push(goal('new people a second: ≥ 80 % of the floor', `${digits(ours, 0)} of ${digits(least, 0)}: ${digits(100 * ours / least, 0)} %`, ours >= 0.8 * least));
      lines.push(goal('≥ 3 × the stack it replaces', `${digits(ours, 0)} to ${digits(theirs, 0)}: ${digits(ours / theirs, 1)} ×`, ours >= 3 * theirs));
    }
    if (mode === 'hold') {
      for (const [protocol, most] of [['native', 14], ['eio3', 14], ['eio4', 20]]) {
        const size = typical(runsOf(found, 'wulin', protocol) ?? [], each);
        lines.push(goal(`memory of an idle person, ${protocol}: ≤ ${most} KiB`, `${digits(size, 1)} KiB; ${digits(typical(old, each), 1)} in the stack it replaces`, size <= most));
      }
      const [before, after] = [(run) => run.server.resident_bytes_before, (run) => run.server.resident_bytes_after]
        .map((figure) => typical(wulin, figure) / MIB);
      lines.push(goal(`memory after ${many} people have left: within 25 % of the start`, `${digits(before, 1)} MiB, then ${digits(after, 1)}: + ${digits(100 * (after / before - 1), 0)} %`, after <= 1.25 * before));
    }
    if (mode === 'play') {
      const p99 = (run) => movements(run).p99;
      const [ours, theirs, least] = [wulin, old, floor].map((runs) => typical(runs, p99));
      lines.push(goal(`${many} players, choice to movement, p99: ≤ 1.5 × the floor`, `${digits(ours, 2)} ms to ${digits(least, 2)}: ${digits(ours / least, 2)} ×`, ours <= 1.5 * least));
      lines.push(goal('≤ 1/10 of the stack it replaces', `${digits(ours, 2)} ms to ${digits(theirs, 0)}: 1/${digits(theirs / ours, 0)}`, ours <= theirs / 10));
      const late = typical(wulin, (run) => run.play.result_late_ms.p99);
      lines.push(goal('a result late, p99: ≤ 5 ms', `${digits(late, 1)} ms`, late <= 5));
      const cpu = (run) => run.server.cpu_seconds_per_1000_rounds;
      const [round, before] = [wulin, old].map((runs) => typical(runs, cpu));
      const message = (run) => run.server.cpu_us_per_message;
      lines.push(goal('CPU of a round: ≤ 1/8 of the stack it replaces',
        `${digits(round, 2)} ms to ${digits(before, 2)}: 1/${digits(before / round, 1)}; a message ${digits(typical(wulin, message), 0)} µs, `
          + `${digits(typical(floor, message), 0)} of the floor, which is 1/${digits(typical(old, message) / typical(floor, message), 1)}`,
        round <= before / 8));
    }
  }
  return lines;
}

const PERCENTILES = [['p50', 0.5], ['p90', 0.9], ['p95', 0.95], ['p99', 0.99], ['p99.9', 0.999]];

/** Name and text of each picture: how long movements take, by percentile; what a person costs. */
export function pictures(documents) {
  const drawn = [];
  const named = (stack, protocol) => (stack === 'floor' ? STACKS.floor : `${STACKS[stack]}, ${protocol}`);
  for (const { mode, people, rows } of group(documents)) {
    if (mode === 'play') {
      const shown = rows.filter(({ stack, protocol }) => stack !== 'wulin' || protocol === 'native');
      drawn.push([`movement-${people}.svg`, curves(
        `${digits(people, 0)} players: a choice until the other sees it`,
        shown.map(({ stack, protocol, runs }) => ({
          name: named(stack, protocol),
          points: PERCENTILES.map(([name, quantile]) => [quantile, typical(runs, (run) => movements(run)[name])]),
        })),
      )]);
    }
    const [title, figure, unit] = {
      hold: ['Memory of a person who stays', (run) => run.server.bytes_per_person / KIB, 'KiB'],
      connect: ['New people a second, each with a full handshake', (run) => run.arrival.per_second, ''],
    }[mode] ?? [];
    if (title) {
      drawn.push([`${mode}-${people}.svg`, bars(title, unit, rows.map(({ stack, protocol, runs }) =>
        ({ name: named(stack, protocol), value: typical(runs, figure) })))]);
    }
  }
  return drawn;
}

/**
 * The whole text. `documents` are `{stack, protocol, mode, people, run, json}` in the order of the rows, `core` what the
 * benches of the pure half have printed.
 */
export function report(documents, versions, core = '') {
  const { machine, started } = documents.find(({ json }) => json.machine).json;
  const seconds = (mode) => documents.find((it) => it.mode === mode)?.json.asked.time_seconds ?? 0;
  const runs = Math.max(...documents.map(({ run }) => Number(run)));
  const memory = (machine.memory_bytes / KIB ** 3).toFixed(0);
  const groups = group(documents);
  const sections = groups.map((found) => {
    const { mode, people } = found;
    const file = { play: 'movement', hold: 'hold', connect: 'connect' }[mode];
    return table(found) + (file ? `\n![${TITLES[mode].replaceAll('`', '')}](plots/${file}-${people}.svg)\n` : '');
  });
  const measured = goals(groups);
  if (measured.length > 0) {
    sections.unshift(['## The goals', '', row(['goal', 'measured', 'reached']), row(['---', '---', '---']), ...measured, ''].join('\n'));
  }
  if (core) sections.push(`## The pure half, on one core\n\n\`\`\`text\n${core.trimEnd()}\n\`\`\`\n`);
  return `# Results

Made by \`benches/compare/run.sh\`, which measures it all again; not to be edited. Medians of ${runs} ${runs === 1 ? 'run' : 'runs'}, in which the
stacks took turns, with the load generator on the same machine. ${seconds('hold')} s of each holding, ${seconds('play')} s of each playing.

- ${started.slice(0, 10)}; ${machine.cores} cores of ${machine.cpu ?? 'an unknown processor'}, ${memory} GiB; ${machine.system}, kernel ${machine.kernel ?? 'unknown'}
- ${versions.join('; ')}
- TLS 1.3, a certificate for ECDSA on P-256, no resumption. The floor is a bare TLS WebSocket by the libraries that Wulin uses,
  which sends every frame back: its "movement" is an echo. Times count from when a choice was due, so they contain what the load
  generator is late, the same for all.

${sections.join('\n')}`;
}

/** Reads `STACK.PROTOCOL.MODE.PEOPLE.RUN.json` files. */
function read(folder) {
  const stacks = Object.keys(STACKS);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const [stack, protocol, mode, people, run] = name.split('.');
      return { stack, protocol, mode, people, run, json: JSON.parse(readFileSync(join(folder, name), 'utf8')) };
    })
    .sort((a, b) =>
      stacks.indexOf(a.stack) - stacks.indexOf(b.stack) || PROTOCOLS.indexOf(a.protocol) - PROTOCOLS.indexOf(b.protocol));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , folder, benches] = process.argv;
  const text = (name) => readFileSync(join(folder, name), 'utf8');
  const documents = read(folder);
  mkdirSync(join(benches, 'plots'), { recursive: true });
  for (const [name, picture] of pictures(documents)) writeFileSync(join(benches, 'plots', name), picture);
  writeFileSync(join(benches, 'RESULTS.md'), report(documents, text('versions.txt').trim().split('\n'), text('core.txt')));
}
