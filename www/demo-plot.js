/**
 * The demo's two drawings: what is buffered, and how throughput, rung and buffer went over time.
 *
 * @import { Range } from './messages.js'
 *
 * @typedef {object} Sample
 * @property {number} at Seconds since the page was opened.
 * @property {number | null} throughput Bits per second.
 * @property {number | null} rung Bits per second of the rung that is being loaded, else of the one that plays.
 * @property {number} buffer Seconds.
 * @property {boolean} stalled
 */

/**
 * Buffered ranges as a bar, the playhead on it.
 * @param {HTMLCanvasElement} canvas
 * @param {{ buffered: Range[], position: number, duration: number }} state
 */
export function drawBuffer(canvas, { buffered, position, duration }) {
  const { pen, width, height, color } = prepare(canvas);
  const length = Number.isFinite(duration) && duration > 0 ? duration : Math.max(position, 1);
  /** @param {number} time */
  const x = (time) => (time / length) * width;
  pen.fillStyle = color('--line');
  pen.fillRect(0, height / 2 - 3, width, 6);
  pen.fillStyle = color('--accent');
  pen.globalAlpha = 0.55;
  for (const [start, end] of buffered) pen.fillRect(x(start), height / 2 - 3, Math.max(1, x(end) - x(start)), 6);
  pen.globalAlpha = 1;
  pen.fillStyle = color('--text');
  pen.fillRect(Math.min(width - 2, Math.max(0, x(position) - 1)), 0, 2, height);
}

/**
 * Above, throughput estimate against the rung's rate, on a logarithmic axis: a network can be a hundred times faster
 * than the ladder, or slower. Below, the buffer. One time axis, the last two minutes.
 * @param {HTMLCanvasElement} canvas
 * @param {Sample[]} samples
 * @param {number[]} ladder Bits per second of each rung.
 * @param {number} now
 */
export function drawPlot(canvas, samples, ladder, now) {
  const { pen, width, height, color } = prepare(canvas);
  pen.font = '12px system-ui, sans-serif';
  const left = 44;
  const right = width - 8;
  const upper = { top: 26, bottom: Math.round(height * 0.62) };
  const lower = { top: Math.round(height * 0.62) + 34, bottom: height - 20 };
  const from = Math.max(0, now - WINDOW_S);
  /** @param {number} time */
  const x = (time) => left + ((time - from) / WINDOW_S) * (right - left);

  const rates = [...ladder, ...samples.flatMap(({ throughput, rung }) => [throughput, rung])];
  const megabits = rates.flatMap((rate) => (rate ? [rate / 1e6] : []));
  const rateTicks = logTicks(megabits.length > 0 ? megabits : [1]);
  const bufferTop = niceTop(Math.max(...samples.map(({ buffer }) => buffer), 10));
  /** @param {number} rate */
  const yMegabits = (rate) => scale(Math.log(rate), Math.log(rateTicks[0]), Math.log(rateTicks.at(-1) ?? 1), upper);
  /** @param {number | null} rate */
  const yRate = (rate) => (rate ? yMegabits(rate / 1e6) : null);
  /** @param {number} seconds */
  const yBuffer = (seconds) => scale(seconds, 0, bufferTop, lower);

  grid(rateTicks, yMegabits);
  grid([0, bufferTop / 2, bufferTop], yBuffer);
  timeAxis();
  stalls();

  area(samples.map(({ at, buffer }) => [x(at), yBuffer(buffer)]), color('--accent'));
  line(samples.map(({ at, rung }) => [x(at), yRate(rung)]), color('--second'), true);
  line(samples.map(({ at, throughput }) => [x(at), yRate(throughput)]), color('--accent'), false);

  legend(upper.top - 12, [['--accent', 'throughput estimate'], ['--second', 'rung']], 'Mbit/s');
  legend(lower.top - 12, [['--accent', 'buffer ahead']], 's');

  /**
   * @param {number[]} ticks
   * @param {(value: number) => number} y
   */
  function grid(ticks, y) {
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    pen.strokeStyle = color('--line');
    pen.lineWidth = 1;
    pen.fillStyle = color('--quiet');
    for (const tick of ticks) {
      const at = Math.round(y(tick)) + 0.5;
      stroke([[left, at], [right, at]]);
      pen.fillText(String(+tick.toPrecision(2)), left - 8, at);
    }
  }

  function timeAxis() {
    pen.textAlign = 'center';
    pen.textBaseline = 'top';
    pen.fillStyle = color('--quiet');
    const step = right - left < 400 ? 40 : 20;
    for (let time = Math.ceil(from / step) * step; x(time) < right - 12; time += step) {
      pen.fillText(`${time} s`, Math.max(x(time), left + 8), lower.bottom + 6);
    }
  }

  function stalls() {
    pen.fillStyle = color('--bad-soft');
    pen.beginPath();
    samples.forEach(({ at, stalled }, i) => {
      const until = samples[i + 1]?.at ?? now;
      if (stalled) pen.rect(Math.floor(x(at)), upper.top, Math.ceil(x(until)) - Math.floor(x(at)), lower.bottom - upper.top);
    });
    pen.fill();
  }

  /**
   * @param {[number, number | null][]} points
   * @param {string} style
   * @param {boolean} stepped
   */
  function line(points, style, stepped) {
    pen.save();
    pen.beginPath();
    pen.rect(left, upper.top - 2, right - left, upper.bottom - upper.top + 4);
    pen.clip();
    pen.strokeStyle = style;
    pen.lineWidth = 2;
    pen.lineJoin = 'round';
    pen.beginPath();
    let last = /** @type {number | null} */ (null);
    for (const [px, py] of points) {
      if (py !== null) {
        if (last === null) pen.moveTo(px, py);
        else if (stepped) pen.lineTo(px, last);
        pen.lineTo(px, py);
      }
      last = py;
    }
    pen.stroke();
    pen.restore();
  }

  /**
   * @param {[number, number][]} points
   * @param {string} style
   */
  function area(points, style) {
    const [first] = points;
    const end = points.at(-1);
    if (!first || !end) return;
    pen.beginPath();
    pen.moveTo(first[0], lower.bottom);
    for (const point of points) pen.lineTo(...point);
    pen.lineTo(end[0], lower.bottom);
    pen.fillStyle = style;
    pen.globalAlpha = 0.15;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = style;
    pen.lineWidth = 1.5;
    stroke(points);
  }

  /** @param {[number, number][]} points */
  function stroke(points) {
    pen.beginPath();
    for (const point of points) pen.lineTo(...point);
    pen.stroke();
  }

  /**
   * @param {number} y
   * @param {[string, string][]} entries
   * @param {string} unit
   */
  function legend(y, entries, unit) {
    pen.textAlign = 'left';
    pen.textBaseline = 'middle';
    let at = left;
    for (const [style, text] of entries) {
      pen.fillStyle = color(style);
      pen.fillRect(at, y - 1, 12, 3);
      pen.fillStyle = color('--text');
      pen.fillText(text, at + 18, y);
      at += 36 + pen.measureText(text).width;
    }
    pen.fillStyle = color('--quiet');
    pen.textAlign = 'right';
    pen.fillText(unit, left - 8, y);
  }
}

/** How much of the past is drawn, in seconds. */
export const WINDOW_S = 120;

/**
 * @param {number} value
 * @param {number} from The value at the band's bottom.
 * @param {number} to The value at its top.
 * @param {{ top: number, bottom: number }} band
 */
function scale(value, from, to, band) {
  return band.bottom - ((value - from) / (to - from)) * (band.bottom - band.top);
}

/**
 * Ticks of a logarithmic axis that has room for all of `values`: two at least, six at most for four decades.
 * @param {number[]} values Greater than zero.
 * @returns {[number, ...number[]]}
 */
function logTicks(values) {
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const all = Array.from({ length: 19 }, (_, i) => steps.map((step) => step * 10 ** (i - 9))).flat();
    const first = Math.max(0, all.findLastIndex((tick) => tick <= lowest));
    const last = Math.max(first + 1, all.findIndex((tick) => tick >= highest));
    const ticks = all.slice(first, last + 1);
    if (ticks.length <= 6 || steps.length === 1) return /** @type {[number, ...number[]]} */ (ticks);
  }
  return [1, 10];
}

/**
 * The next of 1, 2, 3, 4, 5, 6, 8, 10 times a power of ten.
 * @param {number} value
 */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10);
}

/**
 * A cleared canvas in device pixels, with coordinates in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 */
function prepare(canvas) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  return { pen, width, height, color: (/** @type {string} */ name) => style.getPropertyValue(name) };
}
