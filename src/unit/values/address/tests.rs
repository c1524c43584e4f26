use super::*;

fn interface(name: &str) -> Option<u32> {
    (name == "lo").then_some(1)
}

fn stream(text: &str) -> Result<String, Refusal> {
    let context = AddressContext { ipv6: true, interface: &interface, services: None, strict: false };
    let address = listen_address(text, SocketKind::Stream, &context)?;
    Ok(display(&Listen::Socket { kind: SocketKind::Stream, address }))
}

fn code(text: &str) -> Option<&'static str> {
    stream(text).err().map(|(code, _)| code)
}

#[test]
fn socket_49_and_51_bare_ports() {
    for (text, shown) in [("8080", 8080), ("010", 8), ("0x1f90", 8080), ("+8080", 8080), ("0O17", 15)] {
        assert_eq!(stream(text), Ok(format!("[::]:{shown}")), "{text}");
    }
    let context = AddressContext { ipv6: false, interface: &interface, services: None, strict: false };
    let address = listen_address("8080", SocketKind::Stream, &context);
    assert_eq!(address, Ok(Address::V4(Ipv4Addr::UNSPECIFIED, 8080)));
    let refused = listen_address("[::1]:80", SocketKind::Stream, &context);
    assert_eq!(refused.unwrap_err().0, "ipv6-unavailable");
    assert_eq!(code("[::1]:080"), Some("bad-address"));
}

#[test]
fn socket_50_refused() {
    let bad = [
        "",
        "0",
        "65536",
        "127.0.0.1:0",
        "127.0.0.1",
        "::1",
        "[::1]",
        "localhost:80",
        "*:80",
        "1.2.3:80",
        "8080 8081",
        "\"8080\"",
        "run/a",
        "8 0",
        "80 # web",
        "[::1",
        "[::1]80",
        "[x]:80",
        "01.2.3.4:80",
        "1.2.3.4:80%lo",
        "-80",
        "vsock:1234",
        "vsock:x:1",
        "vsock::x",
        "99999999999999999999",
    ];
    for text in bad {
        assert_eq!(code(text), Some("bad-address"), "{text}");
    }
}

#[test]
fn socket_47_48_scopes() {
    let lo = stream("[fe80::1]:80%lo").unwrap();
    assert_eq!(lo, "[fe80::1]:80%1");
    assert_eq!(stream("[fe80::1]:80%1"), Ok(lo));
    assert_eq!(code("[fe80::1]:80%nosuch0"), Some("no-such-interface"));
    assert_eq!(code("[fe80::1%lo]:80"), Some("bad-address"));
    let listen = Listen::Socket { kind: SocketKind::Stream, address: Address::V6(Ipv6Addr::LOCALHOST, 1, 1) };
    assert_eq!(display_with(&listen, &|_| Some("lo".to_owned())), "[::1]:1%lo");
}

#[test]
fn socket_52_53_paths_and_abstract_names() {
    let path = |n: usize| format!("/run/{}", "a".repeat(n));
    assert_eq!(stream(&path(102)), Ok(path(102)));
    assert_eq!(code(&path(103)), Some("address-too-long"));
    assert_eq!(code("/"), Some("bad-address"));
    assert_eq!(code("@"), Some("bad-address"));
    let name = |n: usize| format!("@{}", "a".repeat(n));
    assert_eq!(stream(&name(106)), Ok(name(106)));
    assert_eq!(code(&name(107)), Some("address-too-long"));
    assert_eq!(stream("/run//b/../c d").as_deref(), Ok("/run//b/../c d"));
    assert_eq!(stream("/run/ä\t\"x").as_deref(), Ok("/run/\\303\\244\\t\\\"x"));
}

#[test]
fn socket_56_58_vsock() {
    for (text, shown) in [
        ("vsock::1234", "vsock::1234"),
        ("vsock:local:22", "vsock:1:22"),
        ("vsock:2:0x10", "vsock:2:16"),
        ("vsock:any:1", "vsock::1"),
        ("vsock-stream::80", "vsock::80"),
    ] {
        assert_eq!(stream(text).as_deref(), Ok(shown), "{text}");
    }
    assert_eq!(code("vsock:2:4294967295"), Some("bad-address"));
}

#[test]
fn socket_57_sequential_packets_are_local() {
    let context = AddressContext { ipv6: true, interface: &interface, services: None, strict: false };
    for text in ["127.0.0.1:80", "vsock::1", "80"] {
        assert!(listen_address(text, SocketKind::SequentialPacket, &context).is_err(), "{text}");
    }
    assert!(listen_address("@a", SocketKind::SequentialPacket, &context).is_ok());
    let vsock = listen_address("vsock-seqpacket:local:5", SocketKind::SequentialPacket, &context);
    assert_eq!(vsock, Ok(Address::Vsock(1, 5)));
}

#[test]
fn socket_60_61_other_paths() {
    assert_eq!(listen_path("/run//f/", false, false).as_deref(), Ok("/run/f"));
    assert!(listen_path("/dev/f", false, false).is_err() && listen_path("/dev/kmsg", true, false).is_ok());
    assert!(listen_path("foo", false, false).is_err());
    assert!(listen_path("/", false, false).is_ok() && listen_path("/foo/bar", false, false).is_ok());
}

#[test]
fn socket_62_netlink() {
    let shown = |text: &str| netlink(text).map(|(family, groups)| display(&Listen::Netlink { family, groups }));
    for (text, want) in [
        ("route", "route 0"),
        ("route 3", "route 3"),
        ("16", "generic 0"),
        ("route 0x11", "route 17"),
        ("kobject-uevent \t 1", "kobject-uevent 1"),
        ("99", "99 0"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(want), "{text}");
    }
    for bad in ["route x", "nosuch", "", "-1", "route 1 2"] {
        assert!(netlink(bad).is_err(), "{bad}");
    }
}

#[test]
fn v4_mapped_stays_ipv6() {
    assert_eq!(stream("[::ffff:1.2.3.4]:80").as_deref(), Ok("[::ffff:1.2.3.4]:80"));
}

fn http(name: &str, protocol: &str) -> Result<u16, String> {
    match (name, protocol) {
        ("http", "tcp") | ("3com-tsmux", "tcp") => Ok(80),
        ("domain", "udp") => Ok(53),
        _ => Err(format!("there is no service '{name}' for {protocol}")),
    }
}

#[test]
fn beyond_systemd_ports_have_names_and_may_be_zero() {
    let context = AddressContext { ipv6: true, interface: &interface, services: Some(&http), strict: false };
    let shown = |text: &str, kind| {
        listen_address(text, kind, &context).map(|address| display(&Listen::Socket { kind, address }))
    };
    for (text, want) in [
        ("http", "[::]:80"),
        ("127.0.0.1:http", "127.0.0.1:80"),
        ("[::1]:http", "[::1]:80"),
        ("[fe80::1]:http%lo", "[fe80::1]:80%1"),
        ("3com-tsmux", "[::]:80"),
        ("0", "[::]:0"),
        ("0x0", "[::]:0"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
        // What has a meaning without it keeps that meaning.
        ("0x50", "[::]:80"),
        ("/http", "/http"),
        ("@http", "@http"),
        ("vsock::80", "vsock::80"),
    ] {
        assert_eq!(shown(text, SocketKind::Stream).as_deref(), Ok(want), "{text}");
    }
    assert_eq!(shown("domain", SocketKind::Datagram).as_deref(), Ok("[::]:53"));
    for text in [
        "domain",
        "nosuch",
        "host:http",
        "http:80",
        "127.0.0.1:ht tp",
        "*:http",
        "65536",
        "-0",
        "http/tcp",
        "vsock::http",
        "",
    ] {
        assert_eq!(shown(text, SocketKind::Stream).unwrap_err().0, "bad-address", "{text}");
    }
    assert!(shown("http", SocketKind::SequentialPacket).is_err());
}
