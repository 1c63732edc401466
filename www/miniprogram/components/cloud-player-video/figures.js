/**
 * A native event's figures under the names that the core knows.
 *
 * @import { Platform } from './platforms.js'
 */

/**
 * @param {Platform} platform
 * @param {string} name
 * @param {any} raw
 * @returns {Record<string, any>}
 */
function figures(platform, name, raw) {
  const names = platform.details[name] || {};
  /** @param {string} key */
  function number(key) {
    const value = Number(raw && raw[names[key] || key]);
    return isFinite(value) && value >= 0 ? value : null;
  }
  switch (name) {
    case 'timeupdate':
      return { currentTime: number('currentTime') || 0, duration: number('duration') };
    case 'loadedmetadata':
      return { duration: number('duration'), width: number('width'), height: number('height') };
    case 'progress':
      return { buffered: number('buffered') };
    case 'ratechange':
      return { rate: number('rate') };
    case 'error':
      return { message: String((raw && raw[names.errMsg || 'errMsg']) || '') };
    case 'fullscreenchange':
      return { fullScreen: Boolean(raw && raw.fullScreen && raw.fullScreen !== 'false') };
    default:
      return {};
  }
}

module.exports = { figures };
