/**
 * `<cloud-player-video>`: a `<video>` that plays protected HLS.
 *
 * Attributes: `src`, or `file-id` with `app-id` and `play-info-url`; `token report-url start-time`; and those of
 * `<video>`: `autoplay muted controls poster loop playsinline`. A new source starts playback anew; `token`, `report-url`
 * and `start-time` are read when a source starts. A bad attribute warns and falls back.
 *
 * Properties, methods and events are those of `HTMLMediaElement`, and `rungs`, `currentRung`, `selectedRung`, those of the
 * sound and the text, `qoe`, `stats`; events `ready`, `loaded`, `rungchange`, `audiochange`, `textchange`, `textadded`, `sourcechange`, `playinfo`,
 * `stats`; `error` has a `detail` {code, phase, status, fatal, message}.
 *
 * This module only has the class; `define.js` registers it.
 *
 * @import { AudioRendition, PlayerErrorDetail, Rung, TextRendition } from './messages.js'
 * @import { PlayerOptions } from './player.js'
 */

import { MediaMirror } from './media-mirror.js';
import { CloudPlayer } from './player.js';

export class CloudPlayerVideo extends MediaMirror {
  static observedAttributes = [
    'src', 'file-id', 'app-id', 'play-info-url', 'autoplay', 'muted', 'controls', 'poster', 'loop', 'playsinline',
  ];

  /**
   * Further options for the next start, such as `bufferGoal` or `tokenPlacement`; they precede attributes.
   * @type {Partial<PlayerOptions>}
   */
  options = Reflect.get(this, 'options') ?? {};

  /** @type {CloudPlayer | null} */ #player = null;
  /** @type {string | null} */ #token = null;
  /** @type {PlayerErrorDetail | null} */ #sourceError = null;
  #changed = false;
  #scheduled = false;
  /** Where to go on when the element comes back into a document. */
  #resumeAt = 0;

  constructor() {
    super();
    // What a page set before this class was there stands in the way of the accessors.
    for (const [name, value] of Object.entries(this)) {
      if (name in CloudPlayerVideo.prototype && Reflect.deleteProperty(this, name)) Reflect.set(this, name, value);
    }
  }

  connectedCallback() {
    this.#schedule();
  }

  disconnectedCallback() {
    this.#schedule();
  }

  /**
   * @param {string} name
   * @param {string | null} was
   * @param {string | null} value
   */
  attributeChangedCallback(name, was, value) {
    const { media } = this;
    switch (name) {
      case 'muted':
        media.muted = value !== null;
        return;
      case 'controls':
      case 'loop':
      case 'playsinline':
        media.toggleAttribute(name, value !== null);
        return;
      case 'poster':
        if (value === null) media.removeAttribute('poster');
        else media.poster = value;
        return;
      case 'autoplay':
        if (value !== null && this.#player) this.#autoplay();
        return;
      default:
        if (was === value) return;
        this.#changed = true;
        this.#schedule();
    }
  }

  /** The player of the current source, or `null`. */
  get player() {
    return this.#player;
  }

  get src() {
    return this.getAttribute('src') ?? '';
  }

  set src(value) {
    this.setAttribute('src', value);
  }

  get fileId() {
    return this.getAttribute('file-id') ?? '';
  }

  set fileId(value) {
    this.setAttribute('file-id', value);
  }

  /** The token. Set here it stays out of the document, unlike in the attribute. */
  get token() {
    return this.#token ?? this.getAttribute('token') ?? '';
  }

  set token(value) {
    this.#token = value || null;
  }

  get autoplay() {
    return this.hasAttribute('autoplay');
  }

  set autoplay(value) {
    this.toggleAttribute('autoplay', value);
  }

  get controls() {
    return this.hasAttribute('controls');
  }

  set controls(value) {
    this.toggleAttribute('controls', value);
  }

  get loop() {
    return this.hasAttribute('loop');
  }

  set loop(value) {
    this.toggleAttribute('loop', value);
  }

  get poster() {
    return this.media.poster;
  }

  set poster(value) {
    this.setAttribute('poster', value);
  }

  get currentTime() {
    return this.media.currentTime;
  }

  set currentTime(seconds) {
    if (this.#player) this.#player.seek(seconds);
    else this.#resumeAt = seconds;
  }

  /** Seconds; known as soon as the playlist is. */
  get duration() {
    const { duration } = this.media;
    return Number.isNaN(duration) ? (this.#player?.duration ?? NaN) : duration;
  }

  /** What ended playback, or `null`. */
  get error() {
    return this.#player?.error ?? this.#sourceError;
  }

  /** @returns {Rung[]} */
  get rungs() {
    return this.#player?.rungs ?? [];
  }

  /**
   * Index of the rung that plays, or -1. Set a number to hold a rung, 'auto' to let the player choose.
   * @returns {number}
   */
  get currentRung() {
    return this.#player?.currentRung ?? -1;
  }

  /** @param {number | 'auto'} rung */
  set currentRung(rung) {
    if (this.#player) this.#player.currentRung = rung;
  }

  get selectedRung() {
    return this.#player?.selectedRung ?? 'auto';
  }

  /** @returns {AudioRendition[]} */
  get audioRenditions() {
    return this.#player?.audioRenditions ?? [];
  }

  get currentAudio() {
    return this.#player?.currentAudio ?? -1;
  }

  get selectedAudio() {
    return this.#player?.selectedAudio ?? 'auto';
  }

  /** @param {number | 'auto'} audio */
  selectAudio(audio) {
    this.#player?.selectAudio(audio);
  }

  /** @returns {TextRendition[]} */
  get textRenditions() {
    return this.#player?.textRenditions ?? [];
  }

  get currentText() {
    return this.#player?.currentText ?? -1;
  }

  get selectedText() {
    return this.#player?.selectedText ?? 'auto';
  }

  /** @param {number | 'auto' | 'off'} text */
  selectText(text) {
    this.#player?.selectText(text);
  }

  get stats() {
    return this.#player?.stats ?? null;
  }

  get qoe() {
    return this.#player?.qoe ?? null;
  }

  async play() {
    try {
      await this.media.play();
    } catch (error) {
      // The source was attached meanwhile, which ends a wish to play; the player has repeated it.
      if (/** @type {DOMException} */ (error).name !== 'AbortError' || this.media.paused) throw error;
      await this.media.play();
    }
  }

  /** Ends playback, sends the last report and frees the player. A new source, or `load()`, starts again. */
  destroy() {
    const player = this.#player;
    this.#player = null;
    return player?.destroy() ?? Promise.resolve();
  }

  /** Starts the source anew. */
  load() {
    this.#changed = true;
    this.#schedule();
  }

  /** Attributes that are set one after the other, and a move within the document, come down to one change. */
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#settle();
    });
  }

  #settle() {
    if (!this.isConnected) {
      if (this.#player) this.#resumeAt = this.media.currentTime;
      void this.destroy();
      return;
    }
    if (this.#player && !this.#changed) return;
    if (this.#changed && this.#player) this.#resumeAt = 0;
    this.#changed = false;
    void this.destroy();
    this.#start();
  }

  #start() {
    this.#sourceError = null;
    const options = this.#playerOptions();
    if (!options) return;
    try {
      const player = new CloudPlayer(this.media, options);
      this.#player = player;
      for (const name of ['ready', 'loaded', 'rungchange', 'audiochange', 'textchange', 'textadded', 'sourcechange', 'playinfo', 'stats', 'error']) {
        player.addEventListener(name, (event) => {
          const detail = /** @type {CustomEvent} */ (event).detail;
          if (this.#player === player) this.dispatchEvent(new CustomEvent(name, { detail }));
        });
      }
      player.addEventListener('poster', (event) => {
        if (!this.hasAttribute('poster')) this.media.poster = /** @type {CustomEvent} */ (event).detail.url;
      });
    } catch {
      // Not the exception's own text: it quotes the address.
      const message = 'the source is no valid address';
      this.#sourceError = { code: 'invalid_source', phase: 'playlist', status: null, fatal: true, message };
      this.dispatchEvent(new CustomEvent('error', { detail: this.#sourceError }));
      return;
    }
    if (this.autoplay) this.#autoplay();
  }

  #autoplay() {
    this.play().catch((error) => {
      if (error.name === 'NotAllowedError') warn('the browser does not let this page start playback by itself');
    });
  }

  /** @returns {PlayerOptions | null} */
  #playerOptions() {
    /** @param {string} name */
    const text = (name) => this.getAttribute(name) || undefined;
    const src = text('src');
    const fileId = text('file-id');
    if (!src && !fileId && !this.options.src && !this.options.fileId) return null;
    if (src && fileId) warn('both src and file-id are given; src is played');
    if (!src && fileId && !text('app-id')) warn('file-id without app-id');
    const startTime = this.#resumeAt || this.#number('start-time');
    this.#resumeAt = 0;
    return {
      src,
      fileId,
      appId: text('app-id'),
      playInfoUrl: text('play-info-url')?.trim().split(/\s+/),
      token: this.token || undefined,
      reportUrl: text('report-url'),
      startTime,
      ...this.options,
    };
  }

  /** @param {string} name */
  #number(name) {
    const text = this.getAttribute(name);
    if (text === null) return undefined;
    const number = Number(text);
    if (text.trim() !== '' && Number.isFinite(number) && number >= 0) return number;
    warn(`${name} is not a number of seconds; it is ignored`);
    return undefined;
  }
}

/** @param {string} message */
function warn(message) {
  console.warn(`cloud-player-video: ${message}`);
}
