//! Values as bytes. Numbers are LEB128, signed ones zigzag; lengths come first; a tag tells variants apart.

use core::time::Duration;

use crate::secret::{Secret, Url};
use crate::time::{MediaTime, TimeRange, Timestamp};

/// Written and read back the same.
pub(super) trait Value: Sized {
    fn put(&self, out: &mut Vec<u8>);
    /// From the front of `from`; `None` if that is no such value or it is not all there.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

impl Value for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut left = *self;
        while left >= 0x80 {
            out.push(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        out.push(left.to_le_bytes()[0]);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut value = 0;
        for shift in (0..Self::BITS).step_by(7) {
            let (byte, rest) = from.split_first()?;
            *from = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl Value for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        ((self << 1) ^ (self >> 63)).cast_unsigned().put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let value = u64::take(from)?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

/// Smaller numbers are written as `u64`.
macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn put(&self, out: &mut Vec<u8>) {
                u64::try_from(*self).unwrap_or(u64::MAX).put(out);
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                u64::take(from)?.try_into().ok()
            }
        }
    )*};
}
numbers!(u8, u16, u32, usize);

/// A struct is its fields, in this order.
macro_rules! fields {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl Value for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.put(out);)*
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Value::take(from)?),* })
            }
        }
    };
}

/// An enum without fields is a number.
macro_rules! names {
    ($type:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl Value for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let number: u64 = match self { $(Self::$variant => $number),* };
                number.put(out);
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                match u64::take(from)? {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
pub(super) use {fields, names};

fields!(TimeRange { start, end });

/// A type that is made of another.
macro_rules! through {
    ($($type:ty = $inner:ty, $to:expr, $from:expr;)*) => {$(
        impl Value for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let to: fn(&Self) -> $inner = $to;
                to(self).put(out);
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                let value = <$inner>::take(from)?;
                let from: fn($inner) -> Option<Self> = $from;
                from(value)
            }
        }
    )*};
}
through! {
    bool = u64, |flag| (*flag).into(), |n| (n < 2).then_some(n == 1);
    f64 = u64, |number| number.to_bits(), |bits| Some(f64::from_bits(bits));
    MediaTime = i64, |time| time.ticks(), |ticks| Some(MediaTime::from_ticks(ticks));
    Timestamp = u64, |time| time.as_micros(), |micros| Some(Timestamp::from_micros(micros));
    Duration = (u64, u32), |time| (time.as_secs(), time.subsec_nanos()),
        |(secs, nanos)| (nanos < 1_000_000_000).then(|| Duration::new(secs, nanos));
    String = Vec<u8>, |text| text.as_bytes().to_vec(), |bytes| String::from_utf8(bytes).ok();
    Url = String, |url| url.expose().to_owned(), |text| Some(Url::new(text));
    Secret<[u8; 32]> = Vec<u8>, |secret| secret.expose().to_vec(), |bytes| Some(Secret::new(bytes.try_into().ok()?));
    Secret<String> = String, |secret| secret.expose().clone(), |text| Some(Secret::new(text));
}

impl Value for Vec<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_bytes(from).map(<[u8]>::to_vec)
    }
}

/// As a `Vec` of them is written.
pub(super) fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::take(from)?;
    let (value, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(value)
}

impl<A: Value, B: Value> Value for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<T: Value> Value for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? { T::take(from).map(Some) } else { Some(None) }
    }
}

/// Of anything but bytes.
pub(super) fn put_all<T: Value>(values: &[T], out: &mut Vec<u8>) {
    values.len().put(out);
    values.iter().for_each(|value| value.put(out));
}

/// Every one of them takes at least a byte, so a length that lies ends early.
pub(super) fn take_all<T: Value>(from: &mut &[u8]) -> Option<Vec<T>> {
    let count = usize::take(from)?;
    (0..count).map(|_| T::take(from)).collect()
}
