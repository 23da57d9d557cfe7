//! Gorilla's XOR of doubles (Pelkonen and others, VLDB 2015), for comparison only.

/// Bits, the first written in the highest place of the first byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    free: u32,
}

impl Bits {
    fn put(&mut self, value: u64, mut count: u32) {
        while count > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = count.min(self.free);
            let part = (value >> (count - take)) & ((1 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << (self.free - take);
            }
            self.free -= take;
            count -= take;
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, mut count: u32) -> u64 {
        let mut value = 0;
        while count > 0 {
            let left = 8 - (self.at % 8) as u32;
            let take = count.min(left);
            let byte = u64::from(self.bytes[self.at / 8]);
            value = (value << take) | ((byte >> (left - take)) & ((1 << take) - 1));
            self.at += take as usize;
            count -= take;
        }
        value
    }
}

pub(crate) fn encode(values: &[f64]) -> Vec<u8> {
    let mut bits = Bits::default();
    let (mut previous, mut leading, mut length) = (0u64, 0u32, 0u32);
    for (at, value) in values.iter().enumerate() {
        let value = value.to_bits();
        let xor = value ^ previous;
        previous = value;
        if at == 0 {
            bits.put(value, 64);
            continue;
        }
        if xor == 0 {
            bits.put(0, 1);
            continue;
        }
        // five bits tell the leading zeros
        let (lead, trail) = (xor.leading_zeros().min(31), xor.trailing_zeros());
        let fits = length > 0 && lead >= leading && trail >= 64 - leading - length;
        if fits {
            bits.put(0b10, 2);
        } else {
            (leading, length) = (lead, 64 - lead - trail);
            bits.put(0b11, 2);
            bits.put(u64::from(leading), 5);
            bits.put(u64::from(length - 1), 6);
        }
        bits.put(xor >> (64 - leading - length), length);
    }
    bits.bytes
}

pub(crate) fn decode(bytes: &[u8], count: usize) -> Vec<f64> {
    let mut reader = Reader { bytes, at: 0 };
    let mut values = Vec::with_capacity(count);
    let (mut previous, mut leading, mut length) = (0u64, 0u32, 0u32);
    for at in 0..count {
        if at == 0 {
            previous = reader.take(64);
        } else if reader.take(1) == 1 {
            if reader.take(1) == 1 {
                leading = reader.take(5) as u32;
                length = reader.take(6) as u32 + 1;
            }
            previous ^= reader.take(length) << (64 - leading - length);
        }
        values.push(f64::from_bits(previous));
    }
    values
}
