/** Registers `<cloud-player-video>` and gets the core ready before the first one needs it. */

import { CloudPlayerVideo } from './element.js';
import { CloudPlayer } from './player.js';

if (!customElements.get('cloud-player-video')) {
  customElements.define('cloud-player-video', CloudPlayerVideo);
  if (CloudPlayer.isSupported()) void CloudPlayer.preload();
}
