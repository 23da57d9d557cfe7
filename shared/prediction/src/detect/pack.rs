//! How states become bytes: little-endian fields one after the other, in the order in which they are declared.

use super::BadState;

/// A value with a fixed packed size. Reading back gives exactly what was written.
pub(super) trait Pack: Sized {
    /// In bytes.
    const SIZE: usize;

    fn pack(&self, out: &mut Vec<u8>);

    /// Takes it off the front of `bytes`.
    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState>;
}

pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], BadState> {
    let (head, rest) = bytes.split_first_chunk().ok_or(BadState)?;
    *bytes = rest;
    Ok(*head)
}

macro_rules! integers {
    ($($ty:ty),*) => {$(
        impl Pack for $ty {
            const SIZE: usize = size_of::<$ty>();

            fn pack(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
                take(bytes).map(Self::from_le_bytes)
            }
        }
    )*};
}
integers!(u8, u16, u32);

macro_rules! floats {
    ($($ty:ty),*) => {$(
        /// Only finite ones: what is computed from them is finite then.
        impl Pack for $ty {
            const SIZE: usize = size_of::<$ty>();

            fn pack(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
                let value = take(bytes).map(Self::from_le_bytes)?;
                if value.is_finite() { Ok(value) } else { Err(BadState) }
            }
        }
    )*};
}
floats!(f32, f64);

/// The nearest `f32`, which is finite whatever a state was read from.
pub(super) fn narrow(value: f64) -> f32 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(-3e38, 3e38) as f32
    }
}

/// A number of 24 bits, for averages whose last digits do not matter: as precise as 1 in 65,000.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Short(f32);

impl Short {
    pub(super) const ZERO: Self = Self(0.0);
    /// 24 bits can hold it exactly, and no value comes near it.
    pub(super) const LARGEST: Self = Self(f32::from_bits(0x7f00_0000));

    /// Rounds; beyond the range of `f32`, its largest.
    pub(super) fn new(value: f64) -> Self {
        let bits = narrow(value).to_bits();
        Self(f32::from_bits(bits.saturating_add(0x80) & !0xff))
    }

    pub(super) fn get(self) -> f64 {
        f64::from(self.0)
    }
}

impl Pack for Short {
    const SIZE: usize = 3;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend(&self.0.to_bits().to_le_bytes()[1..]);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        let [a, b, c] = take(bytes)?;
        let value = f32::from_le_bytes([0, a, b, c]);
        if value.is_finite() {
            Ok(Self(value))
        } else {
            Err(BadState)
        }
    }
}

/// Milliseconds since 1970 in 48 bits, which is 4,459 years either way; beyond, the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Instant(i64);

impl Instant {
    const END: i64 = (1 << 47) - 1;
    pub(super) const ZERO: Self = Self(0);

    pub(super) fn new(t: i64) -> Self {
        Self(t.clamp(-Self::END, Self::END))
    }

    pub(super) fn get(self) -> i64 {
        self.0
    }
}

impl Pack for Instant {
    const SIZE: usize = 6;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend(&self.0.to_le_bytes()[..6]);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        let [a, b, c, d, e, f] = take(bytes)?;
        let value = i64::from_le_bytes([0, 0, a, b, c, d, e, f]) >> 16;
        if value == Self::new(value).0 {
            Ok(Self(value))
        } else {
            Err(BadState)
        }
    }
}

/// A time to the minute, in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Minute(u32);

impl Minute {
    pub(super) const ZERO: Self = Self(0);

    pub(super) fn new(t: i64) -> Self {
        Self(t.div_euclid(60_000).clamp(0, i64::from(u32::MAX)) as u32)
    }

    /// The milliseconds from here to `t`; 0 if that is before.
    pub(super) fn until(self, t: i64) -> f64 {
        f64::from(Self::new(t).0.saturating_sub(self.0)) * 60_000.0
    }
}

impl Pack for Minute {
    const SIZE: usize = 4;

    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        u32::unpack(bytes).map(Self)
    }
}

impl<T: Pack + Copy + Default, const N: usize> Pack for [T; N] {
    const SIZE: usize = N * T::SIZE;

    fn pack(&self, out: &mut Vec<u8>) {
        for value in self {
            value.pack(out);
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        let mut values = [T::default(); N];
        for value in &mut values {
            *value = T::unpack(bytes)?;
        }
        Ok(values)
    }
}

/// Declares a struct of which all fields can be packed.
macro_rules! packed {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        $vis struct $name { $($(#[$field_meta])* pub(super) $field: $ty,)* }

        impl $crate::detect::pack::Pack for $name {
            const SIZE: usize = 0 $(+ <$ty as $crate::detect::pack::Pack>::SIZE)*;

            fn pack(&self, out: &mut Vec<u8>) {
                $(self.$field.pack(out);)*
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, $crate::detect::BadState> {
                Ok(Self { $($field: $crate::detect::pack::Pack::unpack(bytes)?,)* })
            }
        }
    };
}
pub(super) use packed;
