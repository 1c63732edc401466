/**
 * The platform's own video: it opens what it is given as a native player does (playlist, key and first segment, by nothing
 * but the address), says so by WeChat's events, and plays as far as a test lets it.
 */

const { fetchText } = require('./http.js');

class NativeVideo {
  constructor(element) {
    this.element = element;
    this.src = '';
    this.loads = 0;
    this.log = [];
    this.fullScreen = false;
    this.reset();
  }

  reset() {
    this.opened = null;
    this.position = 0;
    this.rate = 1;
    this.paused = true;
    this.duration = 0;
    this.wish = false;
  }

  fire(name, detail = {}) {
    this.element.triggerEvent(name, detail);
  }

  /** The property `src` changed. */
  load(src, autoplay, initialTime) {
    this.src = src;
    this.reset();
    if (!src) return;
    this.loads += 1;
    this.log.push(['load', src]);
    this.wish = autoplay;
    this.opening = this.open(src, initialTime).catch((error) => {
      if (this.src === src) this.fire('error', { errMsg: `MEDIA_ERR_NETWORK ${error.message}` });
    });
  }

  async open(src, initialTime) {
    const opened = await open(src);
    if (this.src !== src) return;
    this.opened = opened;
    this.duration = opened.duration;
    this.position = initialTime;
    this.fire('loadedmetadata', { duration: opened.duration, width: opened.width, height: opened.height });
    if (this.wish) this.play();
  }

  play() {
    this.log.push(['play']);
    this.wish = true;
    if (!this.opened || !this.paused) return;
    this.paused = false;
    this.fire('play');
  }

  pause() {
    this.log.push(['pause']);
    this.wish = false;
    if (this.paused) return;
    this.paused = true;
    this.fire('pause');
  }

  seek(to) {
    this.log.push(['seek', to]);
    this.position = to;
    if (this.opened) this.fire('seekcomplete', { position: to });
  }

  playbackRate(rate) {
    this.log.push(['rate', rate]);
    this.rate = rate;
  }

  requestFullScreen(options) {
    this.log.push(['requestFullScreen', options]);
    this.fullScreen = true;
    this.fire('fullscreenchange', { fullScreen: true, direction: 'horizontal' });
  }

  exitFullScreen() {
    this.fullScreen = false;
    this.fire('fullscreenchange', { fullScreen: false, direction: 'vertical' });
  }

  /** Plays a quarter of a second. */
  tick() {
    if (this.paused || !this.opened) return;
    this.position = Math.min(this.position + 0.25 * this.rate, this.duration);
    if (this.position >= this.duration && this.element.data.loop) this.position = 0;
    this.fire('timeupdate', { currentTime: this.position, duration: this.duration });
    if (this.position >= this.duration) {
      this.paused = true;
      this.fire('ended');
    }
  }
}

/** What a native player asks for before it shows a frame. Throws where it cannot. */
async function open(src) {
  let { url, body } = await fetchText(src);
  if (!body.startsWith('#EXTM3U')) {
    // A file.
    return { duration: 24, width: 640, height: 360, asked: [src] };
  }
  let [width, height] = [0, 0];
  if (body.includes('#EXT-X-STREAM-INF')) {
    const lines = body.split('\n');
    const at = lines.findIndex((line) => line.startsWith('#EXT-X-STREAM-INF'));
    [width, height] = /RESOLUTION=(\d+)x(\d+)/.exec(lines[at]).slice(1).map(Number);
    ({ url, body } = await fetchText(new URL(lines[at + 1], url).href));
  }
  const key = /#EXT-X-KEY:.*URI="([^"]+)"/.exec(body);
  if (key) {
    const answer = await fetchText(new URL(key[1], url).href, 'latin1');
    if (answer.body.length !== 16) throw new Error('no key');
  }
  const segment = body.split('\n').find((line) => line && !line.startsWith('#'));
  await fetchText(new URL(segment, url).href, 'latin1');
  const duration = [...body.matchAll(/#EXTINF:([\d.]+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds), 0);
  return { duration, width, height, playlist: url };
}

module.exports = { NativeVideo };
