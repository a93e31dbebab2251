// Style sheets: WXSS to CSS that a browser understands, scoped as the style isolation of its owner says.

import { transformSync } from 'esbuild';
import { at, blank, follow } from './places.mjs';

const COMMENT = /\/\*[\s\S]*?\*\//g;
const IMPORT = /@import\s+(?:url\(\s*)?["']([^"']+)["']\s*\)?\s*;/g;

/** The CSS of app, pages and components by their path. */
export function compileStyles(unit, configs) {
  const { texts, report } = unit;
  for (const path of Object.keys(texts)) if (path.endsWith('.wxss')) check(unit, path, configs[path.slice(0, -5)]);
  const styles = {};
  for (const path of ['app', ...Object.keys(configs)]) {
    const file = `${path}.wxss`;
    if (!(file in texts)) continue;
    const css = units(inline(texts, report, file, []));
    try {
      styles[path] = scoped(transformSync(css, { loader: 'css', logLevel: 'silent' }).code, configs[path]?.scope ?? '');
    } catch {
      styles[path] = '';
    }
  }
  return styles;
}

/** The status and navigation bars, in px, where a page has none of its own. */
const BARS = 64;

/** 750rpx are the width of the window; a page's height is what the navigation bar leaves of the window. */
export function units(css) {
  return css
    .replace(/\((min|max)-height:\s*(\d+)px\)/g, (_, bound, px) => `(${bound}-height: ${Number(px) + BARS}px)`)
    .replace(/(?<![\w-])(-?\d*\.?\d+)rpx\b/g, (_, n) => `${Number((n / 7.5).toFixed(5))}vw`)
    .replace(/(?<![\w-])(-?\d*\.?\d+)[dsl]?vh\b/g, 'calc(var(--devtools-vh) * $1)');
}

function inline(texts, report, file, above) {
  const plain = texts[file].replace(COMMENT, '');
  return plain.replace(IMPORT, (statement, name) => {
    const target = follow(file, name);
    if (above.includes(target)) return '';
    if (!(target in texts)) {
      report(file, at(texts[file], texts[file].indexOf(statement)), `no style sheet at ${name}`);
      return '';
    }
    return inline(texts, report, target, [...above, file]);
  });
}

function check({ texts, report }, path, config) {
  const text = texts[path];
  const note = ({ text: message, location }) => report(path, { line: location?.line ?? 1, column: (location?.column ?? 0) + 1 }, message);
  try {
    transformSync(text, { loader: 'css', logLevel: 'silent' }).warnings.forEach(note);
  } catch (error) {
    error.errors.forEach(note);
  }
  const plain = blank(text, COMMENT);
  for (const { 1: address, index } of blank(plain, IMPORT).matchAll(/url\(\s*["']?([^"')]*)/g)) {
    if (!/^(https?:|data:|#|\/\/)/.test(address)) report(path, at(text, index), `WeChat takes no local file in WXSS: ${address}`);
  }
  if (!config || config.isPage) return;
  for (const { start, selector } of selectors(plain)) {
    const bare = selector.replace(/::?[\w-]+(\([^)]*\))?/g, '').replace(/\.-?[A-Za-z_][\w-]*/g, '');
    if (/[A-Za-z#[]/.test(bare)) {
      report(path, at(text, start), `a component may only select by class: ${selector.trim()}`);
    }
  }
}

/** The selectors of all style rules, without those of at-rules and of what is inside @keyframes. */
function* selectors(css) {
  const open = [];
  let start = 0;
  for (const { 0: token, index } of css.matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]/g)) {
    if (token === '{') {
      const selector = css.slice(start, index);
      const rule = selector.trim().startsWith('@') ? selector.trim().split(/\s/)[0] : 'style';
      if (rule === 'style' && !open.some((name) => name.endsWith('keyframes'))) {
        yield { start: start + selector.length - selector.trimStart().length, end: index, selector: selector.trimStart() };
      }
      open.push(rule);
    } else if (token === '}') {
      open.pop();
    }
    if (token.length === 1) start = index + 1;
  }
}

function scoped(css, scope) {
  if (!scope) return css;
  let result = '';
  let done = 0;
  for (const { start, end, selector } of selectors(css)) {
    const own = selector
      .replace(/\.(-?[A-Za-z_][\w-]*)/g, `.${scope}--$1`)
      .replace(/:host\b/g, `[wx-host="${scope}"]`);
    result += css.slice(done, start) + own;
    done = end;
  }
  return result + css.slice(done);
}
