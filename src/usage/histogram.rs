//! Latencies counted in buckets whose width grows with the value, so that any quantile of any range can be told from a
//! few hundred bytes, and two ranges can be added.
//!
//! Start reading at `bucket`: below 16 µs each value has a bucket of its own; above, each power of two is cut into 16
//! equal ones. A value is told by the middle of its bucket, at most 1/32 (3.2 %) away from it.
//!
//! **Invariant:** integers only: the same values give the same bytes on every machine. **May import:** std.

/// Buckets of one power of two, as an exponent.
const SUB_BITS: u32 = 4;
/// Longer times count as this long: 24 hours, in µs.
pub const LONGEST_US: u64 = 24 * 60 * 60 * 1_000_000;

/// How often which times were seen, in µs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By bucket; the last one is not 0.
    counts: Vec<u64>,
}

impl Histogram {
    /// Nothing seen yet.
    pub fn new() -> Histogram {
        Histogram::default()
    }

    /// One more time, in µs; a negative one counts as 0, one above [`LONGEST_US`] as that.
    pub fn add(&mut self, us: i64) {
        let us = u64::try_from(us).unwrap_or(0).min(LONGEST_US);
        self.count_in(bucket(us), 1);
    }

    /// Everything that `other` has seen, too.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// Everything that `bytes` tell, which [`Histogram::to_bytes`] wrote; bytes that cannot be read tell nothing. A chart adds up
    /// tens of thousands of these.
    pub fn merge_bytes(&mut self, bytes: &[u8]) {
        if entries(bytes).all(|entry| entry.is_some()) {
            entries(bytes).flatten().for_each(|(bucket, count)| self.count_in(bucket, count));
        }
    }

    fn count_in(&mut self, bucket: u32, count: u64) {
        let place = bucket as usize;
        if count > 0 && self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(sum) = self.counts.get_mut(place) {
            *sum = sum.saturating_add(count);
        }
    }

    /// The buckets that have any, in order, with how many.
    fn seen(&self) -> impl Iterator<Item = (u32, u64)> {
        self.counts.iter().zip(0..).filter(|(count, _)| **count > 0).map(|(count, bucket)| (bucket, *count))
    }

    /// How many times were seen.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time in µs that the fraction `q` (0 to 1) of all times does not exceed, by nearest rank
    /// (<https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method>); `None` when nothing was seen.
    pub fn quantile(&self, q: f64) -> Option<i64> {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0u64;
        for (bucket, count) in self.seen() {
            seen = seen.saturating_add(count);
            if seen >= rank {
                return Some(middle(bucket));
            }
        }
        None
    }

    /// Compact bytes: for each bucket in order the distance from the one before and the count, as LEB128 numbers
    /// (DWARF 5, §7.6). Nothing seen is no bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut before = 0;
        for (bucket, count) in self.seen() {
            put(&mut bytes, u64::from(bucket - before));
            put(&mut bytes, count);
            before = bucket;
        }
        bytes
    }

    /// What [`Histogram::to_bytes`] wrote; `None` when the bytes are none of it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Histogram> {
        let mut histogram = Histogram::new();
        for entry in entries(bytes) {
            let (bucket, count) = entry?;
            histogram.count_in(bucket, count);
        }
        Some(histogram)
    }

    /// The bytes of all that `bytes` tell and of this as well, as reading, merging and writing them would give; bytes that cannot
    /// be read tell nothing. In one pass: a busy minute's histogram is added to many times a second.
    pub fn added_to(&self, bytes: &[u8]) -> Vec<u8> {
        self.woven_into(bytes).unwrap_or_else(|| self.to_bytes())
    }

    fn woven_into(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(bytes.len() + 16);
        let mut before = 0;
        let mut write = |bucket: u32, count: u64| {
            put(&mut out, u64::from(bucket - before));
            put(&mut out, count);
            before = bucket;
        };
        let mut own = self.seen().peekable();
        for entry in entries(bytes) {
            let (known, count) = entry?;
            while let Some((bucket, count)) = own.next_if(|(bucket, _)| *bucket < known) {
                write(bucket, count);
            }
            let more = own.next_if(|(bucket, _)| *bucket == known).map_or(0, |(_, count)| count);
            write(known, count.saturating_add(more));
        }
        own.for_each(|(bucket, count)| write(bucket, count));
        Some(out)
    }
}

/// The buckets and counts that bytes tell; `None` where they cannot be read, which is the end.
fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u32, u64)>> {
    let mut bucket = 0u64;
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = entry(&mut bytes, &mut bucket);
        if entry.is_none() {
            bytes = &[];
        }
        Some(entry)
    })
}

/// The next bucket, behind the one before, and its count.
fn entry(bytes: &mut &[u8], bucket: &mut u64) -> Option<(u32, u64)> {
    *bucket = bucket.checked_add(take(bytes)?)?;
    let count = take(bytes)?;
    let known = u32::try_from(*bucket).ok().filter(|known| *known <= self::bucket(LONGEST_US))?;
    Some((known, count))
}

fn bucket(us: u64) -> u32 {
    if us < 1 << SUB_BITS {
        return us as u32;
    }
    let exponent = us.ilog2();
    let sub = (us >> (exponent - SUB_BITS)) as u32 & ((1 << SUB_BITS) - 1);
    ((exponent - SUB_BITS + 1) << SUB_BITS) + sub
}

fn middle(bucket: u32) -> i64 {
    if bucket < 1 << SUB_BITS {
        return i64::from(bucket);
    }
    let shift = (bucket >> SUB_BITS) - 1;
    let lowest = u64::from((1 << SUB_BITS) + (bucket & ((1 << SUB_BITS) - 1))) << shift;
    (lowest + ((1 << shift) >> 1)) as i64
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
