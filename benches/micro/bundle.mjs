// Bundles what runs in the worker and in Node: node bundle.mjs HERE OUT. hls.js's transmuxer is no export of its package
// and is taken from the sources that come with it.
import path from 'node:path';
import { build } from 'esbuild';

const [here, out] = process.argv.slice(2);
// What hls.js's own build defines for the full player.
const flags = ['ALT_AUDIO', 'EME_DRM', 'SUBTITLES', 'CMCD', 'CONTENT_STEERING', 'VARIABLE_SUBSTITUTION', 'M2TS_ADVANCED_CODECS',
  'MEDIA_CAPABILITIES', 'INTERSTITIALS', 'IFRAMES'];
const define = { __VERSION__: '"bench"', __IN_WORKER__: 'false', __HLS_WORKER_BUNDLE__: 'undefined', global: 'globalThis' };
for (const flag of flags) define[`__USE_${flag}__`] = 'true';

await build({
  entryPoints: ['race.mjs', 'worker.mjs'].map((name) => path.join(here, name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  target: 'es2022',
  define,
  plugins: [{
    name: 'packages',
    setup(b) {
      const modules = path.resolve('node_modules');
      b.onResolve({ filter: /^#hls\// }, ({ path: name }) => ({ path: path.join(modules, 'hls.js/src', name.slice(5)) }));
      b.onResolve({ filter: /^#ours$/ }, () => ({ path: path.join(out, 'pkg/micro.js') }));
    },
  }],
  nodePaths: [path.resolve('node_modules')],
  platform: 'browser',
  mainFields: ['module', 'main'],
  logLevel: 'error',
  tsconfigRaw: '{"compilerOptions":{"useDefineForClassFields":false}}',
  banner: { js: 'if (typeof self === "undefined") globalThis.self = globalThis;' },
});
