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
 * player signature was refused and `token` is to be another one; `source` is the index of the source, 0 for the player's own;
 * `signal` is aborted when nobody waits any more.
 * To reject with an error whose `revoked` is `true` ends the session at once; any other rejection is tried again.
 * @typedef {(wish: AccessWish & { signal: AbortSignal }) => Promise<Access>} RenewAccess
 */

/**
 * Throws where something is not what it should be: the session would not understand it.
 * @param {Access} access
 * @returns {AccessGrant}
 */
export function toGrant({ src, token, expires, serverTime }) {
  if (token && typeof token !== 'string') throw new TypeError('a token is a text');
  return {
    url: src ? new URL(src, document.baseURI).href : null,
    token: token || null,
    expires: toNumber(expires instanceof Date ? +expires / 1000 : expires),
    serverTime: toNumber(serverTime),
  };
}

/** @param {unknown} value A number, a text of one, or a date. */
function toNumber(value) {
  if (value == null) return null;
  const whole = Math.floor(Number(value));
  if (!Number.isFinite(whole)) throw new TypeError('no point in time');
  return whole;
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

/** Answers the session's wishes, the newest alone: it has given up those before. */
export class Renewer {
  /** @type {RenewAccess} */ #renew;
  /** @type {(message: ToWorker) => void} */ #post;
  #ends = new AbortController();

  /**
   * @param {RenewAccess} renew
   * @param {(message: ToWorker) => void} post
   */
  constructor(renew, post) {
    this.#renew = renew;
    this.#post = post;
  }

  /** @param {AccessWish & { id: number }} wish */
  async answer({ id, reason, wanted, source }) {
    this.stop();
    const { signal } = (this.#ends = new AbortController());
    /** @type {AccessGrant | null} */ let grant = null;
    let revoked = false;
    try {
      grant = toGrant(await this.#renew({ reason, wanted, source, signal }));
    } catch (error) {
      revoked = error instanceof Object && 'revoked' in error && error.revoked === true;
    }
    if (!signal.aborted) this.#post({ type: 'renewed', id, grant, revoked });
  }

  /** Nobody waits any more. */
  stop() {
    this.#ends.abort();
  }
}
