/**
 * What can be played, as the page says it, and what a play-info service says of a file.
 *
 * @import { FromWorker, OverlayKey, PlayInfoDetail, PlayInfoToken, Source, StreamDetail, TokenPlacement,
 *   ToWorker } from './messages.js'
 */

import { Renewer } from './access.js';
import { takeWorker } from './workers.js';

/**
 * What can be played: `src` is a playlist, `fileId` a file of a play-info service, `file` a file that the browser plays by
 * itself (MP4). One of the three.
 * @typedef {object} SourceOptions
 * @property {string} [src]
 * @property {string} [fileId]
 * @property {string} [appId]
 * @property {string | readonly string[]} [playInfoUrl]
 * @property {string | PlayInfoToken} [token]
 * @property {TokenPlacement} [tokenPlacement]
 * @property {OverlayKey} [overlayKey]
 * @property {string} [file]
 */

/**
 * What play info says of a file: its streams, best first, each with the token that opens its keys, and when the tokens end
 * (Unix seconds).
 * @typedef {PlayInfoDetail & { poster: string | null, sources: StreamDetail[], expires: number | null }} PlayInfo
 */

/**
 * Asks a play-info service for a file, as a player does: of several hosts, the next where one does not answer. Rejects with an
 * `Error` that has the fields of an `error` event.
 * @param {string | number} appId
 * @param {string | PlayInfoToken | null} token
 * @param {string} fileId A text: it has more digits than a number holds.
 * @param {{ playInfoUrl?: string | readonly string[], renewAccess?: import('./access.js').RenewAccess }} [options]
 * @returns {Promise<PlayInfo>}
 */
export async function getPlayInfo(appId, token, fileId, { playInfoUrl, renewAccess } = {}) {
  const source = toSource({ appId: String(appId), token: token ?? undefined, fileId, playInfoUrl });
  const worker = takeWorker();
  /** @param {ToWorker} message */
  const post = (message) => worker.postMessage(message);
  const renewer = renewAccess && new Renewer(renewAccess, post);
  try {
    return await new Promise((resolve, reject) => {
      /** @type {object} */ let found = { poster: null };
      worker.onerror = () => reject(new Error('the worker could not start'));
      worker.addEventListener('message', (/** @type {MessageEvent<FromWorker>} */ { data }) => {
        const { type, ...news } = data.type === 'event' ? data.event : data;
        if (type === 'poster') found = { ...found, poster: /** @type {{ url: string }} */ (news).url };
        if (type === 'playInfo') found = { ...found, ...news };
        if (type === 'streams') resolve(/** @type {PlayInfo} */ ({ ...found, ...news }));
        if (type === 'accessWanted') void renewer?.answer(/** @type {any} */ (news));
        if ('fatal' in news && news.fatal) reject(Object.assign(new Error(news.message), news));
      });
      const seed = Math.floor(Math.random() * 2 ** 53);
      post({ type: 'start', looks: true, sessionId: '', seed, sources: [source], renews: renewer !== undefined });
    });
  } finally {
    renewer?.stop();
    worker.terminate();
  }
}

/**
 * @param {SourceOptions} options
 * @returns {Source}
 */
export function toSource({ src, fileId, appId, playInfoUrl, token, tokenPlacement, overlayKey, file }) {
  if (file) return { kind: 'file', url: absolute(file) };
  if (src) return { kind: 'hls', url: absolute(src), token: token ? String(token) : null, tokenPlacement: tokenPlacement ?? null };
  if (!fileId) throw new TypeError('a player needs src, fileId or file');
  const endpoints = [playInfoUrl || DEFAULT_PLAY_INFO].flat().map(absolute);
  const rights = Object.entries(typeof token === 'object' ? token : { psign: token || null });
  return {
    kind: 'playInfo',
    endpoints,
    appId: appId ?? '',
    fileId: String(fileId),
    token: Object.fromEntries(rights.map(([name, value]) => [name, value == null ? null : String(value)])),
    overlayKey: overlayKey ?? null,
  };
}

/**
 * The worker's own address is another one: relative URLs are resolved here.
 * @param {string} url
 */
export function absolute(url) {
  return new URL(url, document.baseURI).href;
}

/** Tencent Cloud's public service; the path is that of the version that is asked. */
const DEFAULT_PLAY_INFO = 'https://playvideo.qcloud.com';
