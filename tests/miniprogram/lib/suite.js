/** What the tests have in common: one origin for a file, one phone for a test, and nothing secret told. */

const assert = require('node:assert/strict');
const { after, afterEach, before } = require('node:test');

const clock = require('./clock.js');
const { Origin } = require('./origin.js');
const { Phone } = require('./phone.js');

function suite() {
  const stage = {
    origin: null,
    phone: null,
    /** A phone; the one before is put away. */
    pick(options) {
      stage.phone?.close();
      stage.phone = new Phone(options);
      return stage.phone;
    },
    /** A lesson whose every address is signed, played by play info. */
    lesson(session, properties = {}) {
      return stage.phone.open({ appId: '1500012345', fileId: 'sample-exact', playInfoUrl: session.playInfo, autoplay: true, ...properties });
    },
  };
  before(async () => {
    stage.origin = await Origin.start();
  });
  after(() => stage.origin.stop());
  afterEach(async () => {
    await clock.settle();
    const { phone } = stage;
    if (!phone) return;
    phone.close();
    await clock.until(() => phone.flying === 0, 'requests to end');
    for (const secret of phone.secrets()) assert.ok(!phone.told().includes(secret), `a secret was told: ${secret.slice(0, 6)}…`);
    stage.phone = null;
  });
  return stage;
}

module.exports = { suite };
