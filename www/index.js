/** The package: the player, the element's class (register it with `define.js`), and their types. */

export { formatUrlWithToken } from './access.js';
export { CloudPlayerVideo } from './element.js';
export { CloudPlayer } from './player.js';
export { getPlayInfo } from './sources.js';

/**
 * @typedef {import('./messages.js').PlayerErrorDetail} PlayerErrorDetail
 * @typedef {import('./messages.js').PlayInfoToken} PlayInfoToken
 * @typedef {import('./sources.js').PlayInfo} PlayInfo
 * @typedef {import('./messages.js').Rung} Rung
 * @typedef {import('./messages.js').Stats} Stats
 * @typedef {import('./player.js').PlayerOptions} PlayerOptions
 */
