/**
 * An element that looks like the `<video>` in its shadow tree: same properties, methods and events.
 *
 * @typedef {Pick<HTMLVideoElement, 'volume' | 'muted' | 'playbackRate' | 'defaultPlaybackRate' | 'preservesPitch'
 *   | 'disablePictureInPicture'>} MirroredProperties
 * @typedef {Readonly<Pick<HTMLVideoElement, 'paused' | 'ended' | 'seeking' | 'readyState' | 'networkState' | 'buffered'
 *   | 'seekable' | 'played' | 'textTracks' | 'videoWidth' | 'videoHeight'>>} MirroredState
 * @typedef {Pick<HTMLVideoElement, 'pause' | 'requestPictureInPicture' | 'getVideoPlaybackQuality'
 *   | 'requestVideoFrameCallback' | 'cancelVideoFrameCallback'>} MirroredMethods
 */

class Mirror extends HTMLElement {
  /** The real element. */
  media = document.createElement('video');

  constructor() {
    super();
    this.media.part.add('video');
    const shadow = this.attachShadow({ mode: 'open' });
    shadow.adoptedStyleSheets = [STYLE];
    shadow.append(this.media);
    // Media events neither bubble nor leave a shadow tree.
    for (const name of EVENTS) this.media.addEventListener(name, () => this.dispatchEvent(new Event(name)));
  }
}

/** @type {(keyof MirroredProperties)[]} */
const PROPERTIES = [
  'volume', 'muted', 'playbackRate', 'defaultPlaybackRate', 'preservesPitch', 'disablePictureInPicture',
];

/** @type {(keyof MirroredState)[]} */
const STATE = [
  'paused', 'ended', 'seeking', 'readyState', 'networkState', 'buffered', 'seekable', 'played', 'textTracks',
  'videoWidth', 'videoHeight',
];

/** @type {(keyof MirroredMethods)[]} */
const METHODS = [
  'pause', 'requestPictureInPicture', 'getVideoPlaybackQuality', 'requestVideoFrameCallback',
  'cancelVideoFrameCallback',
];

/** All but `error`, which the player has its own of, with more to say. */
const EVENTS = [
  'abort', 'canplay', 'canplaythrough', 'durationchange', 'emptied', 'ended', 'enterpictureinpicture',
  'leavepictureinpicture', 'loadeddata', 'loadedmetadata', 'loadstart', 'pause', 'play', 'playing', 'progress',
  'ratechange', 'resize', 'seeked', 'seeking', 'stalled', 'suspend', 'timeupdate', 'volumechange', 'waiting',
];

/**
 * Made by script: a `<style>` would need `unsafe-inline` where a page has a content security policy. The line height of
 * nothing keeps the space for a line of text away below the video, in which there may be text.
 */
const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
:host { display: inline-block; background: #000; line-height: 0; }
:host([hidden]) { display: none; }
video { width: 100%; height: 100%; line-height: normal; object-fit: inherit; object-position: inherit; border-radius: inherit; }
`);

for (const name of [...PROPERTIES, ...STATE]) {
  const writable = PROPERTIES.some((property) => property === name);
  Object.defineProperty(Mirror.prototype, name, {
    configurable: true,
    enumerable: true,
    /** @this {Mirror} */
    get() {
      return this.media[name];
    },
    /**
     * @this {Mirror}
     * @param {unknown} value
     */
    set(value) {
      // As in a `<video>`, setting what only reads does nothing.
      if (writable) Reflect.set(this.media, name, value);
    },
  });
}

for (const name of METHODS) {
  Object.defineProperty(Mirror.prototype, name, {
    configurable: true,
    /**
     * @this {Mirror}
     * @param {unknown[]} values
     */
    value(...values) {
      return Reflect.apply(this.media[name], this.media, values);
    },
  });
}

export const MediaMirror =
  /** @type {new () => Mirror & MirroredProperties & MirroredState & MirroredMethods} */ (/** @type {unknown} */ (Mirror));
