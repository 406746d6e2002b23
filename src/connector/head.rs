//! The head of a reply as it comes in: is it complete, is it the final one, does it say where the body ends?
//!
//! actix-http reads a body that ends by closing its connection (RFC 9112 §6.3, case 8) only under HTTP/1.0; under 1.1 it
//! drops it. [`declare_unframed`] changes that one digit. **Invariant:** pure; linear in the head's length.
//! **May import:** nothing of the crate.

use memchr::{memchr, memmem};

/// A head longer than this is handed on as it is, to be refused.
const MOST_BYTES: usize = 64 << 10;

/// What the first bytes of a reply are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// More has to come.
    Partial,
    /// A head that only announces another (RFC 9110 §15.2).
    Interim {
        /// Its length in bytes.
        length: usize,
    },
    /// The head of the reply itself, or no HTTP at all.
    Final {
        /// It has a body whose end nothing announces.
        unframed: bool,
    },
}

/// Looks at what has come so far.
pub(super) fn look_at(bytes: &[u8]) -> Head {
    const FINAL: Head = Head::Final { unframed: false };
    if bytes.len() > 7 && !bytes.starts_with(b"HTTP/1.") {
        return FINAL;
    }
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > MOST_BYTES { FINAL } else { Head::Partial };
    };
    match bytes.get(9..12) {
        Some(b"101" | b"204" | b"304") => FINAL,
        Some([b'1', _, _]) => Head::Interim { length: end + 4 },
        _ => Head::Final { unframed: bytes[7] == b'1' && !is_framed(&bytes[..end + 2]) },
    }
}

/// Whether a header says where the body ends.
fn is_framed(head: &[u8]) -> bool {
    let mut rest = head;
    while let Some(end) = memchr(b'\n', rest) {
        rest = &rest[end + 1..];
        let named = |name: &[u8]| rest.len() > name.len() && rest[..name.len()].eq_ignore_ascii_case(name);
        if named(b"content-length:") || named(b"transfer-encoding:") {
            return true;
        }
    }
    false
}

/// Makes a head say that its body ends with the connection, in actix-http's words.
pub(super) fn declare_unframed(head: &mut [u8]) {
    head[7] = b'0';
}

#[cfg(test)]
mod tests {
    use crate::connector::head::{Head, declare_unframed, look_at};

    #[test]
    fn a_head_is_final_interim_or_partial() {
        let unframed = |unframed| Head::Final { unframed };
        assert_eq!(look_at(b"HTT"), Head::Partial);
        assert_eq!(look_at(b"HTTP/1.1 200 OK\r\nContent-Le"), Head::Partial);
        assert_eq!(look_at(b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\nabc"), unframed(false));
        assert_eq!(look_at(b"HTTP/1.1 200 OK\r\ntransfer-ENCODING: chunked\r\n\r\n"), unframed(false));
        assert_eq!(look_at(b"HTTP/1.1 200 OK\r\nX: content-length: 3\r\n\r\nabc"), unframed(true));
        assert_eq!(look_at(b"HTTP/1.1 204 No Content\r\n\r\n"), unframed(false));
        assert_eq!(look_at(b"HTTP/1.0 200 OK\r\n\r\n"), unframed(false));
        assert_eq!(look_at(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP"), Head::Interim { length: 28 });
        assert_eq!(look_at(b"SSH-2.0-x"), unframed(false));
    }

    #[test]
    fn an_unframed_head_is_declared_by_its_version() {
        let mut head = *b"HTTP/1.1 200 OK\r\n\r\n";
        declare_unframed(&mut head);
        assert_eq!(&head, b"HTTP/1.0 200 OK\r\n\r\n");
    }
}
