//! How full the disk is that holds the database. Start at [`Database::disk`].
//!
//! **Invariant:** of a server's disk nothing is known. **May import:** rustix.

use std::path::Path;

use super::Database;

/// The room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What is taken.
    pub used: u64,
    /// What this program can still take.
    pub free: u64,
}

impl Disk {
    /// How full it is, in whole percent, rounded up.
    pub fn percent(self) -> u64 {
        let (used, whole) = (u128::from(self.used), u128::from(self.used) + u128::from(self.free));
        u64::try_from((used * 100).div_ceil(whole.max(1))).unwrap_or(100)
    }

    fn of(folder: &Path) -> Option<Disk> {
        let told = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
        // What is kept for the superuser is neither used nor free to us.
        Some(Disk { used: bytes(told.f_blocks.saturating_sub(told.f_bfree)), free: bytes(told.f_bavail) })
    }
}

impl Database {
    /// The disk that holds the file; none for a server, or when nobody can tell. May block.
    pub fn disk(&self) -> Option<Disk> {
        let file = self.location.file()?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        Disk::of(folder.unwrap_or(Path::new(".")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::db::disk::Disk;

    #[test]
    fn a_disk_is_told_in_percent_of_what_we_could_take() {
        let percent = |used, free| Disk { used, free }.percent();
        assert_eq!((percent(0, 0), percent(0, 5), percent(5, 0)), (0, 0, 100));
        assert_eq!((percent(799, 201), percent(1, 1_000_000), percent(u64::MAX, u64::MAX)), (80, 1, 50));
    }

    #[test]
    fn a_disk_that_is_there_has_a_size() {
        let disk = Disk::of(Path::new("/")).unwrap();
        assert!(disk.used + disk.free > 0 && disk.percent() <= 100, "{disk:?}");
        assert_eq!(Disk::of(Path::new("/there/is/nothing")), None);
    }
}
