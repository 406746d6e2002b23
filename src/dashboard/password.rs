//! Secrets of our own: the admin password's hash, and random texts.
//!
//! **Invariant:** a password is never stored or compared in clear. **May import:** nothing of the crate.

use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::memcmp;
use openssl::pkcs5::scrypt;
use openssl::rand::rand_bytes;

/// scrypt's cost: 32 MiB and some 60 ms (OWASP's password storage cheat sheet: N=2^15, r=8, p=3 or stronger).
const N: u64 = 1 << 15;
const R: u64 = 8;
const P: u64 = 3;
const MEMORY_BYTES: u64 = 64 << 20;
const HASH_BYTES: usize = 32;

/// The setting that holds [`password_hash`].
pub const PASSWORD_SETTING: &str = "admin_password_hash";

/// A password that somebody chooses has at least this many characters.
pub const SHORTEST_PASSWORD: usize = 12;
/// What stands behind the hash of a password that the program has made and printed at its first start.
const FIRST: &str = "$first";

/// `scrypt$salt$hash`, both in hex. Takes tens of milliseconds by design.
///
/// # Errors
/// OpenSSL has no randomness or no memory.
pub fn password_hash(password: &str) -> Result<String, ErrorStack> {
    let mut salt = [0u8; 16];
    rand_bytes(&mut salt)?;
    Ok(format!("scrypt${}${}", hex(&salt), hex(&derive(password, &salt)?)))
}

/// The same of a password that the program itself has made and printed, to be replaced by one of the operator's choice.
///
/// # Errors
/// OpenSSL has no randomness or no memory.
pub fn first_password_hash(password: &str) -> Result<String, ErrorStack> {
    Ok(password_hash(password)? + FIRST)
}

/// Whether this was made by [`first_password_hash`].
pub fn is_first(stored: &str) -> bool {
    stored.ends_with(FIRST)
}

/// Whether `password` is the one that `stored` was made of. Takes tens of milliseconds by design.
pub fn is_password(password: &str, stored: &str) -> bool {
    let mut parts = stored.strip_suffix(FIRST).unwrap_or(stored).split('$');
    let (Some("scrypt"), Some(salt), Some(expected), None) =
        (parts.next(), parts.next().and_then(unhex), parts.next().and_then(unhex), parts.next())
    else {
        return false;
    };
    derive(password, &salt).is_ok_and(|derived| derived.len() == expected.len() && memcmp::eq(&derived, &expected))
}

fn derive(password: &str, salt: &[u8]) -> Result<[u8; HASH_BYTES], ErrorStack> {
    let mut out = [0u8; HASH_BYTES];
    scrypt(password.as_bytes(), salt, N, R, P, MEMORY_BYTES, &mut out)?;
    Ok(out)
}

/// SHA-256 in hex: for tokens that are random enough to need no salt.
///
/// # Errors
/// OpenSSL's.
pub fn digest(token: &str) -> Result<String, ErrorStack> {
    Ok(hex(&hash(MessageDigest::sha256(), token.as_bytes())?))
}

/// `prefix` and 32 random characters without look-alikes (about 186 bits).
///
/// # Errors
/// OpenSSL has no randomness.
pub fn random_secret(prefix: &str) -> Result<String, ErrorStack> {
    const ALPHABET: &[u8; 56] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz";
    let mut out = prefix.to_owned();
    let mut bytes = [0u8; 64];
    while out.len() < prefix.len() + 32 {
        rand_bytes(&mut bytes)?;
        // Bytes beyond the last whole multiple would make some characters likelier.
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < 256 / ALPHABET.len() * ALPHABET.len());
        out.extend(
            fair.take(prefix.len() + 32 - out.len())
                .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])),
        );
    }
    Ok(out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use crate::dashboard::password::{first_password_hash, is_first, is_password, password_hash, random_secret};

    #[test]
    fn only_the_password_itself_fits_its_hash() {
        let stored = password_hash("correct horse").unwrap();
        assert!(is_password("correct horse", &stored));
        assert!(!is_password("correct horsf", &stored));
        assert!(!is_password("correct horse", "scrypt$00$"));
        assert!(!is_password("", ""));
        assert!(!stored.contains("horse"));
        let first = first_password_hash("correct horse").unwrap();
        assert!(is_password("correct horse", &first) && !is_password("correct horsf", &first));
        assert_eq!((is_first(&first), is_first(&stored), is_first("")), (true, false, false));
    }

    #[test]
    fn random_secrets_have_their_length_and_differ() {
        let (a, b) = (random_secret("sk-").unwrap(), random_secret("sk-").unwrap());
        assert_eq!(a.len(), 35);
        assert_ne!(a, b);
    }
}
