// node choice.mjs OUT '{"rounds":300}': OUT/pkg holds the module. Prints milliseconds of the rule's decisions as JSON.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [out, json] = process.argv.slice(2);
const { rounds } = JSON.parse(json);
const { default: initWasm, Choice } = await import(pathToFileURL(path.join(out, 'pkg/micro.js')));
await initWasm({ module_or_path: fs.readFileSync(path.join(out, 'pkg/micro_bg.wasm')) });

const times = { first: [], choose: [], again: [], think: [] };
const timed = (name, run) => {
  const begun = performance.now();
  const result = run();
  times[name].push(performance.now() - begun);
  return result;
};

// Compilers finish during the first sessions; only a session's very first decision is always cold in a player.
const SESSIONS = 10;
let given_up = 0;
for (let session = 0; session < SESSIONS; session++) {
  const choice = new Choice(10, 30);
  timed('first', () => choice.choose());
  for (let round = 0; round < rounds / SESSIONS; round++) {
    choice.download();
    timed('choose', () => choice.choose());
    timed('again', () => choice.choose());
    given_up += timed('think', () => choice.think()) ? 1 : 0;
  }
  choice.free();
}

const told = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], p95: sorted[Math.floor(sorted.length * 0.95)], coldest: list[0] };
};
const table = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, told(list)]));
console.log(JSON.stringify({ table, givenUp: given_up }));
