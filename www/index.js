/** The package: the player, the element's class (register it with `define.js`), and their types. */

export { CloudPlayerVideo } from './element.js';
export { CloudPlayer } from './player.js';

/**
 * @typedef {import('./messages.js').PlayerErrorDetail} PlayerErrorDetail
 * @typedef {import('./messages.js').Rung} Rung
 * @typedef {import('./messages.js').Stats} Stats
 * @typedef {import('./player.js').PlayerOptions} PlayerOptions
 */
