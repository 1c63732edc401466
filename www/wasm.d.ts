/** What `worker.js` uses of the built package, so that types are checked without a build. A built one takes precedence. */
declare module '*/pkg/cloud_player.js' {
  export default function init(options: { module_or_path: WebAssembly.Module | URL }): Promise<unknown>;
  export function soundInit(): Uint8Array<ArrayBuffer>;
  export class Host {
    constructor(post: Function);
    receive(message: unknown): void;
    warmUp(): boolean;
  }
}
