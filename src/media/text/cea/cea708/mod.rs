//! Digital television captions (CTA-708-E): `packet` finds the services in caption channel packets, `service` runs
//! the commands of one, `window` is what it draws into, `charset` has its characters.

mod charset;
mod packet;
mod service;
mod window;

pub(super) use packet::Packets;
