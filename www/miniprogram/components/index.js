/** What a page may want of the package beside the component. */
var info = require('./cloud-player-video/play-info.js');

module.exports = { getPlayInfo: info.getPlayInfo, formatUrlWithToken: info.formatUrlWithToken };
