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
  await session.access({ token_ttl_s: 20 });
  const player = stage.lesson(session);
  await player.opened(1);
  const first = player.video.src;
  await player.play(3);
  await session.access({ token_ttl_s: 600 });
  await clock.advance(10_000);
  assert.equal(await renewed(session), 0);
  // Four fifths of its life, by the server's clock.
  await clock.advance(4000);
  await clock.until(async () => (await renewed(session)) > 0, 'a renewal');
  await player.opened(2);
  assert.notEqual(player.video.src, first);
  assert.deepEqual([player.video.position, player.video.paused], [3, false]);
  await player.play(15);
  assert.deepEqual([player.video.loads, await renewed(session)], [2, 1]);
  assert.deepEqual(player.named('error'), []);
});

test('a page that renews is asked, and what it gives is used', async () => {
  stage.pick();
  const session = stage.origin.session('page');
  const { drm_token: first } = await session.tokens('sample-exact', 20);
  const src = await session.url('sample-exact/master.m3u8', 20);
  const player = stage.phone.open({ src, drmToken: first, autoplay: true, renews: true });
  await player.opened(1);
  await player.play(2);
  await clock.advance(13_000);
  assert.equal((await player.waitFor('accesswanted')).reason, 'expiring');
  const { drm_token: second } = await session.tokens('sample-exact');
  player.api.updateAccess({ url: await session.url('sample-exact/master.m3u8'), token: second });
  await player.opened(2);
  assert.ok(player.video.src.includes(`voddrm.token.${second}.`));
  assert.deepEqual([player.video.position, player.video.paused], [2, false]);
  await player.play(15);
  assert.equal(player.named('accesswanted').length, 1);
});

test('the page says when a token ends, and changes the property', async () => {
  stage.pick();
  const session = stage.origin.session('property');
  const { drm_token: first } = await session.tokens('sample-exact', 20);
  const src = await session.url('sample-exact/master.m3u8');
  const expires = Math.floor(clock.real() / 1000) + 20;
  const player = stage.phone.open({ src, drmToken: first, expires, autoplay: true, renews: true });
  await player.opened(1);
  await player.play(2);
  await clock.advance(14_000);
  await player.waitFor('accesswanted');
  const { drm_token: second } = await session.tokens('sample-exact');
  player.set({ drmToken: second });
  await player.opened(2);
  assert.ok(player.video.src.includes(`voddrm.token.${second}.`));
  assert.equal(player.video.position, 2);
});

test('an error once the token has ended is answered by one renewal', async () => {
  stage.pick();
  const session = stage.origin.session('refused');
  const player = stage.lesson(session);
  await player.opened(1);
  await player.play(6);
  player.api.setRate(1.5);
  // The phone sleeps for longer than the token lives; all that the native player says then is that it failed.
  await session.access({ clock_offset_s: 7 * 3600 });
  clock.sleep(7 * 3600 * 1000);
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
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  const player = stage.phone.open({ src: await session.url('sample-exact/master.m3u8', 20), drmToken, autoplay: true, renews: true });
  await player.opened(1);
  await clock.advance(15_000);
  await player.waitFor('accesswanted');
  player.api.updateAccess({ revoked: true });
  const { code, fatal } = await player.waitFor('error', () => true);
  assert.deepEqual([code, fatal], ['access_revoked', true]);
});
