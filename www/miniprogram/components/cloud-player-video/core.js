/**
 * The glue between the component and the core: loads the module, and carries JSON texts to it and back.
 *
 * It runs where there is `wx` (or `my`, `tt`), a WebAssembly of the platform's own and timers, and nothing else: no
 * TextDecoder, URL, fetch, crypto, window or eval. It decides nothing. `messages.d.ts` has the texts' form.
 */
'use strict';

/** Where the module is in the package; a platform that takes no `.br` is given `core.wasm`. */
var PATH = '/components/cloud-player-video/core.wasm.br';

/**
 * Modules that are loaded or on their way, by their paths.
 * @type {Record<string, Promise<import('./messages').Core>>}
 */
var loaded = {};

/**
 * What the platform has for WebAssembly, if it has any.
 * @returns {any}
 */
function platform() {
  if (typeof WXWebAssembly !== 'undefined') return WXWebAssembly;
  if (typeof MYWebAssembly !== 'undefined') return MYWebAssembly;
  if (typeof TTWebAssembly !== 'undefined') return TTWebAssembly;
  if (typeof WebAssembly !== 'undefined') return WebAssembly;
  return null;
}

/**
 * @param {import('./messages').LoadOptions} [options]
 * @returns {Promise<import('./messages').Core>}
 */
function load(options) {
  var path = (options && options.path) || PATH;
  var wasm = (options && options.webAssembly) || platform();
  if (!wasm || typeof wasm.instantiate !== 'function') {
    return Promise.reject(new Error('there is no WebAssembly here'));
  }
  if (!loaded[path]) {
    loaded[path] = new Promise(function (resolve) {
      resolve(wasm.instantiate(path, {}));
    }).then(function (answer) {
      // Some platforms answer with the instance alone.
      var instance = answer && answer.instance ? answer.instance : answer;
      if (!instance || !instance.exports || !instance.exports.cp_handle) {
        throw new Error('the module at ' + path + ' is not the core');
      }
      return new Core(instance.exports);
    });
    // Another attempt is to be one.
    loaded[path].catch(function () {
      delete loaded[path];
    });
  }
  return loaded[path];
}

/** Loads the modules anew from now on: one that has trapped is not to be trusted. */
function forget() {
  loaded = {};
}

/** @returns {boolean} */
function isSupported() {
  var wasm = platform();
  return !!wasm && typeof wasm.instantiate === 'function';
}

/**
 * An instance of the module.
 * @param {any} exports
 */
function Core(exports) {
  this.exports = exports;
}

/**
 * @param {import('./messages').Config} config
 * @param {number} now
 * @returns {import('./messages').Player}
 */
Core.prototype.create = function (config, now) {
  this.write(json(config));
  var handle = this.exports.cp_create(now);
  if (!handle) throw Object.assign(new Error('the core takes no such config'), { refused: true });
  return new Player(this, handle, now);
};

/**
 * Puts a text where the next call reads it.
 * @param {string} text
 */
Core.prototype.write = function (text) {
  var length = utf8Length(text);
  var place = this.exports.cp_input(length);
  if (!place) throw new Error('a text of ' + length + ' bytes is too long for the core');
  // Memory may have grown, and then an older view of it sees nothing.
  encode(text, new Uint8Array(this.exports.memory.buffer, place, length));
};

/**
 * One player of an instance.
 * @param {Core} core
 * @param {number} handle
 * @param {number} now
 */
function Player(core, handle, now) {
  this.core = core;
  this.id = handle;
  this.created = now;
}

/**
 * What is to be done since the creation.
 * @returns {import('./messages').Output[]}
 */
Player.prototype.start = function () {
  return this.call('', this.created);
};

/**
 * @param {import('./messages').Input} input
 * @param {number} now
 * @returns {import('./messages').Output[]}
 */
Player.prototype.handle = function (input, now) {
  return this.call(json(input), now);
};

/**
 * @param {string} text
 * @param {number} now
 * @returns {import('./messages').Output[]}
 */
Player.prototype.call = function (text, now) {
  if (!this.id) return [];
  var exports = this.core.exports;
  this.core.write(text);
  var length = exports.cp_handle(this.id, now);
  return JSON.parse(decode(new Uint8Array(exports.memory.buffer, exports.cp_output(), length)));
};

Player.prototype.destroy = function () {
  if (this.id) this.core.exports.cp_destroy(this.id);
  this.id = 0;
};

/**
 * A value as JSON. Engines of today escape a surrogate that stands alone, which is no JSON to the core.
 * @param {unknown} value
 */
function json(value) {
  var text = JSON.stringify(value);
  if (text.indexOf('\\ud') < 0) return text;
  return text.replace(/\\(u(d[89a-f]..)?|.)/g, function (escape, _, surrogate) {
    return surrogate ? '\\ufffd' : escape;
  });
}

/**
 * The code point at a place; a surrogate that stands alone is U+FFFD.
 * @param {string} text
 * @param {number} at
 */
function codePoint(text, at) {
  var unit = text.charCodeAt(at);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  var next = at + 1 < text.length ? text.charCodeAt(at + 1) : 0;
  if (unit > 0xdbff || next < 0xdc00 || next > 0xdfff) return 0xfffd;
  return 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
}

/**
 * How many bytes a text has in UTF-8.
 * @param {string} text
 */
function utf8Length(text) {
  var length = 0;
  for (var at = 0; at < text.length; at++) {
    var point = codePoint(text, at);
    if (point > 0xffff) at++;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}

/**
 * Writes a text in UTF-8.
 * @param {string} text
 * @param {Uint8Array} bytes As many as `utf8Length` says.
 */
function encode(text, bytes) {
  var to = 0;
  for (var at = 0; at < text.length; at++) {
    var point = codePoint(text, at);
    if (point > 0xffff) at++;
    if (point < 0x80) {
      bytes[to++] = point;
      continue;
    }
    if (point < 0x800) {
      bytes[to++] = 0xc0 | (point >> 6);
    } else {
      if (point < 0x10000) {
        bytes[to++] = 0xe0 | (point >> 12);
      } else {
        bytes[to++] = 0xf0 | (point >> 18);
        bytes[to++] = 0x80 | ((point >> 12) & 0x3f);
      }
      bytes[to++] = 0x80 | ((point >> 6) & 0x3f);
    }
    bytes[to++] = 0x80 | (point & 0x3f);
  }
}

/**
 * Reads UTF-8, which the core writes without a fault.
 * @param {Uint8Array} bytes
 */
function decode(bytes) {
  var text = '';
  /** @type {number[]} */
  var units = [];
  for (var at = 0; at < bytes.length; ) {
    var first = bytes[at++];
    var more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    var point = more ? first & (0x3f >> more) : first;
    for (; more > 0; more--) point = (point << 6) | (bytes[at++] & 0x3f);
    if (point > 0xffff) {
      units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
    } else {
      units.push(point);
    }
    // As many arguments as every engine takes.
    if (units.length > 4000) {
      text += String.fromCharCode.apply(null, units);
      units = [];
    }
  }
  return text + String.fromCharCode.apply(null, units);
}

module.exports = { load: load, forget: forget, isSupported: isSupported };
