/**
 * One session: hands the core what happened and carries out what it says. The decisions are the core's.
 *
 * @import { Host } from './host.js'
 * @import { Config, Core, Input, NativeSource, NetworkType, Output, Player as CorePlayer } from './messages.js'
 */

const reports = require('./reports.js');

const MEMORY = 'cloud-player.memory';

/**
 * What the player does to the page.
 * @typedef {object} Stage
 * @property {(source: NativeSource) => void} source Gives the native component another source.
 * @property {(method: 'play' | 'pause' | 'seek' | 'setRate', value?: number) => void} element
 * @property {(name: string, detail: object) => void} emit
 * @property {(refused: boolean) => void} broken The core is of no use any more; `refused`: it took no such config.
 */

class Player {
  /**
   * @param {Host} host
   * @param {Stage} stage
   * @param {Partial<Config>} settings
   */
  constructor(host, stage, settings) {
    this.host = host;
    this.stage = stage;
    this.settings = settings;
    this.sessionId = settings.sessionId || randomName();
    /** @type {CorePlayer | null} */
    this.core = null;
    /** What happened and the core has not heard yet. @type {Input[]} */
    this.inbox = [];
    this.busy = false;
    this.ending = false;
    /** By number, how to give up a request. @type {Record<number, () => void>} */
    this.requests = {};
    /** @type {any} */
    this.timer = null;
    /** @type {() => void} */
    this.unwatch = function () {};
  }

  /**
   * The session begins. What was told before is what it hears first.
   * @param {Core} core
   */
  run(core) {
    if (this.ending) return;
    const self = this;
    const host = this.host;
    /** @type {Config} */
    const config = Object.assign({}, this.settings, {
      sessionId: this.sessionId,
      random: [Math.random(), Math.random(), Math.random(), Math.random()],
      memory: text(host.stored(MEMORY)),
      unsent: reports.take(host, this.sessionId, this.settings.reportUrl),
      wallClock: Date.now(),
    });
    /** @param {NetworkType} type */
    function network(type) {
      self.tell({ type: 'network', networkType: type });
    }
    try {
      this.core = core.create(config, host.now());
    } catch (error) {
      return this.crash(Boolean(error && /** @type {any} */ (error).refused));
    }
    this.ask((core) => core.start());
    if (!this.core) return;
    this.unwatch = host.watchNetwork(network);
    host.networkType(network);
    this.pump();
  }

  /**
   * Something happened. Never calls back into the core from within: what it causes is heard after it.
   * @param {Input} input
   */
  tell(input) {
    if (this.ending) return;
    this.inbox.push(input);
    this.pump();
  }

  pump() {
    if (this.busy || !this.core) return;
    for (let input = this.inbox.shift(); input && this.core; input = this.inbox.shift()) {
      const heard = input;
      this.ask((core) => core.handle(heard, this.host.now()));
    }
    this.leave();
  }

  /** @param {(core: CorePlayer) => Output[]} what */
  ask(what) {
    if (!this.core) return;
    /** @type {Output[]} */
    let outputs;
    this.busy = true;
    try {
      outputs = what(this.core);
    } catch (_) {
      this.busy = false;
      return this.crash(false);
    }
    try {
      outputs.forEach(this.carryOut, this);
    } finally {
      this.busy = false;
    }
  }

  /**
   * The core has trapped, or took nothing: this session is over.
   * @param {boolean} refused
   */
  crash(refused) {
    if (!refused) console.warn('cloud-player: the core has failed; another one goes on');
    this.core = null;
    this.ending = true;
    this.inbox = [];
    this.unwatch();
    clearTimeout(this.timer);
    Object.keys(this.requests).forEach((id) => this.requests[Number(id)]());
    this.requests = {};
    reports.end(this.sessionId);
    this.stage.broken(refused);
  }

  /** @param {Output} output */
  carryOut(output) {
    switch (output.type) {
      case 'request':
        this.request(output);
        break;
      case 'abort':
        if (this.requests[output.id]) this.requests[output.id]();
        delete this.requests[output.id];
        break;
      case 'source':
        this.stage.source(output);
        break;
      case 'element':
        this.stage.element(output.method, 'value' in output ? output.value : undefined);
        break;
      case 'event':
        this.stage.emit(output.name, output.detail);
        break;
      case 'renew':
        this.stage.emit('accesswanted', { id: output.id, reason: output.reason, wanted: output.wanted });
        break;
      case 'store':
        if (output.key === 'memory') this.host.store(MEMORY, output.value);
        else reports.keep(this.host, this.sessionId, this.settings.reportUrl, output.value);
        break;
      case 'wake':
        this.wake(output.at);
        break;
    }
  }

  /** @param {Output & { type: 'request' }} order */
  request(order) {
    const self = this;
    const id = order.id;
    this.requests[id] = this.host.request(order, function (answer) {
      delete self.requests[id];
      if (answer.failed) {
        self.hear({ type: 'requestFailed', id, reason: answer.failed });
      } else {
        self.hear({
          type: 'response',
          id,
          status: answer.status || 0,
          headers: answer.headers || null,
          body: answer.body || '',
          profile: answer.profile || null,
        });
      }
    });
  }

  /**
   * An answer counts also when the session is ending: it may be that to the last report.
   * @param {Input} input
   */
  hear(input) {
    this.inbox.push(input);
    this.pump();
  }

  /** @param {number | null} at */
  wake(at) {
    const self = this;
    clearTimeout(this.timer);
    if (at === null) return;
    this.timer = setTimeout(
      function () {
        self.hear({ type: 'wake' });
      },
      Math.min(Math.max(Math.ceil(at - this.host.now()), 0), LONGEST_TIMER),
    );
  }

  /** The session ends; its last report may still be on its way. */
  destroy() {
    if (this.ending) return;
    this.tell({ type: 'destroy' });
    this.ending = true;
    this.unwatch();
    this.leave();
  }

  /** Frees the core once nothing is under way any more. */
  leave() {
    if (!this.ending || this.busy || Object.keys(this.requests).length > 0) return;
    clearTimeout(this.timer);
    if (this.core) {
      reports.end(this.sessionId);
      try {
        this.core.destroy();
      } catch (_) {
        // Another session's fault; nothing is left to free.
      }
    }
    this.core = null;
  }
}

/** @param {any} value @returns {string | null} */
function text(value) {
  return typeof value === 'string' ? value : null;
}

/** Tells sessions apart in reports; it guards nothing. */
function randomName() {
  let name = '';
  while (name.length < 32) name += Math.floor(Math.random() * 16).toString(16);
  return name;
}

/** Beyond this, timers fire at once. The core is only asked whether it is time: too early does no harm. */
const LONGEST_TIMER = 0x7fffffff;

module.exports = { Player };
