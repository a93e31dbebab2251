// Tencent's component framework, set up with a compiled Mini Program: definitions in, live pages out.

import * as glassEasel from 'glass-easel';
import { MiniProgramEnv } from 'glass-easel-miniprogram-adapter';
import { dispatch, setCommon } from './builtin.js';
import { moduleLoader } from './modules.js';

const EVENT = /^(capture-)?(mut-)?(bind|catch):?/;
const LONG_PRESS = 350;
const BUBBLING = { bubbles: true, composed: true, capturePhase: true };

/** As `style` in a template is written: rpx, and vh of the page instead of the window. */
const inlineUnits = (text) => String(text ?? '')
  .replace(/(-?\d*\.?\d+)rpx\b/g, (_, n) => `${n / 7.5}vw`)
  .replace(/(?<![\w-])(-?\d*\.?\d+)vh\b/g, 'calc(var(--devtools-vh) * $1)');

export class Framework {
  #program;
  #space;
  #backend;
  #load;
  #defined = new Set();
  #current = '';

  /** `globals` are what the code sees besides Page, Component and Behavior; `report` takes what nobody should leave so. */
  constructor(program, builtIns, globals, report) {
    this.#program = program;
    const env = new MiniProgramEnv();
    this.#space = env.createCodeSpace('main', true);
    const context = new glassEasel.CurrentWindowBackendContext();
    context.document = {
      createElement: builtIns.create,
      createTextNode: (text) => document.createTextNode(text),
      createDocumentFragment: () => document.createDocumentFragment(),
    };
    // Events come from `forwardEvents` and from the built-in components, with WeChat's names and details.
    context.onEvent = () => {};
    context.setListenerStats = () => {};
    this.#backend = env.associateBackend(context);
    glassEasel.addGlobalWarningListener((message, component) => {
      report(component?.is ? `${component.is}: ${message}` : message);
      return false;
    });

    this.#registerReady();
    this.#addTemplates(builtIns, report);
    for (const [path, config] of Object.entries(program.configs)) {
      this.#space.addComponentStaticConfig(path, config);
      if (config.scope) this.#space.addStyleSheet(path, undefined, config.scope);
    }
    const define = (kind) => (definition) => {
      if (!this.#current) throw new Error(`${kind}() outside of the file of a page or component`);
      this.#define(kind, this.#current, definition);
    };
    const Behavior = (definition) => this.#space.behavior().definition(definition).register();
    this.#load = moduleLoader(program.modules, { ...globals, Page: define('Page'), Component: define('Component'), Behavior });
    forwardEvents();
  }

  run(path) {
    this.#load(path);
  }

  /** Runs the code of a page or component after that of the components it uses. */
  define(path) {
    if (this.#defined.has(path)) return;
    this.#defined.add(path);
    for (const used of Object.values(this.#program.configs[path].usingComponents)) this.define(used.slice(1));
    this.#current = path;
    this.#load(path);
    this.#current = '';
    if (!this.#space.getComponentSpace().getComponentByUrlWithoutDefault(path, '')) {
      throw new Error(`${path}.js calls neither Page() nor Component()`);
    }
  }

  /** A page that is alive in `parent`. */
  open(path, query, parent) {
    this.define(path);
    const root = this.#backend.createRoot('page', this.#space, `${path}${query && `?${query}`}`);
    const placeholder = parent.appendChild(document.createElement('div'));
    root.attach(parent, placeholder);
    return root;
  }

  #define(kind, path, definition) {
    const { options = {}, ...rest } = definition;
    const isolation = options.styleIsolation ?? (options.addGlobalClass ? 'apply-shared' : undefined);
    const config = this.#program.configs[path];
    if (isolation && !config.styleIsolation && isolation !== 'isolated') {
      throw new Error(`${path}: this harness reads styleIsolation from the .json only`);
    }
    const builder = this.#space.component(path).options(options);
    (kind === 'Page' ? builder.pageDefinition(definition) : builder.definition(rest)).register();
  }

  /** The framework leaves it to its surroundings to say when a component has been drawn. */
  #registerReady() {
    const behavior = this.#space.getComponentSpace().defineBehavior({
      lifetimes: {
        attached() {
          requestAnimationFrame(() => this._$.triggerLifetime('ready', []));
        },
      },
    });
    this.#space.setOverallBehavior(behavior);
  }

  #addTemplates(builtIns, report) {
    const groupList = new Function(`return ${this.#program.templates}`)();
    for (const [path, group] of Object.entries(groupList)) {
      const content = (name) => {
        const generate = group(name);
        return generate && ((wrapper, ...rest) => {
          if (!wrapper.ofHarness) adapt(wrapper, builtIns, report);
          return generate(wrapper, ...rest);
        });
      };
      this.#space.addCompiledTemplate(path, { groupList, content, fallbackListenerOnNativeNode: true });
    }
  }
}

/** Puts what WeChat does and the framework leaves open between a template and its nodes. */
function adapt(wrapper, builtIns, report) {
  const host = wrapper.shadowRoot.getHostNode();
  const { r: setProperty, y: setStyle, i: setId, v: listen } = wrapper;
  wrapper.ofHarness = true;
  wrapper.r = (node, name, value, ...rest) => {
    const element = node.getBackendElement();
    if (element && setCommon(element, name, value)) return;
    setProperty.call(wrapper, node, name, value, ...rest);
    if (element && glassEasel.NativeNode.isNativeNode(node) && !EVENT.test(name)) builtIns.set(element, name, value, host.is);
  };
  wrapper.y = (node, value) => setStyle.call(wrapper, node, inlineUnits(value));
  wrapper.i = (node, value) => {
    setId.call(wrapper, node, value);
    if (node.getBackendElement()) node.getBackendElement().id = value;
  };
  wrapper.v = (node, event, handler, ...rest) => {
    if (typeof handler === 'string' && handler && !glassEasel.Component.getMethod(host, handler)) {
      report(`${host.is} has no method ${handler} for ${event}`);
    }
    listen.call(wrapper, node, event, handler, ...rest);
  };
  wrapper.eventListenerWrapper = (caller, event, listener) => {
    const answer = listener.call(caller, plainEvent(event));
    // The framework would take `false` as a wish to stop the event; WeChat does not.
    return answer === false ? undefined : answer;
  };
}

/** An event as a handler gets it: values, no nodes. */
function plainEvent({ type, timeStamp, detail, mark, target, currentTarget, extraFields }) {
  const place = ({ id, dataset }) => ({ id: id ?? '', dataset: { ...dataset }, offsetLeft: 0, offsetTop: 0 });
  return { type, timeStamp, detail, mark: { ...mark }, target: place(target), currentTarget: place(currentTarget), ...extraFields };
}

/** What happens to the document, told to the nodes in WeChat's words. A click is a tap: by finger, mouse or keyboard. */
function forwardEvents() {
  const nodeOf = (target) => {
    let element = target;
    while (element && !element.__wxElement) element = element.parentNode;
    return element;
  };
  const send = (type, event, target, options = BUBBLING) => {
    const element = nodeOf(target);
    if (!element) return;
    const touch = { identifier: 0, clientX: event.clientX, clientY: event.clientY, pageX: event.pageX, pageY: event.pageY };
    const extraFields = { touches: type === 'touchend' ? [] : [touch], changedTouches: [touch] };
    dispatch(element, type, { x: event.clientX, y: event.clientY }, { ...options, originalEvent: event, extraFields });
  };

  let pressed = null;
  let timer;
  const end = (type) => (event) => {
    clearTimeout(timer);
    if (pressed) send(type, event, pressed);
    pressed = null;
  };
  document.addEventListener('click', (event) => send('tap', event, event.target));
  document.addEventListener('pointerdown', (event) => {
    pressed = event.target;
    send('touchstart', event, pressed);
    timer = setTimeout(() => send('longpress', event, event.target), LONG_PRESS);
  });
  document.addEventListener('pointermove', (event) => pressed && send('touchmove', event, pressed));
  document.addEventListener('pointerup', end('touchend'));
  document.addEventListener('pointercancel', end('touchcancel'));
  for (const type of ['animationstart', 'animationiteration', 'animationend', 'transitionend']) {
    document.addEventListener(type, (event) => send(type, event, event.target, {}));
  }
}

export const { safeCallback, addGlobalErrorListener } = glassEasel;
