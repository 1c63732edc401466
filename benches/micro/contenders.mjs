// What is measured: each contender takes whole segments, and gives init sections and fragments to a sink that stands for
// two source buffers.
import HlsTransmuxer, { TransmuxConfig, TransmuxState } from '#hls/demux/transmuxer.ts';
import { ChunkMetadata } from '#hls/types/transmuxer.ts';
import muxjs from 'mux.js';
import { Pipeline } from '#ours';

// What a browser's `fetch` hands out at most.
const CHUNK = 65536;

export const chunks = (bytes) => {
  const views = [];
  for (let at = 0; at < bytes.length; at += CHUNK) views.push(bytes.subarray(at, at + CHUNK));
  return views;
};

// Ours: bytes go in as they come from the network, and fragments go out as they are complete.
export function ours(segments, sink, key) {
  const pipeline = new Pipeline();
  for (const { bytes } of segments) {
    pipeline.begin(key?.raw, key?.iv);
    for (const chunk of chunks(bytes)) pipeline.push(chunk, sink);
    pipeline.end(sink);
  }
  pipeline.flush(sink);
  pipeline.free();
}

const silent = { log() {}, warn() {}, info() {}, debug() {}, error() {}, trace() {} };
const observer = { emit() {}, on() {}, off() {}, once() {}, trigger() {}, removeAllListeners() {} };

// hls.js with its defaults. With a key it decrypts with WebCrypto; `software`: as where there is none (an insecure page).
export function hlsjs(segments, sink, key, software) {
  const config = {
    progressive: false, forceKeyFrameOnDiscontinuity: true, stretchShortVideoTrack: false, maxBufferHole: 0.1,
    maxAudioFramesDrift: 1, enableSoftwareAES: true, handleMpegTsVideoIntegrityErrors: 'process',
  };
  const transmuxer = new HlsTransmuxer(observer, { mpeg: true, mp3: true, ac3: false }, config, '', 'main', silent);
  transmuxer.configure(new TransmuxConfig('mp4a.40.2', 'avc1.640028', undefined, segments.length * 4));
  if (software) {
    const decrypter = transmuxer.getDecrypter();
    decrypter.subtle = null;
    decrypter.useSoftware = true;
  }
  const take = (result) => {
    const { initSegment, video, audio } = result?.remuxResult ?? {};
    for (const [name, track] of Object.entries(initSegment?.tracks ?? {})) sink.append(name === 'video', track.initSegment);
    for (const [isVideo, track] of [[true, video], [false, audio]]) {
      if (!track) continue;
      sink.append(isVideo, track.data1);
      if (track.data2) sink.append(isVideo, track.data2);
    }
  };
  const decryptdata = key && { method: 'AES-128', key: key.raw, iv: key.iv, encrypted: true };
  const one = ({ bytes }, i) => {
    const meta = new ChunkMetadata(0, i, i + 1, bytes.length);
    const state = new TransmuxState(i === 0, i !== 0, true, i === 0, i * 4, i === 0);
    const pushed = transmuxer.push(bytes.buffer, decryptdata ?? null, meta, state);
    if (!key) {
      take(pushed);
      transmuxer.flush(meta).forEach(take);
      return;
    }
    return pushed.then((result) => {
      take(result);
      return transmuxer.flush(meta);
    }).then((results) => results.forEach(take));
  };
  if (!key) return segments.forEach(one);
  return segments.reduce((before, segment, i) => before.then(() => one(segment, i)), Promise.resolve());
}

// mux.js as video.js uses it: both tracks, time stamps kept.
export function mux(segments, sink) {
  const transmuxer = new muxjs.mp4.Transmuxer({ keepOriginalTimestamps: true, remux: false });
  transmuxer.on('data', ({ type, initSegment, data }) => {
    sink.append(type === 'video', initSegment);
    sink.append(type === 'video', data);
  });
  for (const { bytes } of segments) {
    transmuxer.push(bytes);
    transmuxer.flush();
  }
}
