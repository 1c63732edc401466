/**
 * Which codecs this browser does not take in Media Source Extensions.
 */

import { mediaSourceClass } from './page-sink.js';

/**
 * By the first part of their names. What is not named here is taken by every browser that has Media Source Extensions,
 * or is tried.
 * @returns {string[]}
 */
export function unsupportedCodecs() {
  const source = mediaSourceClass();
  lacking ??= Object.entries(EXAMPLES)
    .filter(([, type]) => source?.isTypeSupported(type) === false)
    .map(([codec]) => codec);
  return lacking;
}

/** @type {string[] | undefined} */
let lacking;

/** One type for each codec that some browser lacks. */
const EXAMPLES = {
  hvc1: 'video/mp4; codecs="hvc1.1.6.L93.B0"',
  hev1: 'video/mp4; codecs="hev1.1.6.L93.B0"',
  dvh1: 'video/mp4; codecs="dvh1.05.06"',
  av01: 'video/mp4; codecs="av01.0.08M.08"',
  vp09: 'video/mp4; codecs="vp09.00.40.08"',
  'ac-3': 'audio/mp4; codecs="ac-3"',
  'ec-3': 'audio/mp4; codecs="ec-3"',
  opus: 'audio/mp4; codecs="opus"',
  flac: 'audio/mp4; codecs="flac"',
};
