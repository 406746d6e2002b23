//! The file beside the database that takes records while the database cannot.
//!
//! The file begins with [`MAGIC`] and a number of its own; under that number the database notes how far it has taken the file, in
//! the same transaction as the records themselves. Files of older versions have neither. A frame is: length of the rest (u32), CRC-32 of the rest (u32), length of the facts (u32), the facts as JSON, then each
//! of the two bodies as length (u32; `u32::MAX` = none) and bytes; all little-endian. A frame that a crash cut in half ends
//! the file. **Invariant:** frames are read in the order they were written. **May import:** `db` (for the record's shape).

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::db::records::{Facts, NewRecord, Texts};

/// First bytes of a file with a number.
const MAGIC: &[u8; 8] = b"OARSPIL1";
/// Bytes before the first frame of such a file.
const HEAD_BYTES: u64 = 16;

/// Records read from the file, each with where its frame ends.
pub type Waiting = (Vec<NewRecord>, Vec<u64>);

/// The spill file: written at its end, read from its beginning.
pub struct Spill {
    path: PathBuf,
    writer: Option<File>,
    /// Where the next frame to read begins.
    read_at: u64,
    /// Where the next frame will be written.
    end: u64,
    /// The file's number; `None` before there is one, and for files of older versions.
    number: Option<i64>,
}

impl Spill {
    /// Looks for what an earlier run left behind, and takes off the half of a frame that a crash left at its end.
    pub fn open(path: &Path) -> Spill {
        let number = number(path);
        let read_at = if number.is_some() { HEAD_BYTES } else { 0 };
        let end = whole_frames(path, read_at).unwrap_or(read_at);
        if let Ok(file) = OpenOptions::new().write(true).open(path) {
            let _ = file.set_len(end);
        }
        Spill { path: path.to_owned(), writer: None, read_at, end, number }
    }

    /// Under which name the database notes how far it has taken the file.
    pub fn mark(&self) -> Option<String> {
        self.number.map(|number| format!("spill {number:016x}"))
    }

    /// The database has taken the file up to here, says the mark.
    pub fn taken_up_to(&mut self, mark: u64) {
        self.read_at = self.read_at.max(mark.min(self.end));
    }

    /// Nothing waits in the file.
    pub fn is_empty(&self) -> bool {
        self.read_at >= self.end
    }

    /// How many bytes wait in the file.
    pub fn waiting_bytes(&self) -> u64 {
        self.end.saturating_sub(self.read_at)
    }

    /// Appends records and hands them to the operating system.
    ///
    /// # Errors
    /// The file cannot be written; then its end is where it was before.
    pub fn append(&mut self, records: &[NewRecord]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            encode(record, &mut bytes)?;
        }
        let result = self.file().and_then(|file| file.write_all(&bytes));
        match result {
            Ok(()) => {
                self.end += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a frame must not stand before whole ones.
                if let Some(file) = &self.writer {
                    let _ = file.set_len(self.end);
                }
                self.writer = None;
                Err(error)
            }
        }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.writer.is_none() {
            let mut options = OpenOptions::new();
            options.create(true).append(true).mode(0o600);
            let mut file = options.open(&self.path)?;
            if self.end == 0 {
                let number = chrono::Utc::now().timestamp_micros();
                file.write_all(MAGIC)?;
                file.write_all(&number.to_le_bytes())?;
                (self.number, self.read_at, self.end) = (Some(number), HEAD_BYTES, HEAD_BYTES);
            }
            self.writer = Some(file);
        }
        self.writer.as_mut().ok_or_else(|| io::Error::other("no spill file"))
    }

    /// Reads up to `most` records and `most_bytes`; the position moves only with [`Spill::advance`].
    ///
    /// # Errors
    /// The file cannot be read. A damaged frame is an error of kind `InvalidData`.
    pub fn read(&mut self, most: usize, most_bytes: usize) -> io::Result<Waiting> {
        let mut file = BufReader::new(File::open(&self.path)?);
        file.seek(SeekFrom::Start(self.read_at))?;
        let (mut records, mut ends, mut taken) = (Vec::new(), Vec::new(), 0u64);
        while records.len() < most && taken < most_bytes as u64 && self.read_at + taken < self.end {
            let Some((record, size)) = decode(&mut file)? else { break };
            records.push(record);
            taken += size;
            ends.push(self.read_at + taken);
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
        (self.writer, self.read_at, self.end, self.number) = (None, 0, 0, None);
        Ok(aside)
    }

    fn clear(&mut self) {
        self.writer = None;
        let _ = std::fs::remove_file(&self.path);
        (self.read_at, self.end, self.number) = (0, 0, None);
    }
}

/// The number of the file at `path`, if it has one.
fn number(path: &Path) -> Option<i64> {
    let mut head = [0; HEAD_BYTES as usize];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    let (magic, number) = head.split_first_chunk::<8>()?;
    (magic == MAGIC).then(|| number.try_into().map(i64::from_le_bytes).ok())?
}

/// Where the last whole frame ends.
fn whole_frames(path: &Path, from: u64) -> io::Result<u64> {
    let mut file = BufReader::new(File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let (mut end, mut head) = (from, [0u8; 8]);
    file.seek(SeekFrom::Start(from))?;
    while fill(&mut file, &mut head)? {
        let size = i64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        let next = end + 8 + size as u64;
        if next > length {
            break;
        }
        file.seek_relative(size)?;
        end = next;
    }
    Ok(end)
}

const NONE: u32 = u32::MAX;

fn length(n: usize) -> io::Result<[u8; 4]> {
    let n = u32::try_from(n).ok().filter(|n| *n != NONE);
    Ok(n.ok_or_else(|| io::Error::other("a body of 4 GiB does not fit a frame"))?.to_le_bytes())
}

fn encode(record: &NewRecord, out: &mut Vec<u8>) -> io::Result<()> {
    let notes = (&record.texts.body_note, &record.texts.response_note);
    let facts =
        serde_json::to_vec(&(&record.facts, notes, &record.session, record.is_replay)).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(facts.len() + 64);
    frame.extend_from_slice(&length(facts.len())?);
    frame.extend_from_slice(&facts);
    for body in [&record.texts.body, &record.texts.response] {
        match body {
            None => frame.extend_from_slice(&NONE.to_le_bytes()),
            Some(bytes) => {
                frame.extend_from_slice(&length(bytes.len())?);
                frame.extend_from_slice(bytes);
            }
        }
    }
    out.extend_from_slice(&length(frame.len())?);
    out.extend_from_slice(&crc32fast::hash(&frame).to_le_bytes());
    out.extend_from_slice(&frame);
    Ok(())
}

type Notes = (Option<String>, Option<String>);

/// What a frame tells beside the two texts.
#[derive(Deserialize)]
struct Told(Facts, Notes, Option<String>, bool);

/// The next record and the size of its frame; `None` at the end or where a crash cut the last frame.
fn decode(file: &mut impl Read) -> io::Result<Option<(NewRecord, u64)>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "damaged frame");
    let mut head = [0u8; 8];
    let mut frame = Vec::new();
    if !fill(file, &mut head)? {
        return Ok(None);
    }
    let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    file.take(u64::from(size)).read_to_end(&mut frame)?;
    if frame.len() < size as usize {
        return Ok(None);
    }
    if crc32fast::hash(&frame) != crc {
        return Err(damaged());
    }
    let mut rest = frame.as_slice();
    let facts = piece(&mut rest).flatten().ok_or_else(damaged)?;
    // Older versions wrote the first two alone.
    let Told(facts, (body_note, response_note), session, is_replay) = serde_json::from_slice(facts)
        .or_else(|_| {
            serde_json::from_slice::<(Facts, Notes)>(facts).map(|(facts, notes)| Told(facts, notes, None, false))
        })
        .map_err(|_| damaged())?;
    let body = piece(&mut rest).ok_or_else(damaged)?.map(<[u8]>::to_vec);
    let response = piece(&mut rest).ok_or_else(damaged)?.map(<[u8]>::to_vec);
    let texts = Texts { body, body_note, response, response_note };
    Ok(Some((NewRecord { facts, texts, session, is_replay }, u64::from(size) + 8)))
}

fn fill(file: &mut impl Read, head: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(head) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn piece<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    let n = u32::from_le_bytes(*head);
    if n == NONE {
        *rest = tail;
        return Some(None);
    }
    let (piece, tail) = tail.split_at_checked(n as usize)?;
    *rest = tail;
    Some(Some(piece))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use crate::db::records::{Facts, NewRecord, Texts};
    use crate::recorder::spill::Spill;

    fn place(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("oar-spill-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    fn record(model: &str, body: Option<&[u8]>) -> NewRecord {
        let texts = Texts { body: body.map(<[u8]>::to_vec), body_note: Some("cut".to_owned()), ..Texts::default() };
        NewRecord { facts: Facts { model: Some(model.to_owned()), ..Facts::default() }, texts, ..NewRecord::default() }
    }

    #[test]
    fn records_come_back_in_order_byte_for_byte_and_the_file_goes() {
        let path = place("order");
        let all = [record("a", Some(b"\x00\xff{}")), record("b", None), record("c", Some(b""))];
        let mut spill = Spill::open(&path);
        spill.append(&all[..2]).unwrap();
        spill.append(&all[2..]).unwrap();
        let (first, ends) = spill.read(2, usize::MAX).unwrap();
        assert_eq!(first, all[..2]);
        assert!(!spill.advance(ends[1]));
        let (rest, ends) = spill.read(2, usize::MAX).unwrap();
        assert_eq!(rest, all[2..]);
        assert!(spill.advance(ends[0]));
        assert!(spill.is_empty() && !path.exists());
    }

    #[test]
    fn half_a_frame_at_the_end_is_taken_off_and_writing_goes_on() {
        let path = place("half");
        Spill::open(&path).append(&[record("a", None), record("b", None)]).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let mut spill = Spill::open(&path);
        spill.append(&[record("c", None)]).unwrap();
        let (rows, ends) = spill.read(10, usize::MAX).unwrap();
        assert_eq!(rows, [record("a", None), record("c", None)]);
        spill.advance(ends[1]);
        assert!(!path.exists());
    }

    #[test]
    fn what_the_database_has_taken_is_not_read_again() {
        let path = place("taken");
        let mut spill = Spill::open(&path);
        spill.append(&[record("a", None), record("b", None)]).unwrap();
        let (_, ends) = spill.read(1, usize::MAX).unwrap();
        let mark = spill.mark().unwrap();
        let mut spill = Spill::open(&path);
        assert_eq!(spill.mark().unwrap(), mark);
        spill.taken_up_to(ends[0]);
        let (rest, _) = spill.read(10, usize::MAX).unwrap();
        assert_eq!(rest, [record("b", None)]);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn files_of_older_versions_are_read_from_their_beginning() {
        let path = place("older");
        let mut spill = Spill::open(&path);
        spill.append(&[record("a", None)]).unwrap();
        fs::write(&path, &fs::read(&path).unwrap()[16..]).unwrap();
        let mut spill = Spill::open(&path);
        assert_eq!(spill.mark(), None);
        spill.append(&[record("b", None)]).unwrap();
        let (all, ends) = spill.read(10, usize::MAX).unwrap();
        assert_eq!(all, [record("a", None), record("b", None)]);
        assert!(spill.advance(ends[1]));
    }

    #[test]
    fn a_damaged_frame_is_an_error_and_the_file_is_kept_aside() {
        let path = place("damaged");
        Spill::open(&path).append(&[record("a", Some(b"text"))]).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let mut spill = Spill::open(&path);
        assert_eq!(spill.read(10, usize::MAX).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
        let aside = spill.set_aside(7).unwrap();
        assert!(spill.is_empty() && !path.exists());
        assert_eq!(fs::read(&aside).unwrap(), bytes);
        fs::remove_file(aside).unwrap();
    }
}
