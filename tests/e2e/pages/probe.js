// Watches Media Source Extensions, in the page or in a worker, and tells the page over a channel.
// Loaded before the player, in both places.
const channel = new BroadcastChannel('e2e-probe');
const now = () => performance.timeOrigin + performance.now();
const tell = (what, facts) => channel.postMessage({ what, at: now(), where: globalThis.document ? 'page' : 'worker', ...facts });

function watch(prototype, name, facts) {
  const original = prototype?.[name];
  if (!original) return;
  prototype[name] = function (...args) {
    tell(name, facts(args));
    return original.apply(this, args);
  };
}

watch(globalThis.MediaSource?.prototype, 'addSourceBuffer', ([type]) => ({ type }));
watch(globalThis.SourceBuffer?.prototype, 'changeType', ([type]) => ({ type }));
watch(globalThis.SourceBuffer?.prototype, 'appendBuffer', ([data]) => {
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  return { bytes: bytes.length, boxes: boxes(bytes) };
});

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
