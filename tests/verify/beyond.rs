//! Keys of our own in [Socket]: what they take, and what is said where they can do nothing.

use crate::support::{Loaded, library, name, socket_of, socket_with};
use porterd::unit::LoadState;
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles};
use porterd::unit::show;

fn property(lines: &str, name: &str) -> Vec<String> {
    let unit = socket_of(lines).unit;
    show::properties(&unit).into_iter().filter(|(n, _)| *n == name).map(|(_, value)| value).collect()
}

/// The same with a service, so that rules over the whole unit are looked at too.
fn with_service(lines: &str) -> Loaded {
    let mut files = MemoryFiles::new();
    files
        .write("/etc/units/x.socket", format!("[Socket]\n{lines}\n"))
        .write("/etc/units/x.service", "[Service]\nExecStart=/bin/x\n");
    let mut library = library();
    let unit = library.closure(&files, &[name("x.socket")]).remove(0);
    Loaded { unit, diagnostics: library.diagnostics().to_vec() }
}

#[test]
fn keys_of_others_are_silent_and_slips_are_told() {
    socket_with("X-Try=nc localhost 80\nX-Vendor-Thing=1\nX-=\nX-M=").silent();
    let x = socket_with("X-MulticastGrop=239.1.1.1");
    assert!(x.found(&["unknown-extension"]).listing().contains("X-MulticastGroup= would"), "{}", x.listing());
}

#[test]
fn multicast_groups_repeat_and_reset() {
    let lines = "ListenDatagram=5000\nX-MulticastGroup=239.9.9.9\nX-MulticastGroup=\nX-MulticastGroup=239.1.1.1%eth0\n\
                 X-MulticastGroup=239.1.1.1%%lo  192.0.2.1\nX-MulticastGroup=ff05::2%3";
    socket_of(lines).silent();
    assert_eq!(property(lines, "X-MulticastGroup"), ["239.1.1.1%eth0", "239.1.1.1%lo 192.0.2.1", "ff05::2%3"]);
    for bad in [
        "127.0.0.1",
        "239.1.1.1 192.0.2.1 192.0.2.2",
        "239.1.1.1 ::1",
        "239.1.1.1%",
        "239.1.1.1% 192.0.2.1",
        "x",
        "239.1.1.1%a/b",
    ] {
        let x = socket_of(&format!("ListenDatagram=5000\nX-MulticastGroup={bad}"));
        assert!(x.found(&["invalid-value"]).socket().options.beyond.multicast_groups.is_empty(), "{bad}");
    }
    for second in ["239.1.1.1%lo", "239.1.1.1%lo 192.0.2.1"] {
        let x = socket_of(&format!("ListenDatagram=5000\nX-MulticastGroup=239.1.1.1%lo\nX-MulticastGroup={second}"));
        assert_eq!(x.found(&["invalid-value"]).socket().options.beyond.multicast_groups.len(), 1, "{second}");
    }
}

#[test]
fn multicast_options_have_bounds() {
    for (key, good, bad) in [
        ("X-MulticastTTL", &["0", "255", "0x10"][..], &["-1", "256", "1s", "99999999999999999999"][..]),
        ("X-MulticastLoop", &["yes", "off"], &["2", "maybe"]),
        ("X-MulticastInterface", &["eth0", "7"], &["0", "a b", "a/b", "way-too-long-name"]),
    ] {
        for value in good {
            assert_eq!(property(&format!("ListenDatagram=5\n{key}={value}"), key).len(), 1, "{key}={value}");
            let reset = format!("ListenDatagram=5\n{key}={value}\n{key}=");
            assert_eq!(property(&reset, key), [""; 0], "{key}={value}");
        }
        for value in bad {
            socket_of(&format!("ListenDatagram=5\n{key}={value}")).found(&["invalid-value"]);
        }
    }
}

#[test]
fn multicast_without_a_socket_for_it_is_told() {
    for listen in ["ListenStream=80", "ListenDatagram=/run/x", "ListenFIFO=/run/f", "ListenNetlink=route"] {
        for key in ["X-MulticastGroup=239.1.1.1", "X-MulticastTTL=3", "X-MulticastLoop=no", "X-MulticastInterface=lo"] {
            with_service(&format!("{listen}\n{key}")).found(&["no-effect-here"]);
        }
    }
    for (listen, group) in [
        ("ListenDatagram=0.0.0.0:5", "ff05::2"),
        ("ListenDatagram=5\nBindIPv6Only=ipv6-only", "239.1.1.1"),
        // Bound to one address: hears only what is sent to it.
        ("ListenDatagram=192.0.2.1:5", "239.1.1.1"),
        ("ListenDatagram=[2001:db8::1]:5", "ff05::2"),
    ] {
        with_service(&format!("{listen}\nX-MulticastGroup={group}")).found(&["no-effect-here"]);
    }
    for (listen, group) in
        [("5", "ff05::2"), ("5", "239.1.1.1"), ("0.0.0.0:5", "239.1.1.1"), ("239.1.1.1:5", "239.1.1.1")]
    {
        with_service(&format!("ListenDatagram={listen}\nX-MulticastGroup={group}")).silent();
    }
}

#[test]
fn raw_options_repeat_and_reset_and_point_to_directives() {
    let lines = "ListenStream=80\nX-SockOpt=SOL_SOCKET:SO_OOBINLINE:1\nX-SockOpt=\nX-SockOpt=6:18:5000\n\
                 X-SockOpt=SOL_SOCKET:SO_LINGER:hex:0100000005000000";
    socket_of(lines).silent();
    assert_eq!(
        property(lines, "X-SockOpt"),
        ["IPPROTO_TCP:TCP_USER_TIMEOUT:5000", "SOL_SOCKET:SO_LINGER:hex:0100000005000000"]
    );
    let x = socket_with("X-SockOpt=IPPROTO_TCP:TCP_NODELAY:1");
    assert!(x.found(&["option-has-key"]).listing().contains("NoDelay="), "{}", x.listing());
    assert_eq!(x.socket().options.beyond.raw_options.len(), 1, "the option counts all the same");
    for bad in ["1", "1:2", "a:b:c", "1:2:", "1:2:99999999999"] {
        let x = socket_with(&format!("X-SockOpt={bad}"));
        assert!(x.found(&["invalid-value"]).socket().options.beyond.raw_options.is_empty(), "{bad}");
    }
}

#[test]
fn raw_options_of_no_socket_are_told() {
    for (listen, option) in [
        ("ListenStream=/run/x", "IPPROTO_TCP:TCP_FASTOPEN:5"),
        ("ListenStream=127.0.0.1:80", "IPPROTO_IPV6:IPV6_TCLASS:5"),
        ("ListenDatagram=80", "IPPROTO_TCP:TCP_FASTOPEN:5"),
        ("ListenStream=80", "IPPROTO_UDP:UDP_GRO:1"),
        ("ListenStream=80", "IPPROTO_SCTP:SCTP_INITMSG:1"),
        ("ListenStream=80", "SOL_NETLINK:NETLINK_NO_ENOBUFS:1"),
        ("ListenFIFO=/run/f", "SOL_SOCKET:SO_OOBINLINE:1"),
    ] {
        with_service(&format!("{listen}\nX-SockOpt={option}")).found(&["no-effect-here"]);
    }
    for (listen, option) in [
        ("ListenStream=/run/x\nListenStream=80", "IPPROTO_TCP:TCP_FASTOPEN:5"),
        ("ListenStream=80\nSocketProtocol=sctp", "IPPROTO_SCTP:SCTP_INITMSG:1"),
        ("ListenNetlink=route", "SOL_NETLINK:NETLINK_NO_ENOBUFS:1"),
        ("ListenStream=vsock::80", "AF_VSOCK:0:hex:0000010000000000"),
        ("ListenStream=/run/x", "254:7:1"),
    ] {
        with_service(&format!("{listen}\nX-SockOpt={option}")).silent();
    }
}

/// What a strict porterd (as systemd 252) makes of a line, and one that is not.
fn both(lines: &str) -> (Loaded, Loaded) {
    let read = |strict| {
        let mut files = MemoryFiles::new();
        files
            .write("/u/x.socket", format!("[Socket]\n{lines}\n"))
            .write("/etc/services", "http 80/tcp www\ndomain 53/udp\n");
        let mut library = Library::new(vec!["/u".into()], Machine { strict, ..Machine::default() });
        let unit = library.load(&files, &name("x.socket"));
        Loaded { unit, diagnostics: library.diagnostics().to_vec() }
    };
    (read(true), read(false))
}

#[test]
fn port_0_and_names_of_ports_are_for_porterd_alone() {
    for (line, port) in [
        ("ListenStream=0", "[::]:0"),
        ("ListenStream=127.0.0.1:0", "127.0.0.1:0"),
        ("ListenStream=http", "[::]:80"),
        ("ListenStream=127.0.0.1:www", "127.0.0.1:80"),
        ("ListenDatagram=[::1]:domain", "[::1]:53"),
    ] {
        let (strict, own) = both(line);
        strict.is(LoadState::BadSetting).found(&["bad-address", "no-listen"]);
        assert_eq!(own.found(&["not-in-systemd"]).ports(), [port], "{line}");
    }
    for line in ["ListenStream=domain", "ListenStream=nosuch", "ListenSequentialPacket=http", "ListenStream=a.b"] {
        both(line).1.found(&["bad-address", "no-listen"]);
    }
    let (_, told) = both("ListenStream=domain");
    assert!(
        told.listing().contains("no service 'domain' for tcp (only for udp) in /etc/services"),
        "{}",
        told.listing()
    );
}

#[test]
fn the_published_file_has_an_absolute_path() {
    let lines = "ListenStream=80\nX-PublishAddress=/run/%N//address";
    socket_of(lines).silent();
    assert_eq!(property(lines, "X-PublishAddress"), ["/run/x/address"]);
    let reset = format!("{lines}\nX-PublishAddress=");
    assert_eq!(property(&reset, "X-PublishAddress"), [""; 0]);
    for bad in ["run/x", "/run/../x", "x"] {
        socket_with(&format!("X-PublishAddress={bad}")).found(&["invalid-value"]);
    }
}

#[test]
fn waiting_and_healing_are_words() {
    for (key, good, bad) in [
        ("X-BindRetry", "address-up", &["yes", "address", "Address-up", "address-up now"][..]),
        ("X-HealNode", "yes", &["", "maybe", "2"]),
    ] {
        let lines = format!("ListenStream=192.0.2.1:80\nListenStream=/run/x\n{key}={good}");
        with_service(&lines).silent();
        assert_eq!(property(&lines, key), [good]);
        assert_eq!(property(&format!("{lines}\n{key}=no"), key), [""; 0]);
        for value in bad {
            socket_with(&format!("{key}={value}")).found(&["invalid-value"]);
        }
    }
    for (listen, key) in [
        ("ListenStream=80", "X-HealNode=yes"),
        ("ListenStream=@a", "X-HealNode=yes"),
        ("ListenStream=80", "X-BindRetry=address-up"),
        ("ListenStream=/run/x", "X-BindRetry=address-up"),
        ("ListenStream=[::1]:80", "X-BindRetry=address-up"),
        ("ListenFIFO=/run/f", "X-PublishAddress=/run/address"),
    ] {
        with_service(&format!("{listen}\n{key}")).found(&["no-effect-here"]);
    }
    for (listen, key) in [
        ("ListenFIFO=/run/f", "X-HealNode=yes"),
        ("ListenStream=127.0.0.1:80\nListenStream=192.0.2.1:80", "X-BindRetry=address-up"),
        ("ListenDatagram=80\nX-MulticastGroup=239.1.1.1%eth0", "X-BindRetry=address-up"),
    ] {
        with_service(&format!("{listen}\n{key}")).silent();
    }
}

#[test]
fn a_scope_that_is_not_there_is_waited_for_or_left_out() {
    let lines = "ListenStream=80\nListenStream=[fe80::1]:81%%late0\nListenStream=82\nListenStream=[fe80::1]:83%%lo";
    let x = socket_of(lines);
    assert_eq!(x.found(&["no-such-interface"]).ports(), ["[::]:80", "[::]:82", "[fe80::1]:83%1"]);
    assert!(x.listing().contains("'late0'") && x.socket().options.beyond.scopes.is_empty(), "{}", x.listing());
    let x = socket_of(&format!("{lines}\nX-BindRetry=address-up"));
    assert_eq!(x.silent().ports(), ["[::]:80", "[fe80::1]:81", "[::]:82", "[fe80::1]:83%1"]);
    assert_eq!(x.socket().options.beyond.scopes, [(1, "late0".into()), (3, "lo".into())]);
    let (strict, own) = both(&format!("{lines}\nX-BindRetry=address-up"));
    assert_eq!(strict.found(&["no-such-interface"]).ports().len(), 3);
    own.silent();
    socket_of("ListenStream=[fe80::1]:81%%late0").is(LoadState::BadSetting).found(&["no-such-interface", "no-listen"]);
    // A line before it that is left out for another reason.
    let x = socket_of("ListenSequentialPacket=127.0.0.1:80\nListenStream=[fe80::1]:81%%late0\nX-BindRetry=address-up");
    assert_eq!(x.found(&["bad-address"]).socket().options.beyond.scopes, [(0, "late0".into())]);
    // An empty value forgets them too.
    let x = socket_of("ListenStream=[fe80::1]:81%%late0\nListenStream=\nListenStream=80");
    assert_eq!(x.silent().ports(), ["[::]:80"]);
}
