//! A digest of outputs: FNV-1a over all that is in them, with 64 bits.

use core::fmt::{self, Write};

use crate::engine::{Output, Request, SinkCommand};

#[derive(Clone, Copy, Debug)]
pub(super) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    pub(super) fn value(self) -> u64 {
        self.0
    }

    /// Takes in all of an output, also what it does not show of itself.
    pub(super) fn output(&mut self, output: &Output) {
        // Writing to a number does not fail.
        let _ = write!(self, "{output:?}");
        match output {
            Output::Fetch(Request { url, header, .. }) => {
                self.bytes(url.expose().as_bytes());
                if let Some((_, value)) = header {
                    self.bytes(value.expose().as_bytes());
                }
            }
            Output::Sink(SinkCommand::Append(_, data, _)) => self.bytes(data.bytes()),
            _ => {}
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
