import { measure, stream } from './race.mjs';

onmessage = async ({ data: { task, work } }) => {
  try {
    postMessage({ result: await (task === 'stream' ? stream : measure)(work) });
  } catch (error) {
    postMessage({ error: String(error?.stack ?? error) });
  }
};
