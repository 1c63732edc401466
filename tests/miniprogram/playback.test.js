/** The component with the core in WebAssembly plays through the origin's play info. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

for (const wasm of ['answer', 'instance']) {
  test(`plays a rung by its tokenised address; the module comes as ${wasm}`, async () => {
    const phone = stage.pick({ wasm });
    const session = stage.origin.session(`plays-${wasm}`);
    const player = stage.lesson(session);
    await player.opened(1);
    // The native player has really fetched playlist, key and segment, by nothing but this address.
    assert.match(player.video.src, /\/media\/sample-exact\/\d+p\/voddrm\.token\.[^/]+\.index\.m3u8\?expires=\d+&signature=/);
    const key = (await session.requests('/keys/')).at(-1);
    assert.deepEqual([key.status, key.token], [200, true]);
    assert.equal((await session.requests('000.ts')).at(-1).status, 200);
    assert.match(phone.instantiated.at(-1), /\.wasm(\.br)?$/);
    const ready = player.last('ready');
    assert.deepEqual(ready.features, { quality: true, renewal: true, reason: null });
    assert.deepEqual(ready.qualities.map(({ index, height }) => [index, height]), [[0, 360], [1, 480], [2, 720], [3, 1080]]);
    assert.deepEqual(player.api.getQualities(), ready.qualities);
  });
}

test('native events come out as the web has them', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('events'));
  await player.opened(1);
  await player.play(4);
  await player.stall(900);
  await player.play(1);
  player.api.pause();
  await clock.advance(1000);
  player.api.play();
  player.api.seek(20);
  await player.play(5);
  const names = player.events.map(({ name }) => name).filter((name) => !['timeupdate', 'qoe'].includes(name));
  assert.deepEqual(names, [
    'playinfo', 'ready', 'qualitychange', 'play', 'playing', 'waiting', 'playing', 'pause', 'play', 'playing', 'ended',
  ]);
  const { currentTime, duration } = player.last('timeupdate');
  assert.deepEqual([Math.round(currentTime), duration], [24, 24]);
  assert.equal(player.last('playinfo').name, 'Sample, every URL signed by itself');
  assert.equal(player.element.instance.data.poster, player.last('playinfo').poster);
});

test('what the page says reaches the native video', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('methods'), { poster: 'https://h/p.jpg', muted: true, loop: true, controls: false, startTime: 8 });
  await player.opened(1);
  const { data } = player.element.instance;
  assert.deepEqual([data.poster, data.muted, data.loop, data.controls], ['https://h/p.jpg', true, true, false]);
  assert.equal(player.video.position, 8);
  player.api.requestFullScreen({ direction: 90 });
  assert.deepEqual(player.video.log.at(-1), ['requestFullScreen', { direction: 90 }]);
  assert.deepEqual(player.last('fullscreenchange'), { fullScreen: true });
  player.api.exitFullScreen();
  player.api.setRate(1.5);
  await player.play(2);
  assert.equal(player.last('ratechange').rate, 1.5);
  assert.equal(player.last('timeupdate').currentTime, 11);
  player.api.pause();
  assert.ok(player.video.paused);
  player.api.seek(3);
  assert.equal(player.video.position, 3);
  player.api.destroy();
  await clock.settle();
  assert.equal(player.element.instance.data.src, '');
});

test('an address with its own token, a media playlist, and a file', async () => {
  const session = stage.origin.session('addresses');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  stage.pick();
  const hls = stage.phone.open({ src: await session.url('sample-exact/master.m3u8'), drmToken, autoplay: true });
  await hls.opened(1);
  assert.ok(hls.video.src.includes(`/voddrm.token.${drmToken}.index.m3u8?`));
  stage.pick();
  const media = stage.phone.open({ src: await session.url('sample-exact/480p/index.m3u8'), drmToken, autoplay: true });
  await media.opened(1);
  assert.ok(media.video.src.includes(`/480p/voddrm.token.${drmToken}.index.m3u8?`));
  assert.deepEqual(media.last('ready').features.reason, 'media_playlist');
  stage.pick();
  const file = stage.phone.open({ src: `${session.base}/media/sample/poster.jpg?as=x.mp4`, fallbackSources: [{ file: `${session.base}/media/sample/poster.jpg` }], autoplay: true });
  const ready = await file.waitFor('ready', ({ features }) => features.reason === 'file');
  assert.deepEqual(ready.qualities, []);
});

test('another file is another session; several changes are one', async () => {
  stage.pick();
  const session = stage.origin.session('changes');
  const player = stage.lesson(session);
  await player.opened(1);
  player.set({ fileId: 'sample' });
  player.set({ fileId: 'sample-rotating' });
  player.set({ fileId: 'sample-exact', src: '' });
  await clock.advance(10);
  // It is the same as before.
  assert.equal(player.video.loads, 1);
  player.set({ fileId: 'sample-psign' });
  const { code } = await player.waitFor('error', ({ fatal }) => fatal);
  assert.equal(code, 'play_info_refused');
  const { psign } = await session.tokens('sample-psign');
  const asked = async () => (await session.requests('getplayinfo')).map(({ path }) => path.split('/').at(-1));
  assert.deepEqual(await asked(), ['sample-exact', 'sample-psign']);
  // What was refused is asked for by the new right.
  player.set({ psign });
  await clock.until(async () => (await asked()).length > 2, 'another request');
  assert.deepEqual(await asked(), ['sample-exact', 'sample-psign', 'sample-psign']);
});

test('a source that fails gives way to the next, in the same place', async () => {
  stage.pick();
  const session = stage.origin.session('next');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  const player = stage.lesson(session, { fallbackSources: [{ src: await session.url('sample-exact/master.m3u8'), drmToken }] });
  await player.opened(1);
  await player.play(7);
  player.api.setRate(1.25);
  const before = player.video.src;
  await session.fault({ pattern: 'getplayinfo', fault: { kind: 'status', status: 404 } });
  for (let times = 0; times < 9 && player.named('sourcechange').length === 0; times += 1) {
    player.video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
    await clock.settle();
    await clock.advance(500);
  }
  assert.equal((await player.waitFor('sourcechange')).source, 1);
  await clock.until(() => player.video.opened && player.video.src !== before, 'the other source');
  await clock.settle();
  assert.ok(player.video.src.includes(`voddrm.token.${drmToken}.`));
  assert.deepEqual([player.video.position, player.video.rate, player.video.paused], [7, 1.25, false]);
  assert.equal(player.named('error').every(({ fatal }) => !fatal), true);
});

test('what fails once is begun anew in the same place, at the same address', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('anew'));
  await player.opened(1);
  await player.play(5);
  const { src } = player.video;
  player.video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
  await clock.advance(600);
  await player.opened(2);
  assert.deepEqual([player.video.src, player.video.position, player.video.paused], [src, 5, false]);
  await player.play(1);
  assert.deepEqual(player.named('error').map(({ code, fatal }) => [code, fatal]), [['decode_failed', false]]);
});

test('what the core does not take is an error, not silence', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('name'), { tokenHosts: [5] });
  const { code, phase, fatal } = await player.waitFor('error');
  assert.deepEqual([code, phase, fatal], ['internal', 'host', true]);
});

test('where no service is named, it is the public one', async () => {
  for (const wasm of ['answer', 'none']) {
    const phone = stage.pick({ wasm });
    phone.silent = true;
    stage.phone.open({ appId: 1500012345, fileId: 'a/b', psign: 'a.b' });
    await clock.until(() => phone.sent.length > 0, 'a request');
    assert.equal(phone.sent[0].url, 'https://playvideo.qcloud.com/getplayinfo/v4/1500012345/a%2Fb?psign=a.b');
  }
});

test('where the module is missing or broken, the component plays all the same and says so', async () => {
  for (const [wasm, properties] of [['broken', {}], ['answer', { wasmPath: '/nowhere.wasm' }]]) {
    stage.pick({ wasm });
    const player = stage.lesson(stage.origin.session(`missing-${wasm}`), properties);
    await player.opened(1);
    assert.equal(player.last('ready').features.reason, 'no_webassembly');
  }
});
