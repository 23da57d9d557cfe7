//! Reading and writing of packed state: bounded, and refusing what it did not write.

/// A blob that is not packed state of a version that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the packed state cannot be read: {0}")]
pub struct BadState(pub &'static str);

pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits and a flag")]
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "seven bits")]
    out.push(value as u8);
}

/// Small numbers of either sign take few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], BadState> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BadState("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BadState> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, BadState> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, BadState> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(BadState("a number is too large"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, BadState> {
        let raw = self.unsigned()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// A count of things that take at least `size` bytes each.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize, BadState> {
        let count = usize::try_from(self.unsigned()?).map_err(|_| BadState("a count is too large"))?;
        if count.saturating_mul(size) > self.0.len() {
            return Err(BadState("a count is too large"));
        }
        Ok(count)
    }

    pub(crate) fn end(&self) -> Result<(), BadState> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(BadState("something follows"))
        }
    }
}
