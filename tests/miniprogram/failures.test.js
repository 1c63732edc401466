/** What fails for good: it stops, and can be begun anew; and what fails although nothing should. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

/** Until it is lost. */
async function failing(player) {
  for (let times = 0; times < 12 && !player.named('error').some(({ fatal }) => fatal); times += 1) {
    player.video.fire('error', { errMsg: 'MEDIA_ERR_DECODE' });
    await clock.advance(9000);
    await clock.until(() => player.video.opened || player.named('error').some(({ fatal }) => fatal), 'the next attempt');
    await clock.settle();
  }
  assert.equal(player.last('error').fatal, true);
}

test('a viewer who may not watch any more sees no more of it', async () => {
  for (const wasm of ['answer', 'none']) {
    stage.pick({ wasm });
    const player = stage.lesson(stage.origin.session(`stops-${wasm}`), { renews: true });
    await player.opened(1);
    await player.play(2);
    player.api.updateAccess({ revoked: true });
    assert.equal(player.last('error').code, 'access_revoked');
    await clock.settle();
    assert.equal(player.video.src, '', wasm);
    const events = player.events.length;
    await player.play(2);
    assert.equal(player.events.length, events);
  }
});

test('play after the end of all attempts begins anew in the same place', async () => {
  for (const wasm of ['answer', 'none']) {
    stage.pick({ wasm });
    const player = stage.lesson(stage.origin.session(`anew-${wasm}`));
    await player.opened(1);
    await player.play(4);
    player.api.setRate(1.5);
    await failing(player);
    await clock.settle();
    assert.equal(player.video.src, '');
    const { loads } = player.video;
    player.api.play();
    await player.opened(loads + 1);
    assert.deepEqual([player.video.position, player.video.rate, player.video.paused], [4, 1.5, false]);
    await player.play(2);
    assert.equal(player.video.position, 7);
  }
});

test('a session that the page has ended begins when its source is named again, or by play', async () => {
  stage.pick();
  const session = stage.origin.session('again');
  const player = stage.lesson(session);
  await player.opened(1);
  player.api.destroy();
  await clock.settle();
  assert.equal(player.video.src, '');
  player.set({ fileId: 'sample-exact', psign: 'not.asked.for' });
  await player.opened(2);
  assert.equal(player.video.position, 0);
  player.api.destroy();
  player.api.play();
  await player.opened(3);
});

test('the picture of one lesson is not the next one’s', async () => {
  stage.pick();
  const session = stage.origin.session('poster');
  const player = stage.lesson(session);
  await player.opened(1);
  assert.match(player.api.data.videoPoster, /^http/);
  const src = await session.url('sample-exact/master.m3u8');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  player.set({ appId: '', fileId: '', src, drmToken });
  await player.opened(2);
  assert.equal(player.api.data.videoPoster, '');
});

/** A module whose every instance can be made to trap, all players of it at once. */
function trapping() {
  const { instantiate } = globalThis.WXWebAssembly;
  const made = [];
  globalThis.WXWebAssembly.instantiate = async (...args) => {
    const { instance } = await instantiate(...args);
    const switchable = { trap: false };
    made.push(switchable);
    const guarded = (name) => (...values) => {
      if (switchable.trap) throw new WebAssembly.RuntimeError('unreachable');
      return instance.exports[name](...values);
    };
    const exports = { memory: instance.exports.memory };
    for (const name of Object.keys(instance.exports)) if (name.startsWith('cp_')) exports[name] = guarded(name);
    return { instance: { exports } };
  };
  return made;
}

test('a core that traps gives way to the other one, in the same place, in every player', async () => {
  stage.pick();
  const made = trapping();
  const players = [];
  for (const name of ['trap-1', 'trap-2']) {
    const player = stage.lesson(stage.origin.session(name));
    await player.opened(1);
    await player.play(3);
    players.push(player);
  }
  assert.equal(made.length, 1, 'one instance for both');
  made[0].trap = true;
  players[0].api.pause();
  players[1].video.tick();
  for (const [at, player] of players.entries()) {
    await player.opened(2);
    assert.deepEqual(player.named('error').map(({ code, fatal }) => [code, fatal]), [['internal', false]]);
    assert.equal(player.last('ready').features.reason, 'no_webassembly');
    assert.equal(player.video.position, at === 0 ? 3 : 3.25);
    assert.equal(player.video.paused, at === 0);
  }
  players[0].api.play();
  await players[0].play(2);
  assert.equal(players[0].video.position, 5);
  // Whoever comes next has a module of their own.
  const next = stage.lesson(stage.origin.session('trap-3'));
  await next.opened(1);
  assert.equal(made.length, 2);
  assert.equal(next.last('ready')?.features.reason ?? null, null);
});

test('a core that traps when a player is made gives way too', async () => {
  stage.pick();
  const made = trapping();
  const first = stage.lesson(stage.origin.session('made-1'));
  await first.opened(1);
  made[0].trap = true;
  const second = stage.lesson(stage.origin.session('made-2'));
  await second.opened(1);
  assert.equal(second.last('ready').features.reason, 'no_webassembly');
});
