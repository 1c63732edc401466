/**
 * Registers the component with a platform. It is written as WeChat has it; where a platform gives components functions as
 * properties instead of events (Alipay), it is translated.
 *
 * @import { Platform } from './platforms.js'
 */

/**
 * The platform's `Component`.
 * @param {Platform} platform
 * @returns {WechatMiniprogram.Component.Constructor}
 */
function constructorOf(platform) {
  if (platform.component === 'properties') return Component;
  return /** @type {any} */ ((/** @type {any} */ spec) => Component(translated(spec)));
}

/** @param {any} spec */
function translated(spec) {
  const names = Object.keys(spec.properties);
  /** @type {Record<string, any>} */
  const props = {};
  names.forEach(function (name) {
    props[name] = spec.properties[name].value;
  });
  /**
   * What the template shows of properties stands in `data` on the other platforms. No right is among it.
   * @param {any} properties
   */
  function shown(properties) {
    /** @type {Record<string, any>} */
    const data = {};
    SHOWN.forEach(function (name) {
      data[name] = properties[name];
    });
    return data;
  }
  return {
    props,
    data: spec.data,
    methods: Object.assign({}, spec.methods, {
      /** @param {string} name @param {object} detail */
      triggerEvent: function (name, detail) {
        /** @type {any} */
        const self = this;
        const listener = self.props['on' + name.charAt(0).toUpperCase() + name.slice(1)];
        if (typeof listener === 'function') listener({ type: name, detail });
      },
    }),
    didMount: function () {
      /** @type {any} */
      const self = this;
      self.properties = Object.assign({}, self.props);
      self.setData(shown(self.properties));
      // There is no page of the component's own to hear of: the whole program's going to the background counts.
      self.onHidden = spec.pageLifetimes.hide.bind(self);
      self.onShown = spec.pageLifetimes.show.bind(self);
      if (my.onAppHide) my.onAppHide(self.onHidden);
      if (my.onAppShow) my.onAppShow(self.onShown);
      spec.lifetimes.attached.call(self);
    },
    didUpdate: function (/** @type {any} */ before) {
      /** @type {any} */
      const self = this;
      const changed = names.filter(function (name) {
        return self.props[name] !== before[name];
      });
      if (changed.length === 0) return;
      self.properties = Object.assign({}, self.props);
      self.setData(shown(self.properties));
      changed.forEach(function (name) {
        if (spec.properties[name].observer) spec.properties[name].observer.call(self, self.props[name], before[name]);
      });
    },
    didUnmount: function () {
      /** @type {any} */
      const self = this;
      if (my.offAppHide) my.offAppHide(self.onHidden);
      if (my.offAppShow) my.offAppShow(self.onShown);
      spec.lifetimes.detached.call(self);
    },
  };
}

/** The properties that templates name. */
const SHOWN = ['controls', 'muted', 'loop', 'objectFit', 'title'];

module.exports = { constructorOf };
