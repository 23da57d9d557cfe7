use std::fs;
use std::path::Path;

/// Something that happened to a file, named within its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// bytes were written at an offset
    Write {
        /// where
        offset: u64,
        /// what
        data: Vec<u8>,
    },
    /// it was cut or extended to this length
    Truncate(u64),
    /// what was written to it is on the disk
    Sync,
    /// it was removed
    Unlink,
    /// it got another name
    Rename(String),
}

/// Everything that happened to the files of a folder, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    /// the file's name, and what happened to it
    pub(super) events: Vec<(String, Event)>,
}

impl Journal {
    /// Reads what the shim wrote.
    ///
    /// # Panics
    /// If the file cannot be read or is none of the shim's.
    #[must_use]
    pub(super) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("the journal");
        let mut rest = &bytes[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let kind = u32::from_ne_bytes(*take(&mut rest));
            let name_length = u32::from_ne_bytes(*take(&mut rest)) as usize;
            let offset = u64::from_ne_bytes(*take(&mut rest));
            let length = usize::try_from(u64::from_ne_bytes(*take(&mut rest))).expect("a length");
            let name = text(rest.split_off(..name_length));
            let data = rest.split_off(..length);
            let event = match kind {
                1 => Event::Write {
                    offset,
                    data: data.expect("the data of a write").to_vec(),
                },
                2 => Event::Truncate(offset),
                3 => Event::Sync,
                4 => Event::Unlink,
                5 => Event::Rename(text(data)),
                other => panic!("a journal with a record of kind {other}"),
            };
            events.push((name, event));
        }
        Self { events }
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> &'a [u8; N] {
    let (head, tail) = rest.split_first_chunk().expect("a whole record");
    *rest = tail;
    head
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.expect("a name").to_vec()).expect("a name in UTF-8")
}
