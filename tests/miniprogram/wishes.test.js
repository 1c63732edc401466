/** What is wished for, and what is said, while the native video loads. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

/** One that plays, and is told to load another rung. */
async function switching(name, properties) {
  stage.pick();
  const player = stage.lesson(stage.origin.session(name), properties);
  await player.opened(1);
  await player.play(5);
  player.video.log.length = 0;
  player.api.setQuality(player.last('qualitychange').quality === 0 ? 1 : 0);
  await clock.settle();
  assert.equal(player.video.opened, null, 'it loads');
  return player;
}

test('a pause while another rung loads is a pause', async () => {
  const player = await switching('pause-loading');
  player.api.pause();
  await player.opened(2);
  await player.play(2);
  assert.deepEqual([player.video.paused, player.video.position], [true, 5]);
  assert.equal(player.events.filter(({ name }) => name === 'play' || name === 'pause').at(-1).name, 'pause');
  player.api.play();
  await player.play(2);
  assert.deepEqual([player.video.paused, player.video.position], [false, 7]);
});

test('a pause while the first source loads is one too', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('pause-first'));
  await clock.until(() => player.video.loads === 1, 'a source');
  player.api.pause();
  await player.opened(1);
  await player.play(2);
  assert.deepEqual([player.video.paused, player.video.position], [true, 0]);
});

test('a rate and a seek while another rung loads are where it goes on', async () => {
  const player = await switching('seek-loading');
  player.api.setRate(1.5);
  player.api.seek(13);
  player.api.setRate(1.25);
  await player.opened(2);
  assert.deepEqual([player.video.rate, player.video.position, player.video.paused], [1.25, 13, false]);
  await player.play(2);
  assert.equal(player.video.position, 15.5);
  assert.equal(player.last('timeupdate').currentTime, 15.5);
  player.api.seek(0);
  player.api.setQuality(2);
  player.api.setRate(1);
  await player.opened(3);
  assert.deepEqual([player.video.rate, player.video.position], [1, 0]);
});

test('play while the first source loads plays, from the place where it is to start', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('play-loading'), { autoplay: false, startTime: 8 });
  await clock.until(() => player.video.loads === 1, 'a source');
  player.api.play();
  await player.opened(1);
  await player.play(2);
  assert.deepEqual([player.video.paused, player.video.position], [false, 10]);
  const names = player.events.map(({ name }) => name);
  assert.ok(names.includes('play') && names.includes('playing'));
});

test('that there is no address for a moment is no failure', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('blank'));
  await player.opened(1);
  await player.play(5);
  player.video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
  await clock.advance(499);
  await clock.until(async () => {
    await clock.advance(1);
    return player.video.opened === null;
  }, 'the same address again');
  // The empty one fails, which is heard once the address is there again.
  player.video.fire('error', { errMsg: 'MEDIA_ERR_SRC_NOT_SUPPORTED' });
  await player.opened(2);
  await player.play(2);
  assert.deepEqual(player.named('error').map(({ code, fatal }) => [code, fatal]), [['decode_failed', false]]);
  assert.equal(player.video.position, 7);
});

test('the clock of the phone is set back, and time goes on', () => {
  stage.pick();
  const { Host } = require('../../www/miniprogram/components/cloud-player-video/host.js');
  const real = Date.now;
  let wall = 1_000_000;
  Date.now = () => wall;
  try {
    const host = new Host({ api: () => ({}) });
    wall += 1000;
    assert.equal(host.now(), 1000);
    wall -= 3_600_000;
    assert.equal(host.now(), 1000);
    wall += 500;
    assert.equal(host.now(), 1500);
  } finally {
    Date.now = real;
  }
});
