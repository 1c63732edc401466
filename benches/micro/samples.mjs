// Counts samples in what goes to source buffers, whoever made it.

// A sink that counts. Pieces of one track are joined: a fragment may come in two.
export function counting() {
  const counts = { video: 0, audio: 0 };
  return {
    get video() { return counts.video; },
    get audio() { return counts.audio; },
    append(isVideo, data) {
      counts[isVideo ? 'video' : 'audio'] += samples(data);
    },
  };
}

// Entries of all `trun` boxes (ISO/IEC 14496-12 §8.8.8); a box cut at the end of the data is looked at as far as it goes.
function samples(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const walk = (from, to) => {
    let count = 0;
    for (let at = from; at + 8 <= to; ) {
      const size = view.getUint32(at);
      const name = String.fromCharCode(...data.subarray(at + 4, at + 8));
      if (size < 8 || !/^[a-z0-9]{4}$/i.test(name)) return count;
      if (name === 'moof' || name === 'traf') count += walk(at + 8, Math.min(at + size, to));
      if (name === 'trun') count += view.getUint32(at + 12);
      at += size;
    }
    return count;
  };
  return walk(0, data.byteLength);
}
