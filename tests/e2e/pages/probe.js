// Watches Media Source Extensions, in the page or in a worker, and tells the page over a channel.
// Loaded before the player, in both places.
const channel = new BroadcastChannel('e2e-probe');
const now = () => performance.timeOrigin + performance.now();
const tell = (what, facts) => channel.postMessage({ what, at: now(), where: globalThis.document ? 'page' : 'worker', ...facts });

// `after` gets what the call returned.
function watch(prototype, name, facts, after) {
  const original = prototype?.[name];
  if (!original) return;
  prototype[name] = function (...args) {
    tell(name, facts.call(this, args));
    const result = original.apply(this, args);
    after?.call(this, args, result);
    return result;
  };
}

// A quota for each source buffer, in bytes, that the page may give: what is beyond it is refused as a browser refuses it.
// What is buffered is reckoned from how long it lasts and what a second of all that was appended weighs.
let quota = Infinity;
channel.addEventListener('message', ({ data }) => (quota = data.quota ?? quota));
const appended = new WeakMap();

function weigh(buffer) {
  const { bytes = 0, seconds = 0 } = appended.get(buffer) ?? {};
  return seconds > 0 ? (length(buffer) * bytes) / seconds : 0;
}

function length({ buffered }) {
  let seconds = 0;
  for (let i = 0; i < buffered.length; i++) seconds += buffered.end(i) - buffered.start(i);
  return seconds;
}

const append = globalThis.SourceBuffer?.prototype.appendBuffer;
if (append) {
  SourceBuffer.prototype.appendBuffer = function (data) {
    const held = weigh(this);
    if (held + data.byteLength > quota) {
      tell('refused', { bytes: data.byteLength, held, track: tracks.get(this) });
      throw new DOMException('the quota has been exceeded', 'QuotaExceededError');
    }
    const before = length(this);
    append.call(this, data);
    const sum = appended.get(this) ?? { bytes: 0, seconds: 0 };
    appended.set(this, sum);
    this.addEventListener('updateend', () => {
      const grown = length(this) - before;
      // What replaces other media adds neither.
      if (grown > 0) {
        sum.bytes += data.byteLength;
        sum.seconds += grown;
      }
    }, { once: true });
  };
}

// Has the decoder give up, as the page wishes: the standard's own way to have a media source say so.
let source = null;
channel.addEventListener('message', ({ data }) => data.breaks && giveUp(source));

function giveUp(source) {
  if (source?.readyState !== 'open') return;
  // Not while anything is being appended.
  if ([...source.sourceBuffers].some(({ updating }) => updating)) return void setTimeout(giveUp, 5, source);
  source.endOfStream('decode');
}

// `video` or `audio` of each source buffer.
const tracks = new WeakMap();
const kind = (type) => type.split('/')[0];

watch(globalThis.MediaSource?.prototype, 'addSourceBuffer', ([type]) => ({ type }), function ([type], buffer) {
  source = this;
  tracks.set(buffer, kind(type));
});
watch(globalThis.SourceBuffer?.prototype, 'changeType', ([type]) => ({ type }), function ([type]) { tracks.set(this, kind(type)); });
watch(globalThis.SourceBuffer?.prototype, 'appendBuffer', function ([data]) {
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  return { bytes: bytes.length, boxes: boxes(bytes), track: tracks.get(this), samples: samples(bytes, 0, bytes.length) };
});

// What a worker asks for, and the randomness that it makes secrets of.
if (!globalThis.document) {
  const { fetch } = globalThis;
  globalThis.fetch = (url, init) => {
    tell('fetch', { url: String(url) });
    return fetch(url, init);
  };
  const random = crypto.getRandomValues.bind(crypto);
  crypto.getRandomValues = (into) => {
    random(into);
    tell('random', { random: [...into] });
    return into;
  };
}

// The four-letter names of the boxes that begin in these bytes; null if they are not boxes.
function boxes(bytes) {
  const names = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length) return null;
    const size = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (size < 8 || !/^[a-z0-9]{4}$/.test(name)) return null;
    names.push(name);
    at += size;
    // A fragment may be appended in pieces, the last box being cut.
    if (at > bytes.length) names.push('…');
  }
  return names;
}

// How many samples the `trun` boxes between two places name (ISO/IEC 14496-12 §8.8.8).
function samples(bytes, from, to) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = from; at + 8 <= to; ) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (size < 8) break;
    if (name === 'moof' || name === 'traf') count += samples(bytes, at + 8, Math.min(at + size, to));
    if (name === 'trun' && at + 16 <= to) count += view.getUint32(at + 12);
    at += size;
  }
  return count;
}

if (!globalThis.document) channel.postMessage({ what: 'probes' });
else quota = globalThis.e2e?.quota ?? quota;
