/** The package as npm packs it and as DevTools' "build npm" lays it out, and the demo on top of it. */

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const ROOT = path.join(__dirname, '../../www/miniprogram');
const APP = path.join(ROOT, 'app');

let folder;
let built;
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cloud-player-package-'));
  const packed = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] }));
  execFileSync('tar', ['xzf', packed[0].filename], { cwd: folder });
  // A package with that field is copied: the folder that it names, to miniprogram_npm/<name>.
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package/package.json'), 'utf8'));
  built = path.join(folder, 'miniprogram_npm', manifest.name);
  fs.cpSync(path.join(folder, 'package', manifest.miniprogram), built, { recursive: true });
});
after(() => fs.rmSync(folder, { recursive: true }));

test('the package has all that its scripts and templates name', () => {
  const scripts = fs.readdirSync(built, { recursive: true }).filter((name) => name.endsWith('.js'));
  assert.ok(scripts.includes('index.js'));
  for (const name of scripts) {
    const file = path.join(built, name);
    for (const [, other] of fs.readFileSync(file, 'utf8').matchAll(/require\('([^']+)'\)/g)) {
      assert.match(other, /^\.\//, `${name} requires ${other}: nothing of Node`);
      assert.ok(fs.existsSync(path.join(path.dirname(file), other)), `${name} requires ${other}`);
    }
  }
  const component = path.join(built, 'cloud-player-video');
  for (const ending of ['js', 'json', 'wxml', 'wxss', 'axml', 'ttml', 'qml', 'swan']) {
    assert.ok(fs.existsSync(path.join(component, `index.${ending}`)), ending);
  }
  assert.equal(JSON.parse(fs.readFileSync(path.join(component, 'index.json'))).component, true);
  for (const module of ['core.wasm', 'core.wasm.br']) assert.ok(fs.statSync(path.join(component, module)).size > 1000, module);
});

test('a program that uses it stays far below the limit of 2 MB', () => {
  const files = fs.readdirSync(built, { recursive: true }).map((name) => path.join(built, name));
  const size = files.reduce((sum, file) => sum + (fs.statSync(file).isFile() ? fs.statSync(file).size : 0), 0);
  assert.ok(size < 700_000, `${size} bytes`);
});

test('the demo names pages, components and a package that exist', () => {
  const read = (name) => JSON.parse(fs.readFileSync(path.join(APP, name), 'utf8'));
  const { pages, sitemapLocation } = read('app.json');
  assert.ok(fs.existsSync(path.join(APP, sitemapLocation)));
  for (const page of pages) {
    for (const ending of ['js', 'wxml', 'wxss', 'json']) assert.ok(fs.existsSync(path.join(APP, `${page}.${ending}`)), `${page}.${ending}`);
    for (const used of Object.values(read(`${page}.json`).usingComponents)) {
      assert.ok(fs.existsSync(path.join(folder, 'miniprogram_npm', `${used}.json`)), used);
    }
  }
  const { miniprogramRoot, compileType, setting } = read('project.config.json');
  assert.deepEqual([miniprogramRoot, compileType], ['./', 'miniprogram']);
  const [{ packageJsonPath }] = setting.packNpmRelationList;
  assert.ok('cloud-player-miniprogram' in read(packageJsonPath).dependencies);
});

test('what the demo binds are handlers of its page, and events of the component', () => {
  const page = path.join(APP, 'pages/lesson/lesson');
  const template = fs.readFileSync(`${page}.wxml`, 'utf8');
  let spec;
  const run = new Function('Page', 'getApp', fs.readFileSync(`${page}.js`, 'utf8'));
  run((given) => (spec = given), () => ({ globalData: { origin: 'http://h' } }));
  const bound = [...template.matchAll(/bind:?([a-z]+)="(\w+)"/g)];
  assert.ok(bound.length > 10);
  for (const [, event, handler] of bound) assert.equal(typeof spec[handler], 'function', `${event}: ${handler}`);
  const docs = fs.readFileSync(path.join(__dirname, '../../docs/miniprogram.md'), 'utf8');
  for (const [, event] of template.matchAll(/bind:([a-z]+)=/g)) assert.ok(docs.includes(`\`${event}\``), event);
});
