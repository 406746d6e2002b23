//! The file beside the database that takes records while the database cannot.
//!
//! The file begins with [`MAGIC`], a number of its own, and what may be doubtful of its beginning; under that number the
//! database notes how far it has taken the file, in the same transaction as the records themselves. Files of older versions
//! have less of it. Then come `frames`; one that a crash cut in half ends the file.
//!
//! **Invariant:** frames are read in the order they were written. **May import:** `db` (for the record's shape).

mod frames;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::db::records::NewRecord;
use crate::recorder::spill::frames::{decode, encode, whole_frames};

/// First bytes of a file with a number and a doubt.
const MAGIC: &[u8; 8] = b"OARSPIL2";
/// First bytes of a file with a number alone.
const OLDER_MAGIC: &[u8; 8] = b"OARSPIL1";
/// Bytes before the first frame.
const HEAD_BYTES: u64 = 32;
/// The same, where there is a number alone.
const OLDER_HEAD_BYTES: u64 = 16;

/// Bytes read from it at a time.
const READ_BYTES: usize = 128 << 10;
/// As much memory is kept for what is written.
const ROOM_BYTES: usize = 4 << 20;
/// Bytes of frames whose records stay in memory as well, at most.
const KEPT_BYTES: u64 = 8 << 20;

/// Records read from the file, each with where its frame ends.
pub type Waiting = (Vec<NewRecord>, Vec<u64>);

/// The file's first records may stand in the database: its answer to the transaction of this number was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doubt {
    transaction: i64,
    /// Where the doubtful frames end.
    end: u64,
}

/// What stands before the first frame.
struct Head {
    number: i64,
    doubt: Option<Doubt>,
    bytes: u64,
}

/// The spill file: written at its end, read from its beginning.
pub struct Spill {
    path: PathBuf,
    writer: Option<File>,
    /// Where the next frame to read begins.
    read_at: u64,
    /// Where the next frame will be written.
    end: u64,
    /// The file's number, or the next one's while there is none; `None` for files of the oldest versions.
    number: Option<i64>,
    doubt: Option<Doubt>,
    /// Where frames are made: kept, because fresh memory costs more than what is written to it.
    room: Vec<u8>,
    /// Where the frames appended last stand.
    appended: Vec<Range<u64>>,
    /// Records that need not be read from the file, each with where its frame stands: neighbours.
    kept: VecDeque<(NewRecord, Range<u64>)>,
}

impl Spill {
    /// Looks for what an earlier run left behind, and takes off the half of a frame that a crash left at its end.
    pub fn open(path: &Path) -> Spill {
        let head = Head::read(path);
        let read_at = head.as_ref().map_or(0, |head| head.bytes);
        let end = whole_frames(path, read_at).unwrap_or(read_at);
        if let Ok(file) = OpenOptions::new().write(true).open(path) {
            let _ = file.set_len(end);
        }
        let (number, doubt) = head.map_or((None, None), |head| (Some(head.number), head.doubt));
        let (path, room) = (path.to_owned(), Vec::new());
        let (appended, kept) = (Vec::new(), VecDeque::new());
        let mut spill = Spill { path, writer: None, read_at, end, number, doubt, room, appended, kept };
        if spill.is_empty() {
            spill.clear();
        }
        spill
    }

    /// Under which name the database notes how far it has taken the file: a place in it, or, while there is no file, a
    /// transaction's number below zero.
    pub fn mark(&self) -> Option<String> {
        self.number.map(|number| format!("spill {number:016x}"))
    }

    /// The database has noted this under the mark: what it has taken already is not read again.
    pub fn taken(&mut self, mark: Option<i64>) {
        let upto = match (mark, self.doubt) {
            (Some(place), _) if place > 0 => place.unsigned_abs(),
            (Some(mark), Some(doubt)) if mark == -doubt.transaction => doubt.end,
            _ => 0,
        };
        self.read_at = self.read_at.max(upto.min(self.end));
    }

    /// Nothing waits in the file.
    pub fn is_empty(&self) -> bool {
        self.read_at >= self.end
    }

    /// Nothing stands behind this place.
    pub fn ends_by(&self, place: u64) -> bool {
        place >= self.end
    }

    /// How many bytes wait in the file.
    pub fn waiting_bytes(&self) -> u64 {
        self.end.saturating_sub(self.read_at)
    }

    /// Appends records and hands them to the operating system, or to the disk itself when they must be `durable`. `doubtful`
    /// is the number of a transaction that may have stored them: only the first records of a file can be.
    ///
    /// # Errors
    /// The file cannot be written; then its end is where it was before.
    pub fn append(&mut self, records: &[NewRecord], doubtful: Option<i64>, durable: bool) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.room);
        bytes.clear();
        let is_new = self.end == 0 && self.number.is_some();
        if is_new {
            bytes.resize(HEAD_BYTES as usize, 0);
        }
        self.appended.clear();
        for record in records {
            let begin = self.end + bytes.len() as u64;
            encode(record, &mut bytes)?;
            self.appended.push(begin..self.end + bytes.len() as u64);
        }
        let end = self.end + bytes.len() as u64;
        let doubt = if is_new { doubtful.map(|transaction| Doubt { transaction, end }) } else { self.doubt };
        if let Some(number) = self.number.filter(|_| is_new) {
            Head { number, doubt, bytes: HEAD_BYTES }.write(&mut bytes);
        }
        let written = self.file().and_then(|file| {
            file.write_all(&bytes)?;
            if durable { file.sync_data() } else { Ok(()) }
        });
        let written = if durable && is_new { written.and_then(|()| sync_folder(&self.path)) } else { written };
        if let Err(error) = written {
            // Half a frame must not stand before whole ones.
            if let Some(file) = self.writer.take() {
                let _ = file.set_len(self.end);
            }
            if self.end == 0 {
                let _ = std::fs::remove_file(&self.path);
            }
            return Err(error);
        }
        bytes.shrink_to(ROOM_BYTES);
        self.room = bytes;
        if is_new {
            (self.read_at, self.doubt) = (HEAD_BYTES, doubt);
        }
        self.end = end;
        Ok(())
    }

    /// Keeps the records that were appended last in memory as well, as far as there is room: mostly they are wanted soon.
    pub fn keep(&mut self, records: Vec<NewRecord>) {
        for (record, frame) in records.into_iter().zip(self.appended.drain(..)) {
            let first = self.kept.front().map_or(frame.start, |(_, first)| first.start);
            let is_next = self.kept.back().is_none_or(|(_, last)| last.end == frame.start);
            if !is_next || frame.end - first > KEPT_BYTES {
                break;
            }
            self.kept.push_back((record, frame));
        }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.writer.is_none() {
            let mut options = OpenOptions::new();
            options.create(true).append(true).mode(0o600);
            self.writer = Some(options.open(&self.path)?);
        }
        self.writer.as_mut().ok_or_else(|| io::Error::other("no spill file"))
    }

    /// Reads up to `most` records and `most_bytes`; the position moves only with [`Spill::advance`].
    ///
    /// # Errors
    /// The file cannot be read. A damaged frame is an error of kind `InvalidData`.
    pub fn read(&mut self, most: usize, most_bytes: usize) -> io::Result<Waiting> {
        let (mut records, mut ends) = (Vec::new(), Vec::new());
        let until = self.read_at.saturating_add(most_bytes as u64);
        while self.kept.front().is_some_and(|(_, frame)| frame.start < self.read_at) {
            self.kept.pop_front();
        }
        if self.kept.front().is_some_and(|(_, frame)| frame.start == self.read_at) {
            while records.len() < most
                && ends.last().is_none_or(|end| *end < until)
                && let Some((record, frame)) = self.kept.pop_front()
            {
                records.push(record);
                ends.push(frame.end);
            }
            return Ok((records, ends));
        }
        let mut file = BufReader::with_capacity(READ_BYTES, File::open(&self.path)?);
        file.seek(SeekFrom::Start(self.read_at))?;
        let mut at = self.read_at;
        while records.len() < most && at < until.min(self.end) {
            let Some((record, size)) = decode(&mut file)? else { break };
            records.push(record);
            at += size;
            ends.push(at);
        }
        Ok((records, ends))
    }

    /// What stands before `end` is in the database now. True when the file was empty then, and was removed.
    pub fn advance(&mut self, end: u64) -> bool {
        self.read_at = end;
        if self.is_empty() {
            self.clear();
        }
        self.end == 0
    }

    /// Sets a damaged file aside under another name, so that nothing is lost and nothing waits behind it.
    pub fn set_aside(&mut self, stamp: i64) -> io::Result<PathBuf> {
        let aside = self.path.with_extension(format!("damaged-{stamp}"));
        std::fs::rename(&self.path, &aside)?;
        self.clear();
        Ok(aside)
    }

    fn clear(&mut self) {
        (self.writer, self.kept) = (None, VecDeque::new());
        if std::fs::remove_file(&self.path).is_err()
            && let Ok(file) = OpenOptions::new().write(true).open(&self.path)
        {
            let _ = file.set_len(0);
        }
        (self.read_at, self.end, self.number, self.doubt) = (0, 0, Some(new_number()), None);
    }
}

/// A number that no other file had or will have, as far as chance goes.
fn new_number() -> i64 {
    (RandomState::new().build_hasher().finish() >> 1) as i64
}

/// A new file outlives a crash of the machine only when its folder has been written too.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

impl Head {
    /// The head of the file at `path`, if it has one.
    fn read(path: &Path) -> Option<Head> {
        let mut file = File::open(path).ok()?;
        let mut words = [[0; 8]; 4];
        file.read_exact(&mut words[0]).ok()?;
        let (older, count) = match &words[0] {
            MAGIC => (false, 4),
            OLDER_MAGIC => (true, 2),
            _ => return None,
        };
        for word in &mut words[1..count] {
            file.read_exact(word).ok()?;
        }
        let [_, number, transaction, end] = words.map(i64::from_le_bytes);
        let doubt = (transaction != 0).then_some(Doubt { transaction, end: end.unsigned_abs() });
        Some(Head { number, doubt, bytes: if older { OLDER_HEAD_BYTES } else { HEAD_BYTES } })
    }

    /// Writes it over the first bytes of a file.
    fn write(&self, file: &mut [u8]) {
        let (transaction, end) = self.doubt.map_or((0, 0), |doubt| (doubt.transaction, doubt.end));
        let words = [*MAGIC, self.number.to_le_bytes(), transaction.to_le_bytes(), end.to_le_bytes()];
        for (place, word) in file.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word);
        }
    }
}
