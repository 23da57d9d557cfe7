//! Bytes that are no blob, or nearly one.

use crate::specimen::Specimen;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(crate) enum Attack {
    /// noise with a good beginning
    Noise { kind: u8, version: u8, rest: Vec<u8> },
    /// damage that a checksum would show
    Damage { specimen: u16, edits: Vec<Edit> },
    /// damage in front of the column that has a checksum, and behind the checksum, which holds
    Mended {
        specimen: u16,
        head: Vec<Edit>,
        payload: Vec<Edit>,
    },
    /// noise behind a checksum that holds
    Payload { specimen: u16, payload: Vec<u8> },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    Set {
        at: u16,
        byte: u8,
    },
    Flip {
        at: u16,
        bit: u8,
    },
    Insert {
        at: u16,
        byte: u8,
    },
    Remove {
        at: u16,
    },
    Cut {
        at: u16,
    },
    /// the largest number in 7-bit groups
    Most {
        at: u16,
    },
    /// bytes of another place
    Copy {
        from: u16,
        to: u16,
        count: u8,
    },
}

pub(crate) fn attack() -> impl Strategy<Value = Attack> {
    let bytes = || vec(any::<u8>(), 0..400);
    prop_oneof![
        (0u8..6, 0u8..4, bytes()).prop_map(|(kind, version, rest)| Attack::Noise { kind, version, rest }),
        (any::<u16>(), vec(edit(), 1..6)).prop_map(|(specimen, edits)| Attack::Damage { specimen, edits }),
        (any::<u16>(), vec(edit(), 0..3), vec(edit(), 0..6)).prop_map(|(specimen, head, payload)| Attack::Mended {
            specimen,
            head,
            payload
        }),
        (any::<u16>(), bytes()).prop_map(|(specimen, payload)| Attack::Payload { specimen, payload }),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    // most that matters stands at the beginning
    let at = || prop_oneof![0u16..40, any::<u16>()];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set { at, byte }),
        (at(), 0u8..8).prop_map(|(at, bit)| Edit::Flip { at, bit }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert { at, byte }),
        at().prop_map(|at| Edit::Remove { at }),
        at().prop_map(|at| Edit::Cut { at }),
        at().prop_map(|at| Edit::Most { at }),
        (at(), at(), any::<u8>()).prop_map(|(from, to, count)| Edit::Copy { from, to, count }),
    ]
}

impl Attack {
    pub(crate) fn blob(&self, specimens: &[Specimen]) -> Vec<u8> {
        let chosen = |at: &u16| &specimens[usize::from(*at) % specimens.len()];
        match self {
            Self::Noise { kind, version, rest } => [&[*kind, *version], &rest[..]].concat(),
            Self::Damage { specimen, edits } => edited(&chosen(specimen).blob(), edits),
            Self::Mended {
                specimen,
                head,
                payload,
            } => {
                let specimen = chosen(specimen);
                let (good_head, good_payload) = specimen.parts();
                let payload = good_payload.map(|good| edited(good, payload));
                specimen.with(&edited(good_head, head), payload.as_deref())
            }
            Self::Payload { specimen, payload } => {
                let specimen = chosen(specimen);
                let (head, good) = specimen.parts();
                specimen.with(head, good.map(|_| payload.as_slice()))
            }
        }
    }
}

fn edited(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for edit in edits {
        let length = bytes.len();
        let place = |at: u16| usize::from(at) % length.max(1);
        match *edit {
            Edit::Cut { at } => bytes.truncate(place(at)),
            Edit::Insert { at, byte } => bytes.insert(place(at), byte),
            Edit::Most { at } => {
                let at = place(at);
                bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
            }
            _ if bytes.is_empty() => {}
            Edit::Set { at, byte } => {
                let at = place(at);
                bytes[at] = byte;
            }
            Edit::Flip { at, bit } => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Edit::Remove { at } => {
                let at = place(at);
                bytes.remove(at);
            }
            Edit::Copy { from, to, count } => {
                let (from, to) = (place(from), place(to));
                let end = (from + usize::from(count)).min(length);
                let copy = bytes[from..end].to_vec();
                bytes.splice(to..to, copy);
            }
        }
    }
    bytes
}
