/**
 * The reports that have not arrived yet, of all sessions, in the platform's storage: an object of texts by session, under
 * one key. A session that begins takes over what those that are over have left; one that runs beside it keeps its own.
 *
 * @import { Host } from './host.js'
 */

const KEY = 'cloud-player.unsent';

/** The sessions that run in this program now: what they have left is theirs to send. @type {Record<string, boolean>} */
const running = {};

/** @param {Host} host @returns {Record<string, string>} */
function all(host) {
  const found = host.stored(KEY);
  return found && typeof found === 'object' ? found : {};
}

/**
 * A session begins: returns what those that are over have left. It stays stored until the session says `keep`.
 * @param {Host} host
 * @param {string} session
 * @returns {string[]}
 */
function take(host, session) {
  const left = all(host);
  running[session] = true;
  /** @type {string[]} */
  const texts = [];
  adopted[session] = Object.keys(left).filter(function (name) {
    return !running[name];
  });
  adopted[session].forEach(function (name) {
    // Nobody else is to take it over meanwhile.
    running[name] = true;
    if (typeof left[name] === 'string') texts.push(left[name]);
  });
  return texts;
}

/** By session, those whose reports it has taken over and not stored as its own yet. @type {Record<string, string[]>} */
const adopted = {};

/**
 * What a session has not sent yet, what it has taken over included; `null`: nothing.
 * @param {Host} host
 * @param {string} session
 * @param {string | null} value
 */
function keep(host, session, value) {
  const left = all(host);
  drop(session, left);
  if (value === null) delete left[session];
  else left[session] = value;
  host.store(KEY, Object.keys(left).length === 0 ? null : left);
}

/**
 * @param {string} session
 * @param {Record<string, string>} left
 */
function drop(session, left) {
  (adopted[session] || []).forEach(function (name) {
    delete left[name];
    delete running[name];
  });
  delete adopted[session];
}

/**
 * The session is over: the next one may take over what is left of it.
 * @param {string} session
 */
function end(session) {
  delete running[session];
  (adopted[session] || []).forEach(function (name) {
    delete running[name];
  });
  delete adopted[session];
}

module.exports = { KEY, take, keep, end };
