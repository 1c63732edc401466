// Cloud Player, library defaults. opts.config is merged into the player's options.
let CloudPlayer;
export async function prepare() {
  ({ CloudPlayer } = await import('/cloudplayer/player.js'));
  await CloudPlayer.preload();
}
export const version = '0.1.0';
export function create(video, url, opts) {
  const player = new CloudPlayer(video, { src: url, ...(opts.config || {}) });
  const switches = [], errors = [];
  player.addEventListener('rungchange', (e) => switches.push([performance.now(), player.rungs[e.detail.rung]?.height]));
  player.addEventListener('error', (e) => errors.push(`${e.detail.phase}/${e.detail.code}${e.detail.fatal ? ' FATAL' : ''}`));
  return {
    destroy: () => player.destroy(),
    stats: () => ({ switches: switches.length, rungs: switches, errors: errors.slice(0, 8), est: player.stats?.throughput ?? null, qoe: player.qoe }),
  };
}
