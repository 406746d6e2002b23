//! Which addresses a filter means. Start at [`Network::parse`].
//!
//! **Invariant:** no name is looked up: an address is written as one. **May import:** std.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses that start with the same bits. IPv4 written as IPv6 (`::ffff:10.0.0.1`) is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// With no bit set behind the prefix.
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of `address` whose first `prefix` bits count; more bits than there are, and it is the address alone.
    pub fn new(address: IpAddr, prefix: u8) -> Network {
        let (address, prefix) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) if prefix >= 96 => (v4, prefix - 96),
            _ => (address, prefix),
        };
        let prefix = prefix.min(bits(address));
        let first = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !low_bits(32 - prefix) as u32)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !low_bits(128 - prefix))),
        };
        Network { first, prefix }
    }

    /// Reads `10.0.0.0/8`, `10.1.2.3`, `2001:db8::/32`, `::1`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let prefix = match prefix {
            None => bits(address),
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= bits(address))?
            }
            Some(_) => return None,
        };
        Some(Network::new(address, prefix))
    }

    /// Is `address` in the network? No network holds addresses of both kinds.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Network::new(address, self.prefix) == *self
    }

    /// The first and the last address.
    pub fn ends(&self) -> (IpAddr, IpAddr) {
        let last = match self.first {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | low_bits(32 - self.prefix) as u32)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | low_bits(128 - self.prefix))),
        };
        (self.first, last)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix == bits(self.first) {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}/{}", self.first, self.prefix),
        }
    }
}

/// How many bits an address of this kind has.
fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// A number whose lowest `count` bits are set.
fn low_bits(count: u8) -> u128 {
    1u128.checked_shl(count.into()).map_or(u128::MAX, |next| next - 1)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::search::network::Network;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn a_network_holds_the_addresses_that_start_alike() {
        for (text, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("10.0.0.5", "10.0.0.5", true),
            ("10.0.0.5", "10.0.0.6", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("0.0.0.0/0", "255.1.1.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::1", "::1", true),
        ] {
            assert_eq!(network(text).contains(address.parse::<IpAddr>().unwrap()), expected, "{address} in {text}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10", "10.*", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129", "10.0.0.0/08x"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_network_is_written_as_it_is_read() {
        for (text, written, ends) in [
            ("10.1.2.3/8", "10.0.0.0/8", ("10.0.0.0", "10.255.255.255")),
            ("10.1.2.3/32", "10.1.2.3", ("10.1.2.3", "10.1.2.3")),
            ("::ffff:10.0.0.1", "10.0.0.1", ("10.0.0.1", "10.0.0.1")),
            ("2001:DB8::1/32", "2001:db8::/32", ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")),
            ("0.0.0.0/0", "0.0.0.0/0", ("0.0.0.0", "255.255.255.255")),
        ] {
            assert_eq!(network(text).to_string(), written);
            assert_eq!(network(written), network(text));
            assert_eq!(network(text).ends(), (ends.0.parse().unwrap(), ends.1.parse().unwrap()), "{text}");
        }
    }
}
