//! Caption channel packets (CTA-708-E §5) and the service blocks in them (§6.2).

use super::service::Service;
use crate::media::text::cea::shown::Output;

/// Puts packets together and hands out what is in them.
#[derive(Clone, Debug, Default)]
pub(in crate::media::text::cea) struct Packets {
    /// The packet at hand, without its header.
    packet: Vec<u8>,
    /// Bytes that it will have; 0: there is none.
    size: usize,
    /// By number, in order of appearance.
    services: Vec<(u8, Service)>,
}

impl Packets {
    /// Takes two bytes; with the first two of a packet, what is whole of the one before is used.
    pub(in crate::media::text::cea) fn pair(
        &mut self,
        starts: bool,
        [first, second]: [u8; 2],
        now: i64,
        out: &mut Output<'_>,
    ) {
        if starts {
            self.finish(now, out);
            // The sequence number says whether packets were lost; there is nothing that spans them.
            let pairs = match first & 0x3f {
                0 => 64,
                pairs => usize::from(pairs),
            };
            self.size = pairs.saturating_mul(2).saturating_sub(1);
        } else if self.size > 0 {
            self.packet.push(first);
        }
        if self.packet.len() < self.size {
            self.packet.push(second);
        }
        if self.size > 0 && self.packet.len() >= self.size {
            self.finish(now, out);
        }
    }

    /// Puts out what is shown, as far as it was shown until `now`.
    pub(in crate::media::text::cea) fn cut(&mut self, now: i64, out: &mut Output<'_>) {
        for (_, service) in &mut self.services {
            service.cut(now, out);
        }
    }

    /// Time jumps to `now`.
    pub(in crate::media::text::cea) fn rebase(&mut self, now: i64) {
        for (_, service) in &mut self.services {
            service.rebase(now);
        }
    }

    /// Uses the blocks of the packet at hand.
    fn finish(&mut self, now: i64, out: &mut Output<'_>) {
        let packet = core::mem::take(&mut self.packet);
        let mut rest = packet.as_slice();
        while let Some((&header, behind)) = rest.split_first() {
            let (mut number, size) = (header >> 5, usize::from(header & 0x1f));
            rest = behind;
            if number == EXTENDED && size > 0 {
                let Some((&extended, behind)) = rest.split_first() else { break };
                (number, rest) = (extended & 0x3f, behind);
            }
            if number == 0 {
                break; // a null block: no more follows
            }
            // A block that is cut short has its start.
            let (block, behind) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            rest = behind;
            if !block.is_empty()
                && let Some(service) = self.service(number)
            {
                service.run(block, now, out);
            }
        }
        self.packet = packet;
        self.packet.clear();
        self.size = 0;
    }

    fn service(&mut self, number: u8) -> Option<&mut Service> {
        if self.services.len() < MAX_SERVICES && self.services.iter().all(|(known, _)| *known != number) {
            self.services.push((number, Service::new(number)));
        }
        self.services.iter_mut().find(|(known, _)| *known == number).map(|(_, service)| service)
    }
}

/// Services that are decoded: there are languages, and easy readers, and no stream has half as many.
const MAX_SERVICES: usize = 16;
/// The service number that says that another follows.
const EXTENDED: u8 = 7;
