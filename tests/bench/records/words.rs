//! Words by Zipf's law, the same at every run: [`Chance`], then [`Vocabulary`], then [`Words`].
//! No vocabulary holds a `q` or an `x`, nor 修 or 复: words that are planted to be counted have one of them.

use std::collections::HashSet;

/// Words that like to follow a word.
const FOLLOWERS: usize = 8;
/// How often one of them does, of 2^32. Drawn each by itself, words would pack far worse than any text: so, English packs to
/// 36 % in 64 KiB, like the documentation of programs (31 to 38 %).
const HABIT: u32 = (u32::MAX / 100) * 70;

/// Numbers that look like chance and depend on the seed alone (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone)]
pub struct Chance(pub u64);

impl Chance {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// A number from 0 to below 1.
    pub fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True `percent` times in a hundred.
    pub fn happens(&mut self, percent: f64) -> bool {
        self.part() * 100.0 < percent
    }

    /// About `middle`, rarely far above it: the logarithm is spread like a bell of `width`.
    pub fn around(&mut self, middle: f64, width: f64) -> f64 {
        let bell = (0..12).map(|_| self.part()).sum::<f64>() - 6.0;
        middle * (bell * width).exp()
    }
}

/// Draws places by their weights in constant time (Walker's alias method, as Vose builds it).
pub struct Draw {
    /// For each place how much of it is its own, of 2^32, and whose the rest is.
    places: Vec<(u32, u32)>,
}

impl Draw {
    /// Places drawn with these weights.
    pub fn weighted(weights: &[f64]) -> Draw {
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..shares.len()).partition(|at| shares[*at] < 1.0);
        let mut places: Vec<(u32, u32)> = (0..shares.len()).map(|at| (u32::MAX, at as u32)).collect();
        while let (Some(few), Some(many)) = (small.pop(), large.pop()) {
            places[few] = ((shares[few] * f64::from(u32::MAX)) as u32, many as u32);
            shares[many] -= 1.0 - shares[few];
            if shares[many] < 1.0 { &mut small } else { &mut large }.push(many);
        }
        Draw { places }
    }

    /// `count` places, the one at rank r weighted 1/r.
    pub fn zipf(count: usize) -> Draw {
        Draw::weighted(&(1..=count).map(|rank| 1.0 / rank as f64).collect::<Vec<_>>())
    }

    /// A place.
    pub fn one(&self, chance: &mut Chance) -> usize {
        let drawn = chance.next();
        let at = (((drawn >> 32) * self.places.len() as u64) >> 32) as usize;
        let (own, other) = self.places[at];
        if drawn as u32 <= own { at } else { other as usize }
    }
}

/// Words of one language, the frequent ones first.
pub struct Vocabulary {
    text: String,
    ends: Vec<u32>,
    draw: Draw,
    /// For each word those that like to follow it.
    followers: Vec<[u16; FOLLOWERS]>,
    longest: usize,
}

impl Vocabulary {
    fn new(count: usize, mut make: impl FnMut(usize, &mut String)) -> Vocabulary {
        let (mut text, mut ends, mut seen) = (String::new(), vec![0], HashSet::new());
        let mut longest = 0;
        while seen.len() < count {
            let mut word = String::new();
            make(seen.len(), &mut word);
            if seen.insert(word.clone()) {
                longest = longest.max(word.len());
                text.push_str(&word);
                ends.push(text.len() as u32);
            }
        }
        let draw = Draw::zipf(count);
        let mut chance = Chance(13);
        let followers = (0..count).map(|_| std::array::from_fn(|_| draw.one(&mut chance) as u16)).collect();
        Vocabulary { text, ends, draw, followers, longest }
    }

    /// 30,000 words of English-like syllables; frequent ones are short, and a text's words have five letters on average.
    pub fn english() -> Vocabulary {
        const STARTS: [&str; 20] =
            ["b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "w", "v", "st", "tr", "ch", "th", ""];
        const MIDDLES: [&str; 8] = ["a", "e", "i", "o", "u", "e", "ea", "ou"];
        const ENDS: [&str; 8] = ["", "n", "", "r", "", "s", "t", ""];
        let mut chance = Chance(11);
        Vocabulary::new(30_000, |rank, word| {
            let syllables = match rank {
                ..40 => 1,
                40..1_000 => 1 + chance.below(2),
                1_000..6_000 => 2 + chance.below(2),
                _ => 3 + chance.below(2),
            };
            for _ in 0..syllables {
                for pieces in [&STARTS[..], &MIDDLES, &ENDS] {
                    word.push_str(pieces[chance.below(pieces.len())]);
                }
            }
        })
    }

    /// 20,000 words of one to four of 3,000 Chinese characters.
    pub fn chinese() -> Vocabulary {
        let mut chance = Chance(12);
        let character = |place: usize| char::from_u32(0x4e00 + place as u32 * 6).filter(|c| !['修', '复'].contains(c));
        let common = Draw::zipf(3_000);
        Vocabulary::new(20_000, |rank, word| {
            let characters = match rank {
                ..150 => 1,
                _ => 1 + [1, 1, 1, 1, 2, 3][chance.below(6)],
            };
            while word.chars().count() < characters {
                // Any character may be a word by itself; within longer words some are more frequent.
                let place = if characters == 1 { chance.below(3_000) } else { common.one(&mut chance) };
                word.extend(character(place));
            }
        })
    }

    /// The word after the word number `last`, which it replaces.
    fn word(&self, chance: &mut Chance, last: &mut usize) -> &str {
        let drawn = chance.next();
        *last = if drawn as u32 <= HABIT {
            // The first of them are the usual ones.
            let place = (drawn >> 32) as usize % FOLLOWERS * ((drawn >> 48) as usize % FOLLOWERS) / FOLLOWERS;
            usize::from(self.followers[*last][place])
        } else {
            self.draw.one(chance)
        };
        &self.text[self.ends[*last] as usize..self.ends[*last + 1] as usize]
    }
}

/// Both vocabularies.
pub struct Words {
    english: Vocabulary,
    chinese: Vocabulary,
}

impl Words {
    /// Makes them.
    pub fn new() -> Words {
        Words { english: Vocabulary::english(), chinese: Vocabulary::chinese() }
    }

    /// Adds sentences of about `bytes` in all, at most so many.
    pub fn sentences(&self, chance: &mut Chance, is_chinese: bool, bytes: usize, out: &mut String) {
        if is_chinese {
            self.sentences_in_chinese(chance, bytes, out);
        } else {
            self.sentences_in_english(chance, bytes, out);
        }
    }

    fn sentences_in_english(&self, chance: &mut Chance, bytes: usize, out: &mut String) {
        let (end, mut last) = (out.len() + bytes, 0);
        while out.len() + self.english.longest + 2 < end {
            let words = 4 + chance.below(16);
            for at in 0..words {
                if out.len() + self.english.longest + 2 >= end {
                    return;
                }
                let word = self.english.word(chance, &mut last);
                let start = out.len();
                out.push_str(word);
                if at == 0
                    && let Some(first) = out.get_mut(start..start + 1)
                {
                    first.make_ascii_uppercase();
                }
                let is_last = at + 1 == words;
                out.push_str(if is_last {
                    ". "
                } else if chance.below(12) == 0 {
                    ", "
                } else {
                    " "
                });
            }
        }
    }

    fn sentences_in_chinese(&self, chance: &mut Chance, bytes: usize, out: &mut String) {
        let (end, mut last) = (out.len() + bytes, 0);
        while out.len() + self.chinese.longest + 3 < end {
            for _ in 0..3 + chance.below(9) {
                if out.len() + self.chinese.longest + 3 >= end {
                    return;
                }
                out.push_str(self.chinese.word(chance, &mut last));
            }
            out.push(if chance.below(3) == 0 { '。' } else { '，' });
        }
    }

    /// A name as programs have them, of one or two words.
    pub fn name(&self, chance: &mut Chance, out: &mut String) {
        let mut last = self.english.draw.one(chance);
        out.push_str(self.english.word(chance, &mut last));
        if chance.below(2) == 0 {
            out.push('_');
            out.push_str(self.english.word(chance, &mut last));
        }
    }
}
