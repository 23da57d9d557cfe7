use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::served::Installation;

/// A disk of endless size that can be told to be full, for the files beside it.
#[derive(Debug)]
pub struct Disk {
    room: PathBuf,
}

impl Disk {
    /// A disk whose files lie in the folder of `room`, which is the file that tells how much fits.
    ///
    /// # Panics
    /// If the file cannot be written.
    #[must_use]
    pub fn new(room: &Path) -> Self {
        fs::write(room, (-1_i64).to_ne_bytes()).expect("the file of the disk");
        Self { room: room.to_owned() }
    }

    /// Lets the processes of an installation have their files on this disk.
    ///
    /// # Panics
    /// Never: the file lies in a folder.
    #[must_use]
    pub fn under(&self, installation: Installation, shim: &Path) -> Installation {
        let folder = self.room.parent().expect("a folder");
        installation
            .variable("LD_PRELOAD", shim.to_owned())
            // the empty name leaves a slash at the end
            .variable("SHIM_FOLDER", folder.join(""))
            .variable("SHIM_ROOM", self.room.clone())
    }

    /// So many bytes can still be written, and then nothing.
    pub fn fills_after(&self, bytes: i64) {
        self.set(bytes);
    }

    /// There is room again.
    pub fn has_room(&self) {
        self.set(-1);
    }

    /// In place, because the processes have the file mapped.
    fn set(&self, bytes: i64) {
        let mut file = File::options()
            .write(true)
            .open(&self.room)
            .expect("the file of the disk");
        file.write_all(&bytes.to_ne_bytes()).expect("the file of the disk");
    }
}
