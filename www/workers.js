/**
 * Workers that run the core, and one kept warm for the next player.
 *
 * The module is compiled once for the page and handed to each worker, so that a second player pays for neither
 * download nor compilation.
 *
 * @import { Boot, FromWorker } from './messages.js'
 */

/** @type {Promise<WebAssembly.Module | null> | undefined} */
let compiled;
/** @type {Worker | undefined} */
let spare;
/** @type {Promise<void> | undefined} */
let spareReady;
let settle = () => {};
/** Whether a worker of this page has warmed up: what it has compiled is warm for those that follow. */
let isWarm = false;
/** More than it takes to start what plays sound. */
const WAKING_MS = 5000;

/** Starts a spare worker, unless there is one. Resolves when it is ready to play, or cannot be. */
export function preloadWorker() {
  if (!spare || !spareReady) {
    const worker = startWorker();
    spare = worker;
    spareReady = new Promise((resolve) => {
      settle = resolve;
      // A worker that failed is of no use to the next player, which will find out why for itself.
      const failed = () => {
        if (spare === worker) {
          spare = undefined;
          worker.terminate();
        }
        resolve();
      };
      worker.addEventListener('message', ({ data }) => {
        if (data.type === 'ready') resolve();
        else if (data.type === 'hostError') failed();
      });
      worker.addEventListener('error', failed);
    });
  }
  return spareReady;
}

/** The spare worker, or a new one. The caller ends it. */
export function takeWorker() {
  const worker = spare ?? startWorker();
  spare = undefined;
  // Its player may end it before it is ready.
  settle();
  return worker;
}

function startWorker() {
  const worker = newWorker();
  compiled ??= compile();
  compiled.then((module) => {
    /** @type {Boot} */
    const boot = { type: 'boot', module, warmsUp: !isWarm };
    worker.postMessage(boot);
  });
  worker.addEventListener('message', ({ data }) => {
    if (data.type === 'warm') isWarm = true;
    else if (data.type === 'wakeSound') wakeSound(data);
  });
  return worker;
}

/** @param {FromWorker & { type: 'wakeSound' }} message */
function wakeSound({ handle }) {
  const audio = new Audio();
  audio.preload = 'auto';
  audio.muted = true;
  audio.srcObject = /** @type {MediaProvider} */ (/** @type {unknown} */ (handle));
  setTimeout(() => {
    audio.srcObject = null;
  }, WAKING_MS);
}

function newWorker() {
  const url = new URL('./worker.js', import.meta.url);
  if (url.origin === location.origin) {
    // Written out in full: this is the form that bundlers recognise.
    return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  }
  // A worker's own script has to be of the page's origin; what that script imports does not.
  const script = URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' }));
  const worker = new Worker(script, { type: 'module' });
  worker.addEventListener('message', () => URL.revokeObjectURL(script), { once: true });
  return worker;
}

/** `null` where the page may not compile (its policy, or the server's MIME type): the worker then tries by itself. */
async function compile() {
  try {
    return await WebAssembly.compileStreaming(fetch(new URL('./pkg/cloud_player_bg.wasm', import.meta.url)));
  } catch {
    return null;
  }
}
