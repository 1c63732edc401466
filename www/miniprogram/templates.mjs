/**
 * Writes the component's templates and style sheets for every platform from `platforms.js`: `node templates.mjs`. With
 * `--check` it only says whether they are what it would write.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = new URL('components/cloud-player-video/', import.meta.url);
const { PLATFORMS } = createRequire(import.meta.url)('./components/cloud-player-video/platforms.js');

/** For each attribute of the table, what it shows. */
const VALUES = {
  src: 'videoSrc',
  poster: 'videoPoster',
  autoplay: 'starts',
  controls: 'controls',
  muted: 'muted',
  loop: 'loop',
  'object-fit': 'objectFit',
  'initial-time': 'initialTime',
  title: 'title',
};

const MENU = `
  <view class="menu" wx:if="{{showMenu}}">
    <view class="list" wx:if="{{openMenu === 'rate'}}">
      <view class="choice" wx:for="{{rates}}" wx:key="value" data-value="{{item.value}}" catchtap="onChoice">{{item.label}}</view>
    </view>
    <view class="list" wx:if="{{openMenu === 'quality'}}">
      <view class="choice" wx:for="{{levels}}" wx:key="value" data-value="{{item.value}}" catchtap="onChoice">{{item.label}}</view>
    </view>
    <view class="bar">
      <view class="button" wx:if="{{rates.length}}" data-menu="rate" catchtap="onMenu">{{rate}}×</view>
      <view class="button" wx:if="{{levels.length}}" data-menu="quality" catchtap="onMenu">{{playing}}</view>
    </view>
  </view>
`;

const STYLE = `.cloud-player {
  display: block;
  width: 100%;
  height: 100%;
}
`;

const MENU_STYLE = `
.menu {
  position: absolute;
  top: 8px;
  right: 8px;
  color: #fff;
  font-size: 13px;
  text-align: center;
}
.bar {
  display: flex;
  justify-content: flex-end;
}
.button,
.choice {
  padding: 4px 10px;
  margin-left: 6px;
  border-radius: 4px;
  background: rgba(0, 0, 0, 0.5);
}
.choice {
  margin-bottom: 4px;
}
`;

function template(platform) {
  const { on } = platform.template;
  const attributes = ['id="{{videoId}}"', 'class="cloud-player"'];
  for (const [name, own] of Object.entries(platform.attributes)) attributes.push(`${own}="{{${VALUES[name]}}}"`);
  if (platform.ratesAttribute) attributes.push(`${platform.ratesAttribute}="{{rates.length > 0}}"`);
  for (const [name, own] of Object.entries(platform.events)) attributes.push(`${on}${own}="native_${name}"`);
  const inside = platform.menu ? MENU : '';
  return `<video\n  ${attributes.join('\n  ')}\n>${inside}</video>\n`;
}

const files = PLATFORMS.flatMap((platform) => [
  [`index.${platform.template.extension}`, template(platform)],
  [`index.${platform.template.style}`, STYLE + (platform.menu ? MENU_STYLE : '')],
]);

const stale = files.filter(([name, text]) => {
  const file = new URL(name, folder);
  return !existsSync(file) || readFileSync(file, 'utf8') !== text;
});
if (!process.argv.includes('--check')) {
  for (const [name, text] of stale) writeFileSync(new URL(name, folder), text);
} else if (stale.length > 0) {
  console.error(`not what templates.mjs makes of platforms.js: ${stale.map(([name]) => name).join(', ')}`);
  process.exitCode = 1;
}
