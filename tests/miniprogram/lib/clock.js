/**
 * Time that can be put forward: timers that are due by then fire in their order. Between two steps it passes as it does.
 */

const later = globalThis.setTimeout;
const stop = globalThis.clearTimeout;
const now = Date.now;

let ahead = 0;
const timers = new Set();

Date.now = () => now() + ahead;

globalThis.setTimeout = (run, ms = 0, ...args) => {
  const timer = { due: Date.now() + ms, run: () => run(...args), unref: () => timer, ref: () => timer };
  timer.real = later(() => fire(timer), Math.min(ms, 0x7fffffff));
  timers.add(timer);
  return timer;
};

globalThis.clearTimeout = (timer) => {
  if (!timers.delete(timer)) stop(timer);
  else stop(timer.real);
};

function fire(timer) {
  if (!timers.delete(timer)) return;
  stop(timer.real);
  timer.run();
}

/** Lets everything run that waits for nothing. */
async function settle() {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Puts the clock forward. */
async function advance(ms) {
  let fired = 0;
  const end = Date.now() + ms;
  for (;;) {
    const due = [...timers].filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
    if (!due) break;
    fired += 1;
    if (fired > 10_000) throw new Error("timers that are due at once, without end");
    ahead += Math.max(due.due - Date.now(), 0);
    fire(due);
    await settle();
  }
  ahead += Math.max(end - Date.now(), 0);
  await settle();
}

/** Time passes while the program sleeps: its timers are late. */
function sleep(ms) {
  ahead += ms;
}

/** Real time. */
const wait = (ms) => new Promise((resolve) => later(resolve, ms));

/** Waits, in real time, until something holds. */
async function until(holds, what, ms = 10_000) {
  const end = now() + ms;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await wait(5);
  }
}

module.exports = { advance, real: now, settle, sleep, until, wait };
