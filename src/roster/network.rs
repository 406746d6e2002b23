//! Networks of addresses, for the trust in proxies.
//!
//! **May import:** nothing of the crate.

use std::net::IpAddr;
use std::str::FromStr;

/// A network of addresses, as `10.0.0.0/8` or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    mask: u128,
}

impl Network {
    /// Whether `ip` is in it. IPv4 and IPv4-mapped IPv6 are the same.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(ip) & self.mask == self.address & self.mask
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Network, ()> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let ip: IpAddr = address.trim().parse().map_err(|_| ())?;
        let (width, offset) = if ip.is_ipv4() { (32, 96) } else { (128, 0) };
        let length: u32 = length.map_or(Ok(width), |l| l.trim().parse()).map_err(|_| ())?;
        if length > width {
            return Err(());
        }
        let mask = u128::MAX.checked_shl(128 - length - offset).unwrap_or(0);
        Ok(Network { address: bits(ip), mask })
    }
}

#[cfg(test)]
mod tests {
    use crate::roster::network::Network;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let ten: Network = "10.0.0.0/8".parse().unwrap();
        assert!(ten.contains("10.9.8.7".parse().unwrap()));
        assert!(ten.contains("::ffff:10.9.8.7".parse().unwrap()));
        assert!(!ten.contains("11.0.0.1".parse().unwrap()));
        let one: Network = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()) && !one.contains("::2".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("1.2.3.4".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
