//! `decrypt`: whole segments, streaming, as the player does it.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::PathBuf;

use clap::Args;
use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv};

use super::{Failure, Method, parse_iv, parse_key};

#[derive(Args)]
pub(crate) struct Decrypt {
    /// The encrypted segment
    input: PathBuf,
    /// Where the clear segment goes
    #[arg(short, long)]
    output: PathBuf,
    /// The content key, 32 or 64 hexadecimal digits
    #[arg(long, value_parser = parse_key)]
    key: ContentKey,
    /// How it was encrypted; without this, in CBC mode
    #[arg(long, ignore_case = true)]
    method: Option<Method>,
    /// The initialization vector, hexadecimal
    #[arg(long, value_parser = parse_iv)]
    iv: Iv,
    /// Bytes to take at a time
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
}

enum Stop {
    Crypto(CryptoError),
    Output(std::io::Error),
}

impl From<CryptoError> for Stop {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl Decrypt {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut input = File::open(&self.input).map_err(|e| Failure::file(&self.input, &e))?;
        let output = File::create(&self.output).map_err(|e| Failure::file(&self.output, &e))?;
        let mut output = BufWriter::new(output);
        let mut write = |bytes: &[u8]| output.write_all(bytes).map_err(Stop::Output);
        let stop = |stop: Stop| match stop {
            Stop::Crypto(error) => Failure::crypto(&self.input, &error),
            Stop::Output(error) => Failure::file(&self.output, &error),
        };
        let mut decryptor = Decryptor::new(Method::or_of(self.method, &self.key), &self.key, &self.iv)
            .map_err(|error| Failure::crypto(&self.input, &error))?;
        let mut chunk = vec![0; usize::try_from(self.chunk).unwrap_or(usize::MAX)];
        loop {
            let count = input.read(&mut chunk).map_err(|e| Failure::file(&self.input, &e))?;
            if count == 0 {
                break;
            }
            decryptor.push(chunk.get_mut(..count).unwrap_or_default(), &mut write).map_err(stop)?;
        }
        decryptor.finish(&mut write).map_err(stop)?;
        output.flush().map_err(|e| Failure::file(&self.output, &e))
    }
}
