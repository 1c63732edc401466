/**
 * Media Source Extensions on the page, for browsers that do not have them in workers: does what the worker asks and
 * says what became of it. The twin of `src/web/mse.rs`.
 *
 * @import { SinkCommand, SinkFailure, SinkReport, TrackName } from './messages.js'
 */

/** The browser's class: `ManagedMediaSource` where it is the only one (iPhone), or none. */
export function mediaSourceClass() {
  const scope = /** @type {{ MediaSource?: typeof MediaSource, ManagedMediaSource?: typeof MediaSource }} */ (globalThis);
  return scope.MediaSource ?? scope.ManagedMediaSource;
}

export class PageSink {
  /** @type {HTMLVideoElement} */ #video;
  /** @type {(report: SinkReport) => void} */ #report;
  /** @type {MediaSource | undefined} */ #source;
  /** @type {string | undefined} */ #url;
  /** @type {Map<TrackName, SourceBuffer>} */ #tracks = new Map();
  /** @type {Set<TrackName>} Tracks that are given their frames without a container. */ #bare = new Set();

  /**
   * @param {HTMLVideoElement} video
   * @param {(report: SinkReport) => void} report
   */
  constructor(video, report) {
    this.#video = video;
    this.#report = report;
  }

  /** Whether the element's source is this sink's, even if nothing more will be done to it. */
  get attached() {
    return this.#url !== undefined && this.#video.src === this.#url;
  }

  /** @param {SinkCommand} command */
  perform(command) {
    try {
      this.#do(command);
    } catch (error) {
      const { name, message } = /** @type {DOMException} */ (error);
      if (command.op === 'append' && name === 'QuotaExceededError') {
        this.#report({ type: 'sinkFull', track: command.track });
      } else {
        this.#fail(command.op === 'addTracks' || command.op === 'changeType' ? 'unsupported_type' : 'append', name, message);
      }
    }
  }

  /** @param {SinkCommand} command */
  #do(command) {
    switch (command.op) {
      case 'attach':
        return this.#attach();
      case 'addTracks':
        for (const { track, mimes, bare } of command.tracks) this.#addTrack(track, mimes, bare);
        return;
      case 'changeType':
        return this.#buffer(command.track).changeType(command.mime);
      case 'append':
        return this.#append(command);
      case 'remove':
        return this.#buffer(command.track).remove(command.start, command.end);
      case 'setDuration':
        return this.#setDuration(command.duration);
      case 'setLiveRange':
        return this.#setLiveRange(command.start, command.end);
      case 'endOfStream':
        if (this.#source?.readyState === 'open') this.#source.endOfStream();
        return;
      case 'detach':
        return this.#detach();
      case 'playFile':
        return; // the player's own
    }
  }

  #attach() {
    const Source = mediaSourceClass();
    if (!Source) return this.#fail('unavailable', '', 'no Media Source Extensions here');
    const source = new Source();
    this.#source = source;
    const url = URL.createObjectURL(source);
    const open = () => {
      URL.revokeObjectURL(url);
      this.#report({ type: 'sinkOpened' });
    };
    source.addEventListener('sourceopen', open, { once: true });
    source.addEventListener('sourceclose', () => {
      if (this.#source === source) this.#fail('closed', '', 'the media element let go of the media source');
    });
    // A managed source opens only for an element that does not play elsewhere (AirPlay).
    if (!('MediaSource' in globalThis)) this.#video.disableRemotePlayback = true;
    this.#url = url;
    this.#video.src = url;
  }

  /**
   * @param {TrackName} track
   * @param {string[]} mimes
   * @param {string[]} bare
   */
  #addTrack(track, mimes, bare) {
    const taken = [...mimes, ...bare].find((mime) => mediaSourceClass()?.isTypeSupported(mime));
    // Where nothing is taken, the refusal is of the usual type.
    const mime = taken ?? mimes[0] ?? '';
    const buffer = /** @type {MediaSource} */ (this.#source).addSourceBuffer(mime);
    this.#tracks.set(track, buffer);
    if (bare.includes(mime)) this.#bare.add(track);
    const inUse = () => this.#tracks.get(track) === buffer;
    // A failed append fires `error` and then `updateend`; that end is not a success.
    let broken = false;
    buffer.addEventListener('error', () => {
      broken = true;
      if (inUse()) this.#fail('append', '', 'the browser could not use what was appended');
    });
    buffer.addEventListener('updateend', () => {
      if (inUse() && !broken) this.#report({ type: 'sinkDone', track, buffered: ranges(buffer) });
    });
  }

  /** @param {Extract<SinkCommand, { op: 'append' }>} command */
  #append({ track, data, at, head }) {
    const buffer = this.#buffer(track);
    if (!this.#bare.has(track)) return buffer.appendBuffer(data);
    // Bare frames say nothing of their time, and have no init section.
    if (at === null) return this.#report({ type: 'sinkDone', track, buffered: ranges(buffer) });
    buffer.timestampOffset = at;
    buffer.appendBuffer(new Uint8Array(data, head));
  }

  /**
   * Where the browser lacks this, or does not take it now, the element can be sought in what is buffered.
   * @param {number} start
   * @param {number} end
   */
  #setLiveRange(start, end) {
    try {
      if (this.#source?.readyState === 'open') this.#source.setLiveSeekableRange?.(start, end);
    } catch {
      // The next one comes with the next playlist.
    }
  }

  /** @param {number} duration */
  #setDuration(duration) {
    // A duration below what is buffered is an error: media that runs longer than its playlist says.
    const ends = [...this.#tracks.values()].flatMap((buffer) => ranges(buffer).map(([, end]) => end));
    /** @type {MediaSource} */ (this.#source).duration = Math.max(duration, ...ends);
  }

  #detach() {
    // One that never opened still holds its address.
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#source = undefined;
    this.#tracks.clear();
    this.#bare.clear();
  }

  /** @param {TrackName} track */
  #buffer(track) {
    const buffer = this.#tracks.get(track);
    if (!buffer) throw new DOMException('no source buffer for this track', 'NotFoundError');
    return buffer;
  }

  /**
   * @param {SinkFailure} failure
   * @param {string} name
   * @param {string} message
   */
  #fail(failure, name, message) {
    this.#report({ type: 'sinkFailed', failure, name, message });
  }
}

/**
 * @param {SourceBuffer} buffer
 * @returns {[number, number][]}
 */
function ranges(buffer) {
  try {
    const { buffered } = buffer;
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
  } catch {
    return []; // removed from its source: it holds nothing
  }
}
