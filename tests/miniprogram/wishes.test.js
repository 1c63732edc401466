/** What is wished for, and what is said, while the native video loads. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

/** The video loads for ever, until the result is called. */
function held(player) {
  const { video } = player;
  const { open } = video;
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  video.open = async (...args) => {
    await gate;
    return open.apply(video, args);
  };
  return go;
}

/** One that plays, and is told to load another rung. */
async function switching(name, properties) {
  stage.pick();
  const player = stage.lesson(stage.origin.session(name), properties);
  await player.opened(1);
  await player.play(5);
  const release = held(player);
  player.api.setQuality(player.last('qualitychange').quality === 0 ? 1 : 0);
  await clock.settle();
  assert.equal(player.video.opened, null, 'it loads');
  return { player, release };
}

test('a pause while another rung loads is a pause', async () => {
  const { player, release } = await switching('pause-loading');
  player.api.pause();
  release();
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
  const release = held(player);
  await clock.until(() => player.video.loads === 1, 'a source');
  player.api.pause();
  release();
  await player.opened(1);
  await player.play(2);
  assert.deepEqual([player.video.paused, player.video.position], [true, 0]);
});

test('a rate and a seek while another rung loads are where it goes on', async () => {
  const { player, release } = await switching('seek-loading');
  player.api.setRate(1.5);
  player.api.seek(13);
  player.api.setRate(1.25);
  release();
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
  const release = held(player);
  await clock.until(() => player.video.loads === 1, 'a source');
  player.api.play();
  release();
  await player.opened(1);
  await player.play(2);
  assert.deepEqual([player.video.paused, player.video.position], [false, 10]);
  const names = player.events.map(({ name }) => name);
  assert.ok(names.includes('play') && names.includes('playing'));
});

test('what is there while nobody sees it plays when the page is shown', async () => {
  for (const wasm of ['answer', 'none']) {
    stage.pick({ wasm });
    const player = stage.lesson(stage.origin.session(`unseen-${wasm}`));
    const release = held(player);
    await clock.until(() => player.video.loads === 1, 'a source');
    player.hide();
    release();
    await player.opened(1);
    await player.play(2);
    assert.deepEqual([player.video.position, player.video.paused], [0, true]);
    player.show();
    await player.play(2);
    assert.deepEqual([player.video.position, player.video.paused], [2, false]);
  }
});

test('that there is no address for a moment is no failure', async () => {
  stage.pick();
  const player = stage.lesson(stage.origin.session('blank'));
  await player.opened(1);
  await player.play(5);
  const { video } = player;
  const { load } = video;
  // The empty one fails, which is heard once the address is there again.
  video.load = (src, ...rest) => {
    load.call(video, src, ...rest);
    if (src) video.fire('error', { errMsg: 'MEDIA_ERR_SRC_NOT_SUPPORTED' });
  };
  video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
  await clock.advance(600);
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
