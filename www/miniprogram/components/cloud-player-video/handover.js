/**
 * A source on its way: from the moment at which the native component has its address until it is there. Until then it
 * heeds no command, and what it says is of the source before, or of none.
 *
 * @import { NativeSource } from './messages.js'
 * @import { Platform } from './platforms.js'
 */

/** So many times, a quarter of a second apart, go by before the source is taken for there all the same. */
const EARLY_MAX = 8;
/** For so long after the address was taken away, a failure is that of having none. Milliseconds. */
const DEAF = 50;

/**
 * Gives the component another address.
 * @param {any} self
 * @param {NativeSource} source
 */
function show(self, source) {
  self.arriving = Object.assign({ paused: false }, source);
  self.early = 0;
  if (source.url === self.data.videoSrc) {
    // The same address is loaded anew only if it was another one in between.
    self.setData({ videoSrc: '' });
    clearTimeout(self.deaf);
    self.deaf = setTimeout(function () {
      self.deaf = null;
    }, DEAF);
  }
  self.setData({ videoSrc: source.url, initialTime: source.position, starts: source.play && !self.hidden });
}

/**
 * A command of the core, which is how the source goes on once it is there. Says whether the component is to have it now.
 * @param {any} self
 * @param {'play' | 'pause' | 'seek' | 'setRate'} method
 * @param {number} [value]
 */
function wish(self, method, value) {
  if (method === 'setRate') self.rated = true;
  if (method === 'pause') self.resumes = false;
  const source = self.arriving;
  if (!source) return true;
  if (method === 'seek') source.position = value;
  else if (method === 'setRate') source.rate = value;
  else {
    source.play = method === 'play';
    source.paused = source.paused || method === 'pause';
    self.setData({ starts: source.play });
  }
  return method !== 'seek';
}

/**
 * Whether what the component says is news.
 * @param {any} self
 * @param {Platform} platform
 * @param {string} name
 */
function isNews(self, platform, name) {
  if (name === 'error') return !self.deaf;
  if (!self.arriving) return true;
  // Until the source is there, times are those of the last one, or of the beginning.
  if (name === 'timeupdate' && self.early < EARLY_MAX) {
    self.early += 1;
    return false;
  }
  // Where nothing is said before it plays, the viewer has pressed the button.
  if (name === 'play' && !platform.events.loadedmetadata) self.arriving.play = true;
  return true;
}

/**
 * The component has said something: if the source is there by that, it goes to its place.
 * @param {any} self
 * @param {Platform} platform
 * @param {string} name
 * @param {(method: string, value?: number) => void} call
 */
function arrive(self, platform, name, call) {
  const events = platform.events;
  const arrival = events.loadedmetadata ? 'loadedmetadata' : events.arrived ? 'arrived' : 'play';
  const source = self.arriving;
  if (!source || (name !== arrival && name !== 'timeupdate')) return;
  self.arriving = null;
  if (source.position > 0 || self.data.initialTime > 0) call('seek', source.position);
  if (source.rate !== 1 || self.rated) call('playbackRate', source.rate);
  // Nobody sees it: it plays once somebody does.
  if (source.play && self.hidden) self.resumes = true;
  else if (source.play) call('play');
  else if (source.position > 0 || source.paused) call('pause');
}

/**
 * The page is shown or hidden.
 * @param {any} self
 * @param {boolean} hidden
 * @param {(method: string) => void} call
 */
function sees(self, hidden, call) {
  self.hidden = hidden;
  if (hidden && self.arriving) {
    self.setData({ starts: false });
    call('pause');
  }
  if (!hidden && self.resumes) call('play');
  if (!hidden) self.resumes = false;
}

/** There is no source any more. @param {any} self */
function clear(self) {
  self.arriving = null;
  self.resumes = false;
  clearTimeout(self.deaf);
  self.deaf = null;
  if (self.attached && self.data.videoSrc) self.setData({ videoSrc: '', initialTime: 0, starts: false });
}

module.exports = { show, wish, isNews, arrive, sees, clear };
