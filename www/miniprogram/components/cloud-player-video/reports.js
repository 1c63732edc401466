/**
 * The reports that have not arrived yet, of all sessions, in the platform's storage: by session `{to, text}`, under one key.
 * `to` tells collectors apart without naming them. A session that begins takes over what those that are over have left for
 * the same collector; one that runs beside it keeps its own.
 *
 * @import { Host } from './host.js'
 */

const KEY = 'cloud-player.unsent';

/** The sessions that run in this program now: what they have left is theirs to send. @type {Record<string, boolean>} */
const running = {};

/** Sessions whose reports are kept; a collector that nothing goes to any more has the oldest. */
const SESSIONS_MAX = 16;

/** @param {Host} host @returns {Record<string, { to: string, text: string }>} */
function all(host) {
  const found = host.stored(KEY);
  return found && typeof found === 'object' ? found : {};
}

/**
 * A session begins: returns what those that are over have left. It stays stored until the session says `keep`.
 * @param {Host} host
 * @param {string} session
 * @param {string | null | undefined} url The collector.
 * @returns {string[]}
 */
function take(host, session, url) {
  const left = all(host);
  running[session] = true;
  /** @type {string[]} */
  const texts = [];
  adopted[session] = Object.keys(left).filter(function (name) {
    return !running[name] && Boolean(left[name]) && left[name].to === nameOf(url);
  });
  adopted[session].forEach(function (name) {
    // Nobody else is to take it over meanwhile.
    running[name] = true;
    if (typeof left[name].text === 'string') texts.push(left[name].text);
  });
  return texts;
}

/** By session, those whose reports it has taken over and not stored as its own yet. @type {Record<string, string[]>} */
const adopted = {};

/**
 * What a session has not sent yet, what it has taken over included; `null`: nothing.
 * @param {Host} host
 * @param {string} session
 * @param {string | null | undefined} url
 * @param {string | null} value
 */
function keep(host, session, url, value) {
  const left = all(host);
  drop(session, left);
  delete left[session];
  if (value !== null) left[session] = { to: nameOf(url), text: value };
  Object.keys(left)
    .filter((name) => name !== session && !running[name])
    .slice(0, Math.max(Object.keys(left).length - SESSIONS_MAX, 0))
    .forEach(function (name) {
      delete left[name];
    });
  host.store(KEY, Object.keys(left).length === 0 ? null : left);
}

/**
 * @param {string} session
 * @param {Record<string, object>} left
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

/**
 * A collector by a hash of its address (FNV-1a) without the query, which may be signed.
 * @param {string | null | undefined} url
 */
function nameOf(url) {
  const address = String(url || '').split(/[?#]/)[0];
  let hash = 0x811c9dc5;
  for (let at = 0; at < address.length; at += 1) hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}

module.exports = { KEY, take, keep, end };
