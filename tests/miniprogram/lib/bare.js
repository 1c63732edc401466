/**
 * A program with nothing but what a mini-program platform has: the language, timers, `Component`, `require`, and the
 * platform's own objects. No `window`, `fetch`, `URL`, `TextDecoder`, `crypto`, `WebAssembly`, `process` or `Buffer`.
 */

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const FOLDER = path.join(__dirname, '../../../www/miniprogram/components/cloud-player-video');

/** Runs a script of the component and returns its exports and what it gave to `Component`. */
function run(globals, name = 'index.js') {
  const registered = [];
  const context = vm.createContext({
    setTimeout,
    clearTimeout,
    console,
    Component: (spec) => registered.push(spec),
    ...globals,
  });
  vm.runInContext('delete globalThis.WebAssembly', context);
  const modules = new Map();
  const load = (file) => {
    if (!modules.has(file)) {
      const module = { exports: {} };
      modules.set(file, module);
      const script = new vm.Script(`(function (require, module, exports) {${fs.readFileSync(file, 'utf8')}\n})`, { filename: file });
      script.runInContext(context)((other) => load(path.resolve(path.dirname(file), other)), module, module.exports);
    }
    return modules.get(file).exports;
  };
  return { exports: load(path.join(FOLDER, name)), spec: registered[0] };
}

/** An instance of a component, as WeChat's constructor makes it, or Alipay's (`props`). */
class Instance {
  constructor(spec, given) {
    this.spec = spec;
    this.events = [];
    this.data = { ...spec.data };
    Object.assign(this, spec.methods);
    if (spec.props) {
      this.props = { ...spec.props, ...given };
      // Functions are how it tells.
      for (const name of ['Ready', 'Play', 'Playing', 'Pause', 'Waiting', 'Timeupdate', 'Ended', 'Error', 'Playinfo', 'Fullscreenchange']) {
        this.props[`on${name}`] = ({ type, detail }) => this.events.push({ name: type, detail });
      }
      spec.didMount.call(this);
    } else {
      for (const [name, { value }] of Object.entries(spec.properties)) this.data[name] = given[name] ?? value;
      this.properties = this.data;
      this.triggerEvent = (name, detail) => this.events.push({ name, detail });
      spec.lifetimes.attached.call(this);
    }
  }

  setData(data) {
    Object.assign(this.data, data);
  }

  end() {
    if (this.props) this.spec.didUnmount.call(this);
    else this.spec.lifetimes.detached.call(this);
  }
}

module.exports = { FOLDER, Instance, run };
