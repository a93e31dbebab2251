// What the template compiler does not look at: tags that nobody knows, pictures that are not there, handlers without a method.

import { at, blank, follow } from './places.mjs';

/** https://developers.weixin.qq.com/miniprogram/dev/component/ */
export const BUILT_IN = new Set(`
  view scroll-view swiper swiper-item movable-area movable-view cover-view cover-image match-media page-container
  share-element root-portal icon progress rich-text text selection button checkbox checkbox-group editor form input
  keyboard-accessory label picker picker-view picker-view-column radio radio-group slider switch textarea navigator
  functional-page-navigator image video audio camera live-player live-pusher voip-room channel-live channel-video map
  canvas web-view ad ad-custom official-account open-data page-meta navigation-bar grid-view list-view sticky-header
  sticky-section draggable-sheet snapshot span
  block slot template import include wxs
`.trim().split(/\s+/));

const TAG = /<([A-Za-z][\w-]*)((?:\s+[\w:-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'))?)*)\s*\/?>/g;
const ATTRIBUTE = /([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/g;
const BINDING = /^(?:capture-)?(?:mut-)?(?:bind|catch):?(?<event>[a-z_-]+)$/i;

/** Every tag of a template with its place and its attributes; what is computed keeps its braces and loses its content. */
function* tags(text) {
  let plain = blank(text, /<!--[\s\S]*?-->/g);
  plain = blank(plain, /(?<=<wxs\b[^>]*[^/]>)[\s\S]*?(?=<\/wxs>)/g);
  plain = plain.replace(/\{\{[\s\S]*?\}\}/g, (match) => `{{${match.slice(2, -2).replace(/[^\n]/g, ' ')}}}`);
  for (const tag of plain.matchAll(TAG)) {
    const start = tag.index + 1 + tag[1].length;
    const attributes = [...tag[2].matchAll(ATTRIBUTE)]
      .map((found) => ({ name: found[1], value: found[2] ?? found[3], offset: start + found.index }));
    yield { name: tag[1], offset: tag.index + 1, attributes };
  }
}

/** Every tag is WeChat's or a component that is declared, and every picture is there. */
export function checkTags({ texts, media, report }, configs) {
  for (const [path, text] of Object.entries(texts)) {
    if (!path.endsWith('.wxml')) continue;
    const config = configs[path.slice(0, -5)];
    const known = config?.usingComponents ?? {};
    for (const { name, offset, attributes } of tags(text)) {
      // A template of its own takes the components of whoever imports it.
      if (config && !BUILT_IN.has(name) && !(name in known)) {
        report(path, at(text, offset), `<${name}> is neither WeChat's nor in usingComponents`);
      }
      if (name !== 'image' && name !== 'cover-image') continue;
      const source = attributes.find((attribute) => attribute.name === 'src');
      if (!source?.value || /\{\{|^(https?|data|blob|wxfile|cloud):/.test(source.value)) continue;
      if (!media.has(follow(path, source.value))) report(path, at(text, source.offset), `no picture at ${source.value}`);
    }
  }
}

/** Every handler is at least named in the code of its page or component, or in what that code requires. */
export function checkHandlers({ texts, report }, configs) {
  for (const path of Object.keys(configs)) {
    const text = texts[`${path}.wxml`];
    if (text === undefined || !(`${path}.js` in texts)) continue;
    const code = reachable(texts, `${path}.js`);
    for (const { attributes } of tags(text)) {
      for (const { name, value, offset } of attributes) {
        if (!BINDING.test(name) || !value || value.includes('{{')) continue;
        const defined = new RegExp(`(?<![\\w$.])${value.replaceAll('$', '\\$')}\\s*[(:,=}]`);
        if (!defined.test(code)) report(`${path}.wxml`, at(text, offset), `no method ${value} for ${name}`);
      }
    }
  }
}

function reachable(texts, path, seen = new Set()) {
  if (seen.has(path) || !(path in texts)) return '';
  seen.add(path);
  const names = [...texts[path].matchAll(/\brequire\(\s*['"]([^'"]+)['"]\s*\)/g)].map(([, name]) => follow(path, name));
  const rest = names.map((name) => reachable(texts, name.endsWith('.js') ? name : `${name}.js`, seen));
  return [texts[path], ...rest].join('\n');
}
