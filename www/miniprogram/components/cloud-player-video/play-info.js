/**
 * Play info in JavaScript: its request, its answer, and the token in an address. For the fallback core, and for a page that
 * hands the address to a `<video>` of its own. The core has the same rules in `src/access/`.
 */

const platforms = require('./platforms.js');
const Host = require('./host.js').Host;

const SERVICE = 'https://playvideo.qcloud.com';
const PREFIX = 'voddrm.token.';

/**
 * Asks the play-info service which streams a file has.
 * @param {string | number} appId
 * @param {{ psign?: string, t?: string, us?: string, exper?: string, sign?: string } | string | null} tokenObj What opens it:
 *   `{psign}` (or that text alone) for version 4, `{t, us, exper, sign}` for version 2.
 * @param {string} fileId
 * @param {string} [service] Another service's address.
 * @returns {Promise<PlayInfo>} Rejected with `{code, phase, status, message}`, codes as in docs/errors.md.
 */
function getPlayInfo(appId, tokenObj, fileId, service) {
  return new Promise(function (resolve, reject) {
    const url = requestUrl(service || SERVICE, String(appId), fileId, tokenObj);
    new Host(platforms.current()).request({ url, method: 'GET', timeoutMs: 10000 }, function (answer) {
      const outcome = answer.failed
        ? { error: failure(answer.failed, null, FAILED[answer.failed]) }
        : read(answer, url);
      if (outcome.error) reject(outcome.error);
      else resolve(/** @type {PlayInfo} */ (outcome.info));
    });
  });
}

/**
 * Puts a token before the file name: `…/v.m3u8?t=1` becomes `…/voddrm.token.<token>.v.m3u8?t=1`. The rest stays as it is,
 * byte for byte. An address that has a token, has no file name, or is none of a server stays as it is.
 * @param {string} url
 * @param {string | null | undefined} token
 */
function formatUrlWithToken(url, token) {
  if (!token) return url;
  const parts = /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/?#\\]*)?(?:[^?#]*[/\\])?)([^/\\?#]*)([^]*)$/i.exec(url);
  if (!parts || !parts[2] || parts[2].indexOf(PREFIX) === 0 || /^[a-z][a-z0-9+.-]*:(?!\/\/)/i.test(url)) return url;
  return parts[1] + PREFIX + segment(token) + '.' + parts[2] + parts[3];
}

/**
 * As part of a path: what may stand there (RFC 3986 §3.3) stays.
 * @param {string} token
 */
function segment(token) {
  return encoded(token).replace(/%(24|26|2B|2C|3B|3D|3A|40)/g, decodeURIComponent);
}

/** @param {string} text */
function encoded(text) {
  // Half a surrogate pair cannot be encoded, and is in no token.
  return encodeURIComponent(
    text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(^|[^\ud800-\udbff])[\udc00-\udfff]/g, '$1'),
  );
}

/** @param {string} text */
function parameter(text) {
  return encoded(text).replace(/[!'()*]/g, function (mark) {
    return '%' + mark.charCodeAt(0).toString(16).toUpperCase();
  });
}

/**
 * @param {string} service Its address; a host alone gets the path of the service's version.
 * @param {string} appId
 * @param {string} fileId
 * @param {any} token
 */
function requestUrl(service, appId, fileId, token) {
  const rights = typeof token === 'string' ? { psign: token } : token || {};
  const isOld = Boolean(rights.sign);
  const parts = service.split('#')[0].split('?');
  let path = (/^[a-z][a-z0-9+.-]*:\/\//i.test(parts[0]) ? parts[0] : 'https://' + parts[0]).replace(/\/+$/, '');
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]*$/i.test(path)) path += isOld ? '/getplayinfo/v2' : '/getplayinfo/v4';
  const query = parts[1] ? [parts.slice(1).join('?')] : [];
  (isOld ? ['t', 'us', 'exper', 'sign'] : ['psign']).forEach(function (name) {
    const value = rights[name];
    if (value !== undefined && value !== null && value !== '') query.push(name + '=' + parameter(String(value)));
  });
  return path + '/' + parameter(appId) + '/' + parameter(fileId) + (query.length ? '?' + query.join('&') : '');
}

/**
 * @typedef {object} PlayInfo
 * @property {string} url The best stream, without its token.
 * @property {string | null} drmToken
 * @property {{ kind: 'hls' | 'file', url: string, drmToken: string | null }[]} sources All streams, best first.
 * @property {string | null} name
 * @property {number | null} duration Seconds.
 * @property {string | null} poster
 * @property {any} answer The answer as it came.
 *
 * @typedef {object} Failure
 * @property {string} code
 * @property {string} phase
 * @property {number | null} status
 * @property {string} message
 * @property {boolean} again Whether asking again may help.
 */

/**
 * Reads an answer. Nothing of its text is in an error: services quote what they were sent.
 * @param {{ status?: number, body?: string }} answer
 * @param {string} url Where it came from.
 * @returns {{ info?: PlayInfo, error?: Failure }}
 */
function read(answer, url) {
  const refused = ofStatus(answer.status || 0);
  if (refused) return { error: refused };
  /** @type {any} */
  let said;
  try {
    said = JSON.parse(String(answer.body).replace(/^\ufeff/, ''));
  } catch (_) {
    return { error: failure('play_info_not_json', null, 'the play info is not JSON', true) };
  }
  if (!said || typeof said !== 'object')
    return { error: failure('play_info_shape', null, 'the play info is no object') };
  const code = Number(said.code || 0);
  if (code !== 0) return { error: ofCode(code) };
  let sources = said.media ? ofVersion4(said.media) : said.videoInfo ? ofVersion2(said) : ofNeutral(said);
  sources = sources.filter(function (source) {
    return source.url;
  });
  sources.forEach(function (source) {
    source.url = absolute(url, source.url);
  });
  if (sources.length === 0)
    return { error: failure('play_info_no_source', null, 'the play info has no stream that can be played') };
  const basic = (said.media || said.videoInfo || {}).basicInfo || said;
  const cover = basic.coverUrl || (said.coverInfo && said.coverInfo.coverUrl) || said.poster;
  return {
    info: {
      url: sources[0].url,
      drmToken: sources[0].drmToken,
      sources,
      name: basic.name || null,
      duration: Number(basic.duration) > 0 ? Number(basic.duration) : null,
      poster: cover ? absolute(url, cover) : null,
      answer: said,
    },
  };
}

/** @param {any} media */
function ofVersion4(media) {
  const streaming = media.streamingInfo || {};
  const token = streaming.drmToken || null;
  const found = list(streaming.drmOutput)
    .filter(function (output) {
      return String(output.type).toLowerCase() === 'simpleaes';
    })
    .map(function (output) {
      return stream('hls', output.url, token);
    });
  list(streaming.plainOutput).forEach(function (output) {
    found.push(stream('hls', output.url, null));
  });
  [media.transcodeInfo, media.originalInfo].forEach(function (file) {
    if (file && file.url) found.push(ofAddress(file.url, null));
  });
  return found;
}

/** @param {any} said */
function ofVersion2(said) {
  const video = said.videoInfo;
  const found = [];
  if (video.masterPlayList && video.masterPlayList.url) found.push(ofAddress(video.masterPlayList.url, null));
  list(video.transcodeList)
    .concat(list(video.sourceVideo))
    .forEach(function (file) {
      if (file.url) found.push(ofAddress(file.url, null));
    });
  return found;
}

/** @param {any} said */
function ofNeutral(said) {
  return list(said.sources).map(function (source) {
    const url = typeof source === 'string' ? source : source.url || source.src;
    const token = source.token || said.token || null;
    return source.type
      ? stream(/mpegurl|hls|m3u8/i.test(source.type) ? 'hls' : 'file', url, token)
      : ofAddress(url || '', token);
  });
}

/** @param {any} value @returns {any[]} */
function list(value) {
  return Array.isArray(value) ? value : value && typeof value === 'object' ? [value] : [];
}

/** @param {string} url @param {string | null} token */
function ofAddress(url, token) {
  return stream(/^[^?#]*\.(mp4|m4v|mov)([?#]|$)/i.test(url) ? 'file' : 'hls', url, token);
}

/**
 * @param {'hls' | 'file'} kind
 * @param {any} url
 * @param {string | null} token A file needs none.
 */
function stream(kind, url, token) {
  return { kind, url: String(url || '').replace(/&amp;/g, '&'), drmToken: kind === 'hls' ? token : null };
}

/** @param {string} base @param {string} url */
function absolute(base, url) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return url;
  const origin = /^([a-z][a-z0-9+.-]*:)\/\/[^/?#]*/i.exec(base);
  if (!origin) return url;
  if (url.indexOf('//') === 0) return origin[1] + url;
  if (url.charAt(0) === '/') return origin[0] + url;
  return base.replace(/[?#][^]*$/, '').replace(/[^/]*$/, '') + url;
}

/** @param {number} status */
function ofStatus(status) {
  if (status >= 200 && status < 300) return null;
  const code =
    status === 401 || status === 403
      ? 'access_refused'
      : status === 404 || status === 410
        ? 'not_found'
        : status >= 500 || status === 408 || status === 425 || status === 429
          ? 'server_error'
          : 'http_status';
  return failure(code, status, 'the play-info service answered with status ' + status, code === 'server_error');
}

/** @param {number} code */
function ofCode(code) {
  if (code >= 2000 && code < 3000) {
    return failure(
      'play_info_unavailable',
      null,
      'the play-info service cannot answer at the moment (code ' + code + ')',
      true,
    );
  }
  if ([403, 1004, 1009, 1021].indexOf(code) >= 0) {
    return failure(
      'play_info_token_refused',
      null,
      'the play-info service refuses the player signature (code ' + code + ')',
    );
  }
  return failure(
    'play_info_refused',
    null,
    'the play-info service refuses this file or this request (code ' + code + ')',
  );
}

/**
 * @param {string} code
 * @param {number | null} status
 * @param {string} message
 * @param {boolean} [again]
 * @returns {Failure}
 */
function failure(code, status, message, again) {
  return { code, phase: 'play_info', status, message, again: Boolean(again) };
}

/** @type {Record<string, string>} */
const FAILED = { network: 'the play-info service cannot be reached', timeout: 'the play-info service does not answer' };

module.exports = {
  getPlayInfo,
  formatUrlWithToken,
  requestUrl,
  read,
  failure,
  FAILED,
  SERVICE,
};
