/**
 * Which answer of the page is to which wish for a new right. A wish that was not answered in time is made again under
 * another number, and both answers may come then: the first counts, the other is one that nobody needs.
 */

/** For so long, an answer that is left over may still come. Milliseconds. */
const LATE = 60000;

class Wishes {
  constructor() {
    /** The last one, if it was not answered. @type {number | null} */
    this.open = null;
    /** Those that were made since the last answer. */
    this.made = 0;
    /** Answers that may still come to wishes that another one has settled, and until when. */
    this.late = 0;
    this.until = 0;
  }

  /** @param {number} id */
  wished(id) {
    this.open = id;
    this.made += 1;
  }

  /**
   * The number of the wish that an answer is to; `null`: nobody asked for it; `undefined`: it is left over.
   * @param {number | null | undefined} id As the page says, if it does.
   * @param {number} now
   */
  answered(id, now) {
    const open = this.open;
    if (open !== null) {
      this.open = null;
      this.late = this.made - 1;
      this.until = now + LATE;
      this.made = 0;
      return open;
    }
    const isNamed = id !== undefined && id !== null;
    const isLeft = this.late > 0 && now <= this.until;
    if (isLeft) this.late -= 1;
    if (isNamed) return id;
    return isLeft ? undefined : null;
  }
}

/**
 * What opens a source, as an answer gives it.
 * @param {any} source
 */
function rightsOf(source) {
  if (source.kind === 'playInfo') return { tokenObj: source.token || null };
  return { token: source.drmToken || null, expires: source.expires || null };
}

/** @param {any} grant */
function hasAny(grant) {
  return Boolean(grant && (grant.url || grant.token || grant.psign || grant.tokenObj || grant.expires));
}

module.exports = { Wishes, rightsOf, hasAny };
