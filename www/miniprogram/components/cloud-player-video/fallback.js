/**
 * The core where a platform has no WebAssembly, with the same inputs and outputs: play info, the token in the address, one
 * source after the other, the same events and codes. The native player gets the multivariant playlist and chooses rungs
 * as it does. Off are the choice of rungs, renewal and reports, and `ready` says so.
 *
 * @import { Config, Input, NativeEvent, Output, PlayerErrorDetail, Source } from './messages.js'
 */

const info = require('./play-info.js');

/** @typedef {Exclude<Source, { kind: 'playInfo' }> & { index: number, from: 'play_info' | 'hls' | 'file' }} Stream */

class Session {
  /**
   * @param {Config} config
   */
  constructor(config) {
    this.config = config;
    /** @type {Output[]} */
    this.outputs = [];
    /** Those that have not been tried, the next one first. @type {(Source & { index: number, from?: any })[]} */
    this.sources = [];
    /** @type {Stream | null} */
    this.current = null;
    this.position = 0;
    /** @type {number | null} */
    this.duration = null;
    this.rate = 1;
    this.wanted = false;
    this.playing = false;
    this.told = false;
    this.over = false;
    this.lastId = 0;
    /** @type {{ id: number, source: Source & { kind: 'playInfo', index: number }, url: string, tries: number } | null} */
    this.asking = null;
    /** When it is asked again. @type {number | null} */
    this.again = null;
  }

  /**
   * @param {Input} input
   * @param {number} now
   * @returns {Output[]}
   */
  handle(input, now) {
    if (!this.over) this.hear(input, now);
    return this.outputs.splice(0);
  }

  /** @returns {Output[]} */
  start() {
    return [];
  }

  destroy() {
    this.over = true;
  }

  /**
   * @param {Input} input
   * @param {number} now
   */
  hear(input, now) {
    switch (input.type) {
      case 'load':
        this.sources = input.sources.map(function (source, index) {
          return Object.assign({ index: index }, source);
        });
        this.position = input.startTime || 0;
        this.wanted = Boolean(input.autoplay);
        this.next();
        break;
      case 'response':
        if (this.asking && input.id === this.asking.id) this.answered(info.read(input, this.asking.url), now);
        break;
      case 'requestFailed':
        if (this.asking && input.id === this.asking.id) {
          this.answered({ error: info.failure(input.reason, null, info.FAILED[input.reason], true) }, now);
        }
        break;
      case 'wake':
        if (this.again === null) break;
        if (now >= this.again) this.ask();
        // Timers may be a little early.
        else this.outputs.push({ type: 'wake', at: this.again });
        break;
      case 'play':
      case 'pause':
        this.wanted = input.type === 'play';
        if (this.current) this.outputs.push({ type: 'element', method: input.type });
        break;
      case 'seek':
        this.position = Math.max(input.to, 0);
        if (this.current) this.outputs.push({ type: 'element', method: 'seek', value: this.position });
        break;
      case 'setRate':
        this.rate = input.rate;
        if (this.current) this.outputs.push({ type: 'element', method: 'setRate', value: input.rate });
        this.event('ratechange', { rate: input.rate });
        break;
      case 'native':
        if (this.current) this.native(input);
        break;
      case 'renewed':
        // Renewal is off; but what is asked for by a right that is no more is asked for anew.
        if (this.asking && (input.tokenObj || input.psign)) {
          this.outputs.push({ type: 'abort', id: this.asking.id });
          this.asking.source.token = input.tokenObj || { psign: input.psign };
          this.asking.url = this.addressOf(this.asking.source);
          this.ask();
        }
        break;
      case 'renewFailed':
        if (input.revoked) this.fail(REVOKED, true);
        break;
      case 'destroy':
        this.over = true;
        break;
    }
  }

  /** The next source's turn. */
  next() {
    const source = this.sources.shift();
    if (!source) return false;
    this.current = null;
    if (source.kind === 'playInfo') {
      this.asking = { id: 0, source: source, url: this.addressOf(source), tries: 0 };
      this.ask();
    } else {
      this.open(/** @type {any} */ (source));
    }
    return true;
  }

  /** @param {Source & { kind: 'playInfo' }} source */
  addressOf(source) {
    const hosts = source.hosts || this.config.playInfoHosts || [];
    return info.requestUrl(hosts[0] || info.SERVICE, source.appId, source.fileId, source.token);
  }

  ask() {
    const asking = this.asking;
    this.again = null;
    if (!asking) return;
    this.lastId += 1;
    asking.id = this.lastId;
    asking.tries += 1;
    this.outputs.push({
      type: 'request',
      id: asking.id,
      kind: 'playInfo',
      url: asking.url,
      method: 'GET',
      headers: {},
      timeoutMs: 10000,
    });
  }

  /**
   * @param {{ info?: import('./play-info.js').PlayInfo, error?: import('./play-info.js').Failure }} outcome
   * @param {number} now
   */
  answered(outcome, now) {
    const asking = this.asking;
    if (!asking) return;
    if (outcome.error) {
      if (outcome.error.again && asking.tries < TRIES) {
        this.event('error', error(outcome.error, false));
        this.again = now + asking.tries * 500;
        this.outputs.push({ type: 'wake', at: this.again });
        return;
      }
      this.asking = null;
      this.fail(outcome.error);
      return;
    }
    this.asking = null;
    const found = /** @type {import('./play-info.js').PlayInfo} */ (outcome.info);
    const index = asking.source.index;
    this.duration = found.duration;
    this.event('playinfo', {
      name: found.name,
      duration: found.duration,
      preview: null,
      poster: found.poster,
      thumbnails: null,
      sprites: [],
      keyFrames: [],
    });
    /** @type {any[]} */
    const streams = found.sources.map(function (source) {
      return Object.assign({ index: index, from: 'play_info' }, source);
    });
    this.sources = streams.concat(this.sources);
    this.next();
  }

  /** @param {Stream} source */
  open(source) {
    const url = source.kind === 'hls' ? opened(source) : source.url;
    this.current = source;
    if (this.told) this.event('sourcechange', { source: source.index, kind: source.from || source.kind });
    this.told = true;
    this.event('ready', {
      duration: this.duration,
      source: source.index,
      qualities: [],
      selected: 'auto',
      quality: null,
      features: { quality: false, renewal: false, reports: false, reason: 'no_webassembly' },
    });
    this.outputs.push({
      type: 'source',
      url: url,
      position: this.position,
      play: this.wanted,
      rate: this.rate,
      kind: source.kind,
    });
  }

  /** @param {NativeEvent} happened */
  native(happened) {
    switch (happened.event) {
      case 'play':
      case 'pause':
      case 'waiting':
      case 'ended':
        if (happened.event === 'play') this.wanted = true;
        if (happened.event === 'pause' || happened.event === 'ended') this.wanted = false;
        this.playing = false;
        this.event(happened.event, { currentTime: this.position });
        break;
      case 'timeupdate':
        const to = happened.detail.currentTime;
        if (happened.detail.duration) this.duration = happened.detail.duration;
        if (!this.playing && this.wanted && to > this.position && to < this.position + 2) {
          this.playing = true;
          this.event('playing', { currentTime: to });
        }
        this.position = to;
        this.event('timeupdate', { currentTime: to, duration: this.duration });
        break;
      case 'ratechange':
        if (happened.detail && happened.detail.rate) {
          this.rate = happened.detail.rate;
          this.event('ratechange', { rate: this.rate });
        }
        break;
      case 'error':
        this.fail(ofNative(String((happened.detail && happened.detail.message) || '')));
        break;
    }
  }

  /**
   * The source is lost: the next one takes over at the same place.
   * @param {{ code: string, phase: string, status: number | null, message: string }} why
   * @param {boolean} [final]
   */
  fail(why, final) {
    this.playing = false;
    const last = final || this.sources.length === 0;
    this.event('error', error(why, last));
    if (!last) this.next();
    else this.over = true;
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  event(name, detail) {
    this.outputs.push(/** @type {any} */ ({ type: 'event', name: name, detail: detail }));
  }
}

/** @param {Stream & { kind: 'hls' }} source */
function opened(source) {
  const placement = source.tokenPlacement;
  if (source.drmToken && placement && placement.kind === 'query') {
    return (
      source.url +
      (source.url.indexOf('?') < 0 ? '?' : '&') +
      placement.name +
      '=' +
      encodeURIComponent(source.drmToken)
    );
  }
  return info.formatUrlWithToken(source.url, source.drmToken);
}

/**
 * @param {{ code: string, phase: string, status: number | null, message: string }} why
 * @param {boolean} fatal
 * @returns {PlayerErrorDetail}
 */
function error(why, fatal) {
  return { code: why.code, phase: why.phase, status: why.status, fatal: fatal, message: why.message, url: null };
}

/**
 * Components speak of their errors in the words of `MediaError`, more or less.
 * @param {string} message
 */
function ofNative(message) {
  const known = NATIVE.filter((row) => row.says.test(message))[0];
  return { code: known.code, phase: known.phase, status: null, message: known.message };
}

const NATIVE = [
  {
    says: /not_supported|unsupported/i,
    code: 'codec_unsupported',
    phase: 'sink',
    message: 'the native component does not play this',
  },
  { says: /decode/i, code: 'decode_failed', phase: 'sink', message: 'the native component could not decode' },
  {
    says: /network|err_connection|timed_out|http/i,
    code: 'network',
    phase: 'segment',
    message: 'the native component could not load',
  },
  { says: /^/, code: 'native_failed', phase: 'sink', message: 'the native component gave up and does not say why' },
];

const REVOKED = {
  code: 'access_revoked',
  phase: 'access',
  status: null,
  message: 'the page says that the viewer may not watch any more',
};

/** How often play info is asked for. */
const TRIES = 4;

module.exports = {
  /** @type {import('./messages.js').Core} */
  core: {
    create: function (config) {
      return new Session(config);
    },
  },
};
