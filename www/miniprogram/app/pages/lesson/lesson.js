const { origin } = getApp().globalData;

Page({
  data: {
    origin,
    // The origin signs every address of this one by itself: a native player passes no signature on.
    fileId: 'sample-exact',
    rates: [0.8, 1, 1.25, 1.5, 2],
    rate: 1,
    quality: 'auto',
    qualities: [],
    playing: '',
    off: '',
    position: 0,
    qoe: null,
    log: [],
  },

  onPlayable(event) {
    const { qualities, features } = event.detail;
    this.setData({ qualities, off: features.quality ? '' : features.reason });
  },

  onQuality(event) {
    const { quality, selected, reason } = event.detail;
    const level = this.data.qualities[quality];
    this.setData({ quality: selected, playing: level ? `${level.height}p (${reason})` : '' });
  },

  onRate(event) {
    this.setData({ rate: event.detail.rate });
  },

  onTime(event) {
    this.setData({ position: Math.floor(event.detail.currentTime) });
  },

  onQoe(event) {
    this.setData({ qoe: event.detail });
  },

  onEvent(event) {
    const { code, phase, fatal } = event.detail || {};
    const text = code ? `${event.type} ${code} (${phase}${fatal ? ', fatal' : ''})` : event.type;
    this.setData({ log: [{ at: Date.now(), text }].concat(this.data.log).slice(0, 8) });
  },

  chooseQuality(event) {
    this.setData({ quality: event.currentTarget.dataset.quality });
  },

  chooseRate(event) {
    this.player().setRate(event.currentTarget.dataset.rate);
  },

  back() {
    this.player().seek(Math.max(this.data.position - 10, 0));
  },

  full() {
    this.player().requestFullScreen({ direction: 90 });
  },

  player() {
    return this.selectComponent('#player');
  },
});
