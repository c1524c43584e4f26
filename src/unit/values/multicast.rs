//! Multicast groups and interfaces. Whether an interface exists is seen when the socket is made.

use super::{excerpt, names};
use crate::unit::socket::Membership;
use std::net::IpAddr;

/// Where the interface of `GROUP%IFACE` begins, if the value is not meant as a specifier: behind a
/// percent sign (or the two that stand for one) that follows a whole address.
pub fn split_interface(text: &str) -> Option<(&str, &str)> {
    let (group, rest) = text.split_once('%')?;
    group.parse::<IpAddr>().ok()?;
    Some((group, rest.strip_prefix('%').unwrap_or(rest)))
}

/// A group, its interface as written (with the source behind it), and the source.
/// `head` is `GROUP[%IFACE]`, `source` what stands behind a blank.
pub fn membership(group: &str, interface: Option<&str>, source: Option<&str>) -> Result<Membership, String> {
    let Ok(address) = group.parse::<IpAddr>() else {
        return Err(format!("'{}' is not an IP address", excerpt(group)));
    };
    if !address.is_multicast() {
        return Err(format!("{address} is not a multicast address (224.0.0.0/4 or ff00::/8)"));
    }
    let source = match source {
        None => None,
        Some(text) => Some(source_of(text, address)?),
    };
    Ok(Membership { group: address, interface: interface.map(name_or_index).transpose()?.map(Into::into), source })
}

fn source_of(text: &str, group: IpAddr) -> Result<IpAddr, String> {
    let Ok(source) = text.parse::<IpAddr>() else {
        return Err(format!("the source '{}' is not an IP address", excerpt(text)));
    };
    if source.is_ipv4() != group.is_ipv4() {
        return Err(format!("the source {source} is not of the same family as the group {group}"));
    }
    let broadcast = matches!(source, IpAddr::V4(v4) if v4.is_broadcast());
    if source.is_multicast() || source.is_unspecified() || broadcast {
        return Err(format!("{source} cannot be the address of a sender"));
    }
    Ok(source)
}

/// The name of an interface, or its index.
pub fn name_or_index(text: &str) -> Result<String, String> {
    match text.parse::<u32>() {
        Ok(1..=0x7fff_ffff) => Ok(text.to_owned()),
        Ok(_) => Err(format!("{text} is not the index of an interface")),
        Err(_) => names::interface(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_an_interface_and_a_source() {
        let shown = |group, interface, source| membership(group, interface, source).map(|m| m.to_string());
        assert_eq!(shown("224.0.0.0", None, None).as_deref(), Ok("224.0.0.0"));
        assert_eq!(shown("239.255.255.255", Some("lo"), None).as_deref(), Ok("239.255.255.255%lo"));
        assert_eq!(shown("232.1.1.1", Some("2"), Some("192.0.2.1")).as_deref(), Ok("232.1.1.1%2 192.0.2.1"));
        assert_eq!(shown("FF02::1", Some("lo"), Some("fe80::1")).as_deref(), Ok("ff02::1%lo fe80::1"));
        let refused = [
            ("", None, None, "not an IP address"),
            ("223.255.255.255", None, None, "not a multicast address"),
            ("240.0.0.0", None, None, "not a multicast address"),
            ("fe80::1", None, None, "not a multicast address"),
            ("239.1.1.1:5", None, None, "not an IP address"),
            ("239.1.1.256", None, None, "not an IP address"),
            ("239.1.1.1", Some(""), None, "not an interface's name"),
            ("239.1.1.1", Some("0"), None, "not the index"),
            ("239.1.1.1", Some("2147483648"), None, "not the index"),
            ("239.1.1.1", Some("sixteen-bytes-xy"), None, "not an interface's name"),
            ("239.1.1.1", None, Some("ff02::1"), "not of the same family"),
            ("239.1.1.1", None, Some("239.1.1.2"), "cannot be the address of a sender"),
            ("239.1.1.1", None, Some("0.0.0.0"), "cannot be the address of a sender"),
            ("239.1.1.1", None, Some("255.255.255.255"), "cannot be the address of a sender"),
            ("ff02::1", None, Some("::"), "cannot be the address of a sender"),
            ("239.1.1.1", None, Some("x"), "not an IP address"),
        ];
        for (group, interface, source, why) in refused {
            let error = shown(group, interface, source).unwrap_err();
            assert!(error.contains(why), "{group} {interface:?} {source:?}: {error}");
        }
    }

    #[test]
    fn a_percent_sign_behind_an_address_begins_an_interface() {
        assert_eq!(split_interface("239.1.1.1%eth0"), Some(("239.1.1.1", "eth0")));
        assert_eq!(split_interface("ff02::1%%eth0 fe80::1"), Some(("ff02::1", "eth0 fe80::1")));
        assert_eq!(split_interface("239.1.1.1%%%i"), Some(("239.1.1.1", "%i")));
        assert_eq!(split_interface("239.1.%i.1"), None);
        assert_eq!(split_interface("%i"), None);
        assert_eq!(split_interface("239.1.1.1 %i"), None);
    }
}
