//! Which addresses a message may be sent to.
//!
//! Asked for each address that a connection is about to be made to, after the name was resolved: a
//! check of the URL alone is defeated by a name that resolves to one address now and to another later.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far messages may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// addresses of the public internet, nothing else
    Public,
    /// these, and loopback and private networks (`allow_private_webhooks`); never the link-local
    /// addresses where clouds keep their credentials
    Private,
}

impl Reach {
    /// What the configuration says.
    #[must_use]
    pub fn new(allow_private: bool) -> Self {
        if allow_private { Self::Private } else { Self::Public }
    }

    /// Whether a connection to this address may be made.
    #[must_use]
    pub fn permits(self, address: IpAddr) -> bool {
        // ::ffff:127.0.0.1 is 127.0.0.1
        match address.to_canonical() {
            IpAddr::V4(v4) => !within_v4(DENIED_V4, v4) || self == Self::Private && within_v4(PRIVATE_V4, v4),
            IpAddr::V6(v6) => {
                let public = within_v6(GLOBAL_V6, v6) && !within_v6(DENIED_V6, v6);
                let private = within_v6(PRIVATE_V6, v6) && v6 != METADATA_V6;
                public || self == Self::Private && private
            }
        }
    }
}

type V4 = (Ipv4Addr, u32);
type V6 = (Ipv6Addr, u32);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32) -> V4 {
    (Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(a: u16, b: u16, bits: u32) -> V6 {
    (Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

const DENIED_V4: &[V4] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10), // shared by carriers
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16), // link-local: metadata of clouds
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),   // documentation
    v4(192, 88, 99, 0, 24), // 6to4 relays
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, and broadcast
];

const PRIVATE_V4: &[V4] = &[
    v4(10, 0, 0, 0, 8),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
];

/// All that is in use as global unicast; what is outside (loopback, v4-compatible, NAT64, unique
/// local, link-local, site-local, multicast, discard, segment routing) needs no line of its own.
const GLOBAL_V6: &[V6] = &[v6(0x2000, 0, 3)];

const DENIED_V6: &[V6] = &[
    v6(0x2001, 0, 23),     // protocol assignments, Teredo among them
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4: holds any v4 address
    v6(0x3fff, 0, 20),     // documentation
];

const PRIVATE_V6: &[V6] = &[(Ipv6Addr::LOCALHOST, 128), v6(0xfc00, 0, 7)];

/// A cloud's metadata within the unique local range.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn within_v4(list: &[V4], address: Ipv4Addr) -> bool {
    list.iter()
        .any(|(net, bits)| (address.to_bits() ^ net.to_bits()).leading_zeros() >= *bits)
}

fn within_v6(list: &[V6], address: Ipv6Addr) -> bool {
    list.iter()
        .any(|(net, bits)| (address.to_bits() ^ net.to_bits()).leading_zeros() >= *bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(reach: Reach, text: &str) -> bool {
        reach.permits(text.parse().unwrap())
    }

    /// Requirement 43: first and last address of each denied range.
    #[test]
    fn r43_nothing_but_the_public_internet_is_permitted() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:8.8.8.8",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            "100::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "5f00::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "4000::1",
        ] {
            assert!(!permits(Reach::Public, address), "{address}");
        }
    }

    #[test]
    fn the_neighbours_of_denied_ranges_are_permitted() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db9::1",
            "2003::1",
            "2606:4700::1111",
            "3ffe::1",
        ] {
            assert!(permits(Reach::Public, address), "{address}");
            assert!(permits(Reach::Private, address), "{address}");
        }
    }

    #[test]
    fn private_reach_adds_loopback_and_private_networks_only() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.20.0.1",
            "192.168.1.1",
            "::1",
            "fd12::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(permits(Reach::Private, address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a9fe:a9fe",
            "::ffff:169.254.169.254",
            "2002:a9fe:a9fe::",
        ] {
            assert!(!permits(Reach::Private, address), "{address}");
        }
    }
}
