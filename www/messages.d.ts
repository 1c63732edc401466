/**
 * What page and worker say to each other. The worker's half is `src/web/messages.rs`: both change together.
 * Times are in seconds, rates in bits per second, ranges are [start, end].
 */

export type TrackName = 'video' | 'audio';
export type Range = [number, number];

export type Source =
  | { kind: 'hls'; url: string; token: string | null; tokenPlacement: TokenPlacement | null }
  | {
      kind: 'playInfo';
      endpoints: string[];
      appId: string;
      fileId: string;
      token: PlayInfoToken;
      overlayKey: OverlayKey | null;
    }
  | { kind: 'file'; url: string };

export type TokenPlacement =
  | { kind: 'fileNamePrefix' }
  | { kind: 'keyQuery'; name: string }
  /** On requests of these kinds; all unless it is said. */
  | { kind: 'query' | 'pathPrefix' | 'header'; name: string; on?: ('playlist' | 'key' | 'segment')[] };

export interface Start {
  type: 'start';
  sessionId: string;
  seed: number;
  /** The first that can be played is; the others take over where it fails for good. */
  sources: Source[];
  reportUrl: string | null;
  reportInterval: number | null;
  bufferGoal: number | null;
  backBuffer: number | null;
  storedThroughput: number | null;
  startTime: number | null;
  startRung: number | null;
  capToViewport: boolean | null;
  /** Bytes an hour. */
  dataBudget: number | null;
  /** RFC 5646 tags, best first. */
  audioLanguages: string[];
  textLanguages: string[];
  /** By the first part of their names. */
  unsupportedCodecs: string[];
  /** The page answers `accessWanted`. */
  renews: boolean;
  /** `host` or `host:port`. */
  tokenHosts: string[];
  sink: 'worker' | 'page' | null;
  viewport: { width: number; height: number } | null;
}

/** What is told of a file that is not to be played. */
export type Look = Pick<Start, 'type' | 'sessionId' | 'seed' | 'sources' | 'renews'> & { looks: true };

/** What opens play info: a player signature (`psign`, version 4), or `sign` and what it is over (version 2). */
export interface PlayInfoToken {
  psign?: string | null;
  t?: string | null;
  us?: string | null;
  exper?: string | number | null;
  sign?: string | null;
}

/** The RSA key of a play-info service that encrypts its keys: in PEM or Base64, and the service's name for it. */
export interface OverlayKey {
  publicKey: string;
  keyId: string;
}

/** Why a new grant is wanted, and for what. */
export interface AccessWish {
  reason: 'expiring' | 'refused';
  wanted: 'media' | 'playInfo';
  /** The source that it is for: 0 is the player's own, then come `fallbackSources`. */
  source: number;
}

export interface AccessGrant {
  url: string | null;
  token: string | null;
  /** Unix seconds. */
  expires: number | null;
  /** Unix milliseconds. */
  serverTime: number | null;
}

export type ElementEventName =
  | 'timeupdate' | 'play' | 'pause' | 'playing' | 'waiting' | 'seeking' | 'seeked' | 'ratechange' | 'firstframe'
  | 'ended';

export interface ElementMessage {
  type: 'element';
  event: ElementEventName;
  position: number;
  paused: boolean;
  seeking: boolean;
  rate: number;
  readyState: number;
  decodedFrames: number;
  droppedFrames: number;
}

export type SinkReport =
  | { type: 'sinkOpened' }
  | { type: 'sinkDone'; track: TrackName; buffered: Range[] }
  | { type: 'sinkFull'; track: TrackName }
  | { type: 'sinkFailed'; failure: SinkFailure; name: string; message: string };

export type SinkFailure = 'unavailable' | 'unsupported_type' | 'append' | 'decode' | 'closed';

export type ToWorker =
  | Start
  | Look
  | { type: 'seek'; to: number }
  | { type: 'selectRung'; rung: number | null }
  | { type: 'limitRungs'; floor: number | null; cap: number | null }
  | { type: 'pauseLoading'; pauses: boolean }
  | { type: 'selectAudio'; audio: number | null }
  /** `null`: none. */
  | { type: 'selectText'; text: number | 'auto' | null }
  /** Without an `id`: nobody asked. Without a `grant`: there is none. */
  | { type: 'renewed'; id: number | null; grant: AccessGrant | null; revoked: boolean }
  | { type: 'dropKeys' }
  | { type: 'stop' }
  | ElementMessage
  | { type: 'online'; online: boolean }
  | { type: 'visible'; visible: boolean }
  | { type: 'savesData'; saves: boolean }
  | { type: 'viewport'; width: number; height: number }
  | SinkReport;

/** Before anything else, to the worker's bootstrap: the compiled module, or none if the page could not compile it. */
export interface Boot {
  type: 'boot';
  module: WebAssembly.Module | null;
  /** No worker of this page has warmed up yet. */
  warmsUp: boolean;
}

export type SinkCommand =
  | { op: 'attach'; handle?: object }
  | { op: 'addTracks'; tracks: { track: TrackName; mimes: string[]; bare: string[] }[] }
  | { op: 'changeType'; track: TrackName; mime: string }
  | { op: 'append'; track: TrackName; data: ArrayBuffer; at: number | null; head: number }
  | { op: 'remove'; track: TrackName; start: number; end: number }
  | { op: 'setDuration'; duration: number }
  | { op: 'setLiveRange'; start: number; end: number }
  | { op: 'endOfStream' }
  | { op: 'detach' }
  | { op: 'playFile'; url: string; from: number };

export type FromWorker =
  | { type: 'ready' }
  /** What a session calls is compiled. */
  | { type: 'warm' }
  | { type: 'event'; event: SessionEvent }
  | ({ type: 'hostError' } & PlayerErrorDetail)
  | { type: 'seek'; to: number }
  /** The session's own step on: not if the element is elsewhere by now than `from`. */
  | { type: 'step'; from: number; to: number }
  | { type: 'setRate'; rate: number }
  | { type: 'sink'; command: SinkCommand }
  /** For an element that nobody sees or hears: the browser sets up what plays sound. */
  | { type: 'wakeSound'; handle: MediaSourceHandle }
  | { type: 'stopped' };

/** What play info says of the video. Times are in seconds. */
export interface PlayInfoDetail {
  name: string | null;
  duration: number | null;
  /** Only so many seconds may be watched. */
  preview: number | null;
  /** A WebVTT file that names the place of each thumbnail in a sprite sheet. */
  thumbnails: string | null;
  sprites: string[];
  keyFrames: { at: number; content: string }[];
}

/** A stream that play info names. */
export interface StreamDetail {
  type: 'hls' | 'file';
  url: string;
  token: string | null;
}

export type SessionEvent =
  | { type: 'loaded'; duration: number; rungs: Rung[]; audio: AudioRendition[]; text: TextRendition[] }
  | { type: 'poster'; url: string }
  | ({ type: 'playInfo' } & PlayInfoDetail)
  | { type: 'streams'; sources: StreamDetail[]; expires: number | null }
  | ({ type: 'accessWanted'; id: number } & AccessWish)
  | { type: 'rungChanged'; rung: number }
  | { type: 'sourceChanged'; source: number; kind: SourceKind }
  | { type: 'audioChanged'; audio: number }
  /** The list has grown. */
  | { type: 'textTracks'; text: TextRendition[] }
  | { type: 'textChanged'; text: number | null }
  | { type: 'cues'; text: number; added: CueInfo[]; removed: number[] }
  | { type: 'durationChanged'; duration: number }
  | ({ type: 'stats' } & Stats)
  | ({ type: 'error' } & PlayerErrorDetail)
  | { type: 'ended' };

export type SourceKind = 'play_info' | 'hls' | 'file';

/** One rendition of the ladder, lowest first. Zero and '' stand for unknown. */
export interface Rung {
  bandwidth: number;
  width: number;
  height: number;
  frameRate: number;
  codecs: string;
}

/** A rendition of the sound. '' stands for unknown. */
export interface AudioRendition {
  name: string;
  /** An RFC 5646 tag. */
  language: string;
  /** As in the playlist's CHANNELS. */
  channels: string;
  default: boolean;
  autoselect: boolean;
}

/** A rendition of the text, or captions in the pictures. '' stands for unknown. */
export interface TextRendition {
  kind: 'subtitles' | 'captions';
  name: string;
  language: string;
  default: boolean;
  autoselect: boolean;
  /** Only what is needed for understanding. */
  forced: boolean;
}

export interface CueInfo {
  /** A number that is known: the same cue, with another end. */
  number: number;
  start: number;
  end: number;
  id: string;
  /** As a WebVTT file has them. */
  settings: string;
  text: string;
}

/** A snapshot of the session, about four times a second while something moves. */
export interface Stats {
  position: number;
  /** Seconds that can play on without the network. */
  buffer: number;
  buffered: Range[];
  throughput: number | null;
  loadingRung: number | null;
  playingRung: number | null;
  waitingFor: string | null;
  qoe: Qoe;
}

/** The quality-of-experience record so far, as in the reports; `null` for what does not exist yet. */
export interface Qoe {
  /** Since the session was made. */
  sessionMs: number;
  /** From the wish to play until the first frame. */
  startupMs: number | null;
  /** From the same moment until frames move. */
  joinMs: number | null;
  playedMs: number;
  stallCount: number;
  stallMs: number;
  /** stallMs / (stallMs + playedMs) */
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
  /** The sources that were tried, the last one is in use: index in the page's list, what it is, whether a frame of it was shown, the code of the failure that ended it. */
  sources: { source: number; kind: SourceKind; shown: boolean; failure: string | null }[];
  ended: boolean;
  exit: 'completed' | 'stopped' | 'before_start' | 'start_failure' | 'playback_failure' | null;
}

/** What an `error` event carries as its `detail`. */
export interface PlayerErrorDetail {
  /** Stable, snake case. */
  code: string;
  /** play_info, playlist, key, segment, decrypt, media, sink; host when the player itself broke. */
  phase: string;
  /** The HTTP status, where a response caused it. */
  status: number | null;
  /** Whether playback ended because of it. */
  fatal: boolean;
  /** One plain sentence for developers. */
  message: string;
  /** What was being fetched, without tokens and signatures. */
  url?: string | null;
}
