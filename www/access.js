/**
 * A new token or signature, from the page to the session.
 *
 * @import { AccessGrant, SessionEvent, ToWorker } from './messages.js'
 */

/**
 * What opens the source from now on. What is left out stays as it is.
 * @typedef {object} Access
 * @property {string} [src] The address of the source, signed anew.
 * @property {string} [token] The DRM token.
 * @property {number | Date} [expires] When it ends; a number is in Unix seconds.
 * @property {number | Date} [serverTime] What time it is on the server that gave it; a number is in Unix milliseconds.
 */

/**
 * Gives a new token or signature. `reason` is `'expiring'` or `'refused'`; `signal` is aborted when nobody waits any more.
 * To reject with an error whose `revoked` is `true` ends the session at once; any other rejection is tried again.
 * @typedef {(wish: { reason: 'expiring' | 'refused', signal: AbortSignal }) => Promise<Access>} RenewAccess
 */

/**
 * @param {Access} access
 * @returns {AccessGrant}
 */
export function toGrant({ src, token, expires, serverTime }) {
  return {
    url: src ? new URL(src, document.baseURI).href : null,
    token: token || null,
    expires: expires instanceof Date ? Math.floor(expires.getTime() / 1000) : (expires ?? null),
    serverTime: serverTime instanceof Date ? serverTime.getTime() : (serverTime ?? null),
  };
}

/** Answers the session's wishes: one renewal at a time, however impatient the session is. */
export class Renewer {
  /** @type {RenewAccess} */ #renew;
  /** @type {(message: ToWorker) => void} */ #post;
  #ends = new AbortController();
  /** The wish to answer; `null` while nobody waits. @type {number | null} */ #wish = null;

  /**
   * @param {RenewAccess} renew
   * @param {(message: ToWorker) => void} post
   */
  constructor(renew, post) {
    this.#renew = renew;
    this.#post = post;
  }

  /** @param {{ id: number, reason: 'expiring' | 'refused' }} wish */
  async answer({ id, reason }) {
    const asks = this.#wish === null;
    this.#wish = id;
    if (!asks) return;
    /** @type {AccessGrant | null} */ let grant = null;
    let revoked = false;
    try {
      grant = toGrant(await this.#renew({ reason, signal: this.#ends.signal }));
    } catch (error) {
      revoked = error instanceof Object && 'revoked' in error && error.revoked === true;
    }
    this.#post({ type: 'renewed', id: this.#wish, grant, revoked });
    this.#wish = null;
  }

  stop() {
    this.#ends.abort();
  }
}
