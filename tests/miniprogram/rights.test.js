/** Rights that come late, twice, or for another source than the one that plays. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

test('a player signature that comes after the refusal starts what was refused', async () => {
  for (const wasm of ['answer', 'none']) {
    stage.pick({ wasm });
    const session = stage.origin.session(`psign-${wasm}`);
    const { psign } = await session.tokens('sample-psign');
    const player = stage.lesson(session, { fileId: 'sample-psign' });
    assert.equal((await player.waitFor('error', ({ fatal }) => fatal)).phase, 'play_info');
    player.set({ psign });
    await clock.until(() => player.video.src, 'a source');
    assert.match(player.video.src, /\/sample-psign\//);
  }
});

test('a player signature that comes while play info is asked for is asked with', async () => {
  for (const wasm of ['answer', 'none']) {
    stage.pick({ wasm });
    const session = stage.origin.session(`psign-flying-${wasm}`);
    const { psign } = await session.tokens('sample-psign');
    await session.fault({ pattern: 'getplayinfo', fault: { kind: 'stall', after_bytes: 3, for_ms: 300 }, times: 1 });
    const player = stage.lesson(session, { fileId: 'sample-psign' });
    await clock.until(() => stage.phone.sent.length > 0, 'a request');
    player.set({ psign });
    await clock.until(() => player.video.src, 'a source');
    assert.deepEqual(player.named('error').filter(({ phase }) => phase === 'play_info'), []);
  }
});

test('a token that comes after its address does', async () => {
  stage.pick();
  const session = stage.origin.session('token-late');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  const src = await session.url('sample-exact/master.m3u8');
  await session.fault({ pattern: 'sample-exact/master.m3u8', fault: { kind: 'status', status: 403 }, times: 1 });
  const player = stage.phone.open({ src, autoplay: true });
  await player.waitFor('error', ({ fatal }) => fatal);
  player.set({ drmToken });
  await player.opened(1);
  assert.ok(player.video.src.includes(`voddrm.token.${drmToken}.`));
});

test('the rights of version 2 of play info are renewed as a whole', async () => {
  stage.pick().silent = true;
  const session = stage.origin.session('version-2');
  const of = (n) => ({ t: `6${n}`, us: 'u', exper: '0', sign: `signature-${n}` });
  const playInfoUrl = `${session.base}/getplayinfo/v2`;
  const player = stage.lesson(session, { playInfoUrl, tokenObj: of(1), renews: true });
  await clock.until(() => stage.phone.sent.length > 0, 'a request');
  player.set({ tokenObj: of(2) });
  await clock.advance(1);
  await clock.until(() => stage.phone.sent.length > 1, 'another request');
  assert.match(stage.phone.sent[1].url, /\?t=62&us=u&exper=0&sign=signature-2$/);
  player.api.updateAccess({ tokenObj: of(3) });
  await clock.until(() => stage.phone.sent.some(({ url }) => url.includes('t=63&us=u&exper=0&sign=signature-3')), 'the third');
});

test('when a right ends may be said later, and anew', async () => {
  stage.pick();
  const session = stage.origin.session('expires-late');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  const src = await session.url('sample-exact/master.m3u8', 3600);
  const player = stage.phone.open({ src, drmToken, autoplay: true, renews: true });
  await player.opened(1);
  await player.play(1);
  player.set({ expires: Math.floor(Date.now() / 1000) + 20 });
  await clock.advance(12_000);
  assert.deepEqual(player.named('accesswanted'), []);
  await clock.advance(5000);
  const { reason, wanted } = await player.waitFor('accesswanted');
  assert.deepEqual([reason, wanted], ['expiring', 'media']);
  assert.equal(player.video.loads, 1);
});

test('a source whose turn comes is opened by the right of today', async () => {
  stage.pick();
  const session = stage.origin.session('turn');
  const { drm_token: first } = await session.tokens('sample-exact');
  const { drm_token: second } = await session.tokens('sample-exact', 900);
  const src = await session.url('sample-exact/master.m3u8');
  const player = stage.lesson(session, { fallbackSources: [{ src, drmToken: first }] });
  await player.opened(1);
  await player.play(2);
  player.set({ fallbackSources: [{ src, drmToken: second }] });
  await clock.advance(1);
  assert.equal(player.video.loads, 1, 'it is not the one that plays');
  player.video.fire('error', { errMsg: 'MEDIA_ERR_SRC_NOT_SUPPORTED' });
  await player.opened(2);
  assert.ok(player.video.src.includes(`voddrm.token.${second}.`));
  // Now it is; and that of the first is not.
  const { drm_token: third } = await session.tokens('sample-exact', 1200);
  player.set({ psign: 'of.the.first' });
  await clock.advance(1);
  assert.equal(player.video.loads, 2);
  player.set({ fallbackSources: [{ src, drmToken: third }] });
  await player.opened(3);
  assert.ok(player.video.src.includes(`voddrm.token.${third}.`));
  assert.equal(player.video.position, 2);
});

test('two answers to a wish that was made twice are one hand-over', async () => {
  for (const named of [false, true]) {
    stage.pick();
    const session = stage.origin.session(`twice-${named}`);
    const { drm_token: drmToken } = await session.tokens('sample-exact', 20);
    const src = await session.url('sample-exact/master.m3u8', 3600);
    const player = stage.phone.open({ src, drmToken, autoplay: true, renews: true });
    await player.opened(1);
    await player.play(1);
    await clock.advance(17_000);
    await player.waitFor('accesswanted');
    await clock.advance(16_000);
    const wishes = await clock.until(() => player.named('accesswanted').length === 2 && player.named('accesswanted'), 'another wish');
    const answers = [await session.tokens('sample-exact', 600), await session.tokens('sample-exact', 900)];
    for (const [at, { drm_token: token }] of answers.entries()) {
      player.api.updateAccess(named ? { id: wishes[at].id, token } : { token });
      await player.opened(2);
    }
    await clock.advance(100);
    assert.equal(player.video.loads, 2);
    assert.ok(player.video.src.includes(`voddrm.token.${answers[0].drm_token}.`));
    // One that nobody asked for is used, some time later.
    await clock.advance(named ? 0 : 61_000);
    const { drm_token: token } = await session.tokens('sample-exact', 1200);
    player.api.updateAccess({ token });
    await player.opened(3);
  }
});
