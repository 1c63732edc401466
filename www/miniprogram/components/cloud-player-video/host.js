/**
 * What the component takes from the platform: requests, storage, the kind of network, timers and two clocks. Nothing else
 * in this folder calls `wx` or its like, but for the video itself.
 *
 * @import { Platform } from './platforms.js'
 * @import { NetworkType } from './messages.js'
 */

/**
 * @typedef {object} Answer
 * @property {number} [status]
 * @property {Record<string, string | string[]>} [headers]
 * @property {string} [body]
 * @property {Record<string, unknown> | null} [profile]
 * @property {'network' | 'timeout'} [failed] In place of all others.
 *
 * @typedef {object} Order
 * @property {string} url
 * @property {'GET' | 'POST'} method
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {number} [timeoutMs]
 */

class Host {
  /**
   * @param {Platform} platform
   */
  constructor(platform) {
    this.platform = platform;
    /** What the others have is like it, but for what the table says. @type {WechatMiniprogram.Wx} */
    this.api = platform.api();
    this.wall = Date.now();
    this.passed = 0;
  }

  /** Milliseconds that never run backwards, whatever the viewer does to the clock. */
  now() {
    const wall = Date.now();
    // What passed while the clock was set back is not known, and little.
    this.passed += Math.max(wall - this.wall, 0);
    this.wall = wall;
    return this.passed;
  }

  /**
   * Sends a request; `done` is called once, unless the returned function has given it up before.
   * @param {Order} order
   * @param {(answer: Answer) => void} done
   * @returns {() => void}
   */
  request(order, done) {
    const quirks = this.platform.request;
    let open = true;
    /** @param {Answer} answer */
    function once(answer) {
      if (open) {
        open = false;
        done(answer);
      }
    }
    /** @type {WechatMiniprogram.RequestOption & Record<string, any>} */
    const options = {
      url: order.url,
      method: order.method,
      timeout: order.timeoutMs,
      dataType: quirks.dataType,
      responseType: 'text',
      success: function (/** @type {any} */ result) {
        once(answered(quirks, result));
      },
      fail: function (/** @type {any} */ error) {
        const status = Number(error && error[quirks.status]);
        if (quirks.failsWithStatus !== null && error && error.error === quirks.failsWithStatus && status) {
          once(answered(quirks, error));
        } else {
          once({ failed: isTimeout(quirks, error) ? 'timeout' : 'network' });
        }
      },
    };
    options[quirks.headers] = order.headers || {};
    if (order.body !== undefined) options.data = order.body;
    if (quirks.profile) options.enableProfile = true;
    /** @type {any} */
    let task;
    try {
      task = this.api.request(options);
    } catch (_) {
      // A host that is not on the mini-program's list is refused so on some platforms.
      setTimeout(function () {
        once({ failed: 'network' });
      }, 0);
    }
    return function () {
      open = false;
      if (task && task.abort) task.abort();
    };
  }

  /**
   * What an earlier session left, or `null`.
   * @param {string} key
   * @returns {any}
   */
  stored(key) {
    /** @type {any} */
    const api = this.api;
    try {
      const found = this.platform.component === 'props' ? api.getStorageSync({ key }).data : api.getStorageSync(key);
      return found === undefined || found === '' ? null : found;
    } catch (_) {
      return null;
    }
  }

  /**
   * @param {string} key
   * @param {any} data `null`: it may go.
   */
  store(key, data) {
    /** @type {any} */
    const api = this.api;
    const named = this.platform.component === 'props';
    try {
      if (data === null) api.removeStorageSync(named ? { key } : key);
      else if (named) api.setStorageSync({ key, data });
      else api.setStorageSync(key, data);
    } catch (_) {
      // Full, or refused: the session goes on without.
    }
  }

  /**
   * @param {(type: NetworkType) => void} tell
   */
  networkType(tell) {
    if (!this.api.getNetworkType) return tell('unknown');
    this.api.getNetworkType({
      success: function (/** @type {any} */ result) {
        tell(networkType(result));
      },
      fail: function () {
        tell('unknown');
      },
    });
  }

  /**
   * Tells of changes until the returned function is called.
   * @param {(type: NetworkType) => void} tell
   * @returns {() => void}
   */
  watchNetwork(tell) {
    const api = this.api;
    /** @param {any} result */
    function changed(result) {
      tell(result && result.isConnected === false ? 'none' : networkType(result));
    }
    if (!api.onNetworkStatusChange) return function () {};
    api.onNetworkStatusChange(changed);
    return function () {
      if (api.offNetworkStatusChange) api.offNetworkStatusChange(changed);
    };
  }

  /**
   * What controls the video.
   * @param {string} id
   * @param {any} component
   */
  video(id, component) {
    return this.platform.scoped ? this.api.createVideoContext(id, component) : this.api.createVideoContext(id);
  }
}

/**
 * @param {Platform['request']} quirks
 * @param {any} result
 * @returns {Answer}
 */
function answered(quirks, result) {
  const data = result.data;
  return {
    status: Number(result[quirks.status]) || 0,
    headers: result[quirks.answerHeaders] || {},
    // One that parses whatever looks like JSON gives an object all the same.
    body: typeof data === 'string' ? data : data === undefined || data === null ? '' : JSON.stringify(data),
    profile: result.profile || null,
  };
}

/**
 * @param {Platform['request']} quirks
 * @param {any} error
 */
function isTimeout(quirks, error) {
  if (!error) return false;
  if (quirks.timeout !== null && error.error === quirks.timeout) return true;
  return /time[d ]?\s?out/i.test(String(error.errMsg || error.errorMessage || ''));
}

/**
 * Alipay writes `WIFI` and `NOTREACHABLE`.
 * @param {any} result
 * @returns {any}
 */
function networkType(result) {
  const type = String((result && result.networkType) || 'unknown').toLowerCase();
  return type === 'notreachable' ? 'none' : type;
}

module.exports = { Host };
