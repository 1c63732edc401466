/**
 * The dedicated worker: starts the WebAssembly core and passes messages between it and the page.
 *
 * Whatever breaks here reaches the page as one fatal `internal` error. Only an error's name is told: its message
 * may quote a URL.
 *
 * @import { Boot, FromWorker, ToWorker } from './messages.js'
 */

import init, { Host } from './pkg/cloud_player.js';

/** @type {Host | undefined} */
let host;
/** @type {ToWorker[]} */
const early = [];
let broken = false;

/** @param {MessageEvent<Boot | ToWorker>} event */
self.onmessage = ({ data }) => {
  if (broken) return;
  if (data.type === 'boot') boot(data.module);
  else if (host) host.receive(data);
  else early.push(data);
};

self.addEventListener('error', (event) => fail(event.error?.name ?? 'Error'));
self.addEventListener('unhandledrejection', (event) => fail(event.reason?.name ?? 'Error'));

/** @param {WebAssembly.Module | null} module */
async function boot(module) {
  // The glue compiles while it streams, and falls back to whole bytes where a server sends another MIME type.
  await init({ module_or_path: module ?? new URL('./pkg/cloud_player_bg.wasm', import.meta.url) });
  host = new Host(send);
  send({ type: 'ready' }, []);
  for (const message of early.splice(0)) host.receive(message);
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
