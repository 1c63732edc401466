/**
 * `<cloud-player-video>` over the platform's own `<video>`. It hands inputs to the core and carries out its outputs; what
 * the properties, events and methods mean is in docs/miniprogram.md.
 *
 * @import { NativeSource, Quality, Source } from './messages.js'
 * @import { Platform } from './platforms.js'
 */

const platforms = require('./platforms.js');
const obtain = require('./cores.js').obtain;
const constructorOf = require('./define.js').constructorOf;
const Host = require('./host.js').Host;
const SERVICE = require('./play-info.js').SERVICE;
const Player = require('./player.js').Player;
const toCore = require('./sources.js');

const platform = platforms.current();
const host = new Host(platform);
let instances = 0;

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
    expires: { type: Number, value: 0 },
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
      self.named = null;
      self.qualities = [];
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
      tell(instance(this), { type: 'visibility', hidden: false });
    },
    hide: function () {
      tell(instance(this), { type: 'visibility', hidden: true });
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

    play: function () {
      tell(instance(this), { type: 'play' });
    },
    pause: function () {
      tell(instance(this), { type: 'pause' });
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
     * @param {object} grant `{url, token, psign, expires, serverTime}`, as much of it as is new; `{revoked: true}` or
     *   nothing where there is none
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
 * A native event's figures under the names that the core knows.
 * @param {string} name
 * @param {any} raw
 */
function detail(name, raw) {
  const names = platform.details[name] || {};
  /** @param {string} key */
  function number(key) {
    const value = Number(raw && raw[names[key] || key]);
    return isFinite(value) && value >= 0 ? value : null;
  }
  switch (name) {
    case 'timeupdate':
      return { currentTime: number('currentTime') || 0, duration: number('duration') };
    case 'loadedmetadata':
      return { duration: number('duration'), width: number('width'), height: number('height') };
    case 'progress':
      return { buffered: number('buffered') };
    case 'ratechange':
      return { rate: number('rate') };
    case 'error':
      return { message: String((raw && raw[names.errMsg || 'errMsg']) || '') };
    case 'fullscreenchange':
      return { fullScreen: Boolean(raw && raw.fullScreen && raw.fullScreen !== 'false') };
    default:
      return {};
  }
}

/**
 * @param {any} component
 * @param {string} name
 * @param {any} event
 */
function native(component, name, event) {
  const self = instance(component);
  const figures = detail(name, event && event.detail);
  // Without a source the element is only a place.
  if (!self.data.videoSrc) return;
  if (name === 'fullscreenchange') {
    self.triggerEvent('fullscreenchange', figures);
    return;
  }
  if (self.arriving) {
    // Until the source is there, times are those of the last one, or of the beginning.
    if (name === 'timeupdate' && self.early < EARLY_MAX) {
      self.early += 1;
      return;
    }
  }
  if (name !== 'arrived') tell(self, { type: 'native', event: name, detail: figures });
  // The core hears first what its wish then leads to.
  if (self.arriving && (name === arrival || name === 'timeupdate')) arrive(self);
}

/** The event by which a new source is known to be there. */
const arrival = platform.events.loadedmetadata ? 'loadedmetadata' : platform.events.arrived ? 'arrived' : 'play';
/** So many times, a quarter of a second apart, go by before the source is taken for there all the same. */
const EARLY_MAX = 8;

/** The new source is there: it goes to its place. @param {any} self */
function arrive(self) {
  /** @type {NativeSource} */
  const source = self.arriving;
  self.arriving = null;
  if (source.position > 0) call(self, 'seek', source.position);
  if (source.rate !== 1) call(self, 'playbackRate', source.rate);
  if (source.play) call(self, 'play');
  else if (source.position > 0) call(self, 'pause');
}

/**
 * @param {any} self
 * @param {NativeSource} source
 */
function show(self, source) {
  self.arriving = source;
  self.early = 0;
  // The same address is loaded anew only if it was another one in between.
  if (source.url === self.data.videoSrc) self.setData({ videoSrc: '' });
  self.setData({ videoSrc: source.url, initialTime: source.position, starts: source.play });
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
  if (name === 'accesswanted') self.wanted = said.id;
  self.triggerEvent(name, said);
}

/** A property changed; several changes in a row are one. @this {any} */
function changed() {
  const self = instance(this);
  if (!self.attached || self.due) return;
  self.due = setTimeout(function () {
    self.due = null;
    if (self.attached) sync(self);
  }, 0);
}

/** Starts what the properties name, or hands on a new right to what is playing. @param {any} self */
function sync(self) {
  const properties = self.properties;
  const sources = toCore.toSources(properties);
  const named = JSON.stringify(sources.map(toCore.nameOf));
  const rights = JSON.stringify([properties.psign, properties.tokenObj, properties.drmToken]);
  if (named === self.named) {
    if (self.player && rights !== self.rights) {
      self.rights = rights;
      answer(self, { psign: toCore.psignOf(properties) || null, token: properties.drmToken || null });
    }
    return;
  }
  end(self);
  self.named = named;
  self.rights = rights;
  if (sources.length > 0) start(self, sources);
}

/**
 * @param {any} self
 * @param {Source[]} sources
 */
function start(self, sources) {
  const properties = self.properties;
  /** @type {import('./player.js').Stage} */
  const stage = {
    source: function (source) {
      if (self.player === player) show(self, source);
    },
    element: function (method, value) {
      if (self.player === player) call(self, ELEMENT[method], value);
    },
    emit: function (name, said) {
      if (self.player === player) emit(self, name, said);
    },
  };
  const player = new Player(host, stage, {
    sessionId: properties.sessionId,
    reportUrl: properties.reportUrl || null,
    reportInterval: properties.reportInterval || null,
    playInfoHosts: [properties.playInfoUrl || SERVICE],
    tokenHosts: properties.tokenHosts,
    autoplay: properties.autoplay,
    renews: properties.renews,
    quality: toCore.toQuality(properties.quality),
  });
  self.player = player;
  player.tell({
    type: 'load',
    sources: sources,
    startTime: properties.startTime || null,
    autoplay: properties.autoplay,
  });
  if (properties.src && properties.expires) player.tell({ type: 'renewed', id: null, expires: properties.expires });
  obtain(platform, properties.wasmPath)
    .then((core) => player.run(core))
    .catch(() => stage.emit('error', BROKEN));
}

/** What a page hears where no core takes what it was given. */
const BROKEN = {
  code: 'internal',
  phase: 'host',
  status: null,
  fatal: true,
  message: 'the core does not take what the properties say',
  url: null,
};

/** Ends the session; the element is only a place again. @param {any} self */
function end(self) {
  clearTimeout(self.due);
  self.due = null;
  const player = self.player;
  if (player) player.destroy();
  self.player = null;
  self.arriving = null;
  self.wanted = null;
  self.qualities = [];
  self.state = null;
  if (self.attached) {
    self.setData({ videoSrc: '', initialTime: 0, starts: false, rate: 1 });
    menuChanged.call(self);
  }
}

/**
 * @param {any} self
 * @param {any} grant
 */
function answer(self, grant) {
  const id = self.wanted === undefined ? null : self.wanted;
  self.wanted = null;
  if (grant && !grant.revoked && (grant.url || grant.token || grant.psign)) {
    tell(self, {
      type: 'renewed',
      id: id,
      url: grant.url || null,
      token: grant.token || null,
      psign: grant.psign || null,
      expires: grant.expires || null,
      serverTime: grant.serverTime || null,
    });
  } else {
    tell(self, { type: 'renewFailed', id: id, revoked: Boolean(grant && grant.revoked) });
  }
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
