/**
 * What a page's properties name, as the core takes it.
 *
 * @import { Quality, Source } from './messages.js'
 */

/** @param {any} properties @returns {Source[]} */
function toSources(properties) {
  const first = toSource(properties);
  const others = (properties.fallbackSources || []).map(toSource);
  return /** @type {Source[]} */ ([first].concat(others).filter(Boolean));
}

/** @param {any} given @returns {Source | null} */
function toSource(given) {
  if (!given) return null;
  if (given.file) return { kind: 'file', url: given.file };
  if (given.src) {
    if (/^[^?#]*\.(mp4|m4v|mov)([?#]|$)/i.test(given.src)) return { kind: 'file', url: given.src };
    /** @type {any} */
    const source = { kind: 'hls', url: given.src, drmToken: given.drmToken || null };
    if (given.expires) source.expires = given.expires;
    if (given.tokenPlacement) source.tokenPlacement = given.tokenPlacement;
    return source;
  }
  if (!given.fileId) return null;
  /** @type {any} */
  const info = { kind: 'playInfo', appId: String(given.appId || ''), fileId: String(given.fileId) };
  if (given.tokenObj || given.psign) info.token = given.tokenObj || { psign: given.psign };
  if (given.playInfoUrl) info.hosts = [given.playInfoUrl];
  return info;
}

/** A source without what opens it: another right is not another source. @param {any} source */
function nameOf(source) {
  return source.kind === 'playInfo' ? [source.appId, source.fileId, source.hosts] : [source.kind, source.url];
}

/** @param {any} quality @returns {Quality} */
function toQuality(quality) {
  const index = typeof quality === 'string' && quality !== '' ? Number(quality) : quality;
  return typeof index === 'number' && index >= 0 && index % 1 === 0 ? index : 'auto';
}

module.exports = { toSources, nameOf, toQuality };
