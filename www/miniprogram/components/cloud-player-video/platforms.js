/**
 * What differs between mini-program platforms, as data. The scripts of the component are the same everywhere; the
 * templates (`index.wxml` and its sisters) are made from this table by `www/miniprogram/templates.mjs`.
 *
 * A row:
 *   api, wasm       the platform's global object, and its WebAssembly; `null` where there is none
 *   template        how its templates are written: file endings, and what stands before the name of an event
 *   component       `properties` (WeChat's constructor, `triggerEvent`) or `props` (Alipay's, functions as properties)
 *   events          for each event of `messages.d.ts` the platform's own, as it stands behind the prefix; what is not
 *                   there the platform does not have, and the core does without it. `arrived` is for the component alone:
 *                   where no metadata are told, it says that a new source is there
 *   details         where a figure has another name in the platform's event
 *   attributes      for each attribute the platform's own; what is not there the platform does not have
 *   request         how its `request` names things, and what it does with a status that is no success
 *   scoped          whether a video is looked for inside the component, or by its identity in the whole page
 *   menu            whether views may lie over the video, also in full screen: then the component draws its own choice
 *                   of rates and qualities
 *   ratesAttribute  what else shows a choice of rates
 */

/**
 * @typedef {object} Platform
 * @property {string} name
 * @property {() => any} api
 * @property {() => any} wasm
 * @property {{ extension: string, style: string, on: string }} template
 * @property {'properties' | 'props'} component
 * @property {Record<string, string>} events
 * @property {Record<string, Record<string, string>>} details
 * @property {Record<string, string>} attributes
 * @property {RequestQuirks} request
 * @property {boolean} scoped
 * @property {boolean} menu
 * @property {string | null} ratesAttribute
 *
 * @typedef {object} RequestQuirks
 * @property {string} dataType What leaves the body as it is.
 * @property {string} headers The headers of a request.
 * @property {string} answerHeaders Those of its answer.
 * @property {string} status
 * @property {boolean} profile Whether it reports timings.
 * @property {number | null} failsWithStatus The number of the error that is in fact an answer with a status.
 * @property {number | null} timeout The number of the error that is a timeout; elsewhere the text says it.
 */

/** The attributes that all have, under the same name. */
const ATTRIBUTES = {
  src: 'src',
  poster: 'poster',
  autoplay: 'autoplay',
  controls: 'controls',
  muted: 'muted',
  loop: 'loop',
  'object-fit': 'object-fit',
  'initial-time': 'initial-time',
};

/** The events that all have, as WeChat calls them. */
const EVENTS = {
  play: 'play',
  pause: 'pause',
  waiting: 'waiting',
  timeupdate: 'timeupdate',
  ended: 'ended',
  error: 'error',
  fullscreenchange: 'fullscreenchange',
};

const REQUEST = {
  dataType: 'text',
  headers: 'header',
  answerHeaders: 'header',
  status: 'statusCode',
  profile: false,
  failsWithStatus: null,
  timeout: null,
};

/**
 * @param {object[]} parts The later ones win.
 * @returns {any}
 */
function merged(parts) {
  return parts.reduce((whole, part) => Object.assign(whole, part), {});
}

/** @type {Platform[]} */
const PLATFORMS = [
  {
    name: 'qq',
    api: function () {
      return typeof qq === 'undefined' ? null : qq;
    },
    wasm: function () {
      return null;
    },
    template: { extension: 'qml', style: 'qss', on: 'bind' },
    component: 'properties',
    events: merged([EVENTS, { progress: 'progress' }]),
    details: {},
    attributes: merged([ATTRIBUTES, { title: 'title' }]),
    request: REQUEST,
    scoped: true,
    menu: false,
    ratesAttribute: null,
  },
  {
    name: 'douyin',
    api: function () {
      return typeof tt === 'undefined' ? null : tt;
    },
    wasm: function () {
      return typeof TTWebAssembly === 'undefined' ? null : TTWebAssembly;
    },
    template: { extension: 'ttml', style: 'ttss', on: 'bind' },
    component: 'properties',
    events: merged([
      EVENTS,
      {
        progress: 'progress',
        loadedmetadata: 'loadedmetadata',
        seekcomplete: 'seekcomplete',
        ratechange: 'playbackratechange',
      },
    ]),
    details: { ratechange: { rate: 'playbackRate' } },
    attributes: ATTRIBUTES,
    // Anything but `json` is left alone; `string` is what it calls that.
    request: merged([REQUEST, { dataType: 'string' }]),
    scoped: true,
    menu: false,
    ratesAttribute: 'show-playback-rate-btn',
  },
  {
    name: 'baidu',
    api: function () {
      return typeof swan === 'undefined' ? null : swan;
    },
    wasm: function () {
      return null;
    },
    template: { extension: 'swan', style: 'css', on: 'bind' },
    component: 'properties',
    events: merged([EVENTS, { loadedmetadata: 'loadedmetadata' }]),
    details: {},
    attributes: merged([ATTRIBUTES, { 'object-fit': 'objectFit', title: 'title' }]),
    request: merged([REQUEST, { dataType: 'string' }]),
    scoped: false,
    menu: false,
    ratesAttribute: 'show-rate-btn',
  },
  {
    name: 'alipay',
    api: function () {
      return typeof my === 'undefined' ? null : my;
    },
    wasm: function () {
      return typeof MYWebAssembly === 'undefined' ? null : MYWebAssembly;
    },
    template: { extension: 'axml', style: 'acss', on: 'on' },
    component: 'props',
    events: {
      play: 'Play',
      pause: 'Pause',
      waiting: 'Loading',
      timeupdate: 'TimeUpdate',
      ended: 'Ended',
      error: 'Error',
      arrived: 'RenderStart',
      fullscreenchange: 'FullScreenChange',
    },
    details: { timeupdate: { duration: 'videoDuration' }, error: { errMsg: 'errorMessage' } },
    attributes: ATTRIBUTES,
    request: merged([
      REQUEST,
      {
        headers: 'headers',
        answerHeaders: 'headers',
        status: 'status',
        failsWithStatus: 19,
        timeout: 13,
      },
    ]),
    scoped: false,
    menu: false,
    ratesAttribute: null,
  },
  // Last, because others define `wx` too.
  {
    name: 'wechat',
    api: function () {
      return typeof wx === 'undefined' ? null : wx;
    },
    wasm: function () {
      return typeof WXWebAssembly === 'undefined' ? null : WXWebAssembly;
    },
    template: { extension: 'wxml', style: 'wxss', on: 'bind' },
    component: 'properties',
    events: merged([EVENTS, { progress: 'progress', loadedmetadata: 'loadedmetadata', seekcomplete: 'seekcomplete' }]),
    details: {},
    attributes: merged([ATTRIBUTES, { title: 'title' }]),
    request: merged([REQUEST, { profile: true }]),
    scoped: true,
    menu: true,
    ratesAttribute: null,
  },
];

/** The platform that this runs on; WeChat's row where it is none of them. */
function current() {
  for (let i = 0; i < PLATFORMS.length; i += 1) {
    if (PLATFORMS[i].api()) return PLATFORMS[i];
  }
  return PLATFORMS[PLATFORMS.length - 1];
}

module.exports = { PLATFORMS, current };
