/**
 * Which core runs: the one in WebAssembly where the platform has that, else the one in JavaScript.
 *
 * @import { Platform } from './platforms.js'
 * @import { Core } from './messages.js'
 */

const glue = require('./core.js');
const fallback = require('./fallback.js');

/**
 * Where the module lies, where it is not said: installed by npm, or copied. A path is from the root of the program, and
 * nothing tells a script where it lies itself. Not every platform takes a compressed one.
 */
const PATHS = [
  '/miniprogram_npm/cloud-player-miniprogram/cloud-player-video/core.wasm.br',
  '/components/cloud-player-video/core.wasm.br',
  '/miniprogram_npm/cloud-player-miniprogram/cloud-player-video/core.wasm',
  '/components/cloud-player-video/core.wasm',
];

/** By the path that was asked for. @type {Record<string, Promise<Core>>} */
const loaded = {};

/**
 * @param {Platform} platform
 * @param {string} path The page's own, or ''.
 * @returns {Promise<Core>} Never rejected.
 */
function obtain(platform, path) {
  const webAssembly = platform.wasm();
  if (!webAssembly) return Promise.resolve(fallback.core);
  if (!loaded[path]) {
    loaded[path] = first(path ? [path] : PATHS, function (each) {
      return glue.load({ path: each, webAssembly });
    }).catch(function () {
      console.warn('cloud-player: the WebAssembly module was not found or does not run here; see wasm-path');
      return fallback.core;
    });
  }
  return loaded[path];
}

/** Of a module that has trapped, nothing is to be trusted: the next session loads it anew. */
function forget() {
  Object.keys(loaded).forEach(function (path) {
    delete loaded[path];
  });
  glue.forget();
}

/**
 * The first of these that can be had.
 * @template T
 * @param {string[]} paths
 * @param {(path: string) => Promise<T>} get
 * @returns {Promise<T>}
 */
function first(paths, get) {
  return get(paths[0]).catch(function (/** @type {unknown} */ reason) {
    if (paths.length === 1) throw reason;
    return first(paths.slice(1), get);
  });
}

module.exports = { obtain, forget, fallback: fallback.core };
