// node mediabunny.mjs MODULE FOLDER ts|ts-aac|cmaf [ranges] LOW HIGH: mediabunny's HLS output, its packets copied.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [module, folder, kind, ...rest] = process.argv.slice(2);
const ranges = rest[0] === 'ranges';
const files = ranges ? rest.slice(1) : rest;
const m = createRequire(import.meta.url)(module);

const formats = {
  ts: () => new m.MpegTsOutputFormat(),
  'ts-aac': () => [new m.AdtsOutputFormat(), new m.MpegTsOutputFormat()],
  cmaf: () => new m.CmafOutputFormat(),
};
const output = new m.Output({
  format: new m.HlsOutputFormat({ segmentFormat: formats[kind](), targetDuration: 2, singleFilePerPlaylist: ranges }),
  target: new m.PathedTarget('master.m3u8', ({ path: name }) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    return new m.FilePathTarget(file);
  }),
});

// Each file's picture and sound belong together; with packed audio, the sound of the last serves all.
const tracks = [];
for (const [index, file] of files.entries()) {
  const input = new m.Input({ source: new m.FilePathSource(file), formats: m.ALL_FORMATS });
  const group = kind === 'ts' ? new m.OutputTrackGroup() : undefined;
  for (const type of ['Video', 'Audio']) {
    if (type === 'Audio' && kind !== 'ts' && index > 0) continue;
    const track = await input[`getPrimary${type}Track`]();
    const source = new m[`Encoded${type}PacketSource`](await track.getCodec());
    output[`add${type}Track`](source, group && { group });
    tracks.push({ source, sink: new m.EncodedPacketSink(track), config: await track.getDecoderConfig(), packet: null });
  }
}
await output.start();
// In the order of time, as an encoder would hand them over.
for (const track of tracks) track.packet = await track.sink.getFirstPacket();
for (;;) {
  const next = tracks.filter(({ packet }) => packet).sort((a, b) => a.packet.timestamp - b.packet.timestamp)[0];
  if (!next) break;
  await next.source.add(next.packet, { decoderConfig: next.config });
  next.packet = await next.sink.getNextPacket(next.packet);
  if (!next.packet) next.source.close();
}
await output.finalize();
