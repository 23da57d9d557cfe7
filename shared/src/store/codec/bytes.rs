//! Reading and writing of bytes: every read is checked against what is left.

use super::CodecError;

/// Writes a number in 7-bit groups, the lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a signed number so that small ones of either sign stay short.
pub(super) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// How many bytes [`put_zigzag`] takes.
pub(super) fn zigzag_len(value: i64) -> usize {
    let bits = 64 - ((value << 1) ^ (value >> 63)).leading_zeros().min(63) as usize;
    bits.div_ceil(7)
}

/// What is left of a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What was not read yet.
    pub(super) fn left(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(CodecError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u32_be(&mut self) -> Result<u32, CodecError> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(bytes))
    }

    pub(super) fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let group = u64::from(byte & 0x7f);
            if shift == 63 && group > 1 {
                return Err(CodecError::Invalid("a number that is too long"));
            }
            value |= group << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Invalid("a number that is too long"))
    }

    pub(super) fn zigzag(&mut self) -> Result<i64, CodecError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A count that is no larger than `most`, so that memory can be taken for it.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, CodecError> {
        bounded(self.varint()?, most)
    }

    /// All of the blob must have been read.
    pub(super) fn finish(self) -> Result<(), CodecError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CodecError::Invalid("bytes after the end"))
        }
    }
}

/// A count that is no larger than `most`.
pub(super) fn bounded(count: u64, most: usize) -> Result<usize, CodecError> {
    usize::try_from(count)
        .ok()
        .filter(|count| *count <= most)
        .ok_or(CodecError::Invalid("a count beyond the limit"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_round_trip(value: i64) {
            let mut out = Vec::new();
            put_zigzag(&mut out, value);
            prop_assert_eq!(out.len(), zigzag_len(value));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.zigzag().unwrap(), value);
            reader.finish().unwrap();
        }

        #[test]
        fn any_bytes_read_without_a_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.varint().is_ok() {}
        }
    }
}
