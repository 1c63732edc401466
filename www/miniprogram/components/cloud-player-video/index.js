/**
 * `<cloud-player-video>` over the platform's own `<video>`. It hands inputs to the core and carries out its outputs; what
 * the properties, events and methods mean is in docs/miniprogram.md.
 *
 * @import { Core, Quality, Source } from './messages.js'
 */

const platforms = require('./platforms.js');
const cores = require('./cores.js');
const constructorOf = require('./define.js').constructorOf;
const figures = require('./figures.js').figures;
const handover = require('./handover.js');
const Host = require('./host.js').Host;
const SERVICE = require('./play-info.js').SERVICE;
const Player = require('./player.js').Player;
const rights = require('./rights.js');
const toCore = require('./sources.js');

const platform = platforms.current();
const host = new Host(platform);
let instances = 0;
/** How many sessions of this name there were: a collector tells sessions apart by their names. @type {Record<string, number>} */
const sessions = {};

const register = constructorOf(platform);

register({
  options: { virtualHost: false },

  properties: {
    appId: { type: String, value: '', observer: changed },
    fileId: { type: String, value: '', observer: changed },
    /** The player signature of a file. */
    psign: { type: String, value: '', observer: changed },
    /** Instead: `{psign}` for version 4 of play info, `{t, us, exper, sign}` for version 2. */
    tokenObj: { type: Object, value: null, observer: changed },
    playInfoUrl: { type: String, value: '', observer: changed },
    src: { type: String, value: '', observer: changed },
    drmToken: { type: String, value: '', observer: changed },
    /** When token or signature of `src` end, in Unix seconds, if its address does not say. */
    expires: { type: Number, value: 0, observer: changed },
    /** `{src, drmToken}`, `{appId, fileId, psign or tokenObj}` or `{file}` each. */
    fallbackSources: { type: Array, value: [], observer: changed },
    quality: { type: null, value: 'auto', observer: qualityChanged },
    playbackRates: { type: Array, value: [], observer: menuChanged },
    startTime: { type: Number, value: 0 },
    reportUrl: { type: String, value: '' },
    reportInterval: { type: Number, value: 0 },
    sessionId: { type: String, value: '' },
    tokenHosts: { type: Array, value: [] },
    /** Whether the page answers `accesswanted`. */
    renews: { type: Boolean, value: false },
    wasmPath: { type: String, value: '' },
    poster: { type: String, value: '', observer: posterChanged },
    autoplay: { type: Boolean, value: false },
    controls: { type: Boolean, value: true, observer: menuChanged },
    muted: { type: Boolean, value: false },
    loop: { type: Boolean, value: false },
    objectFit: { type: String, value: 'contain' },
    title: { type: String, value: '' },
    autoLabel: { type: String, value: '自动', observer: menuChanged },
  },

  data: {
    videoId: '',
    videoSrc: '',
    videoPoster: '',
    initialTime: 0,
    starts: false,
    showMenu: false,
    openMenu: '',
    rate: 1,
    playing: '',
    rates: /** @type {{ value: string, label: string }[]} */ ([]),
    levels: /** @type {{ value: string, label: string }[]} */ ([]),
  },

  lifetimes: {
    attached: function () {
      const self = instance(this);
      instances += 1;
      self.setData({ videoId: 'cloud-player-' + instances });
      self.attached = true;
      self.video = null;
      reset(self);
      posterChanged.call(this);
      changed.call(this);
    },
    detached: function () {
      const self = instance(this);
      self.attached = false;
      end(self);
    },
  },

  pageLifetimes: {
    show: function () {
      seen(instance(this), false);
    },
    hide: function () {
      seen(instance(this), true);
    },
  },

  methods: {
    // What the templates bind: one handler for each event of the platform table.
    /** @param {any} event */
    native_play: function (event) {
      native(this, 'play', event);
    },
    /** @param {any} event */
    native_pause: function (event) {
      native(this, 'pause', event);
    },
    /** @param {any} event */
    native_waiting: function (event) {
      native(this, 'waiting', event);
    },
    /** @param {any} event */
    native_timeupdate: function (event) {
      native(this, 'timeupdate', event);
    },
    /** @param {any} event */
    native_ended: function (event) {
      native(this, 'ended', event);
    },
    /** @param {any} event */
    native_error: function (event) {
      native(this, 'error', event);
    },
    /** @param {any} event */
    native_loadedmetadata: function (event) {
      native(this, 'loadedmetadata', event);
    },
    /** @param {any} event */
    native_arrived: function (event) {
      native(this, 'arrived', event);
    },
    /** @param {any} event */
    native_progress: function (event) {
      native(this, 'progress', event);
    },
    /** @param {any} event */
    native_seekcomplete: function (event) {
      native(this, 'seekcomplete', event);
    },
    /** @param {any} event */
    native_ratechange: function (event) {
      native(this, 'ratechange', event);
    },
    /** @param {any} event */
    native_fullscreenchange: function (event) {
      native(this, 'fullscreenchange', event);
    },

    /** Plays; what has failed for good, or was ended, begins anew. */
    play: function () {
      const self = instance(this);
      self.plays = true;
      if (self.player && !self.lost) tell(self, { type: 'play' });
      else if (self.attached) sync(self, true);
    },
    pause: function () {
      const self = instance(this);
      self.plays = false;
      if (self.lost) self.lost.play = false;
      tell(self, { type: 'pause' });
    },
    /** @param {number} to Seconds. */
    seek: function (to) {
      if (isFinite(to)) tell(instance(this), { type: 'seek', to: Number(to) });
    },
    /** @param {number} rate */
    setRate: function (rate) {
      if (rate > 0 && isFinite(rate)) tell(instance(this), { type: 'setRate', rate: Number(rate) });
    },
    /** @param {Quality} quality `'auto'`, or the index of one of `getQualities()`. */
    setQuality: function (quality) {
      tell(instance(this), { type: 'setQuality', quality: toCore.toQuality(quality) });
    },
    /** The rungs, lowest first; empty before `ready`, and where there is no choice. */
    getQualities: function () {
      return instance(this).qualities.slice();
    },
    /** @param {object} [options] As the platform takes them, `{direction}` most often. */
    requestFullScreen: function (options) {
      call(instance(this), 'requestFullScreen', options || {});
    },
    exitFullScreen: function () {
      call(instance(this), 'exitFullScreen');
    },
    /**
     * A new right to watch: the answer to `accesswanted`, or unasked.
     * @param {object} grant `{url, token, psign, tokenObj, expires, serverTime}`, as much of it as is new, and `id` of the
     *   event; `{revoked: true}` or nothing where there is none
     */
    updateAccess: function (grant) {
      answer(instance(this), grant);
    },
    destroy: function () {
      end(instance(this));
    },

    /** The choice of rates and qualities that lies over the video. @param {any} event */
    onMenu: function (event) {
      const open = event.currentTarget.dataset.menu;
      this.setData({ openMenu: this.data.openMenu === open ? '' : open });
    },
    /** @param {any} event */
    onChoice: function (event) {
      const self = instance(this);
      const value = event.currentTarget.dataset.value;
      if (this.data.openMenu === 'rate') self.setRate(Number(value));
      else self.setQuality(value);
      this.setData({ openMenu: '' });
    },
  },
});

/**
 * What a component has beside what its type says. Alipay's has no properties of its own, and the same is kept there.
 * @param {any} component
 * @returns {any}
 */
function instance(component) {
  return component;
}

/**
 * @param {any} component
 * @param {string} name
 * @param {any} event
 */
function native(component, name, event) {
  const self = instance(component);
  const said = figures(platform, name, event && event.detail);
  // Without a source the element is only a place.
  if (!self.data.videoSrc || !handover.isNews(self, platform, name)) return;
  if (name === 'fullscreenchange') {
    self.triggerEvent('fullscreenchange', said);
    return;
  }
  if (name === 'timeupdate') self.position = said.currentTime || 0;
  // One that does not say when it has loaded has when its picture is there.
  tell(self, { type: 'native', event: name === 'arrived' ? 'loadedmetadata' : name, detail: said });
  // The core hears first what its wish then leads to.
  handover.arrive(self, platform, name, function (method, value) {
    call(self, method, value);
  });
}

/**
 * @param {any} self
 * @param {boolean} hidden
 */
function seen(self, hidden) {
  tell(self, { type: 'visibility', hidden: hidden });
  handover.sees(self, hidden, function (method) {
    call(self, method);
  });
}

/**
 * @param {any} self
 * @param {string} method
 * @param {any} [value]
 */
function call(self, method, value) {
  if (!self.video) self.video = host.video(self.data.videoId, self);
  if (!self.video || !self.video[method]) return;
  if (value === undefined) self.video[method]();
  else self.video[method](value);
}

/** @type {Record<string, string>} */
const ELEMENT = { play: 'play', pause: 'pause', seek: 'seek', setRate: 'playbackRate' };

/**
 * @param {any} self
 * @param {any} input
 */
function tell(self, input) {
  if (self.player) self.player.tell(input);
}

/**
 * Something that the page sees.
 * @param {any} self
 * @param {string} name
 * @param {any} said
 */
function emit(self, name, said) {
  if (name === 'ready') self.qualities = said.qualities;
  if (name === 'ready' || name === 'qualitychange') self.state = said;
  if (name === 'ratechange') self.setData({ rate: said.rate });
  if (name === 'ready' || name === 'qualitychange') menuChanged.call(self);
  if (name === 'playinfo' && said.poster && !self.properties.poster) self.setData({ videoPoster: said.poster });
  if (name === 'ready' || name === 'sourcechange') self.source = said.source;
  if (name === 'play') self.plays = true;
  if (name === 'pause' || name === 'ended') self.plays = false;
  if (name === 'accesswanted') self.wishes.wished(said.id);
  if (name === 'error' && said.fatal) lose(self);
  self.triggerEvent(name, said);
}

/** A property changed; several changes in a row are one. @this {any} */
function changed() {
  const self = instance(this);
  if (!self.attached || self.due) return;
  self.due = setTimeout(function () {
    self.due = null;
    if (self.attached) sync(self, false);
  }, 0);
}

/**
 * Starts what the properties name, or hands on a new right to what is playing.
 * @param {any} self
 * @param {boolean} plays The page says so, whatever `autoplay` does.
 */
function sync(self, plays) {
  const sources = toCore.toSources(self.properties);
  const named = JSON.stringify(sources.map(toCore.nameOf));
  const opened = sources.map(rights.rightsOf);
  if (named === self.named && !self.lost) {
    renew(self, sources, opened);
    return;
  }
  const from = self.lost && named === self.named ? self.lost : { play: self.properties.autoplay };
  if (plays) from.play = true;
  end(self);
  self.named = named;
  self.rights = opened.map((each) => JSON.stringify(each));
  if (sources.length > 0) start(self, sources, from, null);
}

/**
 * Hands on the rights that have changed: to what plays, and to what may take over.
 * @param {any} self
 * @param {Source[]} sources
 * @param {object[]} opened
 */
function renew(self, sources, opened) {
  const before = self.rights;
  self.rights = opened.map((each) => JSON.stringify(each));
  if (!self.player || String(before) === String(self.rights)) return;
  tell(self, { type: 'sources', sources: sources });
  const at = self.source;
  if (self.rights[at] !== before[at] && rights.hasAny(opened[at])) answer(self, opened[at]);
}

/**
 * @param {any} self
 * @param {Source[]} sources
 * @param {{ play: boolean, position?: number, rate?: number }} from Where and how it begins, if not as the properties say.
 * @param {Core | null} core Instead of the one that the platform has.
 */
function start(self, sources, from, core) {
  const properties = self.properties;
  /** @type {import('./player.js').Stage} */
  const stage = {
    source: function (source) {
      if (self.player === player) handover.show(self, source);
    },
    element: function (method, value) {
      if (self.player === player && handover.wish(self, method, value)) call(self, ELEMENT[method], value);
    },
    emit: function (name, said) {
      if (self.player === player) emit(self, name, said);
    },
    broken: function (refused) {
      if (self.player === player) broken(self, refused || core !== null);
    },
  };
  const player = new Player(host, stage, {
    sessionId: sessionOf(properties.sessionId),
    reportUrl: properties.reportUrl || null,
    reportInterval: properties.reportInterval || null,
    playInfoHosts: [properties.playInfoUrl || SERVICE],
    tokenHosts: properties.tokenHosts,
    autoplay: from.play,
    renews: properties.renews,
    quality: toCore.toQuality(properties.quality),
  });
  self.player = player;
  self.plays = from.play;
  player.tell({
    type: 'load',
    sources: sources,
    startTime: from.position || properties.startTime || null,
    autoplay: from.play,
  });
  if (from.rate && from.rate !== 1) player.tell({ type: 'setRate', rate: from.rate });
  if (properties.src && properties.expires) player.tell({ type: 'renewed', id: null, expires: properties.expires });
  if (core) player.run(core);
  else cores.obtain(platform, properties.wasmPath).then((found) => player.run(found));
}

/** The page's name for its sessions, of which each has one of its own. @param {string} name */
function sessionOf(name) {
  if (!name) return '';
  sessions[name] = (sessions[name] || 0) + 1;
  return sessions[name] === 1 ? name : name + '-' + sessions[name];
}

/**
 * The core has failed. Another one goes on in the same place, unless there is none that would do better.
 * @param {any} self
 * @param {boolean} final
 */
function broken(self, final) {
  if (!final) cores.forget();
  emit(self, 'error', { code: 'internal', phase: 'host', status: null, fatal: final, message: BROKEN, url: null });
  if (final || !self.player || self.lost) return;
  const from = { play: self.plays, position: self.position, rate: self.data.rate };
  self.wishes = new rights.Wishes();
  start(self, toCore.toSources(self.properties), from, cores.fallback);
}

const BROKEN = 'the core does not take what the properties say, or has failed';

/** It failed for good: nothing plays on. `play`, or a new right, begins anew in the same place. @param {any} self */
function lose(self) {
  self.lost = { play: self.plays, position: self.position, rate: self.data.rate };
  handover.clear(self);
}

/** Ends the session; the element is only a place again. @param {any} self */
function end(self) {
  clearTimeout(self.due);
  self.due = null;
  const player = self.player;
  if (player) player.destroy();
  self.player = null;
  reset(self);
  handover.clear(self);
  if (self.attached) {
    self.setData({ rate: 1, videoPoster: self.properties.poster });
    menuChanged.call(self);
  }
}

/** Nothing is known of a session. @param {any} self */
function reset(self) {
  self.named = null;
  self.rights = [];
  self.wishes = new rights.Wishes();
  self.qualities = [];
  self.state = null;
  /** Which of the sources plays. */
  self.source = 0;
  /** Where it is, by the native component. */
  self.position = 0;
  /** Playing is wished for. */
  self.plays = false;
  /** How it was when it failed for good. */
  self.lost = null;
  self.rated = false;
}

/**
 * @param {any} self
 * @param {any} grant
 */
function answer(self, grant) {
  if (grant && grant.revoked) {
    tell(self, { type: 'renewFailed', id: null, revoked: true });
    return;
  }
  const id = self.wishes.answered(grant && grant.id, host.now());
  if (id === undefined) return;
  if (!rights.hasAny(grant)) {
    tell(self, { type: 'renewFailed', id: id, revoked: false });
    return;
  }
  tell(self, {
    type: 'renewed',
    id: id,
    url: grant.url || null,
    token: grant.token || null,
    psign: grant.psign || null,
    tokenObj: grant.tokenObj || null,
    expires: grant.expires || null,
    serverTime: grant.serverTime || null,
  });
}

/** @this {any} */
function qualityChanged() {
  tell(instance(this), { type: 'setQuality', quality: toCore.toQuality(this.properties.quality) });
}

/** @this {any} */
function posterChanged() {
  if (this.properties.poster || !this.data.videoPoster) this.setData({ videoPoster: this.properties.poster });
}

/** What the menu shows. @this {any} */
function menuChanged() {
  const self = instance(this);
  if (!platform.menu || !self.attached) return;
  const auto = self.properties.autoLabel;
  const rates = (self.properties.playbackRates || []).map(function (/** @type {number} */ rate) {
    return { value: String(rate), label: rate + '×' };
  });
  const levels = self.qualities.map(function (/** @type {any} */ level) {
    return { value: String(level.index), label: labelOf(level) };
  });
  const state = self.state;
  const plays =
    state && state.quality !== null && self.qualities[state.quality] ? labelOf(self.qualities[state.quality]) : '';
  self.setData({
    showMenu: Boolean(self.properties.controls) && (rates.length > 0 || levels.length > 1),
    rates: rates,
    levels: levels.length > 1 ? [{ value: 'auto', label: auto }].concat(levels) : [],
    playing: state && state.selected === 'auto' ? auto + ' ' + plays : plays,
  });
}

/** @param {any} level */
function labelOf(level) {
  return level.height ? level.height + 'p' : Math.round(level.bandwidth / 1000) + ' kbit/s';
}
