/** A platform without WebAssembly: the core in JavaScript. */

const assert = require('node:assert/strict');
const { after, afterEach, before, test } = require('node:test');

const { Origin } = require('./lib/origin.js');
const { Phone } = require('./lib/phone.js');

let origin;
let phone;
before(async () => (origin = await Origin.start()));
after(() => origin.stop());
afterEach(() => {
  for (const secret of phone.secrets()) assert.ok(!phone.told().includes(secret), 'a secret was told');
  phone.close();
});

test('the tokenised address plays, and what is off is said', async () => {
  phone = new Phone({ wasm: 'none' });
  const player = phone.open({ appId: '1500012345', fileId: 'sample-exact', playInfoUrl: origin.session('js-plays').playInfo, autoplay: true });
  await player.opened(1);
  assert.match(player.video.src, /\/media\/sample-exact\/voddrm\.token\.[^/]+\.master\.m3u8\?expires=/);
  assert.deepEqual(player.last('ready').features, { quality: false, renewal: false, reports: false, reason: 'no_webassembly' });
  await player.play(2);
  assert.deepEqual(player.events.map((event) => event.name).filter((name) => name !== 'timeupdate'), [
    'playinfo',
    'ready',
    'play',
    'playing',
  ]);
  assert.equal(player.last('timeupdate').currentTime, 2);
  assert.deepEqual(player.api.getQualities(), []);
});

test('an address with its token plays, paused until it is told', async () => {
  phone = new Phone({ wasm: 'none' });
  const session = origin.session('js-hls');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  const player = phone.open({ src: await session.url('sample-exact/master.m3u8'), drmToken, startTime: 8 });
  await player.opened(1);
  assert.ok(player.video.src.includes(`/voddrm.token.${drmToken}.master.m3u8?`));
  assert.ok(player.video.paused);
  player.api.play();
  player.api.setRate(1.5);
  await player.play(2);
  assert.equal(player.last('timeupdate').currentTime, 11);
  assert.deepEqual(player.last('ratechange'), { rate: 1.5 });
  player.api.seek(20);
  player.api.pause();
  assert.deepEqual([player.video.position, player.video.paused], [20, true]);
  assert.equal(player.named('pause').length, 1);
});

test('where a source fails, the next one goes on in the same place', async () => {
  phone = new Phone({ wasm: 'none' });
  const session = origin.session('js-next');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  const player = phone.open({
    src: await session.url('sample-exact/master.m3u8'),
    drmToken,
    autoplay: true,
    fallbackSources: [{ src: await session.url('sample-clear/master.m3u8') }, { file: `${session.base}/media/sample/poster.jpg` }],
  });
  await player.opened(1);
  await player.play(6);
  player.api.setRate(1.25);
  player.video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
  // The second cannot be opened: its children are not signed, and a native player passes nothing on.
  await session.fault({ pattern: 'sample-clear', fault: { kind: 'status', status: 404 } });
  await player.waitFor('sourcechange', (detail) => detail.source === 2);
  await player.opened(3);
  assert.deepEqual([player.video.position, player.video.rate, player.video.paused], [6, 1.25, false]);
  assert.deepEqual(
    player.named('error').map(({ code, phase, fatal }) => [code, phase, fatal]),
    [['decode_failed', 'sink', false], ['network', 'segment', false]],
  );
  player.video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
  assert.equal(player.last('error').fatal, true);
});

test('failures of play info have the codes of the web', async () => {
  const failed = async (properties) => {
    phone?.close();
    phone = new Phone({ wasm: 'none' });
    const player = phone.open({ appId: '1500012345', autoplay: true, ...properties });
    const { code, phase, status } = await player.waitFor('error', (detail) => detail.fatal);
    return [code, phase, status];
  };
  const session = origin.session('js-codes');
  const playInfoUrl = session.playInfo;
  assert.deepEqual(await failed({ fileId: 'nothing', playInfoUrl }), ['play_info_refused', 'play_info', null]);
  assert.deepEqual(await failed({ fileId: 'sample-psign', playInfoUrl }), ['play_info_refused', 'play_info', null]);
  const { psign } = await session.tokens('sample-psign', -5);
  assert.deepEqual(await failed({ fileId: 'sample-psign', playInfoUrl, psign }), ['play_info_token_refused', 'play_info', null]);
  assert.deepEqual(await failed({ fileId: 'x', playInfoUrl: `${session.base}/nowhere` }), ['not_found', 'play_info', 404]);
});

test('play info is asked for again where that may help', async () => {
  phone = new Phone({ wasm: 'none' });
  const session = origin.session('js-again');
  await session.fault({ pattern: 'getplayinfo', fault: { kind: 'status', status: 503 }, times: 2 });
  const player = phone.open({ appId: '1500012345', fileId: 'sample-exact', playInfoUrl: session.playInfo, autoplay: true });
  await player.opened(1);
  assert.deepEqual(player.named('error').map(({ code, fatal }) => [code, fatal]), [['server_error', false], ['server_error', false]]);
  assert.deepEqual((await session.requests('getplayinfo')).map(({ status }) => status), [503, 503, 200]);
});

test('a page may ask for play info and write the address by itself', async () => {
  phone = new Phone({ wasm: 'none' });
  const { formatUrlWithToken, getPlayInfo } = require('../../www/miniprogram/components/index.js');
  const session = origin.session('js-page');
  const { psign } = await session.tokens('sample-psign');
  const found = await getPlayInfo('1500012345', { psign }, 'sample-psign', session.playInfo);
  assert.equal(found.url, found.answer.media.streamingInfo.drmOutput[0].url);
  assert.equal(found.drmToken, found.answer.media.streamingInfo.drmToken);
  assert.ok(formatUrlWithToken(found.url, found.drmToken).includes(`/voddrm.token.${found.drmToken}.master.m3u8?`));
  await assert.rejects(getPlayInfo('1500012345', { psign }, 'sample', `${session.base}/nowhere`), { code: 'not_found', status: 404 });
  await assert.rejects(getPlayInfo('1', null, 'sample-psign', session.playInfo), { code: 'play_info_refused' });
  // Version 2 has a signature of its own kind.
  const sign = { t: '5c2b5640', us: 'a b', exper: 0, sign: 'x' };
  assert.equal((await getPlayInfo('1', sign, 'sample', `${session.base}/getplayinfo/v2`)).sources[0].kind, 'hls');
  assert.ok(phone.sent.at(-1).url.endsWith('/getplayinfo/v2/1/sample?t=5c2b5640&us=a%20b&exper=0&sign=x'));
});

test('the token goes before the file name, once', () => {
  const { formatUrlWithToken } = require('../../www/miniprogram/components/index.js');
  for (const [url, token, wanted] of [
    ['http://h/xxx/xx.m3u8?t=1&us=2&sign=3', 'TOK', 'http://h/xxx/voddrm.token.TOK.xx.m3u8?t=1&us=2&sign=3'],
    ['http://h/x.m3u8?a=/b/c.d#/e', 'T', 'http://h/voddrm.token.T.x.m3u8?a=/b/c.d#/e'],
    ['x.m3u8', 'T', 'voddrm.token.T.x.m3u8'],
    ['/a/x.m3u8??&&%2f', 'T', '/a/voddrm.token.T.x.m3u8??&&%2f'],
    ['http://h/x.m3u8', 'a.b~c-_=', 'http://h/voddrm.token.a.b~c-_=.x.m3u8'],
    ['http://h/x.m3u8', 'a/b?c#d%e é', 'http://h/voddrm.token.a%2Fb%3Fc%23d%25e%20%C3%A9.x.m3u8'],
  ]) {
    assert.equal(formatUrlWithToken(url, token), wanted);
    assert.equal(formatUrlWithToken(wanted, token), wanted, 'never twice');
    assert.equal(formatUrlWithToken(wanted, 'OTHER'), wanted, 'never two');
  }
  for (const url of ['http://h/dir/?q=x.m3u8', 'http://h', 'data:,x.m3u8', '']) assert.equal(formatUrlWithToken(url, 'T'), url);
  assert.equal(formatUrlWithToken('http://h/x.m3u8', ''), 'http://h/x.m3u8');
});
