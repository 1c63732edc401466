/**
 * Text in a `<video>`: a text track for each rendition, with the cues of the one that is shown.
 *
 * The worker says what is shown and which cues there are. The viewer's choice in the browser's own menu, or a page's that
 * sets a track's `mode`, goes back to it.
 *
 * @import { CueInfo, TextRendition } from './messages.js'
 */

export class TextTracks {
  /** @type {HTMLVideoElement} */ #video;
  /** @type {HTMLTrackElement[]} */ #elements = [];
  /** @type {number | null} */ #shown = null;
  /** @type {Map<number, VTTCue>} */ #cues = new Map();
  #off = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {(text: number | null) => void} choose Called with what was chosen in the video itself.
   */
  constructor(video, choose) {
    this.#video = video;
    video.textTracks.addEventListener(
      'change',
      () => {
        const chosen = this.#chosen();
        if (chosen !== this.#shown) choose(chosen);
      },
      { signal: this.#off.signal },
    );
  }

  /**
   * Adds what is new in the list, which only grows.
   * @param {TextRendition[]} renditions
   */
  offer(renditions) {
    for (const { kind, name, language } of renditions.slice(this.#elements.length)) {
      // Of a track that a script added no browser lets go again, so it is an element, with a file that says nothing.
      const element = document.createElement('track');
      Object.assign(element, { kind, label: name, srclang: language, src: emptyFile() });
      this.#video.append(element);
      this.#elements.push(element);
    }
  }

  /** @param {number | null} text */
  show(text) {
    // Word of how it was may come while a choice is on its way.
    if (text === this.#shown) return;
    this.#clear();
    this.#shown = text;
    this.#elements.forEach(({ track }, i) => {
      if (i !== text) track.mode = 'disabled';
      // One that a page has hidden is for it to draw.
      else if (track.mode === 'disabled') track.mode = 'showing';
    });
  }

  /**
   * @param {number} text
   * @param {CueInfo[]} added
   * @param {number[]} removed
   */
  update(text, added, removed) {
    const track = this.#elements[text]?.track;
    if (!track || text !== this.#shown) return;
    for (const number of removed) {
      const cue = this.#cues.get(number);
      if (cue) removeCue(track, cue);
      this.#cues.delete(number);
    }
    for (const info of added) {
      const known = this.#cues.get(info.number);
      if (known) {
        known.endTime = info.end;
        continue;
      }
      const cue = toCue(info);
      this.#cues.set(info.number, cue);
      track.addCue(cue);
    }
  }

  /** Forgets all renditions: those of another source follow. */
  reset() {
    this.#clear();
    this.#shown = null;
    for (const element of this.#elements.splice(0)) element.remove();
  }

  /** Leaves the video as it was. */
  remove() {
    this.#off.abort();
    this.reset();
  }

  #clear() {
    const track = this.#shown === null ? undefined : this.#elements[this.#shown]?.track;
    if (track) for (const cue of this.#cues.values()) removeCue(track, cue);
    this.#cues.clear();
  }

  /** What the tracks' modes say is wanted: of several, the one that was not shown yet. */
  #chosen() {
    for (const mode of ['showing', 'hidden']) {
      const on = this.#elements.flatMap(({ track }, i) => (track.mode === mode ? [i] : []));
      const chosen = on.find((i) => i !== this.#shown) ?? on[0];
      if (chosen !== undefined) return chosen;
    }
    return null;
  }
}

/**
 * @param {TextTrack} track
 * @param {VTTCue} cue
 */
function removeCue(track, cue) {
  try {
    track.removeCue(cue);
  } catch {
    // A page has removed it.
  }
}

/** @param {CueInfo} info */
function toCue({ start, end, id, settings, text }) {
  const cue = new VTTCue(start, end, text);
  cue.id = id;
  for (const setting of settings.split(/\s+/)) {
    const [name, value = ''] = setting.split(/:(.*)/s);
    const [first = '', second] = value.split(',');
    const number = Number.parseFloat(first);
    try {
      if (name === 'vertical') Reflect.set(cue, name, value);
      if (name === 'align') Reflect.set(cue, name, value === 'middle' ? 'center' : value);
      if (name === 'size' && number >= 0) cue.size = number;
      if (name === 'position' && number >= 0) cue.position = number;
      if (name === 'position' && second) Reflect.set(cue, 'positionAlign', second);
      if (name === 'line' && Number.isFinite(number)) [cue.snapToLines, cue.line] = [!first.endsWith('%'), number];
      if (name === 'line' && second) Reflect.set(cue, 'lineAlign', second);
    } catch {
      // Out of its range: as if it were not there.
    }
  }
  return cue;
}

/** @type {string | undefined} */
let empty;

function emptyFile() {
  empty ??= URL.createObjectURL(new Blob(['WEBVTT\n'], { type: 'text/vtt' }));
  return empty;
}
