/** The same scripts on every platform of the table, each in a program that has nothing but that platform's objects. */

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const zlib = require('node:zlib');

const { FOLDER, Instance, run } = require('./lib/bare.js');
const clock = require('./lib/clock.js');
const { send } = require('./lib/http.js');
const { Origin } = require('./lib/origin.js');
const { PLATFORMS } = require('../../www/miniprogram/components/cloud-player-video/platforms.js');

let origin;
before(async () => (origin = await Origin.start()));
after(() => origin.stop());

/** How each platform's documentation has it, beside WeChat's way. */
const WAYS = {
  wechat: { api: 'wx' },
  qq: { api: 'qq' },
  douyin: { api: 'tt' },
  baidu: { api: 'swan' },
  alipay: { api: 'my', named: true, errors: true, time: 'videoDuration' },
};

/** The platform's object, over real HTTP. */
function platformObject(way, log) {
  const stored = new Map();
  const answerHeaders = way.named ? 'headers' : 'header';
  const status = way.named ? 'status' : 'statusCode';
  return {
    request(options) {
      log.requests.push(options);
      const under = send(options.url, { method: options.method, headers: options[answerHeaders], body: options.data });
      under.answer.then(
        (answer) => {
          const result = { data: answer.body, [answerHeaders]: answer.headers, [status]: answer.status };
          // Alipay calls it a failure.
          if (way.errors && answer.status >= 400) options.fail({ error: 19, errorMessage: 'http status error', ...result });
          else options.success(result);
        },
        () => options.fail(way.errors ? { error: 12, errorMessage: 'network error' } : { errMsg: 'request:fail' }),
      );
      return { abort: under.abort };
    },
    getStorageSync: (key) => (way.named ? { data: stored.get(key.key) ?? null } : (stored.get(key) ?? '')),
    setStorageSync: (key, value) => (way.named ? stored.set(key.key, key.data) : stored.set(key, value)),
    removeStorageSync: (key) => stored.delete(way.named ? key.key : key),
    getNetworkType: ({ success }) => success({ networkType: way.named ? 'WIFI' : 'wifi' }),
    onNetworkStatusChange: () => {},
    createVideoContext: (id) => {
      log.contexts.push(id);
      return log.video;
    },
  };
}

function recorder() {
  const calls = [];
  const method = (name) => (value) => calls.push(value === undefined ? [name] : [name, value]);
  return { calls, play: method('play'), pause: method('pause'), seek: method('seek'), playbackRate: method('playbackRate') };
}

for (const platform of PLATFORMS) {
  test(`${platform.name}: plays the tokenised address, with its own names`, async (t) => {
    const way = WAYS[platform.name];
    const log = { requests: [], contexts: [], video: recorder() };
    const { spec } = run({ [way.api]: platformObject(way, log) });
    const session = origin.session(`on-${platform.name}`);
    const player = new Instance(spec, { appId: '1500012345', fileId: 'sample-exact', playInfoUrl: session.playInfo, autoplay: true });
    t.after(() => player.end());
    await clock.until(() => player.data.videoSrc, 'a source');
    assert.equal(log.requests[0].dataType, way.named || ['wechat', 'qq'].includes(platform.name) ? 'text' : 'string');
    assert.match(player.data.videoSrc, /voddrm\.token\..*master\.m3u8\?/);

    const fire = (name, detail) => player[`native_${name}`]({ type: 'whatever', detail });
    if (platform.events.loadedmetadata) fire('loadedmetadata', { duration: 24, width: 640, height: 360 });
    if (platform.events.arrived) fire('arrived');
    fire('play');
    for (let second = 1; second <= 3; second += 1) fire('timeupdate', { currentTime: second, [way.time ?? 'duration']: 23.5 });
    fire('waiting');
    fire('fullscreenchange', { fullScreen: platform.name === 'alipay' ? 'true' : true });
    player.seek(9);
    player.setRate(1.25);
    player.pause();
    const names = player.events.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => name !== 'ratechange'),
      ['playinfo', 'ready', 'play', 'playing', 'timeupdate', 'timeupdate', 'timeupdate', 'waiting', 'fullscreenchange'],
    );
    assert.deepEqual({ ...player.events.find(({ name }) => name === 'timeupdate').detail }, { currentTime: 1, duration: 23.5 });
    assert.equal(player.events.at(-1).detail.fullScreen ?? player.events.at(-2).detail.fullScreen, true);
    assert.deepEqual(log.video.calls.slice(-3), [['seek', 9], ['playbackRate', 1.25], ['pause']]);
    assert.deepEqual([...new Set(log.contexts)], [player.data.videoId]);
  });

  test(`${platform.name}: a status that is no success keeps its code`, async (t) => {
    const way = WAYS[platform.name];
    const log = { requests: [], contexts: [], video: recorder() };
    const { spec } = run({ [way.api]: platformObject(way, log) });
    const session = origin.session(`refused-${platform.name}`);
    await session.fault({ pattern: 'getplayinfo', fault: { kind: 'status', status: 403 } });
    const player = new Instance(spec, { appId: '1', fileId: 'sample', playInfoUrl: session.playInfo });
    t.after(() => player.end());
    const failed = await clock.until(() => player.events.find(({ name }) => name === 'error'), 'an error');
    assert.deepEqual([failed.detail.code, failed.detail.status], ['access_refused', 403]);
  });

  test(`${platform.name}: its template has all that the table says`, () => {
    const template = fs.readFileSync(path.join(FOLDER, `index.${platform.template.extension}`), 'utf8');
    for (const [name, own] of Object.entries(platform.events)) {
      assert.ok(template.includes(`${platform.template.on}${own}="native_${name}"`), own);
      assert.equal(typeof run({ [WAYS[platform.name].api]: {} }).spec.methods[`native_${name}`], 'function', name);
    }
    assert.ok(fs.existsSync(path.join(FOLDER, `index.${platform.template.style}`)));
  });
}

/** Their own WebAssembly, and whether it takes a compressed module. */
const MODULES = { wechat: ['WXWebAssembly', true], douyin: ['TTWebAssembly', false], alipay: ['MYWebAssembly', false] };

for (const [name, [global, compressed]] of Object.entries(MODULES)) {
  test(`${name}: the core in its own WebAssembly chooses, with nothing else at hand`, async (t) => {
    const way = WAYS[name];
    const log = { requests: [], contexts: [], video: recorder() };
    const asked = [];
    const instantiate = async (file, imports) => {
      asked.push(file);
      if (!file.startsWith('/miniprogram_npm/')) throw new Error('no such file');
      if (file.endsWith('.br') && !compressed) throw new Error('no module');
      const bytes = fs.readFileSync(path.join(FOLDER, path.basename(file)));
      const { instance } = await WebAssembly.instantiate(file.endsWith('.br') ? zlib.brotliDecompressSync(bytes) : bytes, imports);
      return compressed ? { instance } : instance;
    };
    const { spec } = run({ [way.api]: platformObject(way, log), [global]: { instantiate } });
    const session = origin.session(`module-${name}`);
    const player = new Instance(spec, { appId: '1500012345', fileId: 'sample-exact', playInfoUrl: session.playInfo, autoplay: true });
    t.after(() => player.end());
    await clock.until(() => player.data.videoSrc, 'a source');
    assert.match(player.data.videoSrc, /\/\d+p\/voddrm\.token\./, 'a rung');
    assert.ok(asked.at(-1).endsWith(compressed ? '/core.wasm.br' : '/core.wasm'));
    const fire = (event, detail) => player[`native_${event}`]({ type: 'whatever', detail });
    if (name === 'alipay') fire('arrived');
    else fire('loadedmetadata', { duration: 24, width: 640, height: 360 });
    fire('play');
    for (const currentTime of [0.25, 0.5]) {
      await clock.advance(250);
      fire('timeupdate', { currentTime, [way.time ?? 'duration']: 24 });
    }
    const names = new Set(player.events.map((event) => event.name));
    for (const event of ['playinfo', 'ready', 'play', 'playing', 'timeupdate']) assert.ok(names.has(event), event);
    assert.ok(!names.has('error'));
  });
}

test('alipay: a viewer who presses play is who starts it, and no right is in the render layer', async (t) => {
  const log = { requests: [], contexts: [], video: recorder() };
  const instantiate = (file, imports) => WebAssembly.instantiate(fs.readFileSync(path.join(FOLDER, 'core.wasm')), imports);
  const { spec } = run({ my: platformObject(WAYS.alipay, log), MYWebAssembly: { instantiate } });
  const session = origin.session('alipay-button');
  const rights = { psign: 'SECRET.1', tokenObj: { psign: 'SECRET.2' }, drmToken: 'SECRET.3' };
  const player = new Instance(spec, { appId: '1500012345', fileId: 'sample-exact', playInfoUrl: session.playInfo, loop: true, ...rights });
  t.after(() => player.end());
  await clock.until(() => player.data.videoSrc, 'a source');
  assert.ok(!JSON.stringify(player.data).includes('SECRET'));
  assert.equal(player.data.loop, true);
  const fire = (event, detail) => player[`native_${event}`]({ type: 'whatever', detail });
  const names = () => player.events.map(({ name }) => name);
  await clock.advance(5000);
  fire('play');
  assert.ok(names().includes('play'));
  await clock.advance(2000);
  fire('arrived');
  assert.ok(names().includes('ready'));
  assert.ok(!log.video.calls.some(([name]) => name === 'pause'), 'it goes on');
  for (const currentTime of [0.25, 0.5]) {
    await clock.advance(250);
    fire('timeupdate', { currentTime, videoDuration: 24 });
  }
  assert.ok(names().includes('playing'));
  player.destroy();
});

test('the templates are what the table makes of them', () => {
  execFileSync(process.execPath, [path.join(FOLDER, '../../templates.mjs'), '--check']);
});

test('a platform that defines the object of another too is itself', () => {
  const object = platformObject(WAYS.qq, { requests: [] });
  assert.equal(run({ qq: object, wx: object }, 'platforms.js').exports.current().name, 'qq');
  assert.equal(run({ wx: object }, 'platforms.js').exports.current().name, 'wechat');
});
