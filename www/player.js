/**
 * Plays one source in one `<video>`. Playlists, keys, decryption and buffering are the worker's; this class relays.
 *
 * Events: `ready`, `loaded` {duration, rungs, audio, text}, `poster` {url}, `playinfo` {name, duration, preview, thumbnails,
 * sprites, keyFrames}, `rungchange` {rung}, `audiochange` {audio},
 * `textchange` {text}, `textadded` {text}, `sourcechange` {source, kind}, `durationchange` {duration}, `stats`, `error`
 * {code, phase, status, fatal, message}, `ended`; what is in braces is the event's `detail`.
 *
 * @import { AudioRendition, FromWorker, OverlayKey, PlayerErrorDetail, PlayInfoToken, Rung, SessionEvent, SinkCommand, Stats,
 *   TextRendition, TokenPlacement, ToWorker } from './messages.js'
 * @import { SourceOptions } from './sources.js'
 */

import { Renewer, toGrant } from './access.js';
import { unsupportedCodecs } from './codecs.js';
import { recallThroughput, rememberThroughput } from './memory.js';
import { mediaSourceClass, PageSink } from './page-sink.js';
import { Relay, viewport } from './relay.js';
import { absolute, toSource } from './sources.js';
import { TextTracks } from './text-tracks.js';
import { preloadWorker, takeWorker } from './workers.js';

/**
 * @typedef {object} PlayerOptions
 * @property {string} [src] A playlist's address. This, or `fileId`, or `file`.
 * @property {string} [fileId] A file id, whose streams a play-info service names.
 * @property {string} [appId] The application the file belongs to.
 * @property {string | readonly string[]} [playInfoUrl] The play-info service; `/{appId}/{fileId}` is added. Of several the next is
 *   asked where one does not answer.
 * @property {string | PlayInfoToken} [token] The DRM token of `src`, or what opens the play info of `fileId`.
 * @property {OverlayKey} [overlayKey] Has the play-info service's keys come encrypted under a key made up for this session.
 * @property {TokenPlacement} [tokenPlacement] Where the DRM token goes; a prefix of the file name unless said otherwise.
 * @property {string} [file] The address of a file that the browser plays by itself (MP4).
 * @property {SourceOptions[]} [fallbackSources] What takes over at the same place, in this order, where a source fails for
 *   good.
 * @property {import('./access.js').RenewAccess} [renewAccess] Gives a new token or signature when the one at hand ends soon or is
 *   refused.
 * @property {number | Date} [expires] When the token or signature ends, if its address does not say; a number is in Unix
 *   seconds.
 * @property {readonly string[]} [tokenHosts] Hosts that the token may go to, beside the one that `src` is at.
 * @property {string} [reportUrl] Where quality-of-experience reports go; none: nowhere.
 * @property {number} [reportInterval] Seconds between two reports.
 * @property {number} [startTime] Seconds.
 * @property {number} [startRung] Holds this rung from the start instead of choosing.
 * @property {readonly string[]} [audioLanguages] Languages that the sound should be in, best first.
 * @property {readonly string[]} [textLanguages] Languages that text should be shown in, best first.
 * @property {boolean} [capToViewport] Choose no rung with more pixels than the element can show; so unless this is
 *   `false`.
 * @property {number} [dataBudget] Gigabytes an hour: rungs that take more are not chosen.
 * @property {number} [bufferGoal] Seconds to load ahead.
 * @property {number} [backBuffer] Seconds to keep behind.
 * @property {number | null} [storedThroughput] Bits per second to start from; `null`: nothing is known. Unless given,
 *   what the last session on this site saw is remembered and used.
 * @property {string} [sessionId] Names the session in reports; made unless given.
 * @property {'worker' | 'page'} [sink] Where the media source lives; the worker where it can unless said otherwise.
 */

export class CloudPlayer extends EventTarget {
  /** @type {HTMLVideoElement} */ #video;
  /** @type {Worker} */ #worker;
  /** @type {Relay} */ #relay;
  /** @type {PageSink} */ #pageSink;
  /** @type {TextTracks} */ #textTracks;
  /** @type {MediaProvider | undefined} */ #handle;
  /** @type {string} */ #sessionId;
  /** @type {Rung[]} */ #rungs = [];
  #currentRung = -1;
  /** @type {number | 'auto'} */ #selectedRung = 'auto';
  /** @type {AudioRendition[]} */ #audio = [];
  #currentAudio = -1;
  /** @type {number | 'auto'} */ #selectedAudio = 'auto';
  /** @type {TextRendition[]} */ #text = [];
  #currentText = -1;
  /** @type {number | 'auto' | 'off'} */ #selectedText = 'auto';
  #duration = NaN;
  /** @type {Stats | null} */ #stats = null;
  /** @type {PlayerErrorDetail | null} */ #error = null;
  #remembers = false;
  /** Where an element that has no media yet is to start, in seconds. */
  #startTime = 0;
  /** The element was given another source, and goes on at `#startTime`. */
  #resumes = false;
  /** The file that the element was given to play by itself. */
  #file = '';
  /** @type {Renewer | undefined} */ #renewer;
  /** @type {Promise<void> | undefined} */ #gone;
  /** @type {() => void} */ #leave = () => {};

  /**
   * Starts a worker, compiles the core and wakes what plays sound before there is anything to play: the next player starts
   * at once. Resolves when that is done.
   */
  static preload() {
    // What is slow the first time: a browser asks its decoders, and reads its storage.
    unsupportedCodecs();
    recallThroughput();
    return preloadWorker();
  }

  /** Whether this browser has what it takes. */
  static isSupported() {
    return typeof WebAssembly === 'object' && typeof Worker === 'function' && mediaSourceClass() !== undefined;
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerOptions} options
   */
  constructor(video, options) {
    super();
    const sources = [options, ...(options.fallbackSources ?? [])].map(toSource);
    this.#video = video;
    this.#sessionId = options.sessionId ?? randomId();
    this.#remembers = options.storedThroughput === undefined;
    this.#startTime = options.startTime ?? 0;
    this.#worker = takeWorker();
    this.#worker.addEventListener('message', ({ data }) => this.#hear(data));
    this.#worker.addEventListener('error', () => this.#breakDown('the worker could not start'));
    /** @param {ToWorker} message */
    const post = (message) => this.#post(message);
    this.#pageSink = new PageSink(video, post);
    this.#textTracks = new TextTracks(video, (text) => this.selectText(text ?? 'off'));
    if (options.startRung !== undefined) this.#selectedRung = options.startRung;
    if (options.renewAccess) this.#renewer = new Renewer(options.renewAccess, post);
    post({
      type: 'start',
      sessionId: this.#sessionId,
      seed: randomSeed(),
      sources,
      reportUrl: options.reportUrl ? absolute(options.reportUrl) : null,
      reportInterval: options.reportInterval ?? null,
      bufferGoal: options.bufferGoal ?? null,
      backBuffer: options.backBuffer ?? null,
      storedThroughput: this.#remembers ? recallThroughput() : (options.storedThroughput ?? null),
      startTime: options.startTime ?? null,
      startRung: options.startRung ?? null,
      capToViewport: options.capToViewport ?? null,
      dataBudget: options.dataBudget === undefined ? null : options.dataBudget * 1e9,
      audioLanguages: [...(options.audioLanguages ?? [])],
      textLanguages: [...(options.textLanguages ?? [])],
      unsupportedCodecs: unsupportedCodecs(),
      renews: options.renewAccess !== undefined,
      tokenHosts: [...(options.tokenHosts ?? [])],
      sink: options.sink ?? null,
      viewport: video.clientWidth > 0 ? viewport(video) : null,
    });
    if (options.expires !== undefined) this.updateAccess({ expires: options.expires });
    this.#placeStart();
    this.#relay = new Relay(video, post);
  }

  /** The session's name in reports. */
  get sessionId() {
    return this.#sessionId;
  }

  /** The ladder, lowest rung first; empty before `loaded`. */
  get rungs() {
    return this.#rungs;
  }

  /**
   * Index of the rung that plays, -1 before one does. Set a number to hold a rung, 'auto' to let the player choose.
   * @returns {number}
   */
  get currentRung() {
    return this.#currentRung;
  }

  /** @param {number | 'auto'} rung */
  set currentRung(rung) {
    const index = rung === 'auto' ? null : Number(rung);
    if (index !== null && !isIndex(index)) {
      warn(rung, "a rung; a number from 0 or 'auto' is");
      return;
    }
    this.#selectedRung = index ?? 'auto';
    this.#post({ type: 'selectRung', rung: index });
  }

  /**
   * Chooses no rung below `floor` and none above `cap`. A rung that is held is not subject to it.
   * @param {{ floor?: number, cap?: number }} limits
   */
  limitRungs({ floor, cap }) {
    for (const limit of [floor, cap]) {
      if (limit !== undefined && !isIndex(limit)) return warn(limit, 'a rung; a number from 0 is');
    }
    this.#post({ type: 'limitRungs', floor: floor ?? null, cap: cap ?? null });
  }

  /**
   * Takes a new token or signature that nobody has asked for.
   * @param {import('./access.js').Access} access
   */
  updateAccess(access) {
    this.#post({ type: 'renewed', id: null, grant: toGrant(access), revoked: false });
  }

  /** Forgets the content keys at hand: the next segments ask for theirs again. */
  dropKeys() {
    this.#post({ type: 'dropKeys' });
  }

  /** Loads no further media until `resumeLoading`; what is buffered plays on. */
  pauseLoading() {
    this.#post({ type: 'pauseLoading', pauses: true });
  }

  resumeLoading() {
    this.#post({ type: 'pauseLoading', pauses: false });
  }

  /** What was asked for: a held rung, or 'auto'. */
  get selectedRung() {
    return this.#selectedRung;
  }

  /** The renditions of the sound; empty before `loaded`, and where there is no choice. */
  get audioRenditions() {
    return this.#audio;
  }

  /** Index of the rendition of the sound that plays, -1 before one does and where there is no choice. */
  get currentAudio() {
    return this.#currentAudio;
  }

  /** What was asked for: a rendition of the sound, or 'auto'. */
  get selectedAudio() {
    return this.#selectedAudio;
  }

  /**
   * Plays a rendition of the sound, or what suits `audioLanguages` and the author.
   * @param {number | 'auto'} audio
   */
  selectAudio(audio) {
    if (!isIndex(audio) && audio !== 'auto') return warn(audio, "a rendition of the sound; a number from 0 or 'auto' is");
    this.#selectedAudio = audio;
    this.#post({ type: 'selectAudio', audio: audio === 'auto' ? null : audio });
  }

  /** The renditions of the text, and the captions that were found; each is a text track of the `<video>`. */
  get textRenditions() {
    return this.#text;
  }

  /** Index of the rendition of the text that is shown, or -1. */
  get currentText() {
    return this.#currentText;
  }

  /** What was asked for, here or in the browser's own menu: a rendition of the text, 'off' or 'auto'. */
  get selectedText() {
    return this.#selectedText;
  }

  /**
   * Shows a rendition of the text, none, or what suits `textLanguages` and the author.
   * @param {number | 'auto' | 'off'} text
   */
  selectText(text) {
    if (!isIndex(text) && text !== 'auto' && text !== 'off') {
      return warn(text, "a rendition of the text; a number from 0, 'auto' or 'off' is");
    }
    this.#selectedText = text;
    this.#post({ type: 'selectText', text: text === 'off' ? null : text });
  }

  /** Seconds; NaN before `loaded`. */
  get duration() {
    return Number.isNaN(this.#duration) && this.#file ? this.#video.duration : this.#duration;
  }

  /** The latest snapshot. */
  get stats() {
    return this.#stats;
  }

  /** The quality-of-experience record so far. */
  get qoe() {
    return this.#stats?.qoe ?? null;
  }

  /** What ended playback, or `null`. */
  get error() {
    return this.#error;
  }

  /** @param {number} seconds */
  seek(seconds) {
    // Before the element knows its media it has no place to go to; the session starts there instead.
    if (this.#video.readyState > 0) this.#video.currentTime = seconds;
    else this.#post({ type: 'seek', to: seconds });
  }

  /**
   * Ends the session, lets its last report leave and frees everything. The element can be used again at once; the
   * promise resolves when the worker is gone.
   */
  destroy() {
    this.#gone ??= new Promise((resolve) => {
      this.#saveThroughput();
      this.#renewer?.stop();
      this.#post({ type: 'stop' });
      this.#relay.stop();
      this.#textTracks.remove();
      this.#detach();
      const deadline = setTimeout(() => this.#leave(), LAST_REPORT_MS);
      this.#leave = () => {
        clearTimeout(deadline);
        this.#worker.terminate();
        resolve();
      };
      if (this.#error?.code === 'internal') this.#leave();
    });
    return this.#gone;
  }

  /** @param {ToWorker} message */
  #post(message) {
    if (!this.#gone || message.type === 'stop') this.#worker.postMessage(message);
  }

  /** @param {FromWorker} message */
  #hear(message) {
    if (message.type === 'stopped') return this.#leave();
    if (this.#gone) return;
    switch (message.type) {
      case 'ready':
        return void this.dispatchEvent(new Event('ready'));
      case 'event':
        return this.#news(message.event);
      case 'hostError':
        return this.#hostError(message);
      case 'seek':
        return this.#seekElement(message.to);
      case 'step':
        return this.#step(message.from, message.to);
      case 'setRate':
        this.#video.playbackRate = message.rate;
        return;
      case 'sink':
        return this.#sink(message.command);
    }
  }

  /** @param {SessionEvent} event */
  #news(event) {
    switch (event.type) {
      case 'loaded':
        this.#rungs = event.rungs;
        this.#duration = event.duration;
        this.#audio = event.audio;
        this.#offerText(event.text);
        return this.#dispatch('loaded', {
          duration: event.duration,
          rungs: event.rungs,
          audio: event.audio,
          text: event.text,
        });
      case 'poster':
        return this.#dispatch('poster', { url: event.url });
      case 'playInfo': {
        const { type: _, ...detail } = event;
        return this.#dispatch('playinfo', detail);
      }
      case 'accessWanted':
        return void this.#renewer?.answer(event);
      case 'sourceChanged': {
        const { type: _, ...detail } = event;
        [this.#rungs, this.#duration, this.#currentRung, this.#selectedRung] = [[], NaN, -1, 'auto'];
        [this.#audio, this.#currentAudio, this.#text, this.#currentText] = [[], -1, [], -1];
        this.#textTracks.reset();
        this.#renewer?.stop();
        return this.#dispatch('sourcechange', detail);
      }
      case 'durationChanged':
        this.#duration = event.duration;
        return this.#dispatch('durationchange', { duration: event.duration });
      case 'rungChanged':
        this.#currentRung = event.rung;
        return this.#dispatch('rungchange', { rung: event.rung });
      case 'audioChanged':
        this.#currentAudio = event.audio;
        return this.#dispatch('audiochange', { audio: event.audio });
      case 'textTracks':
        this.#offerText(event.text);
        return this.#dispatch('textadded', { text: event.text });
      case 'textChanged':
        this.#currentText = event.text ?? -1;
        this.#textTracks.show(event.text);
        return this.#dispatch('textchange', { text: event.text });
      case 'cues':
        return this.#textTracks.update(event.text, event.added, event.removed);
      case 'stats': {
        const { type: _, ...stats } = event;
        this.#stats = stats;
        return this.#dispatch('stats', stats);
      }
      case 'error': {
        const { type: _, ...detail } = event;
        return this.#fail(detail);
      }
      case 'ended':
        this.#saveThroughput();
        return this.#dispatch('ended', null);
    }
  }

  /** @param {TextRendition[]} text */
  #offerText(text) {
    this.#text = text;
    this.#textTracks.offer(text);
  }

  /** @param {SinkCommand} command */
  #sink(command) {
    // After `detach` the element keeps what it shows until it is given something else.
    if (command.op === 'attach') return this.#load(() => this.#attach(command));
    if (command.op === 'playFile') return this.#load(() => this.#playFile(command.url), command.from);
    this.#pageSink.perform(command);
  }

  /** @param {Extract<SinkCommand, { op: 'attach' }>} command */
  #attach(command) {
    // A MediaSourceHandle, which TypeScript's DOM types do not know yet.
    this.#handle = /** @type {MediaProvider | undefined} */ (command.handle);
    // The address of a file that failed would be taken up again when the element is emptied.
    if (this.#file && this.#video.src === this.#file) this.#video.removeAttribute('src');
    this.#file = '';
    if (this.#handle) {
      this.#video.srcObject = this.#handle;
    } else {
      this.#video.srcObject = null;
      this.#pageSink.perform(command);
    }
  }

  /** @param {string} url */
  #playFile(url) {
    this.#handle = undefined;
    this.#video.srcObject = null;
    this.#video.src = url;
    this.#file = this.#video.src;
    // What failed before is news of what the element had before.
    this.#post({ type: 'sinkOpened' });
  }

  /**
   * Gives the element another source. That is a load, which pauses an element that was told to play, and forgets where
   * it was and how fast.
   * @param {() => void} give
   * @param {number} [from]
   */
  #load(give, from) {
    const video = this.#video;
    const { playbackRate } = video;
    const plays = this.#relay.wantsToPlay;
    const played = video.readyState > 0 ? video.currentTime : 0;
    if (video.readyState > 0) [this.#startTime, this.#resumes] = [played, true];
    give();
    video.playbackRate = playbackRate;
    // Its word of the position may be a little old: nobody is sent back.
    this.#startTime = Math.max(from ?? this.#startTime, played);
    this.#placeStart();
    if (plays) video.play().catch(() => {}); // whoever called play() before is told, not us
  }

  /** An element without media takes a position for where it is to start, and says that it is there. */
  #placeStart() {
    if (this.#startTime > 0 && this.#video.readyState === 0) this.#video.currentTime = this.#startTime;
  }

  /**
   * The session's own step on. Its word of the position may be a little old: nobody is sent back, or away from where they
   * have gone meanwhile. `ElementCommand::goes` of `src/engine/io.rs`.
   * @param {number} from
   * @param {number} to
   */
  #step(from, to) {
    const { currentTime } = this.#video;
    // The session counts in 1/90000 s.
    if (from - STEP_SLACK <= currentTime && currentTime <= to + 0.001) this.#video.currentTime = to;
    else this.#relay.stays();
  }

  /** Empties the element, unless it has been given to something else. */
  #detach() {
    const video = this.#video;
    this.#pageSink.perform({ op: 'detach' });
    if (this.#handle && video.srcObject === this.#handle) {
      video.srcObject = null;
    } else if (this.#pageSink.attached || (this.#file && video.src === this.#file)) {
      video.removeAttribute('src');
      video.load();
    }
  }

  /** @param {number} seconds */
  #seekElement(seconds) {
    // Where the element was when it was given another source it is known here to the frame, and there to a quarter of a second.
    const late = this.#startTime - seconds;
    if (this.#resumes && this.#video.readyState === 0 && late >= 0 && late < RESUME_SLACK) return;
    this.#video.currentTime = seconds;
  }

  /** @param {{ type: 'hostError' } & PlayerErrorDetail} message */
  #hostError({ type: _, ...detail }) {
    if (!detail.fatal) return this.#fail(detail);
    this.#breakDown(detail.message, detail);
  }

  /**
   * The worker is lost, and with it the session.
   * @param {string} message
   * @param {PlayerErrorDetail} [detail]
   */
  #breakDown(message, detail) {
    if (this.#error?.code === 'internal' || this.#gone) return this.#leave();
    this.#worker.terminate();
    this.#relay.stop();
    this.#fail(detail ?? { code: 'internal', phase: 'host', status: null, fatal: true, message });
  }

  /** @param {PlayerErrorDetail} detail */
  #fail(detail) {
    // One failure ends a session. What fails in its wake is not told.
    if (this.#error) return;
    if (detail.fatal) {
      this.#error = detail;
      this.#renewer?.stop();
    }
    this.#dispatch('error', detail);
  }

  #saveThroughput() {
    const rate = this.#stats?.throughput;
    if (this.#remembers && rate) rememberThroughput(rate);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isIndex(value) {
  return Number.isInteger(value) && Number(value) >= 0;
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function warn(value, what) {
  console.warn(`cloud-player: ${String(value)} is not ${what}`);
}

function randomId() {
  // Only secure pages have randomUUID.
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function randomSeed() {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}

/** Seconds by which the session's word of where the element was may be late: a quarter, played fast. */
const RESUME_SLACK = 2;

/** Seconds that an element may be before where the session believes it to be. */
const STEP_SLACK = 0.5;

/** How long a destroyed player's worker may take to send its last report. */
const LAST_REPORT_MS = 3000;
