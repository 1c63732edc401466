// The glue and the real module in a bare context that has `wx`, `WXWebAssembly`, timers and nothing else that a
// mini-program lacks.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const vm = require('node:vm');
const zlib = require('node:zlib');

const folder = path.join(__dirname, '../../www/miniprogram/components/cloud-player-video');

/** Loads the glue in a new context, with a platform that reads modules from the component's folder. */
function bare({ answer = (instance) => ({ instance }), name = 'WXWebAssembly', paths = [] } = {}) {
  const instantiate = async (file, imports) => {
    paths.push(file);
    const bytes = fs.readFileSync(path.join(folder, path.basename(file)));
    const wasm = file.endsWith('.br') ? zlib.brotliDecompressSync(bytes) : bytes;
    const instance = await WebAssembly.instantiate(await WebAssembly.compile(wasm), imports);
    return answer(instance);
  };
  const module = { exports: {} };
  const context = vm.createContext({ wx: {}, module, setTimeout, clearTimeout });
  if (name) context[name] = { instantiate };
  // Contexts come with these; mini-programs do not.
  vm.runInContext('delete globalThis.WebAssembly; delete globalThis.eval; delete globalThis.Function', context);
  for (const global of ['TextDecoder', 'TextEncoder', 'URL', 'fetch', 'crypto', 'window', 'WebAssembly', 'eval']) {
    assert.strictEqual(vm.runInContext(`typeof ${global}`, context), 'undefined', global);
  }
  vm.runInContext(fs.readFileSync(path.join(folder, 'core.js'), 'utf8'), context, { filename: 'core.js' });
  return module.exports;
}

const config = (more) => ({ sessionId: 's-1', random: [0.5], ...more });
const plain = (value) => JSON.parse(JSON.stringify(value));
const of = (outputs, type) => plain(outputs).filter((output) => output.type === type);
const events = (outputs, name) => of(outputs, 'event').filter((event) => event.name === name);

const tests = {
  async 'a file is handed over, plays and is reported'() {
    const core = await bare().load();
    const player = core.create(config({ autoplay: true, reportUrl: 'http://h/report' }), 1000);
    assert.deepStrictEqual(of(player.start(), 'source'), []);
    const sources = [{ kind: 'file', url: 'http://h/v.mp4?sign=1' }];
    const [source] = of(player.handle({ type: 'load', sources, startTime: 3 }, 1000), 'source');
    const wanted = { type: 'source', url: sources[0].url, position: 3, play: true, rate: 1, kind: 'file' };
    assert.deepStrictEqual(source, wanted);
    const ready = player.handle({ type: 'native', event: 'loadedmetadata', detail: { duration: 60 } }, 1100);
    assert.strictEqual(events(ready, 'ready')[0].detail.duration, 60);
    player.handle({ type: 'native', event: 'play' }, 1100);
    const update = (currentTime) => ({ type: 'native', event: 'timeupdate', detail: { currentTime } });
    player.handle(update(3), 1200);
    const first = player.handle(update(3.25), 1450);
    assert.strictEqual(events(first, 'playing').length, 1);
    const [report] = of(first, 'request');
    assert.strictEqual(report.method, 'POST');
    assert.strictEqual(JSON.parse(report.body).records[0].startupMs, 450);
    const over = player.handle({ type: 'destroy' }, 2000);
    assert.strictEqual(JSON.parse(JSON.parse(of(over, 'store')[0].value).pop()).session_id, 's-1');
    player.destroy();
    assert.deepStrictEqual(plain(player.handle({ type: 'play' }, 3000)), []);
  },

  async 'the answer of a platform may be the instance itself, the path and the module uncompressed'() {
    const paths = [];
    const glue = bare({ answer: (instance) => instance, name: 'MYWebAssembly', paths });
    assert.ok(glue.isSupported());
    const [one, same] = await Promise.all([glue.load({ path: '/a/core.wasm' }), glue.load({ path: '/a/core.wasm' })]);
    assert.strictEqual(one, same, 'loaded once');
    await bare({ name: 'TTWebAssembly', paths }).load();
    assert.deepStrictEqual(paths, ['/a/core.wasm', '/components/cloud-player-video/core.wasm.br']);
  },

  async 'without WebAssembly, and where the module cannot be had, there is an error, and another attempt'() {
    const none = bare({ name: null });
    assert.ok(!none.isSupported());
    await assert.rejects(none.load(), /no WebAssembly/);
    let broken = true;
    const glue = bare({ answer: (instance) => (broken ? {} : instance) });
    await assert.rejects(glue.load(), /not the core/);
    broken = false;
    await glue.load();
  },

  async 'texts cross whole, whatever is in them'() {
    const names = ['课程', '🎬 lesson', 'é\u07ff\u0800\uffff', '\ud800', 'x\udc00y', '"\\\u0000\n.', '\\ud800 \\\ud800 \ud83d'];
    for (const name of names) {
      const session = (await bare().load()).create(config({ playInfoHosts: ['http://h/p'] }), 0);
      const load = { type: 'load', sources: [{ kind: 'playInfo', appId: '1', fileId: '2' }] };
      const [request] = of(session.handle(load, 0), 'request');
      // By hand, for JSON.stringify would escape what is to come as it is.
      const code = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
      const body = `{"name":"${name.replace(/["\\\0-\x1f]/g, code)}","sources":["http://h/v.m3u8"]}`;
      const [info] = events(session.handle({ type: 'response', id: request.id, status: 200, body }, 1), 'playinfo');
      assert.strictEqual(info.detail.name, name.toWellFormed ? name.toWellFormed() : name);
    }
  },

  async 'a long text makes memory grow, and the glue looks at it anew'() {
    const session = (await bare().load()).create(config({}), 0);
    const load = { type: 'load', sources: [{ kind: 'hls', url: 'http://h/d/m.m3u8', drmToken: 'T' }] };
    const [request] = of(session.handle(load, 0), 'request');
    assert.strictEqual(request.url, 'http://h/d/voddrm.token.T.m.m3u8');
    const variant = (n) => `#EXT-X-STREAM-INF:BANDWIDTH=${n},RESOLUTION=16x${n}\nrung-${n}.m3u8\n`;
    const rungs = Array.from({ length: 2000 }, (_, n) => variant(n + 1));
    const body = `#EXTM3U\n# ${'é'.repeat(3 << 20)}\n${rungs.join('')}`;
    const [source] = of(session.handle({ type: 'response', id: request.id, status: 200, body }, 1), 'source');
    assert.strictEqual(source.url, 'http://h/d/voddrm.token.T.rung-2000.m3u8');
    const ready = events(session.handle({ type: 'native', event: 'loadedmetadata' }, 2), 'ready');
    assert.strictEqual(ready[0].detail.qualities.length, 2000);
  },

  async 'what makes no sense is an error and loses nothing'() {
    const core = await bare().load();
    assert.throws(() => core.create('no config', 0), /config/);
    const player = core.create(config({}), 0);
    for (const input of [null, 5, {}, { type: 'no' }, { type: 'seek' }, { type: 'load', sources: [{}] }]) {
      const [error] = events(player.handle(input, 0), 'error');
      assert.deepStrictEqual([error.detail.code, error.detail.fatal], ['bad_message', false]);
    }
    const sources = [{ kind: 'file', url: 'http://h/v.mp4' }];
    assert.strictEqual(of(player.handle({ type: 'load', sources }, 0), 'source').length, 1);
  },
};

for (const [name, run] of Object.entries(tests)) test(name, run);
