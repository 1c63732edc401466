//! The transport packet header and adaptation field (ISO/IEC 13818-1 §2.4.3.2, §2.4.3.4).

/// Bytes in a packet, sync byte included.
pub(crate) const PACKET: usize = 188;
/// The first byte of every packet.
pub(crate) const SYNC: u8 = 0x47;

/// One packet, its payload borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    /// Which stream or table it carries a piece of.
    pub(crate) pid: u16,
    /// A PES packet or a table section starts in it.
    pub(crate) unit_start: bool,
    /// The sender marked it as damaged, or its adaptation field does not fit.
    pub(crate) damaged: bool,
    /// The payload is scrambled.
    pub(crate) scrambled: bool,
    /// The sender announces that the continuity counter jumps here.
    pub(crate) discontinuity: bool,
    /// Counts this PID's packets that have payload, modulo 16.
    pub(crate) counter: u8,
    /// Whether the counter counts this packet.
    pub(crate) has_payload: bool,
    /// Empty when there is none.
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads 188 bytes that start with a sync byte.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[sync, flags_pid, pid_low, control], rest) = bytes.split_first_chunk::<4>()?;
        if sync != SYNC {
            return None;
        }
        let has_payload = control & 0x10 != 0;
        let mut payload = if has_payload { rest } else { &[] };
        let mut discontinuity = false;
        let mut damaged = flags_pid & 0x80 != 0;
        if control & 0x20 != 0 {
            let (&length, field) = rest.split_first()?;
            damaged |= field.len() < usize::from(length);
            discontinuity = length > 0 && field.first().is_some_and(|flags| flags & 0x80 != 0);
            if has_payload {
                payload = field.get(usize::from(length)..).unwrap_or_default();
            }
        }
        Some(Self {
            pid: u16::from_be_bytes([flags_pid & 0x1f, pid_low]),
            unit_start: flags_pid & 0x40 != 0,
            damaged,
            scrambled: control & 0xc0 != 0,
            discontinuity,
            counter: control & 0x0f,
            has_payload,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_adaptation_field() {
        let mut bytes = [0xaa; PACKET];
        bytes[..4].copy_from_slice(&[0x47, 0x41, 0x02, 0x17]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            (packet.pid, packet.unit_start, packet.counter, packet.payload.len()),
            (0x102, true, 7, 184)
        );
        // Stuffing of 100 bytes, with the discontinuity flag set.
        bytes[..6].copy_from_slice(&[0x47, 0x01, 0x02, 0x37, 99, 0x80]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.discontinuity, packet.payload.len()), (true, 84));
        // An adaptation field alone, one that is longer than the packet, and an empty one.
        for (control, length, left) in [(0x20, 183, 0), (0x30, 184, 0), (0x30, 183, 0), (0x30, 0, 183)] {
            bytes[3..5].copy_from_slice(&[control, length]);
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!((packet.payload.len(), packet.damaged), (left, length > 183), "{control:#x} {length}");
        }
    }

    #[test]
    fn what_is_no_packet() {
        assert_eq!(Packet::parse(&[0x48; PACKET]), None);
        assert_eq!(Packet::parse(&[0x47, 0, 0]), None);
    }
}
