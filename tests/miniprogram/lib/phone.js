/**
 * A phone with WeChat: the parts of `wx` that the component uses, over real HTTP; a storage that outlives programs; the
 * native video; and the component in a page.
 */

const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const { JSDOM } = require('jsdom');

const clock = require('./clock.js');
const { send } = require('./http.js');
const { NativeVideo } = require('./video.js');

const dom = new JSDOM('<!doctype html><body></body>', { pretendToBeVisual: true });
for (const name of ['document', 'Element', 'HTMLElement', 'Node', 'Event', 'CustomEvent', 'MutationObserver']) {
  globalThis[name] = dom.window[name];
}
globalThis.window = dom.window;

const simulate = require('miniprogram-simulate');
const jComponent = require('j-component');

const ROOT = path.join(__dirname, '../../../www/miniprogram');
const COMPONENT = path.join(ROOT, 'components/cloud-player-video/index');

/** By element, what plays in it. */
const videos = new Map();

function videoOf(caller) {
  const node = caller._exparserNode;
  if (!videos.has(node)) videos.set(node, new NativeVideo(caller));
  return videos.get(node);
}

// The simulator's own is registered without properties, and they would be lost.
jComponent.register({
  id: 'video',
  tagName: 'wx-video',
  template: '<slot/>',
  properties: {
    src: {
      type: String,
      value: '',
      observer(src) {
        // The other properties of the same change come with it.
        Promise.resolve().then(() => {
          if (this.data.src === src) videoOf(this).load(src, this.data.autoplay, this.data.initialTime);
        });
      },
    },
    poster: String,
    autoplay: Boolean,
    controls: Boolean,
    muted: Boolean,
    loop: Boolean,
    objectFit: String,
    initialTime: Number,
    title: String,
  },
});

class Phone {
  /** @param {{ wasm?: 'answer' | 'instance' | 'none' | 'broken', network?: string, throughputKbps?: number }} options */
  constructor({ wasm = 'answer', network = 'wifi', throughputKbps = 20_000 } = {}) {
    this.network = network;
    this.throughputKbps = throughputKbps;
    this.storage = new Map();
    this.sent = [];
    this.flying = 0;
    this.offline = false;
    this.silent = false;
    this.listeners = new Set();
    this.players = [];
    this.instantiated = [];
    // A program that starts has no memory but the storage.
    for (const file of Object.keys(require.cache)) if (file.startsWith(ROOT)) delete require.cache[file];
    globalThis.wx = this.wx();
    if (wasm === 'none') delete globalThis.WXWebAssembly;
    else globalThis.WXWebAssembly = { instantiate: (...args) => this.instantiate(wasm, ...args) };
  }

  wx() {
    return {
      request: (options) => this.request(options),
      getStorageSync: (key) => (this.storage.has(key) ? JSON.parse(this.storage.get(key)) : ''),
      setStorageSync: (key, value) => void this.storage.set(key, JSON.stringify(value)),
      removeStorageSync: (key) => void this.storage.delete(key),
      getNetworkType: ({ success }) => success({ networkType: this.network }),
      onNetworkStatusChange: (listener) => this.listeners.add(listener),
      offNetworkStatusChange: (listener) => this.listeners.delete(listener),
      createVideoContext: (id, component) => videoOf(caller(component, `#${id}`)),
    };
  }

  /** Takes a path in the package and nothing else, as there. */
  async instantiate(mode, file, imports) {
    if (typeof file !== 'string' || !file.startsWith('/')) throw new TypeError('only a path inside the package');
    this.instantiated.push(file);
    if (mode === 'broken') throw new Error('instantiate failed');
    const bytes = fs.readFileSync(path.join(ROOT, file));
    const module = file.endsWith('.br') ? zlib.brotliDecompressSync(bytes) : bytes;
    const answer = await WebAssembly.instantiate(module, imports);
    return mode === 'instance' ? answer.instance : { instance: answer.instance };
  }

  request(options) {
    const { url, method = 'GET', header = {}, data, dataType = 'json', timeout = 60_000 } = options;
    const report = { url, method, data, status: null };
    this.sent.push(report);
    if (this.offline) {
      setImmediate(() => options.fail({ errMsg: 'request:fail net::ERR_INTERNET_DISCONNECTED' }));
      return { abort() {} };
    }
    // Neither an answer nor a failure, for as long as the program lives.
    if (this.silent) return { abort() {} };
    this.flying += 1;
    const started = performance.now();
    const under = send(url, { method, headers: { 'content-type': 'application/json', ...header }, body: data, timeout });
    under.answer
      .then(
        ({ status, headers, body }) => {
          report.status = status;
          report.body = body;
          let parsed = body;
          if (dataType === 'json') {
            try {
              parsed = JSON.parse(body);
            } catch {
              // As it is.
            }
          }
          const profile = options.enableProfile && {
            downstreamThroughputKbpsEstimate: this.throughputKbps,
            rtt: performance.now() - started,
            receivedBytedCount: body.length,
            protocol: 'http1.1',
          };
          options.success({ statusCode: status, header: headers, data: parsed, profile });
        },
        (error) => options.fail({ errMsg: `request:fail ${error.message}` }),
      )
      .finally(() => {
        this.flying -= 1;
      });
    return { abort: under.abort };
  }

  /** The network takes no time to speak of, however fast the clock is put forward. */
  async answered() {
    for (let turn = 0; turn < 100 && this.flying > 0; turn += 1) await clock.wait(2);
    await clock.settle();
  }

  changeNetwork(network) {
    this.network = network;
    for (const listener of this.listeners) listener({ networkType: network, isConnected: network !== 'none' });
  }

  /** The component in a page, with these properties. */
  open(properties) {
    const player = new OpenPlayer(this, properties);
    this.players.push(player);
    return player;
  }

  /** All that could have left the player, as one text: events, storage, reports, what was logged. */
  told() {
    return JSON.stringify([
      this.players.map((player) => player.events),
      [...this.storage],
      this.sent.filter((request) => request.method === 'POST').map((request) => request.data),
      logged,
    ]);
  }

  /** The secrets that the answers had: tokens and signatures. */
  secrets() {
    const texts = this.sent.flatMap((request) => [request.url, request.body ?? '']);
    const found = texts.flatMap((text) => [
      ...[...text.matchAll(/"(?:drmToken|token)":"([^"]+)"/g)].map((match) => match[1]),
      ...[...text.matchAll(/[?&](?:signature|sign|psign)=([^&"\s]+)/g)].map((match) => match[1]),
    ]);
    return [...new Set(found)].filter((secret) => secret.length > 8);
  }

  close() {
    for (const player of this.players) player.close();
  }
}

const logged = [];
for (const level of ['log', 'warn', 'error', 'info']) {
  const say = console[level].bind(console);
  console[level] = (...args) => {
    logged.push(args.map(String).join(' '));
    if (process.env.VERBOSE) say(...args);
  };
}

function caller(component, selector) {
  const node = component._exparserNode.shadowRoot.querySelector(selector);
  if (!node) throw new Error(`no ${selector} in the component`);
  return component.selectComponent(selector);
}

class OpenPlayer {
  constructor(phone, properties) {
    this.phone = phone;
    this.events = [];
    const id = simulate.load(COMPONENT, 'cloud-player-video', { rootPath: ROOT });
    this.component = simulate.render(id, properties);
    for (const name of EVENTS) {
      this.component.addEventListener(name, ({ detail }) => {
        this.events.push({ name, detail: JSON.parse(JSON.stringify(detail ?? null)) });
      });
    }
    this.parent = document.createElement('div');
    document.body.append(this.parent);
    this.component.attach(this.parent);
  }

  /** Its methods. */
  get api() {
    return this.component.instance;
  }

  /** The native video. */
  get video() {
    return videoOf(this.element.instance);
  }

  get element() {
    return this.component.querySelector('.cloud-player');
  }

  set(properties) {
    this.component.setData(properties);
  }

  named(name) {
    return this.events.filter((event) => event.name === name).map((event) => event.detail);
  }

  last(name) {
    return this.named(name).at(-1);
  }

  waitFor(name, holds = () => true, ms) {
    return clock.until(() => this.named(name).find(holds), `${name}; so far ${JSON.stringify(this.events.slice(-8))}`, ms);
  }

  /** Waits until the native video has opened something new. */
  async opened(loads) {
    await clock.until(
      () => this.video.loads >= loads && this.video.opened,
      `load ${loads}; so far ${this.video.loads}, ${JSON.stringify(this.events.slice(-8))}`,
    );
    await clock.settle();
  }

  /** Plays on for so many seconds of the clock. */
  async play(seconds) {
    for (let quarter = 0; quarter < seconds * 4; quarter += 1) {
      await clock.advance(250);
      this.video.tick();
      await clock.settle();
      await this.phone.answered();
    }
  }

  /** The picture stands for so long. */
  async stall(ms) {
    this.video.fire('waiting');
    await clock.advance(ms);
    this.video.tick();
    await clock.settle();
  }

  hide() {
    this.component.triggerPageLifeTime('hide');
  }

  show() {
    this.component.triggerPageLifeTime('show');
  }

  /** The program is put to death: nothing of it runs any more, and nothing is said. */
  kill() {
    const { player } = this.api;
    clearTimeout(player.timer);
    player.core = null;
    player.tell = () => {};
    player.hear = () => {};
    player.destroy = () => {};
  }

  close() {
    if (this.parent) this.component.detach();
    this.parent?.remove();
    this.parent = null;
  }
}

const EVENTS = [
  'ready', 'play', 'pause', 'playing', 'waiting', 'timeupdate', 'ended', 'error', 'qualitychange', 'ratechange', 'qoe',
  'playinfo', 'sourcechange', 'accesswanted', 'fullscreenchange',
];

module.exports = { Phone, ROOT };
