// The measurement, the same in Node and in a worker. All contenders of a case take turns; medians are told.
import initWasm, { copy, decrypt, Pipeline } from '#ours';
import { chunks, hlsjs, mux, ours } from './contenders.mjs';
import { counting } from './samples.mjs';

const sorted = (values) => [...values].sort((a, b) => a - b);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Rounds before those that count; pauses let compilers finish in the background.
const WARM = 6;

async function race(cases, rounds) {
  const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  const first = {};
  for (let round = 0; round < rounds + WARM; round++) {
    if (round === 3 || round === WARM) await pause(300);
    for (const [name, run] of Object.entries(cases)) {
      const begun = performance.now();
      const pending = run();
      if (pending) await pending;
      const took = performance.now() - begun;
      if (round === 0) first[name] = took;
      if (round >= WARM) times[name].push(took);
    }
  }
  return (name, bytes) => ({
    mbps: bytes / 1e3 / sorted(times[name])[times[name].length >> 1],
    best: bytes / 1e3 / Math.min(...times[name]),
    first: bytes / 1e3 / first[name],
  });
}

// A sink that looks at nothing but lengths, as a source buffer's caller would.
const lengths = () => ({ bytes: 0, append(_, data) { this.bytes += data.byteLength; } });

export async function measure({ wasm, segments, rounds }) {
  await initWasm({ module_or_path: wasm });
  const total = (list) => list.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const key = { raw: new TextEncoder().encode('sixteen byte key'), iv: new Uint8Array(16).fill(9) };
  const subtle = await crypto.subtle.importKey('raw', key.raw, 'AES-CBC', false, ['encrypt', 'decrypt']);
  const cbc = { name: 'AES-CBC', iv: key.iv };
  const encrypted = [];
  for (const { bytes } of segments) {
    encrypted.push({ bytes: new Uint8Array(await crypto.subtle.encrypt(cbc, subtle, bytes)) });
  }

  // Nobody may win by leaving something out.
  const samples = {};
  for (const [name, run] of Object.entries({
    ours: (sink) => ours(segments, sink),
    'ours, decrypted': (sink) => ours(encrypted, sink, key),
    'hls.js': (sink) => hlsjs(segments, sink),
    'hls.js, decrypted': (sink) => hlsjs(encrypted, sink, key),
    'hls.js, decrypted by itself': (sink) => hlsjs(encrypted, sink, key, true),
    'mux.js': (sink) => mux(segments, sink),
  })) {
    const sink = counting();
    await run(sink);
    samples[name] = { video: sink.video, audio: sink.audio };
  }

  const table = {};
  const add = async (bytes, cases) => {
    const of = await race(cases, rounds);
    for (const name of Object.keys(cases)) table[name] = of(name, bytes);
  };
  await add(total(segments), {
    'transmux: ours': () => ours(segments, lengths()),
    'transmux: hls.js': () => hlsjs(segments, lengths()),
    'transmux: mux.js': () => mux(segments, lengths()),
    'copy in: ours': () => segments.forEach(({ bytes }) => copy(chunks(bytes))),
  });
  await add(total(encrypted), {
    'decrypt, transmux: ours': () => ours(encrypted, lengths(), key),
    'decrypt, transmux: hls.js, WebCrypto': () => hlsjs(encrypted, lengths(), key),
    'decrypt, transmux: hls.js, its own AES': () => hlsjs(encrypted, lengths(), key, true),
    'decrypt: ours': () => encrypted.forEach(({ bytes }) => decrypt(chunks(bytes), key.raw, key.iv)),
    'decrypt: WebCrypto, whole segments': async () => {
      for (const { bytes } of encrypted) await crypto.subtle.decrypt(cbc, subtle, bytes);
    },
  });
  return { samples, table };
}

// Streams segments of so many seconds over and over, the timeline going on; how large wasm memory is in the course of it.
export async function stream({ wasm, segments, seconds, hours }) {
  const { memory } = await initWasm({ module_or_path: wasm });
  const pipeline = new Pipeline();
  const sink = lengths();
  const pages = [];
  const begun = performance.now();
  let bytesIn = 0;
  const wanted = hours * 3600;
  for (let at = 0; at < wanted; ) {
    for (const [i, { bytes }] of segments.entries()) {
      if (at > 0 && i === 0) pipeline.repeat(seconds * segments.length);
      pipeline.begin();
      for (const chunk of chunks(bytes)) pipeline.push(chunk, sink);
      pipeline.end(sink);
      bytesIn += bytes.length;
      at += seconds;
    }
    pages.push(memory.buffer.byteLength);
  }
  pipeline.flush(sink);
  return {
    hours, bytesIn, bytesOut: sink.bytes, ms: performance.now() - begun,
    memory: { first: pages[0], atATenth: pages[Math.floor(pages.length / 10)], last: pages.at(-1) },
  };
}
