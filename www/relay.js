/**
 * Tells the worker what the media element and the page around it do. It relays, and decides nothing.
 *
 * @import { ElementEventName, ToWorker } from './messages.js'
 */

export class Relay {
  /** @type {HTMLVideoElement} */ #video;
  /** @type {(message: ToWorker) => void} */ #post;
  #off = new AbortController();
  #lastTimeUpdate = -Infinity;
  #firstFrameTold = false;
  #plays = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {(message: ToWorker) => void} post
   */
  constructor(video, post) {
    this.#video = video;
    this.#post = post;
    const { signal } = this.#off;
    for (const name of RELAYED) video.addEventListener(name, () => this.#relay(name), { signal });
    video.addEventListener('timeupdate', () => this.#tellTime(), { signal });
    video.addEventListener('error', () => this.#tellError(), { signal });
    this.#watchFirstFrame();
    this.#watchPage();
  }

  /** Relays nothing from now on. */
  stop() {
    this.#off.abort();
  }

  /** Whether the viewer wants to play: an element that breaks down pauses by itself. */
  get wantsToPlay() {
    return !this.#video.paused || (this.#video.error !== null && this.#plays);
  }

  /** @param {ElementEventName} name */
  #relay(name) {
    if (name === 'pause' && this.#video.error) return;
    if (name === 'play' || name === 'pause') this.#plays = name === 'play';
    this.#tell(name);
  }

  /** A seek that the session asked for is not made: the element is where it is. */
  stays() {
    this.#tell('seeking');
    this.#tell('seeked');
  }

  #tellTime() {
    const now = performance.now();
    if (now - this.#lastTimeUpdate < TIME_UPDATE_INTERVAL_MS) return;
    this.#lastTimeUpdate = now;
    this.#tell('timeupdate');
  }

  /** @param {ElementEventName} event */
  #tell(event) {
    const video = this.#video;
    const frames = video.getVideoPlaybackQuality?.();
    this.#post({
      type: 'element',
      event,
      position: video.currentTime,
      paused: video.paused,
      seeking: video.seeking,
      rate: video.playbackRate,
      readyState: video.readyState,
      decodedFrames: frames?.totalVideoFrames ?? 0,
      droppedFrames: frames?.droppedVideoFrames ?? 0,
    });
  }

  #tellError() {
    const error = this.#video.error;
    if (!error) return;
    const name = `MEDIA_ERR_${error.code}`;
    this.#post({ type: 'sinkFailed', failure: 'decode', name, message: error.message ?? '' });
  }

  #watchFirstFrame() {
    const video = this.#video;
    const { signal } = this.#off;
    const tell = () => {
      if (this.#firstFrameTold || signal.aborted) return;
      this.#firstFrameTold = true;
      this.#tell('firstframe');
    };
    if ('requestVideoFrameCallback' in video) {
      const frame = video.requestVideoFrameCallback(tell);
      signal.addEventListener('abort', () => video.cancelVideoFrameCallback(frame));
      // Without a picture there is no first frame: sound that plays is the moment then.
      video.addEventListener('playing', () => video.videoWidth === 0 && tell(), { signal });
    } else {
      /** @type {HTMLVideoElement} */ (video).addEventListener('loadeddata', tell, { signal });
    }
  }

  #watchPage() {
    const post = this.#post;
    const { signal } = this.#off;
    const hidden = () => {
      // The report that this sets off is to have the latest frame counts.
      this.#tell('timeupdate');
      post({ type: 'visible', visible: false });
    };
    const visible = () => (document.visibilityState === 'visible' ? post({ type: 'visible', visible: true }) : hidden());
    document.addEventListener('visibilitychange', visible, { signal });
    // The worker dies with the page, at times before it has read what it was told last. That the page may go is known
    // while the next one is still being asked for; should it stay after all, a report was early.
    addEventListener('beforeunload', () => [hidden(), visible()], { signal });
    addEventListener('pagehide', hidden, { signal });
    addEventListener('pageshow', (event) => event.persisted && visible(), { signal });
    addEventListener('online', () => post({ type: 'online', online: true }), { signal });
    addEventListener('offline', () => post({ type: 'online', online: false }), { signal });
    if (document.visibilityState !== 'visible') visible();
    const connection = /** @type {{ connection?: EventTarget & { saveData?: boolean } }} */ (navigator).connection;
    const saving = () => post({ type: 'savesData', saves: connection?.saveData === true });
    connection?.addEventListener?.('change', saving, { signal });
    if (connection?.saveData) saving();
    if (!navigator.onLine) post({ type: 'online', online: false });
    if (typeof ResizeObserver === 'function') {
      const observer = new ResizeObserver(() => post({ type: 'viewport', ...viewport(this.#video) }));
      observer.observe(this.#video);
      signal.addEventListener('abort', () => observer.disconnect());
    }
  }
}

/**
 * The element's size in device pixels.
 * @param {HTMLVideoElement} video
 */
export function viewport(video) {
  const scale = globalThis.devicePixelRatio || 1;
  return { width: Math.round(video.clientWidth * scale), height: Math.round(video.clientHeight * scale) };
}

/** @type {ElementEventName[]} */
const RELAYED = ['play', 'pause', 'playing', 'waiting', 'seeking', 'seeked', 'ratechange', 'ended'];

/** A little under the quarter of a second at which browsers fire `timeupdate`. */
const TIME_UPDATE_INTERVAL_MS = 240;
