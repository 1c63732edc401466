/** What `worker.js` uses of Media Source Extensions, which TypeScript's library of workers leaves out. */
declare class MediaSource {
  static readonly canConstructInDedicatedWorker?: boolean;
  static isTypeSupported(type: string): boolean;
  readonly handle: MediaSourceHandle;
  onsourceopen: (() => void) | null;
  addSourceBuffer(type: string): { appendBuffer(data: ArrayBufferView): void };
}
