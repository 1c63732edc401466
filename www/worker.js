/**
 * The dedicated worker: starts the WebAssembly core and passes messages between it and the page.
 *
 * Whatever breaks here reaches the page as one fatal `internal` error. Only an error's name is told: its message
 * may quote a URL.
 *
 * @import { Boot, FromWorker, ToWorker } from './messages.js'
 */

import init, { Host, soundInit } from './pkg/cloud_player.js';

/** @type {Host | undefined} */
let host;
/** @type {ToWorker[]} */
const early = [];
let broken = false;
/** @type {MediaSource | undefined} */
let waking;

/** @param {MessageEvent<Boot | ToWorker>} event */
self.onmessage = ({ data }) => {
  if (broken) return;
  if (data.type === 'boot') boot(data);
  else if (host) host.receive(data);
  else early.push(data);
};

self.addEventListener('error', (event) => fail(event.error?.name ?? 'Error'));
self.addEventListener('unhandledrejection', (event) => fail(event.reason?.name ?? 'Error'));

/** @param {Boot} boot */
async function boot({ module, warmsUp }) {
  // The glue compiles while it streams, and falls back to whole bytes where a server sends another MIME type.
  await init({ module_or_path: module ?? new URL('./pkg/cloud_player_bg.wasm', import.meta.url) });
  const made = new Host(send);
  const preloads = early.length === 0;
  if (preloads && warmsUp) {
    wakeSound();
    while (made.warmUp());
    send({ type: 'warm' }, []);
  }
  host = made;
  send({ type: 'ready' }, []);
  for (const message of early.splice(0)) host.receive(message);
  if (preloads || !warmsUp) return;
  wakeSound();
  warmUp();
}

/**
 * The first sound on a page has the browser start what plays sound, a process of its own in Chromium: as long as the whole
 * way to the first frame otherwise. So it is started while the network is waited for.
 */
function wakeSound() {
  const type = 'audio/mp4; codecs="mp4a.40.2"';
  if (typeof MediaSource !== 'function' || !MediaSource.canConstructInDedicatedWorker) return;
  if (!MediaSource.isTypeSupported(type)) return;
  const source = new MediaSource();
  source.onsourceopen = () => {
    try {
      source.addSourceBuffer(type).appendBuffer(soundInit());
    } catch {
      // The page has let go of it, or has no more buffers: playback will be as fast as without this.
    }
  };
  // Kept, or it might be collected before it opens.
  waking = source;
  send({ type: 'wakeSound', handle: source.handle }, [source.handle]);
}

/** While the network is waited for, a little at a time. */
function warmUp() {
  setTimeout(() => {
    if (host?.warmUp()) warmUp();
    else send({ type: 'warm' }, []);
  });
}

/** @param {string} name */
function fail(name) {
  if (broken) return;
  broken = true;
  const message = `the player's worker broke: ${name}`;
  send({ type: 'hostError', code: 'internal', phase: 'host', status: null, fatal: true, message }, []);
}

/**
 * @param {FromWorker} message
 * @param {Transferable[]} transfer
 */
function send(message, transfer) {
  self.postMessage(message, { transfer });
}
