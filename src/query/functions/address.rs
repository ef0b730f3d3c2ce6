//! Network addresses: `cidr_contains`, `is_private_ip`, `ip_prefix`, `ip_kind`, `ip_address`.
//!
//! An address is text here. `sourceIPAddress` may also be a service's name or `AWS Internal`, which is no address: NULL.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;

use super::plain::{Plain, TEXT, integer_at, integers, returns, text_at, texts};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let of_text = |name, body| Plain::of(name, &[&[TEXT]], returns!(TEXT), body);
    vec![
        Plain::of("cidr_contains", &[&[TEXT, TEXT]], returns!(DataType::Boolean), cidr_contains),
        Plain::of("is_private_ip", &[&[TEXT]], returns!(DataType::Boolean), is_private),
        Plain::of("ip_prefix", &[&[TEXT, DataType::Int64]], returns!(TEXT), ip_prefix),
        of_text("ip_address", |arrays, _| each(arrays, |text| Some(address(text)?.to_string()))),
        of_text("ip_kind", |arrays, _| each(arrays, |text| Some(kind(address(text)?).to_owned()))),
        of_text("ip_order", |arrays, _| each(arrays, |text| Some(format!("{:032x}", number(address(text)?))))),
        of_text("ip_subnet_min", |arrays, _| each(arrays, |text| Some(Network::parse(text)?.first().to_string()))),
        of_text("ip_subnet_max", |arrays, _| each(arrays, |text| Some(Network::parse(text)?.last().to_string()))),
    ]
}

fn each(arrays: &[ArrayRef], find: impl Fn(&str) -> Option<String>) -> Result<ArrayRef> {
    let rows = texts(arrays, 0)?.iter().map(|text| find(text?));
    Ok(Arc::new(rows.collect::<StringViewArray>()))
}

/// An address, however it is written; one of IPv4 written as IPv6 is the same one.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    Some(text.trim().parse::<IpAddr>().ok()?.to_canonical())
}

/// An address as a number: those of IPv4 as IPv6 maps them.
fn number(address: IpAddr) -> u128 {
    u128::from(match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    })
}

/// A network such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`; an address alone is a network of one.
    pub fn parse(text: &str) -> Option<Network> {
        let (text, bits) = match text.trim().split_once('/') {
            Some((text, bits)) => (text, Some(bits.parse::<u8>().ok()?)),
            None => (text.trim(), None),
        };
        let address: IpAddr = text.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Network { address, bits })
    }

    /// Bits that an address of the network is free in, of all 128.
    fn free(self) -> u128 {
        let fixed = u32::from(self.bits) + if self.address.is_ipv4() { 96 } else { 0 };
        u128::MAX.checked_shr(fixed).unwrap_or(0)
    }

    fn first(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(number(self.address) & !self.free())).to_canonical()
    }

    fn last(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(number(self.address) | self.free())).to_canonical()
    }

    /// Whether an address, or a network by its first and last address, is in it; nothing of what is neither.
    pub fn holds(self, text: &str) -> Option<bool> {
        match text.contains('/') {
            true => Network::parse(text).map(|inner| self.contains(inner.first()) && self.contains(inner.last())),
            false => address(text).map(|address| self.contains(address)),
        }
    }

    /// Whether an address is in it; one of the other version never is.
    pub fn contains(self, address: IpAddr) -> bool {
        let is_v4 = self.address.to_canonical().is_ipv4();
        is_v4 == address.to_canonical().is_ipv4() && (number(self.address) ^ number(address)) & !self.free() == 0
    }
}

/// The network of the row before, which mostly is that of the next.
fn cidr_contains(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (networks, addresses) = (texts(arrays, 0)?, texts(arrays, 1)?);
    let mut last: Option<(&str, Network)> = None;
    let mut rows = Vec::with_capacity(networks.len());
    for row in 0..networks.len() {
        let Some(text) = text_at(networks, row) else {
            rows.push(None);
            continue;
        };
        let network = match last {
            Some((known, network)) if known == text => network,
            _ => match Network::parse(text) {
                Some(network) => network,
                None => return exec_err!("{text:?} is no network\nhint: write it as 10.0.0.0/8 or 2001:db8::/32"),
            },
        };
        last = Some((text, network));
        rows.push(text_at(addresses, row).and_then(|text| network.holds(text)));
    }
    Ok(Arc::new(rows.into_iter().collect::<BooleanArray>()))
}

fn is_private(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let rows = texts(arrays, 0)?.iter().map(|text| Some(kind(address(text?)?) == "private"));
    Ok(Arc::new(rows.collect::<BooleanArray>()))
}

/// `ip_prefix('10.1.2.3', 16)`: `10.1.0.0/16`.
fn ip_prefix(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let (addresses, bits) = (texts(arrays, 0)?, integers(arrays, 1)?);
    let mut rows = Vec::with_capacity(addresses.len());
    for row in 0..addresses.len() {
        let (Some(address), Some(bits)) = (text_at(addresses, row).and_then(address), integer_at(bits, row)) else {
            rows.push(None);
            continue;
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let Some(bits) = u8::try_from(bits).ok().filter(|bits| *bits <= most) else {
            return exec_err!("ip_prefix: {address} has no prefix of {bits} bits");
        };
        rows.push(Some(format!("{}/{bits}", Network { address, bits }.first())));
    }
    Ok(Arc::new(rows.into_iter().collect::<StringViewArray>()))
}

/// Ranges that are kept for a purpose, the narrower ones first; everything else is public.
/// Source: IANA's special-purpose address registries for IPv4 and IPv6, RFC 6890, RFC 5737, RFC 3849, RFC 9637.
const KINDS: &[(&str, &str)] = &[
    ("10.0.0.0/8", "private"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("fc00::/7", "private"),
    ("100.64.0.0/10", "shared"),
    ("127.0.0.0/8", "loopback"),
    ("::1/128", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("fe80::/10", "link-local"),
    ("192.0.2.0/24", "documentation"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("198.18.0.0/15", "benchmarking"),
    ("224.0.0.0/4", "multicast"),
    ("ff00::/8", "multicast"),
    ("0.0.0.0/8", "unspecified"),
    ("::/128", "unspecified"),
    ("240.0.0.0/4", "reserved"),
    ("192.0.0.0/24", "reserved"),
];

/// What kind of address it is: `private`, `shared`, `loopback`, `link-local`, `documentation`, `benchmarking`, `multicast`,
/// `unspecified`, `reserved` or `public`.
fn kind(address: IpAddr) -> &'static str {
    static NETWORKS: std::sync::LazyLock<Vec<(Network, &str)>> = std::sync::LazyLock::new(|| {
        KINDS.iter().filter_map(|(text, kind)| Some((Network::parse(text)?, *kind))).collect()
    });
    let found = NETWORKS.iter().find(|(network, _)| network.contains(address));
    found.map_or("public", |(_, kind)| kind)
}

/// Whether `contains(text, text)` is about a network and an address, as it is in Trino.
pub(super) fn in_network(network: &str, text: &str) -> Option<bool> {
    let network = Network::parse(network).filter(|_| network.contains('/'))?;
    Some(network.contains(address(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_contain_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.0", "9.255.255.255"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.contains(at(inside)), "{network:?} {inside}");
            assert!(!network.contains(at(outside)), "{network:?} {outside}");
        }
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "a/8", "", "10.0.0.0/8/8"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_range_is_a_network_and_its_ends_are_of_its_kind() {
        for (text, expected) in KINDS {
            let network = Network::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(kind(network.first()), *expected, "{text}");
            assert_eq!(kind(network.last()), *expected, "{text}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.0", "2600::1", "192.167.255.255"] {
            assert_eq!(kind(at(public)), "public", "{public}");
        }
        assert_eq!(address("ec2.amazonaws.com"), None);
        assert_eq!(address("010.0.0.1"), None, "octal or decimal, nobody knows");
    }

    /// Compared with a bit at a time.
    #[test]
    fn the_order_of_numbers_is_that_of_addresses() {
        let mut addresses = ["9.0.0.1", "10.0.0.1", "100.0.0.1", "::1", "2001:db8::"].map(at);
        addresses.sort_by_key(|address| format!("{:032x}", number(*address)));
        assert_eq!(addresses.map(|a| a.to_string()), ["::1", "9.0.0.1", "10.0.0.1", "100.0.0.1", "2001:db8::"]);
        assert_eq!(Network::parse("10.1.2.3/12").unwrap().first(), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)));
        assert_eq!(Network::parse("10.1.2.3/12").unwrap().last(), IpAddr::V4(Ipv4Addr::new(10, 15, 255, 255)));
    }
}
