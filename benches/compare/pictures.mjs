// Pictures (SVG) of what was measured: curves by percentile, and bars.

const WIDTH = 860;
const FONT = 'font-family="system-ui, sans-serif" font-size="14"';
/** Colours that colour-blind people can tell apart as well. */
const COLOURS = ['#0072b2', '#d55e00', '#cc79a7', '#009e73', '#e69f00', '#56b4e9'];

function frame(height, title, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ${FONT} fill="#222">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="24" y="32" font-size="18" font-weight="600">${escaped(title)}</text>
${body.join('\n')}
</svg>
`;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function place(number) {
  return number.toFixed(1);
}

/** A number with at most two decimals, without zeros at its end. */
function short(value) {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

/**
 * Times in milliseconds by percentile. Both axes are logarithmic, so that the slowest thousandth is as visible as the median.
 * @param {string} title
 * @param {{name: string, points: [number, number][]}[]} series a quantile and a time each
 */
export function curves(title, series) {
  const [left, right, top, height] = [76, 250, 56, 420];
  const bottom = height - 48;
  const quantiles = series[0].points.map(([quantile]) => quantile);
  const known = series.flatMap(({ points }) => points.map(([, time]) => time)).filter((time) => time > 0);
  const low = Math.floor(Math.log10(Math.min(...known)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...known))));
  const nines = (quantile) => -Math.log10(1 - quantile);
  const [first, last] = [nines(quantiles[0]), nines(quantiles.at(-1))];
  const x = (quantile) => left + (nines(quantile) - first) / (last - first) * (WIDTH - left - right);
  const y = (time) => bottom - (Math.log10(time) - low) / (high - low) * (bottom - top);
  const body = [];
  for (let decade = low; decade <= high; decade += 1) {
    const at = place(y(10 ** decade));
    body.push(`<line x1="${left}" x2="${WIDTH - right}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    body.push(`<text x="${left - 10}" y="${at}" dy="5" text-anchor="end">${10 ** decade >= 1 ? 10 ** decade : (10 ** decade).toFixed(-decade)} ms</text>`);
  }
  for (const quantile of quantiles) {
    body.push(`<text x="${place(x(quantile))}" y="${bottom + 24}" text-anchor="middle">${short(quantile * 100)} %</text>`);
  }
  // Each name stands beside the end of its curve. Names are moved apart so that they do not overlap.
  const ends = series
    .map(({ name, points }, index) => ({ name, colour: COLOURS[index % COLOURS.length], points: points.filter(([, time]) => time > 0) }))
    .filter(({ points }) => points.length > 0)
    .sort((a, b) => y(a.points.at(-1)[1]) - y(b.points.at(-1)[1]));
  let free = top;
  for (const { name, colour, points } of ends) {
    const path = points.map(([quantile, time]) => `${place(x(quantile))},${place(y(time))}`).join(' ');
    const at = Math.max(free, y(points.at(-1)[1]));
    free = at + 20;
    body.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>`);
    body.push(`<text x="${WIDTH - right + 12}" y="${place(at)}" dy="5" fill="${colour}">${escaped(name)}</text>`);
  }
  return frame(height, title, body);
}

/**
 * One bar for each, as long as its value.
 * @param {string} title @param {string} unit @param {{name: string, value: number}[]} values
 */
export function bars(title, unit, values) {
  const [left, right, top, step] = [240, 90, 56, 34];
  const most = Math.max(...values.map(({ value }) => value).filter(Number.isFinite), Number.MIN_VALUE);
  const body = values.filter(({ value }) => Number.isFinite(value)).flatMap(({ name, value }, index) => {
    const y = top + index * step;
    const width = value / most * (WIDTH - left - right);
    const colour = name.startsWith('Wulin') ? COLOURS[0] : '#999';
    return [
      `<text x="${left - 12}" y="${y + 17}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${left}" y="${y}" width="${place(width)}" height="24" fill="${colour}"/>`,
      `<text x="${place(left + width + 8)}" y="${y + 17}">${short(value)}${unit && ` ${unit}`}</text>`,
    ];
  });
  return frame(top + values.length * step + 16, title, body);
}
