//! Takes transport streams apart and puts them together in other ways: what muxers do differently, and what happens
//! to streams on their way.

/// Pieces of a stream, in the order in which they start.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// A packet of another PID.
    Other(Vec<u8>),
    /// A PES packet, whole.
    Pes(u16, Vec<u8>),
}

pub(super) fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

fn payload(packet: &[u8]) -> &[u8] {
    let from = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
    if packet[3] & 0x10 == 0 { &[] } else { &packet[from..] }
}

/// The PES packets of `pids`, and all else.
pub(super) fn take_apart(stream: &[u8], pids: &[u16]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for packet in stream.chunks_exact(188) {
        let pid = pid(packet);
        if !pids.contains(&pid) {
            pieces.push(Piece::Other(packet.to_vec()));
        } else if packet[1] & 0x40 != 0 {
            pieces.push(Piece::Pes(pid, payload(packet).to_vec()));
        } else {
            let open = pieces.iter_mut().rev().find_map(|piece| match piece {
                Piece::Pes(p, bytes) if *p == pid => Some(bytes),
                _ => None,
            });
            open.expect("a PES packet starts first").extend(payload(packet));
        }
    }
    pieces
}

/// Writes packets with right continuity counters.
#[derive(Default)]
pub(super) struct Muxer {
    counters: std::collections::BTreeMap<u16, u8>,
    pub(super) out: Vec<u8>,
}

impl Muxer {
    fn counter(&mut self, pid: u16) -> u8 {
        let counter = self.counters.entry(pid).or_insert(15);
        *counter = (*counter + 1) & 15;
        *counter
    }

    pub(super) fn packet(&mut self, packet: &[u8]) {
        let mut packet = packet.to_vec();
        if packet[3] & 0x10 != 0 {
            packet[3] = packet[3] & 0xf0 | self.counter(pid(&packet));
        }
        self.out.extend(packet);
    }

    /// A PES packet or a table, `room` bytes of it in a packet.
    pub(super) fn unit(&mut self, pid: u16, bytes: &[u8], room: usize) {
        for (i, piece) in bytes.chunks(room).enumerate() {
            let start = if i == 0 { 0x40 } else { 0 };
            let counter = self.counter(pid);
            let stuffing = 184 - piece.len();
            let control = if stuffing == 0 { 0x10 } else { 0x30 };
            self.out.extend([0x47, start | (pid >> 8) as u8, pid as u8, control | counter]);
            if stuffing > 0 {
                self.out.push(stuffing as u8 - 1);
                self.out.extend([0].iter().chain(&[0xff; 183]).take(stuffing - 1));
            }
            self.out.extend(piece);
        }
    }

    /// A table section, behind a pointer field.
    pub(super) fn section(&mut self, pid: u16, section: &[u8], room: usize) {
        self.unit(pid, &[&[0], section].concat(), room);
    }
}

pub(super) fn put_together(pieces: &[Piece], room: usize) -> Vec<u8> {
    let mut muxer = Muxer::default();
    for piece in pieces {
        match piece {
            Piece::Other(packet) => muxer.packet(packet),
            Piece::Pes(pid, bytes) => muxer.unit(*pid, bytes, room),
        }
    }
    muxer.out
}

/// A PES packet's header and payload.
pub(super) fn split_pes(pes: &[u8]) -> (&[u8], &[u8]) {
    pes.split_at(9 + usize::from(pes[8]))
}

/// The packet with another header: these flags, these header bytes, no length.
pub(super) fn with_header(pes: &[u8], flags: u8, fields: &[u8]) -> Vec<u8> {
    let (header, payload) = split_pes(pes);
    [&header[..4], &[0, 0, header[6], flags, fields.len() as u8], fields, payload].concat()
}

/// PSI sections: a table id, a table id extension, a version, section number and last section number, and a body.
pub(super) fn section(id: u8, extension: u16, version: u8, numbers: [u8; 2], body: &[u8]) -> Vec<u8> {
    let length = 5 + body.len() + 4;
    let [high, low] = extension.to_be_bytes();
    let mut s = vec![id, 0xb0 | (length >> 8) as u8, length as u8, high, low, 0xc1 | version << 1];
    s.extend(numbers);
    s.extend(body);
    s.extend(crc(&s).to_be_bytes());
    s
}

/// CRC-32/MPEG-2.
fn crc(bytes: &[u8]) -> u32 {
    let bits = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    };
    bytes.iter().fold(u32::MAX, bits)
}

/// Program numbers and the PIDs of their maps.
pub(super) fn pat(version: u8, numbers: [u8; 2], programs: &[(u16, u16)]) -> Vec<u8> {
    let entry = |&(number, pid): &(u16, u16)| [number.to_be_bytes(), (0xe000 | pid).to_be_bytes()].concat();
    section(0, 1, version, numbers, &programs.iter().flat_map(entry).collect::<Vec<_>>())
}

/// A program map; streams by type, PID and descriptors.
pub(super) fn pmt(program: u16, version: u8, streams: &[(u8, u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![0xe1, 0x00, 0xf0, 0];
    for (kind, pid, descriptors) in streams {
        body.push(*kind);
        body.extend((0xe000 | pid).to_be_bytes());
        body.extend((0xf000 | descriptors.len() as u16).to_be_bytes());
        body.extend(*descriptors);
    }
    section(2, program, version, [0, 0], &body)
}
