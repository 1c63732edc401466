const http = require('node:http');

/** One request; resolves with whatever status, rejects where there is no answer. */
function send(url, { method = 'GET', headers = {}, body, encoding = 'utf8', timeout } = {}) {
  let request;
  const answer = new Promise((resolve, reject) => {
    request = http.request(url, { method, headers: body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('aborted', () => reject(new Error('cut')));
      response.on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString(encoding) });
      });
    });
    if (timeout) request.setTimeout(timeout, () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body);
  });
  return { answer, abort: () => request.destroy(new Error('abort')) };
}

/** As a native player asks: what is no success is a failure. */
async function fetchText(url, encoding) {
  const { status, body } = await send(url, { encoding }).answer;
  if (status !== 200) throw new Error(`status ${status}`);
  return { url, body };
}

module.exports = { fetchText, send };
