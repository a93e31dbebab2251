// project.config.json as today's DevTools write it, so that opening the folder neither asks nor changes anything.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const folder = new URL('../../miniprogram/', import.meta.url);
const project = JSON.parse(readFileSync(new URL('project.config.json', folder), 'utf8'));

test('it has what DevTools would add, and a base library of today', () => {
  const [major, minor] = project.libVersion.split('.').map(Number);
  assert.ok(major > 3 || (major === 3 && minor >= 17), project.libVersion);
  for (const key of ['condition', 'editorSetting', 'packOptions', 'setting', 'simulatorPluginLibVersion']) assert.ok(key in project, key);
  for (const key of ['babelSetting', 'compileWorklet', 'condition', 'disableSWC', 'disableUseStrict', 'enhance', 'es6', 'ignoreUploadUnusedFiles',
    'localPlugins', 'minified', 'minifyWXML', 'minifyWXSS', 'packNpmManually', 'packNpmRelationList', 'postcss', 'swc', 'uglifyFileName',
    'uploadWithSourceMap', 'useCompilerPlugins']) assert.ok(key in project.setting, key);
  assert.equal(project.appid, 'touristappid', 'nobody\'s own');
});

test('what no phone needs is not uploaded', () => {
  const ignored = (path) => project.packOptions.ignore.some(({ type, value }) => (type === 'suffix' ? path.endsWith(value) : path === value));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { name } of files) {
    if (name !== 'project.config.json') assert.equal(ignored(name), !/\.(js|json|wxml|wxss|svg)$/.test(name) || name === 'tsconfig.json', name);
  }
});
