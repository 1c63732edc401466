/** The reference origin as a process of its own, its administrator, and what its telemetry has stored. */

const { spawn } = require('node:child_process');
const path = require('node:path');

const { send } = require('./http.js');

const ADMIN = 'test-admin';

class Origin {
  static async start() {
    const program = process.env.CLOUD_PLAYER_ORIGIN ?? path.join(__dirname, '../../../target/debug/cloud-player-origin');
    const child = spawn(program, ['--listen', '127.0.0.1:0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, CLOUD_PLAYER_ADMIN_TOKEN: ADMIN },
    });
    const base = await new Promise((resolve, reject) => {
      let said = '';
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the origin ended with ${code}: ${said}`)));
      child.stderr.on('data', (text) => {
        said += text;
        const found = /origin: (http:\/\/\S+?)\/\s/.exec(said);
        if (found) resolve(found[1]);
      });
    });
    return new Origin(child, base);
  }

  constructor(child, base) {
    this.child = child;
    this.base = base;
  }

  stop() {
    this.child.removeAllListeners('exit');
    this.child.kill();
  }

  /** A viewer session of this name: addresses below it and its administration are its own. */
  session(sid) {
    return new Session(this, sid);
  }
}

class Session {
  constructor(origin, sid) {
    this.origin = origin;
    this.sid = sid;
    this.base = `${origin.base}/s/${sid}`;
    this.playInfo = `${this.base}/getplayinfo/v4`;
  }

  async admin(method, what, body) {
    const answer = await send(`${this.origin.base}/admin/${what}`, {
      method,
      headers: { 'x-admin-token': ADMIN },
      body: body && JSON.stringify(body),
    }).answer;
    if (answer.status !== 200) throw new Error(`${method} ${what}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }

  fault(plan) {
    return this.admin('POST', `sessions/${this.sid}/faults`, plan);
  }

  clearFaults() {
    return this.admin('DELETE', `sessions/${this.sid}/faults`);
  }

  access(terms) {
    return this.admin('PUT', `sessions/${this.sid}/access`, terms);
  }

  renewals() {
    return this.admin('GET', `sessions/${this.sid}/access`).then((account) => account.renewals);
  }

  async requests(part = '') {
    const all = await this.admin('GET', `sessions/${this.sid}/requests`);
    return all.filter((request) => request.path.includes(part));
  }

  /** `{drm_token, psign}` */
  tokens(file, ttl = 600) {
    return this.admin('POST', 'tokens', { file_id: file, ttl_s: ttl, sid: this.sid });
  }

  async url(name, ttl = 600) {
    const { url } = await this.admin('POST', 'urls', { path: `/media/${name}`, ttl_s: ttl, directory: false, sid: this.sid });
    return this.base + url;
  }

  /** What the collector has of a session of the player. */
  async reported(session) {
    const { status, body } = await send(`${this.origin.base}/telemetry/sessions/${session}`).answer;
    return status === 404 ? [] : JSON.parse(body);
  }

  async batches(session) {
    const { body } = await send(`${this.origin.base}/telemetry/sessions`).answer;
    return JSON.parse(body).find((each) => each.session_id === session)?.batches ?? 0;
  }
}

module.exports = { Origin };
