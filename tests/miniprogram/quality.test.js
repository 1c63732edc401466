/** Quality: chosen at the start, by the viewer, and by what playback is like. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

const height = (player) => Number(/\/(\d+)p\//.exec(player.video.src)[1]);

async function started(name, options, properties) {
  stage.pick(options);
  const player = stage.lesson(stage.origin.session(name), properties);
  await player.opened(1);
  return player;
}

test('the first rung is by the kind of network and what requests say of it', async () => {
  assert.equal(height(await started('start-2g', { network: '2g', throughputKbps: 0 })), 360);
  assert.equal(height(await started('start-wifi', { network: 'wifi', throughputKbps: 0 })), 1080);
  assert.equal(height(await started('start-slow', { network: 'wifi', throughputKbps: 250 })), 480);
});

test('what an earlier session learnt counts in the next one', async () => {
  const player = await started('learns', { network: 'wifi', throughputKbps: 0 });
  assert.equal(height(player), 1080);
  await player.play(2);
  await player.stall(3000);
  await player.play(1);
  const { storage } = stage.phone;
  assert.ok(storage.has('cloud-player.memory'));
  const next = stage.pick({ network: 'wifi', throughputKbps: 0 });
  next.storage = storage;
  const later = stage.lesson(stage.origin.session('learnt'));
  await later.opened(1);
  assert.ok(height(later) < 1080, `${height(later)}p`);
});

test('the viewer chooses: same place, rate, pause and full screen', async () => {
  const player = await started('manual', {}, { quality: 0 });
  assert.equal(height(player), 360);
  await player.play(5);
  player.api.setRate(1.5);
  player.api.requestFullScreen();
  player.set({ quality: 3 });
  await player.opened(2);
  assert.equal(height(player), 1080);
  assert.deepEqual([player.video.position, player.video.rate, player.video.paused, player.video.fullScreen], [5, 1.5, false, true]);
  const { quality, selected, reason } = player.last('qualitychange');
  assert.deepEqual([quality, selected, reason], [3, 3, 'manual']);
  await player.play(2);
  player.api.pause();
  player.api.setQuality(1);
  await player.opened(3);
  assert.equal(height(player), 480);
  assert.deepEqual([player.video.position, player.video.rate, player.video.paused], [8, 1.5, true]);
  // By the attributes, and by the context where a phone does not heed those.
  const { autoplay, initialTime } = player.element.instance.data;
  assert.deepEqual([autoplay, initialTime], [false, 8]);
  assert.deepEqual(player.video.log.slice(-3), [['seek', 8], ['rate', 1.5], ['pause']]);
  player.api.play();
  await player.play(1);
  assert.equal(player.last('timeupdate').currentTime, 9.5);
  // One beyond the highest is the highest; what is no rung lets the player choose.
  player.api.setQuality(17);
  await player.opened(4);
  assert.equal(height(player), 1080);
  player.api.setQuality('best');
  assert.equal(player.last('qualitychange').selected, 'auto');
});

test('auto goes down after stalls, and up after calm, no oftener than it may', async () => {
  const player = await started('auto', { network: 'wifi', throughputKbps: 20_000 }, { loop: true });
  const first = height(player);
  assert.ok(first > 360);
  await player.play(4);
  for (let times = 0; times < 3 && player.video.loads === 1; times += 1) {
    await player.stall(2500);
    await clock.settle();
    await player.play(1);
  }
  await player.opened(2);
  const down = height(player);
  assert.ok(down < first, `${down} after ${first}`);
  assert.equal(player.last('qualitychange').reason, 'down');
  // Another stall at once: it has just changed.
  await player.stall(2500);
  await player.play(1);
  assert.equal(player.video.loads, 2);
  // It may go down again half a minute after, and up after a minute of calm.
  await player.play(50);
  assert.equal(player.video.loads, 2);
  await player.play(15);
  await player.opened(3);
  assert.ok(height(player) > down);
  assert.equal(player.last('qualitychange').reason, 'up');
});

test('the menu over the video shows and sets rates and rungs', async () => {
  const player = await started('menu', {}, { playbackRates: [1, 1.5], quality: 1 });
  const texts = (selector) => player.component.querySelectorAll(selector).map(({ dom }) => dom.textContent);
  assert.deepEqual(texts('.button'), ['1×', '480p']);
  const tap = (selector, index) => {
    const node = player.component.querySelectorAll(selector)[index];
    node.dispatchEvent('tap');
    return clock.settle();
  };
  await tap('.button', 1);
  assert.deepEqual(texts('.choice'), ['自动', '360p', '480p', '720p', '1080p']);
  await tap('.choice', 3);
  await player.opened(2);
  assert.equal(height(player), 720);
  assert.deepEqual(texts('.button'), ['1×', '720p']);
  await tap('.button', 0);
  await tap('.choice', 1);
  assert.equal(player.video.rate, 1.5);
  assert.deepEqual(texts('.button'), ['1.5×', '720p']);
});
