// Compiles a Mini Program folder as WeChat would, and collects everything that WeChat, or a reader, would complain about.

import { transformSync } from 'esbuild';
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, resolve } from 'node:path';
import { at, follow } from './places.mjs';
import { checkHandlers, checkTags } from './wxml.mjs';
import { compileStyles } from './wxss.mjs';

// Its ES module expects a bundler that loads WebAssembly.
const { TmplGroup } = createRequire(import.meta.url)('glass-easel-template-compiler');

const TEXT = /\.(js|json|wxml|wxss|wxs)$/;

/**
 * @typedef {{file: string, line: number, column: number, message: string}} Problem
 * @param {string} folder the one with app.json
 * @param {{overrides?: Record<string, string>}} [options] what to take instead of a file, by its path in the folder
 * @returns {{app: object, theme: object, configs: object, templates: string, styles: object, modules: Record<string, string>,
 *   media: Map<string, Buffer>, problems: Problem[]}}
 */
export function compile(folder, { overrides = {} } = {}) {
  const { texts, media } = read(resolve(folder), overrides);
  const problems = [];
  const report = (file, position, message) => problems.push({ file, ...position, message });
  const unit = { texts, media, report };

  const json = parseJson(unit);
  const app = json['app.json'] ?? { pages: [] };
  const configs = findConfigs(unit, json, app);
  checkScripts(unit);
  checkTags(unit, configs);
  checkHandlers(unit, configs);

  return {
    app,
    theme: resolveTheme(unit, app, json, configs),
    configs,
    templates: compileTemplates(unit),
    styles: compileStyles(unit, configs),
    modules: Object.fromEntries(Object.entries(texts).filter(([path]) => path.endsWith('.js'))),
    media,
    problems: problems.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column),
  };
}

function read(folder, overrides) {
  const texts = {};
  const media = new Map();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const path = relative(folder, file).split('\\').join('/');
    if (path.startsWith('node_modules/') || path.split('/').some((part) => part.startsWith('.'))) continue;
    if (TEXT.test(path)) texts[path] = readFileSync(file, 'utf8');
    else media.set(path, readFileSync(file));
  }
  return { texts: { ...texts, ...overrides }, media };
}

function parseJson({ texts, report }) {
  const parsed = {};
  for (const [path, text] of Object.entries(texts)) {
    // TypeScript's own file is not WeChat's, and may hold comments.
    if (!path.endsWith('.json') || path === 'tsconfig.json') continue;
    try {
      parsed[path] = JSON.parse(text);
    } catch (error) {
      report(path, at(text, Number(/position (\d+)/.exec(error.message)?.[1] ?? text.length)), error.message);
    }
  }
  if (!parsed['app.json']) report('app.json', at('', 0), 'there is no app.json that can be read');
  return parsed;
}

/** The configuration of every page and of every component that one of them uses, by its path. */
function findConfigs({ texts, report }, json, app) {
  const configs = {};
  const visit = (path, isPage) => {
    if (configs[path]) return;
    for (const ending of ['.js', '.wxml']) {
      if (!(path + ending in texts)) report(path + ending, at('', 0), 'missing');
    }
    const file = `${path}.json`;
    const config = { ...json[file] };
    if (!isPage && !config.component) report(file, at('', 0), 'a component says "component": true');
    // In a page the adapter would take it as a wish for isolated styles.
    if (isPage) delete config.component;
    const own = Object.keys(config.usingComponents ?? {});
    config.usingComponents = { ...app.usingComponents, ...config.usingComponents };
    for (const [tag, target] of Object.entries(config.usingComponents)) {
      const found = follow(own.includes(tag) ? path : 'app', target);
      config.usingComponents[tag] = `/${found}`;
      if (`${found}.js` in texts) visit(found, false);
      else report(file, at(texts[file] ?? '', (texts[file] ?? '').indexOf(target)), `no component at ${target}`);
    }
    configs[path] = { ...config, isPage, scope: scopeOf(path, config, isPage) };
  };
  for (const page of app.pages ?? []) visit(page, true);
  return configs;
}

/** What the classes of an own style sheet begin with; those of a shared one have plain names. */
function scopeOf(path, { styleIsolation, addGlobalClass }, isPage) {
  const isolation = styleIsolation ?? (addGlobalClass ? 'apply-shared' : isPage ? 'shared' : 'isolated');
  return /^(page-)?shared$/.test(isolation) ? '' : path.replaceAll('/', '-');
}

/** `theme.json`, of which "@name" in app.json and in a page's window settings speaks. */
function resolveTheme({ texts, report }, app, json, configs) {
  const none = { light: {}, dark: {} };
  if (!app.themeLocation) return none;
  const theme = json[app.themeLocation];
  if (!theme) {
    report(app.themeLocation, at('', 0), 'missing');
    return none;
  }
  const windows = [['app.json', app.window], ...Object.entries(configs).map(([path, config]) => [`${path}.json`, config])];
  for (const [file, settings] of windows) {
    for (const value of Object.values(settings ?? {})) {
      if (typeof value !== 'string' || !value.startsWith('@')) continue;
      for (const mode of ['light', 'dark']) {
        if (!(value.slice(1) in (theme[mode] ?? {}))) {
          report(file, at(texts[file], texts[file].indexOf(`"${value}"`)), `no ${value} for ${mode} in ${app.themeLocation}`);
        }
      }
    }
  }
  return { ...none, ...theme };
}

function checkScripts({ texts, report }) {
  for (const [path, text] of Object.entries(texts)) {
    if (!path.endsWith('.js')) continue;
    try {
      transformSync(text, { loader: 'js', logLevel: 'silent' });
    } catch (error) {
      for (const { text: message, location } of error.errors) {
        report(path, { line: location?.line ?? 1, column: (location?.column ?? 0) + 1 }, message);
      }
    }
    for (const { 1: name, index } of text.matchAll(/^(?!\s*(?:\/\/|\*)).*?\brequire\(\s*['"]([^'"]+)['"]\s*\)/gm)) {
      const target = follow(path, name);
      const found = [target, `${target}.js`, `${target}/index.js`].some((candidate) => candidate in texts);
      if (!found) report(path, at(text, text.indexOf(name, index)), `no module at ${name}`);
    }
  }
}

function compileTemplates({ texts, report }) {
  const group = new TmplGroup();
  for (const [path, text] of Object.entries(texts)) {
    if (path.endsWith('.wxs')) group.addScript(path.slice(0, -4), text);
  }
  for (const [path, text] of Object.entries(texts)) {
    if (!path.endsWith('.wxml')) continue;
    for (const { startLine, startColumn, message } of group.addTmpl(path.slice(0, -5), text)) {
      report(path, { line: startLine + 1, column: startColumn + 1 }, message);
    }
    const wanted = [
      ...group.getDirectDependencies(path.slice(0, -5)).map((name) => `${name}.wxml`),
      ...group.getScriptDependencies(path.slice(0, -5)).map((name) => `${name}.wxs`),
    ];
    for (const file of wanted) {
      if (!(file in texts)) report(path, at(text, text.indexOf(posix.basename(file))), `no file ${file}`);
    }
  }
  const code = group.getTmplGenObjectGroups();
  group.free();
  return code;
}
