/**
 * Remembers the last session's throughput, so that the next one starts on the right rung. One number and its date in
 * the page's own storage; where storage is refused, nothing is remembered.
 */

/** Bits per second of a recent session, or `null`. */
export function recallThroughput() {
  try {
    const [rate, at] = (localStorage.getItem(KEY) ?? '').split('@').map(Number);
    return rate && at && rate > 0 && Date.now() - at < MAX_AGE_MS ? rate : null;
  } catch {
    return null;
  }
}

/** @param {number} bitsPerSecond */
export function rememberThroughput(bitsPerSecond) {
  try {
    localStorage.setItem(KEY, `${Math.round(bitsPerSecond)}@${Date.now()}`);
  } catch {
    // Private mode, or a sandboxed frame.
  }
}

const KEY = 'cloud-player.throughput';

/** Networks change with the place: what was true an hour ago may be another network's truth. */
const MAX_AGE_MS = 3_600_000;
