/**
 * The demo page: plays one of the origin's videos, or an address (`#src=…`), in a session of its own and shows what the
 * player sees.
 *
 * @import { CloudPlayerVideo } from './element.js'
 * @import { PlayerErrorDetail, Rung, Stats } from './messages.js'
 * @import { Sample } from './demo-plot.js'
 */

import './define.js';
import { drawBuffer, drawPlot, WINDOW_S } from './demo-plot.js';

const player = /** @type {CloudPlayerVideo} */ (byId('player'));
const asset = /** @type {HTMLSelectElement} */ (byId('asset'));
const canvases = { buffer: canvas('buffer'), plot: canvas('plot') };

/** The slider's places; the last is no limit. */
const BANDWIDTHS = [300e3, 500e3, 800e3, 1.2e6, 2e6, 3e6, 5e6, 8e6, 20e6, null];

/** The origin keeps network shaping, faults and request log by session: each page has its own. */
const sid = `demo-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36)}`;
const opened = performance.now();
/** @type {Sample[]} */
let samples = [];
let plays = 0;

start();
showNetwork();
asset.addEventListener('change', start);
setInterval(draw, 250);
addEventListener('resize', draw);

player.addEventListener('loaded', () => {
  const { height = 0 } = player.rungs.at(-1) ?? {};
  log(`loaded: ${player.rungs.length} rungs up to ${height}p, ${time(player.duration)}`);
  showRungs();
  showRenditions();
});
for (const name of ['audiochange', 'textchange', 'textadded']) player.addEventListener(name, showRenditions);
player.addEventListener('rungchange', () => {
  log(`plays ${rungName(player.rungs[player.currentRung])}`);
  showRungs();
});
player.addEventListener('stats', () => {
  if (player.stats) showStats(player.stats);
});
player.addEventListener('error', (event) => showError(/** @type {CustomEvent} */ (/** @type {Event} */ (event)).detail));
for (const name of ['play', 'pause', 'playing', 'waiting', 'seeking', 'seeked', 'ended']) {
  player.addEventListener(name, () => log(name));
}

function start() {
  plays += 1;
  samples = [];
  byId('failure').hidden = true;
  for (const id of ['rungs', 'sounds', 'texts']) byId(id).replaceChildren();
  const sessionId = `${sid}-${plays}`;
  player.options = { sessionId };
  const report = /** @type {HTMLAnchorElement} */ (byId('telemetry'));
  report.href = `/telemetry#${sessionId}`;
  const src = new URLSearchParams(location.hash.slice(1)).get('src');
  const file = {
    'app-id': '1500000000',
    'play-info-url': `/s/${sid}/getplayinfo/v4`,
    'file-id': asset.value,
  };
  const attributes = { ...(src ? { src } : file), 'report-url': `/s/${sid}/telemetry`, autoplay: '' };
  for (const [name, value] of Object.entries(attributes)) player.setAttribute(name, value);
  player.load();
  log(`asks for ${src ?? asset.value}`);
}

/** @param {Stats} stats */
function showStats(stats) {
  const { startupMs, stallCount, stallMs, averageBitrateBps, bytesByRung, failures: _, sources, ...others } = stats.qoe;
  const at = (performance.now() - opened) / 1000;
  const rung = player.rungs[stats.loadingRung ?? player.currentRung]?.bandwidth ?? null;
  const stalled = startupMs !== null && !player.paused && !player.seeking && player.readyState < 3;
  samples.push({ at, throughput: stats.throughput, rung, buffer: stats.buffer, stalled });
  while (samples[0] && samples[0].at < at - WINDOW_S) samples.shift();
  facts('headline', [
    ['Startup', startupMs === null ? '–' : String(startupMs), 'ms'],
    ['Stalls', String(stallCount), stallCount ? `${(stallMs / 1000).toFixed(1)} s in all` : ''],
    ['Average rate', ...rate(averageBitrateBps)],
    ['Buffer', stats.buffer.toFixed(1), 's'],
  ]);
  facts('qoe', [
    ['throughput', ...rate(stats.throughput)],
    ['waits for', stats.waitingFor?.replaceAll('_', ' ') ?? 'nothing', ''],
    ['MB by rung', bytesByRung.map((bytes) => (bytes / 1e6).toFixed(1)).join(' · ') || '–', ''],
    ['sources', sources.map(({ kind, failure }) => `${words(kind)}${failure ? ' failed' : ''}`).join(' · ') || '–', ''],
    ...Object.entries(others).map(([name, value]) => /** @type {Fact} */ ([words(name), present(name, value), ''])),
    ['media source', player.media.srcObject ? 'in the worker' : 'on the page', ''],
  ]);
}

/** @param {PlayerErrorDetail} error */
function showError({ code, phase, status, fatal, message }) {
  const text = `${message} (${code}, ${phase}${status ? `, HTTP ${status}` : ''})`;
  log(text, true);
  if (!fatal) return;
  const failure = byId('failure');
  failure.textContent = text;
  failure.hidden = false;
}

function showRungs() {
  /** @param {number | 'auto'} rung */
  const hold = (rung) => () => {
    player.currentRung = rung;
    log(rung === 'auto' ? 'the player chooses' : `holds ${rungName(player.rungs[rung])}`);
    showRungs();
  };
  const auto = button('Auto', '', player.selectedRung === 'auto', hold('auto'));
  const rungs = player.rungs.map((rung, i) =>
    button(rungName(rung), rate(rung.bandwidth).join(' '), player.selectedRung === i, hold(i)),
  );
  rungs[player.currentRung]?.classList.add('plays');
  byId('rungs').replaceChildren(auto, ...rungs);
}

function showRenditions() {
  const { audioRenditions, currentAudio, textRenditions, currentText } = player;
  const sounds = audioRenditions.map(({ name, language }, i) =>
    button(name, language, currentAudio === i, () => player.selectAudio(i)),
  );
  const texts = textRenditions.map(({ name, language }, i) =>
    button(name, language, currentText === i, () => player.selectText(i)),
  );
  const off = button('No text', '', currentText < 0, () => player.selectText('off'));
  byId('sounds').replaceChildren(...(sounds.length > 1 ? sounds : []));
  byId('texts').replaceChildren(...(texts.length > 0 ? [off, ...texts] : []));
}

/**
 * @param {string} label
 * @param {string} note
 * @param {boolean} pressed
 * @param {() => void} press
 */
function button(label, note, pressed, press) {
  const made = document.createElement('button');
  made.append(label);
  if (note) made.append(Object.assign(document.createElement('small'), { textContent: note }));
  made.ariaPressed = String(pressed);
  made.addEventListener('click', press);
  return made;
}

function draw() {
  const { currentTime: position, duration, buffered } = player;
  const ranges = Array.from(
    { length: buffered.length },
    (_, i) => /** @type {[number, number]} */ ([buffered.start(i), buffered.end(i)]),
  );
  drawBuffer(canvases.buffer, { buffered: ranges, position, duration });
  byId('position').textContent = `${time(position)} / ${time(duration)}`;
  const ladder = player.rungs.map(({ bandwidth }) => bandwidth);
  drawPlot(canvases.plot, samples, ladder, (performance.now() - opened) / 1000);
}

/** With the administrator's token in the address (`#admin=…`) the page can slow its own network down. */
function showNetwork() {
  const token = new URLSearchParams(location.hash.slice(1)).get('admin');
  if (!token) return;
  byId('network').hidden = false;
  const bandwidth = /** @type {HTMLInputElement} */ (byId('bandwidth'));
  const rtt = /** @type {HTMLInputElement} */ (byId('rtt'));
  const show = () => {
    const chosen = BANDWIDTHS[bandwidth.valueAsNumber] ?? null;
    byId('bandwidth-shown').textContent = chosen === null ? 'unlimited' : rate(chosen).join(' ');
    byId('rtt-shown').textContent = `${rtt.value} ms`;
    return { bits_per_second: chosen, rtt_ms: rtt.valueAsNumber };
  };
  const shape = async () => {
    const wish = show();
    const answer = await fetch(`/admin/sessions/${sid}/shape`, {
      method: 'PUT',
      headers: { 'x-admin-token': token, 'content-type': 'application/json' },
      body: JSON.stringify(wish),
    }).catch(() => null);
    if (answer?.ok) log(`network: ${byId('bandwidth-shown').textContent}, ${wish.rtt_ms} ms`);
    else log(`the origin refused to shape the network${answer ? ` (HTTP ${answer.status})` : ''}`, true);
  };
  show();
  for (const input of [bandwidth, rtt]) {
    input.addEventListener('input', show);
    input.addEventListener('change', shape);
  }
}

/**
 * @param {string} text
 * @param {boolean} [bad]
 */
function log(text, bad = false) {
  const item = document.createElement('li');
  const at = document.createElement('time');
  at.textContent = `${((performance.now() - opened) / 1000).toFixed(2)} s`;
  const what = document.createElement('span');
  what.textContent = text;
  if (bad) what.className = 'bad';
  item.append(at, what);
  const list = byId('log');
  list.prepend(item);
  while (list.childElementCount > 200) list.lastElementChild?.remove();
}

/** @typedef {[name: string, value: string, unit: string]} Fact */

/**
 * @param {string} id
 * @param {Fact[]} rows
 */
function facts(id, rows) {
  byId(id).replaceChildren(
    ...rows.flatMap(([name, value, unit]) => {
      const term = document.createElement('dt');
      term.textContent = name;
      const definition = document.createElement('dd');
      definition.append(value);
      if (unit) definition.append(Object.assign(document.createElement('small'), { textContent: unit }));
      const pair = document.createElement('div');
      pair.style.display = id === 'headline' ? 'block' : 'contents';
      pair.append(term, definition);
      return [pair];
    }),
  );
}

/**
 * A QoE value as text, by what its name says it is.
 * @param {string} name
 * @param {number | boolean | string | null} value
 */
function present(name, value) {
  if (value === null) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value.replaceAll('_', ' ');
  if (name.endsWith('Ms')) return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`;
  if (name.endsWith('Ratio')) return `${(value * 100).toFixed(2)} %`;
  if (name.startsWith('bytes')) return `${(value / 1e6).toFixed(2)} MB`;
  return String(value);
}

/** @param {string} camelCase */
function words(camelCase) {
  return camelCase.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/**
 * @param {number | null} bitsPerSecond
 * @returns {[string, string]}
 */
function rate(bitsPerSecond) {
  if (!bitsPerSecond) return ['–', ''];
  if (bitsPerSecond < 1e6) return [(bitsPerSecond / 1e3).toFixed(0), 'kbit/s'];
  return [(bitsPerSecond / 1e6).toFixed(bitsPerSecond < 1e7 ? 1 : 0), 'Mbit/s'];
}

/** @param {Rung | undefined} rung */
function rungName(rung) {
  if (!rung) return '–';
  return rung.height ? `${rung.height}p` : rate(rung.bandwidth).join(' ');
}

/** @param {number} seconds */
function time(seconds) {
  if (!Number.isFinite(seconds)) return '–:––';
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function canvas(id) {
  return /** @type {HTMLCanvasElement} */ (byId(id));
}
