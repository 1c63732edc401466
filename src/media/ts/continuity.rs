//! The continuity counter of one PID (ISO/IEC 13818-1 §2.4.3.3): finds lost packets and repeated ones.

use super::packet::Packet;

/// Follows one PID's packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Continuity {
    last: Option<Last>,
}

/// What a packet is to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It follows.
    Next,
    /// It is the same once more, which is legal.
    Repeat,
    /// Packets are missing in between.
    Gap,
    /// Another one under the same count: a muxer's fault and no loss.
    Stuck,
}

/// What is remembered of a packet, to know a repeated one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    counter: u8,
    unit_start: bool,
    length: usize,
    first: [u8; 8],
    end: [u8; 8],
}

impl Continuity {
    /// Takes the next packet, which has payload.
    pub(crate) fn step(&mut self, packet: &Packet<'_>) -> Step {
        let now = Last {
            counter: packet.counter,
            unit_start: packet.unit_start,
            length: packet.payload.len(),
            first: packet.payload.first_chunk().copied().unwrap_or_default(),
            end: packet.payload.last_chunk().copied().unwrap_or_default(),
        };
        match self.last.replace(now).filter(|_| !packet.discontinuity) {
            None => Step::Next,
            Some(last) if last == now => Step::Repeat,
            Some(last) if last.counter.wrapping_add(1) & 0x0f == now.counter => Step::Next,
            Some(last) if last.counter == now.counter => Step::Stuck,
            Some(_) => Step::Gap,
        }
    }

    /// Whether the packet would follow the one before.
    pub(crate) fn is_next(&self, packet: &Packet<'_>) -> bool {
        self.last.is_some_and(|last| last.counter.wrapping_add(1) & 0x0f == packet.counter)
    }

    /// The count may start anew.
    pub(crate) fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_from_packet_to_packet() {
        let packet = |counter: u8, content: u8| {
            let mut bytes = [content; 188];
            bytes[..4].copy_from_slice(&[0x47, 0x01, 0x00, 0x10 | counter]);
            bytes
        };
        let mut continuity = Continuity::default();
        let mut step = |counter, content| continuity.step(&Packet::parse(&packet(counter, content)).unwrap());
        assert_eq!([step(14, 1), step(15, 2), step(0, 3)], [Step::Next; 3]);
        assert_eq!([step(0, 3), step(0, 3), step(0, 4)], [Step::Repeat, Step::Repeat, Step::Stuck]);
        assert_eq!([step(1, 5), step(3, 6), step(2, 7)], [Step::Next, Step::Gap, Step::Gap]);
        let mut announced = packet(9, 8);
        announced[3] |= 0x20;
        announced[4..6].copy_from_slice(&[1, 0x80]);
        assert_eq!(continuity.step(&Packet::parse(&announced).unwrap()), Step::Next);
    }
}
