/**
 * What the component and the core say to each other, as JSON texts. The core's half is `src/miniprogram/`: both change
 * together. Media times are in seconds, clocks in milliseconds, rates in bits per second.
 *
 * `now` is a monotonic clock in milliseconds (`Date.now()` at the start plus what has passed will do); it never runs
 * backwards.
 */

export interface Config {
  /** Names the session in reports; 128 bytes at most. */
  sessionId: string;
  /** Anything that differs from session to session: where viewers are to be spread in time. */
  random?: number[];
  /** What the last `store` of `memory` said, of any session. */
  memory?: string | null;
  /**
   * What the last `store` of `unsent` said, of each session that is over. The core answers with a `store` of its own that
   * has it all; from then on the old texts may go.
   */
  unsent?: string | string[] | null;
  /** The viewer's own wall clock, Unix milliseconds, at `now` of the creation. No right is judged by it. */
  wallClock?: number | null;
  /** What time it is on the server that gives the rights, Unix milliseconds, if it is known. */
  serverNow?: number | null;
  reportUrl?: string | null;
  /** Seconds between two reports; 30 unless it is said. */
  reportInterval?: number | null;
  networkType?: NetworkType | null;
  /** Who is asked for play info where a source does not say: addresses or hosts, the first that answers. */
  playInfoHosts?: string[];
  /** Hosts (`host` or `host:port`) that tokens may go to, beside the one that their source is at. */
  tokenHosts?: string[];
  /** By the first part of their RFC 6381 names; variants that need one are left out. */
  unsupportedCodecs?: string[];
  autoplay?: boolean;
  startTime?: number | null;
  /** The host answers `renew`. Otherwise play info is asked again. */
  renews?: boolean;
  quality?: Quality;
}

/** As `wx.getNetworkType` says; whatever else comes counts as `unknown`. */
export type NetworkType = 'wifi' | '2g' | '3g' | '4g' | '5g' | 'ethernet' | 'none' | 'unknown';
/** A rung by its index in `ready`, lowest first. */
export type Quality = 'auto' | number;

export type Source =
  | {
      kind: 'playInfo';
      appId: string;
      fileId: string;
      token?: PlayToken | null;
      /** Instead of `playInfoHosts`. */
      hosts?: string[];
    }
  | { kind: 'hls'; url: string; drmToken?: string | null; tokenPlacement?: TokenPlacement | null }
  | { kind: 'file'; url: string };

/** Version 4 of play info is asked with `psign`, version 2 with the others. */
export type PlayToken =
  | { psign?: string | null }
  | { t?: string | null; us?: string | null; exper?: string | null; sign?: string | null };

/** The native component asks for keys and segments by itself: only what stands in the playlist's address can be sent. */
export type TokenPlacement = { kind: 'fileNamePrefix' } | { kind: 'query' | 'pathPrefix'; name: string };

export type Input =
  /** Once a session. The first source that can be played is; the others take over where it fails for good. */
  | { type: 'load'; sources: Source[]; startTime?: number | null; autoplay?: boolean | null }
  /** Those of `load`, in the same order, with what opens them today: for the ones whose turn has not come. */
  | { type: 'sources'; sources: Source[] }
  | { type: 'play' }
  | { type: 'pause' }
  | { type: 'seek'; to: number }
  | { type: 'setRate'; rate: number }
  | { type: 'setQuality'; quality: Quality }
  /** The session is over: the last report is made, and stored in case that it does not arrive. */
  | { type: 'destroy' }
  | {
      type: 'response';
      id: number;
      status: number;
      /** As the platform gives them; names in any case. `Date` and `Retry-After` are read. */
      headers?: Record<string, string | string[]> | null;
      /** The text, not parsed (`dataType: 'text'` or whatever says so on the platform). */
      body: string;
      /** As `wx.request` reports it. */
      profile?: { [name: string]: unknown } | null;
    }
  | { type: 'requestFailed'; id: number; reason: 'network' | 'timeout' }
  | ({ type: 'native' } & NativeEvent)
  | { type: 'network'; networkType: NetworkType }
  | { type: 'visibility'; hidden: boolean }
  /** The answer to `renew`; without an `id` (`null`), a new right that nobody asked for. */
  | ({ type: 'renewed'; id?: number | null } & Grant)
  | { type: 'renewFailed'; id?: number | null; revoked?: boolean }
  | { type: 'wake' };

/** What opens the source from now on. What is not said stays. */
export interface Grant {
  /** The source's address, signed anew. */
  url?: string | null;
  /** The token. */
  token?: string | null;
  /** The player signature: play info is asked anew with it. */
  psign?: string | null;
  /** Instead: what a source of play info has as its `token`, whole. */
  tokenObj?: PlayToken | null;
  /** Unix seconds. */
  expires?: number | null;
  /** Unix milliseconds. */
  serverTime?: number | null;
}

/**
 * What the native component did. The names are those of the platform table, whatever the platform's own are. What the
 * platform does not say (`playing`, `seeking`) the core finds out from `timeupdate`.
 */
export type NativeEvent =
  | { event: 'loadedmetadata'; detail?: { duration?: number | null; width?: number | null; height?: number | null } | null }
  | { event: 'timeupdate'; detail: { currentTime: number; duration?: number | null } }
  | { event: 'progress'; detail?: { buffered?: number | null } | null }
  | { event: 'ratechange'; detail?: { rate?: number | null } | null }
  | { event: 'error'; detail?: { message?: string | null } | null }
  | { event: 'play' | 'pause' | 'waiting' | 'ended' | 'seekcomplete'; detail?: object | null };

export type Output =
  | {
      type: 'request';
      id: number;
      kind: 'playInfo' | 'playlist' | 'report';
      url: string;
      method: 'GET' | 'POST';
      headers: Record<string, string>;
      body?: string;
      timeoutMs: number;
    }
  /** The request is given up; its answer, if there is one after all, is ignored. */
  | { type: 'abort'; id: number }
  | NativeSource
  | { type: 'element'; method: 'play' | 'pause' }
  | { type: 'element'; method: 'seek' | 'setRate'; value: number }
  | ({ type: 'event' } & PageEvent)
  /** A new token or signature is wanted, for the media or for play info: answer `renewed` or `renewFailed` with the same number. */
  | { type: 'renew'; id: number; reason: 'expiring' | 'refused'; wanted: 'media' | 'playInfo' }
  /** `null`: it may go. `memory` is one for all sessions, `unsent` one for each session. */
  | { type: 'store'; key: 'memory' | 'unsent'; value: string | null }
  /** Say `wake` at this `now`, in place of any time that was said before; `null`: only when something happens. */
  | { type: 'wake'; at: number | null };

/**
 * Give the native component this address, also where it is the one that it has (then it is to load it anew). It goes to
 * `position` (its `initial-time`, or a seek once its metadata are there), takes up `rate`, and plays or stays paused. What an
 * `element` says until then takes the place of what stands here. A fatal `error` takes the address away.
 */
export interface NativeSource {
  type: 'source';
  url: string;
  position: number;
  play: boolean;
  rate: number;
  /** `hls`: a playlist; `file`: one file. */
  kind: 'hls' | 'file';
}

export type PageEvent =
  /** What there is to play, once for each source. */
  | { name: 'ready'; detail: Ready }
  | { name: 'play' | 'pause' | 'playing' | 'waiting' | 'ended'; detail: { currentTime: number } }
  | { name: 'timeupdate'; detail: { currentTime: number; duration: number | null } }
  | { name: 'ratechange'; detail: { rate: number } }
  | { name: 'qualitychange'; detail: QualityState & { reason: 'start' | 'manual' | 'down' | 'up' } }
  | { name: 'error'; detail: PlayerErrorDetail }
  /** The web's record, see docs/telemetry.md: with each report, and whenever one would be due. */
  | { name: 'qoe'; detail: Qoe }
  | { name: 'playinfo'; detail: PlayInfoDetail }
  | { name: 'sourcechange'; detail: { source: number; kind: 'play_info' | 'hls' | 'file' } };

export interface Ready extends QualityState {
  /** Seconds; `null`: not known, or without end. */
  duration: number | null;
  /** Index in the list of `load`. */
  source: number;
  /** Lowest first; empty where there is no choice. */
  qualities: QualityLevel[];
  features: Features;
}

export interface QualityState {
  /** What was asked for. */
  selected: Quality;
  /** What plays, or is to play; `null` where there is no choice. */
  quality: number | null;
}

export interface QualityLevel {
  index: number;
  /** Bits per second; 0: not known. */
  bandwidth: number;
  /** Pixels; 0: not known. */
  width: number;
  height: number;
  frameRate: number;
  codecs: string;
}

export interface Features {
  /** Rungs can be chosen. */
  quality: boolean;
  /** The rights to watch can be renewed. */
  renewal: boolean;
  /** Why `quality` is off: the source is a file, a playlist of one rung, one whose sound or picture is in renditions of its own, or one that `request` could not fetch. */
  reason: null | 'file' | 'media_playlist' | 'renditions' | 'single' | 'unreachable';
}

/** What an `error` event carries; docs/errors.md has the codes. */
export interface PlayerErrorDetail {
  code: string;
  phase: string;
  status: number | null;
  fatal: boolean;
  message: string;
  url: string | null;
}

export interface PlayInfoDetail {
  name: string | null;
  duration: number | null;
  preview: number | null;
  poster: string | null;
  thumbnails: string | null;
  sprites: string[];
  keyFrames: { at: number; content: string }[];
}

/** The same as on the web; `null` for what does not exist. Bytes and frames stay 0: the native component does not say. */
export interface Qoe {
  sessionMs: number;
  startupMs: number | null;
  joinMs: number | null;
  playedMs: number;
  stallCount: number;
  stallMs: number;
  rebufferRatio: number;
  averageBitrateBps: number | null;
  seekCount: number;
  switchesUp: number;
  switchesDown: number;
  bytesByRung: number[];
  bytesTotal: number;
  bytesWasted: number;
  decodedFrames: number;
  droppedFrames: number;
  failureCount: number;
  failures: { code: string; phase: string; status: number | null; fatal: boolean; atMs: number }[];
  sources: { source: number; kind: 'play_info' | 'hls' | 'file'; shown: boolean; failure: string | null }[];
  ended: boolean;
  exit: 'completed' | 'stopped' | 'before_start' | 'start_failure' | 'playback_failure' | null;
}

/* The glue, `core.js`. */

export interface LoadOptions {
  /** Where the module is, in the package; `.wasm` or `.wasm.br`. */
  path?: string;
  /** Instead of `WXWebAssembly`, `MYWebAssembly`, `TTWebAssembly` or `WebAssembly`, whichever there is. */
  webAssembly?: { instantiate(path: string, imports: object): Promise<unknown> };
}

/** Loads the module, once for each path. Rejects where the platform has no WebAssembly. */
export function load(options?: LoadOptions): Promise<Core>;
/** Loads modules anew from now on. */
export function forget(): void;
/** Whether the platform has WebAssembly. */
export function isSupported(): boolean;

export interface Core {
  /** A player; throws an error that is `refused` where the config is none. */
  create(config: Config, now: number): Player;
}

export interface Player {
  /** Hands in what happened; the result is what is to be done, in this order. After `destroy`: nothing. */
  handle(input: Input, now: number): Output[];
  /** What is to be done since the creation, before any input. */
  start(): Output[];
  /** Lets go of the memory. Say `{type: 'destroy'}` before, and wait for the last report if it is to be acknowledged. */
  destroy(): void;
}
