/**
 * Tokens: one on an address, and a new token or signature, from the page to the session.
 *
 * @import { AccessGrant, AccessWish, ToWorker } from './messages.js'
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
 * Gives a new token or signature. `reason` is `'expiring'` or `'refused'`; `wanted` is `'media'`, or `'playInfo'` where a
 * player signature was refused and `token` is to be another one; `signal` is aborted when nobody waits any more.
 * To reject with an error whose `revoked` is `true` ends the session at once; any other rejection is tried again.
 * @typedef {(wish: AccessWish & { signal: AbortSignal }) => Promise<Access>} RenewAccess
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

/**
 * Puts a DRM token before the file name: `…/v.m3u8?q` becomes `…/voddrm.token.<token>.v.m3u8?q`. All else stays as it is, and so
 * does an address that has a token or no file name. `format_url_with_token` of `src/access/token.rs`.
 * @param {string} url
 * @param {string} token
 */
export function formatUrlWithToken(url, token) {
  const [, start, name, end] = URL_PARTS.exec(url) ?? [];
  if (!token || !name || name.startsWith('voddrm.token.')) return url;
  const segment = encodeURIComponent(token).replace(/%(2[46BC]|3[ABD]|40)/g, decodeURIComponent);
  return `${start}voddrm.token.${segment}.${name}${end}`;
}

/** Up to the file name, the file name, and from there on. Browsers take a backslash for a slash. */
const URL_PARTS =
  /^((?:[a-z][a-z\d+.-]*:)?\/\/[^\\/?#]*[\\/](?:[^?#]*[\\/])?|(?![a-z][a-z\d+.-]*:|\/\/)(?:[^?#]*[\\/])?)([^\\/?#]+)([?#][^]*|)$/i;

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

  /** @param {AccessWish & { id: number }} wish */
  async answer({ id, reason, wanted }) {
    const asks = this.#wish === null;
    this.#wish = id;
    if (!asks) return;
    /** @type {AccessGrant | null} */ let grant = null;
    let revoked = false;
    try {
      grant = toGrant(await this.#renew({ reason, wanted, signal: this.#ends.signal }));
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
