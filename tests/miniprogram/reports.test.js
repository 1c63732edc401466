/** Quality of experience: measured from native events, reported once each whatever happens on the way. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const clock = require('./lib/clock.js');
const { suite } = require('./lib/suite.js');

const stage = suite();

const reporting = (session, sessionId, more) => ({ reportUrl: `${session.base}/telemetry`, sessionId, reportInterval: 10, ...more });
const posts = (phone, status = 200) => phone.sent.filter((request) => request.method === 'POST' && request.status === status);

/** The last record of a session, once it has got there. */
async function record(session, name, holds) {
  return clock.until(async () => {
    const qoe = (await session.reported(name)).filter(({ kind }) => kind === 'qoe').at(-1);
    return qoe && holds(qoe) ? qoe : null;
  }, `a record of ${name}`);
}

test('the record has startup, stalls, bitrate and the end', async () => {
  stage.pick();
  const session = stage.origin.session('record');
  const player = stage.lesson(session, { ...reporting(session, 'record'), quality: 1 });
  await player.opened(1);
  await player.play(4);
  // Too short to count, one that counts, and what is none: a seek, a pause, another source.
  await player.stall(300);
  await player.play(1);
  await player.stall(1200);
  await player.play(1);
  player.api.seek(10);
  await player.stall(1500);
  await player.play(1);
  player.api.pause();
  player.video.fire('waiting');
  await clock.advance(2000);
  player.api.play();
  player.api.setQuality(2);
  player.video.fire('waiting');
  await player.opened(2);
  await player.play(1);
  player.close();
  const qoe = await record(session, 'record', ({ exit }) => exit !== null);
  assert.equal(qoe.stallCount, 1, JSON.stringify(qoe));
  assert.ok(Math.abs(qoe.stallMs - 1200) < 150, `${qoe.stallMs}`);
  assert.ok(qoe.startupMs > 0 && qoe.startupMs < 5000);
  assert.ok(Math.abs(qoe.playedMs - 8000) < 700, `${qoe.playedMs}`);
  assert.equal(qoe.seekCount, 1);
  assert.equal(qoe.switchesUp, 1);
  assert.ok(qoe.averageBitrateBps >= 192544 && qoe.averageBitrateBps < 295936, `${qoe.averageBitrateBps}`);
  assert.equal(qoe.exit, 'stopped');
});

test('a stall that is still open at the end counts', async () => {
  stage.pick();
  const session = stage.origin.session('open-stall');
  const player = stage.lesson(session, reporting(session, 'open-stall'));
  await player.opened(1);
  await player.play(3);
  player.video.fire('waiting');
  await clock.advance(2000);
  player.close();
  const qoe = await record(session, 'open-stall', ({ exit }) => exit !== null);
  assert.equal(qoe.stallCount, 1);
  assert.ok(Math.abs(qoe.stallMs - 2000) < 150, `${qoe.stallMs}`);
});

test('reports that do not arrive are stored and sent by the next program: none lost, none twice', async () => {
  stage.pick();
  const session = stage.origin.session('unsent');
  const player = stage.lesson(session, reporting(session, 'unsent-1'));
  await player.opened(1);
  await player.play(2);
  // The first picture is reported at once.
  await clock.until(() => posts(stage.phone).length > 0 && stage.phone.flying === 0, 'the first report');
  const before = await session.batches('unsent-1');
  stage.phone.offline = true;
  player.video.fire('error', { errMsg: 'MEDIA_ERR_NETWORK' });
  await clock.advance(600);
  await player.opened(2);
  await player.play(25);
  player.hide();
  await clock.settle();
  const stored = stage.phone.storage;
  assert.ok(JSON.stringify([...stored]).includes('unsent-1'), 'it is stored');
  player.kill();
  assert.equal(await session.batches('unsent-1'), before);

  const next = stage.pick();
  next.storage = stored;
  const second = stage.lesson(session, reporting(session, 'unsent-2'));
  await second.opened(1);
  const qoe = await record(session, 'unsent-1', ({ playedMs }) => playedMs > 2500);
  assert.equal(qoe.failureCount, 1);
  await clock.until(() => !JSON.stringify([...next.storage]).includes('unsent-1'), 'the storage to be empty of it');
  const sent = posts(next).map((request) => JSON.parse(request.data)).filter((batch) => batch.session_id === 'unsent-1');
  const numbers = sent.map((batch) => batch.seq);
  assert.deepEqual(numbers, [...new Set(numbers)], 'each once');
  assert.equal(await session.batches('unsent-1'), before + numbers.length);
  second.close();
  await record(session, 'unsent-2', ({ exit }) => exit !== null);
  await clock.until(() => !next.storage.has('cloud-player.unsent'), 'nothing to be left');
});

test('a page that is hidden may be the end: its report is stored at once', async () => {
  stage.pick();
  const session = stage.origin.session('hidden');
  const player = stage.lesson(session, reporting(session, 'hidden-1'));
  await player.opened(1);
  await player.play(6);
  stage.phone.silent = true;
  player.video.fire('waiting');
  await clock.advance(1500);
  player.hide();
  const { storage } = stage.phone;
  player.kill();
  const next = stage.pick();
  next.storage = storage;
  const second = stage.lesson(session, reporting(session, 'hidden-2'));
  await second.opened(1);
  const qoe = await record(session, 'hidden-1', ({ playedMs }) => playedMs > 5000);
  // The stall that was still open is in it.
  assert.equal(qoe.stallCount, 1);
  assert.ok(Math.abs(qoe.stallMs - 1500) < 150, `${qoe.stallMs}`);
});

test('a report is repeated under its number until it is acknowledged', async () => {
  stage.pick();
  const session = stage.origin.session('repeated');
  await session.fault({ pattern: 'telemetry', fault: { kind: 'status', status: 503 }, times: 2 });
  const player = stage.lesson(session, reporting(session, 'repeated'));
  await player.opened(1);
  await player.play(20);
  player.close();
  await record(session, 'repeated', ({ exit }) => exit !== null);
  await clock.until(() => stage.phone.flying === 0, 'the answer to the last report');
  const all = stage.phone.sent.filter((request) => request.method === 'POST').map((request) => [JSON.parse(request.data).seq, request.status]);
  const arrived = all.filter(([, status]) => status === 200).map(([seq]) => seq);
  assert.deepEqual(arrived, arrived.map((_, index) => arrived[0] + index), JSON.stringify(all));
  assert.equal(await session.batches('repeated'), arrived.length);
  assert.ok(all.some(([, status]) => status === 503));
});

test('an answer that is lost makes no second record', async () => {
  stage.pick();
  const session = stage.origin.session('lost-answer');
  // The collector has it, and its answer breaks off.
  await session.fault({ pattern: 'telemetry', fault: { kind: 'cut', after_bytes: 3 }, times: 1 });
  const player = stage.lesson(session, reporting(session, 'lost-answer'));
  await player.opened(1);
  await player.play(20);
  player.close();
  await record(session, 'lost-answer', ({ exit }) => exit !== null);
  await clock.until(() => stage.phone.flying === 0, 'the answer to the last report');
  const records = (await session.reported('lost-answer')).filter(({ kind }) => kind === 'qoe');
  assert.equal(records.length, await session.batches('lost-answer'));
  const numbers = stage.phone.sent.filter((request) => request.method === 'POST').map((request) => JSON.parse(request.data).seq);
  assert.ok(numbers.length > new Set(numbers).size, 'one was repeated');
});

test('two players on a page keep their reports apart', async () => {
  stage.pick();
  const session = stage.origin.session('two');
  stage.phone.offline = false;
  const players = ['two-a', 'two-b'].map((name) => stage.lesson(session, reporting(session, name)));
  for (const player of players) await player.opened(1);
  for (let second = 0; second < 4; second += 1) for (const player of players) await player.play(1);
  for (const player of players) player.hide();
  for (const player of players) player.close();
  for (const name of ['two-a', 'two-b']) await record(session, name, ({ exit }) => exit !== null);
  await clock.until(() => !stage.phone.storage.has('cloud-player.unsent'), 'nothing to be left');
});

test('a session takes over nothing of one that still runs', async () => {
  const phone = stage.pick();
  const session = stage.origin.session('beside');
  const first = stage.lesson(session, reporting(session, 'beside-1'));
  await first.opened(1);
  await first.play(3);
  phone.silent = true;
  first.hide();
  assert.ok('beside-1' in JSON.parse(phone.storage.get('cloud-player.unsent')));
  phone.silent = false;
  const before = phone.sent.length;
  const second = stage.lesson(session, reporting(session, 'beside-2'));
  await second.opened(1);
  await second.play(3);
  const names = phone.sent.slice(before).filter(({ method }) => method === 'POST').map(({ data }) => JSON.parse(data).session_id);
  assert.deepEqual([...new Set(names)], ['beside-2']);
  assert.ok('beside-1' in JSON.parse(phone.storage.get('cloud-player.unsent')));
  first.kill();
});

test('each session of a component has a name of its own', async () => {
  stage.pick();
  const session = stage.origin.session('names');
  const player = stage.lesson(session, reporting(session, 'names'));
  await player.opened(1);
  await player.play(2);
  const src = await session.url('sample-exact/master.m3u8');
  const { drm_token: drmToken } = await session.tokens('sample-exact');
  player.set({ appId: '', fileId: '', src, drmToken });
  await player.opened(2);
  await player.play(3);
  player.close();
  const [first, second] = await Promise.all(['names', 'names-2'].map((name) => record(session, name, ({ exit }) => exit !== null)));
  assert.deepEqual([first.sources[0].kind, second.sources[0].kind], ['play_info', 'hls']);
});

test('what was made for one collector goes to no other', async () => {
  stage.pick();
  const session = stage.origin.session('collectors');
  const elsewhere = { ...reporting(session, 'collectors-1'), reportUrl: 'http://127.0.0.1:1/a?sign=SECRETSECRET' };
  const player = stage.lesson(session, elsewhere);
  await player.opened(1);
  await player.play(2);
  player.close();
  const stored = () => JSON.stringify([...stage.phone.storage]);
  await clock.until(() => stored().includes('collectors-1'), 'it to be stored');
  assert.ok(!stored().includes('SECRET') && !stored().includes('127.0.0.1:1'));
  const other = stage.lesson(session, reporting(session, 'collectors-2'));
  await other.opened(1);
  await other.play(2);
  other.close();
  await record(session, 'collectors-2', ({ exit }) => exit !== null);
  assert.equal(await session.batches('collectors-1'), 0);
  // Signed anew, it is the same collector.
  stage.phone.offline = true;
  const again = stage.lesson(session, { ...elsewhere, sessionId: 'collectors-3', reportUrl: 'http://127.0.0.1:1/a?sign=ANOTHERANOTHER' });
  const sent = await clock.until(() => stage.phone.sent.find(({ url, data }) => url.includes('ANOTHER') && data.includes('"collectors-1"')), 'it to be sent');
  assert.equal(sent.status, null);
  again.close();
});
