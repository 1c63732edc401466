// node run.mjs OUT '{"segments":[…],"heavy":[…],"seconds":4,"rounds":15,"hours":2,"chromium":"/usr/bin/chromium"}'
// OUT holds what bundle.mjs made; `segments` are raced on, `heavy` ones streamed. Prints one JSON object.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [out, json] = process.argv.slice(2);
const { segments: usual, heavy, seconds, rounds, hours, chromium: executablePath } = JSON.parse(json);
const wasm = path.join(out, 'pkg/micro_bg.wasm');

const results = { node: await inNode(), worker: await inWorker() };
console.log(JSON.stringify(results));

async function inNode() {
  const { measure, stream } = await import(pathToFileURL(path.join(out, 'race.mjs')));
  const read = (files) => files.map((file) => ({ bytes: Uint8Array.from(fs.readFileSync(file)) }));
  const raced = await measure({ wasm: fs.readFileSync(wasm), segments: read(usual), rounds });
  // A module of its own, whose memory nothing has grown yet.
  const fresh = await import(`${pathToFileURL(path.join(out, 'race.mjs'))}?fresh`);
  return { ...raced, stream: await fresh.stream({ wasm: fs.readFileSync(wasm), segments: read(heavy), seconds, hours }) };
}

async function inWorker() {
  const server = http.createServer((request, response) => {
    const name = request.url.slice(1);
    const [kind, index] = name.split('/');
    const file = { usual, heavy }[kind]?.[Number(index)] ?? path.join(out, name);
    // `crypto.subtle` is there on loopback, which counts as secure.
    if (name === '') return response.setHeader('content-type', 'text/html').end('<!doctype html>');
    if (!file || !fs.existsSync(file)) return response.writeHead(404).end();
    const type = { '.mjs': 'text/javascript', '.wasm': 'application/wasm' }[path.extname(file)];
    response.setHeader('content-type', type ?? 'application/octet-stream');
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const browser = await chromium.launch({ executablePath, args: ['--headless=new', '--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const ask = (task, kind, count, work) => page.evaluate(async ({ task, kind, count, work }) => {
      const get = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
      const segments = [];
      for (let i = 0; i < count; i++) segments.push({ bytes: await get(`${kind}/${i}`) });
      const worker = new Worker('worker.mjs', { type: 'module' });
      return new Promise((resolve, reject) => {
        worker.onmessage = ({ data: { result, error } }) => (error ? reject(new Error(error)) : resolve(result));
        worker.onerror = ({ message }) => reject(new Error(message));
        get('pkg/micro_bg.wasm').then((wasm) => worker.postMessage({ task, work: { ...work, wasm, segments } }));
      });
    }, { task, kind, count, work });
    const raced = await ask('measure', 'usual', usual.length, { rounds });
    return { ...raced, stream: await ask('stream', 'heavy', heavy.length, { seconds, hours }) };
  } finally {
    await browser.close();
    server.close();
  }
}
