// Makes the tables of RESULTS.md from what run.sh has kept: `node results.mjs FOLDER`.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const STACKS = {
  wulin: 'Wulin',
  'socketio-2': 'nginx, Node, socket.io 2',
  'socketio-4': 'nginx, Node, socket.io 4',
  floor: 'bare TLS WebSocket',
};
const PROTOCOLS = ['native', 'eio3', 'eio4'];
const NONE = '–';

const KIB = 1024;
/** Columns of each mode: heading, digits, and where the figure is in a document. */
const COLUMNS = {
  connect: [
    ['people a second', 0, (run) => run.arrival.per_second],
    ['p50 ms', 1, (run) => run.arrival.ms.p50],
    ['p99 ms', 1, (run) => run.arrival.ms.p99],
    ['CPU ms each', 2, (run) => run.server.cpu_ms_per_arrival],
    ['lost', 0, (run) => run.people.lost],
  ],
  hold: [
    ['KiB a person', 1, (run) => run.server.bytes_per_person / KIB],
    ['MiB with nobody', 1, (run) => run.server.resident_bytes_before / KIB / KIB],
    ['MiB after all have left', 1, (run) => run.server.resident_bytes_after / KIB / KIB],
    ['% of a core', 1, (run) => run.server.cores_while_holding * 100],
    ['lost', 0, (run) => run.people.lost],
  ],
  play: [
    ['movement p50 ms', 2, (run) => (run.play?.movement_ms ?? run.echo_ms).p50],
    ['movement p99 ms', 2, (run) => (run.play?.movement_ms ?? run.echo_ms).p99],
    ['result late p99 ms', 1, (run) => run.play?.result_late_ms.p99],
    ['rounds a second', 0, (run) => run.play?.rounds_per_second],
    ['CPU s for 1,000 rounds', 2, (run) => run.server?.cpu_seconds_per_1000_rounds],
    ['lost', 0, (run) => run.people?.lost],
  ],
};
const TITLES = {
  connect: 'people come, each with a full handshake, to `hi`',
  hold: 'people stay and say nothing',
  play: 'people play, a choice every 500 ms',
};

function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function cell(runs, digits, figure) {
  // Nothing is asked of the floor but what it can answer, and a figure that is not known is null.
  const figures = runs.map(figure).map((value) => value ?? NaN);
  const value = median(figures);
  if (!Number.isFinite(value)) return NONE;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

/** One table: a mode with a number of people, a row for each stack and protocol. */
function table(mode, people, rows) {
  const columns = COLUMNS[mode];
  const body = rows.map(({ stack, protocol, runs }) =>
    row([STACKS[stack], stack === 'floor' ? NONE : protocol, ...columns.map(([, digits, figure]) => cell(runs, digits, figure))]));
  return [
    `## ${Number(people).toLocaleString('en')} ${TITLES[mode]}`,
    '',
    row(['stack', 'protocol', ...columns.map(([heading]) => heading)]),
    row(['---', '---', ...columns.map(() => '---:')]),
    ...body,
    '',
  ].join('\n');
}

/** The whole text. `documents` are `{stack, protocol, mode, people, run, json}` in the order of the rows. */
export function report(documents, versions) {
  const { machine, started, asked } = documents.find(({ json }) => json.machine).json;
  const runs = Math.max(...documents.map(({ run }) => Number(run)));
  const memory = (machine.memory_bytes / KIB ** 3).toFixed(0);
  const tables = new Map();
  for (const { stack, protocol, mode, people, json } of documents) {
    const rows = tables.get(`${mode} ${people}`) ?? new Map();
    tables.set(`${mode} ${people}`, rows);
    const name = `${stack} ${protocol}`;
    const entry = rows.get(name) ?? { stack, protocol, runs: [] };
    rows.set(name, entry);
    entry.runs.push(json);
  }
  const order = Object.keys(COLUMNS);
  const sorted = [...tables].sort(([a], [b]) => {
    const [[modeA, peopleA], [modeB, peopleB]] = [a.split(' '), b.split(' ')];
    return order.indexOf(modeA) - order.indexOf(modeB) || peopleA - peopleB;
  });
  return `# Results

Made by \`benches/compare/run.sh\`, which measures it all again; not to be edited. Medians of ${runs} ${runs === 1 ? 'run' : 'runs'}, in which the
stacks took turns, with the load generator on the same machine. ${asked.time_seconds} s of each holding and playing.

- ${started.slice(0, 10)}; ${machine.cores} cores of ${machine.cpu ?? 'an unknown processor'}, ${memory} GiB; ${machine.system}, kernel ${machine.kernel ?? 'unknown'}
- ${versions.join('; ')}
- TLS 1.3, a certificate for ECDSA on P-256, no resumption. Of the bare WebSocket, "movement" is an echo.

${sorted.map(([key, rows]) => table(...key.split(' '), [...rows.values()])).join('\n')}`;
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
  const folder = process.argv[2];
  const versions = readFileSync(join(folder, 'versions.txt'), 'utf8').trim().split('\n');
  process.stdout.write(report(read(folder), versions));
}
