/** Rights that end while a file plays. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

const renewed = (session) => session.requests('getplayinfo').then((requests) => requests.length - 1);

test('play info is asked again before the token ends; the source changes once, in the same place', async () => {
  stage.pick();
  const session = stage.origin.session('expiring');
  await session.access({ token_ttl_s: 5 });
  const player = stage.lesson(session);
  await player.opened(1);
  const first = player.video.src;
  await player.play(3);
  await session.access({ token_ttl_s: 600 });
  // Four fifths of its life, by the server's clock.
  await clock.until(async () => (await renewed(session)) > 0, 'a renewal', 8000);
  await player.opened(2);
  assert.notEqual(player.video.src, first);
  assert.deepEqual([player.video.position, player.video.paused], [3 + (player.video.position - 3), false]);
  assert.ok(Math.abs(player.video.position - 3) < 0.5);
  await clock.wait(1500);
  await player.play(2);
  assert.deepEqual([player.video.loads, await renewed(session)], [2, 1]);
  assert.deepEqual(player.named('error'), []);
});

test('a page that renews is asked, and its new token is used', async () => {
  stage.pick();
  const session = stage.origin.session('page');
  const { drm_token: first } = await session.tokens('sample-exact', 4);
  const player = stage.phone.open({ src: await session.url('sample-exact/master.m3u8'), drmToken: first, autoplay: true, renews: true });
  await player.opened(1);
  await player.play(2);
  const wanted = await player.waitFor('accesswanted', () => true, 8000);
  assert.equal(wanted.reason, 'expiring');
  const { drm_token: second } = await session.tokens('sample-exact', 600);
  player.set({ drmToken: second });
  await player.opened(2);
  assert.ok(player.video.src.includes(`voddrm.token.${second}.`));
  assert.ok(Math.abs(player.video.position - 2) < 0.5);
  assert.equal(player.video.paused, false);
});

test('an error once the token has ended is answered by one renewal', async () => {
  stage.pick();
  const session = stage.origin.session('refused');
  const player = stage.lesson(session);
  await player.opened(1);
  await player.play(6);
  player.api.setRate(1.5);
  // Its life is not over by any clock, but the server thinks otherwise: a native player only says that it failed.
  await session.access({ clock_offset_s: 7 * 3600 });
  player.video.fire('error', { errMsg: 'MEDIA_ERR_NETWORK' });
  await player.opened(2);
  assert.equal(await renewed(session), 1);
  assert.deepEqual([player.video.position, player.video.rate, player.video.paused], [6, 1.5, false]);
  await player.play(2);
  assert.equal(player.named('error').filter(({ fatal }) => fatal).length, 0);
});

test('a page that says that the viewer may not watch any more ends it', async () => {
  stage.pick();
  const session = stage.origin.session('revoked');
  const { drm_token: drmToken } = await session.tokens('sample-exact', 3);
  const player = stage.phone.open({ src: await session.url('sample-exact/master.m3u8'), drmToken, autoplay: true, renews: true });
  await player.opened(1);
  await player.waitFor('accesswanted', () => true, 8000);
  player.api.updateAccess({ revoked: true });
  const { code, fatal } = await player.waitFor('error', () => true);
  assert.deepEqual([code, fatal], ['access_revoked', true]);
});
