//! socket-unit.md 7.3 (addresses) and implicit dependencies. Numbers are those of the list.

use crate::support::{load_from, name, socket_of, socket_with};
use porterd::unit::LoadState::{BadSetting, Error};
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles};
use porterd::unit::{Dependency, LoadState};

fn port(value: &str) -> Vec<String> {
    socket_of(&format!("ListenStream={value}")).ports()
}

#[track_caller]
fn refused(line: &str) {
    let x = socket_of(line);
    assert_eq!(x.state(), BadSetting, "{line}");
    assert_eq!(x.codes().last(), Some(&"no-listen"), "{line}");
    assert!(x.codes().len() > 1, "{line}: nothing said about the line itself");
}

// socket-unit #49
#[test]
fn n49_bare_ports() {
    assert_eq!(port("8080"), ["[::]:8080"]);
    let mut files = MemoryFiles::new();
    files.write("/u/x.socket", "[Socket]\nListenStream=8080\n");
    let mut library = Library::new(vec!["/u".into()], Machine { ipv6: false, ..Machine::default() });
    let unit = library.load(&files, &name("x.socket"));
    let properties = porterd::unit::show::properties(&unit);
    assert!(properties.contains(&("Listen", "0.0.0.0:8080 (Stream)".to_owned())));
}

// socket-unit #50
#[test]
fn n50_what_is_no_address() {
    for bad in ["65536", "127.0.0.1", "::1", "[::1]", "localhost:80", "*:80", "1.2.3:80", "8080 8081", "\"8080\""] {
        refused(&format!("ListenStream={bad}"));
    }
}

// socket-unit #51
#[test]
fn n51_numbers_of_ports() {
    assert_eq!(port("010"), ["[::]:8"]);
    assert_eq!(port("0x1f90"), ["[::]:8080"]);
    assert_eq!(port("+8080"), ["[::]:8080"]);
    refused("ListenStream=[::1]:080");
}

// socket-unit #52 #53
#[test]
fn n52_n53_lengths() {
    assert_eq!(port(&format!("/run/{}", "a".repeat(102))).len(), 1);
    refused(&format!("ListenStream=/run/{}", "a".repeat(103)));
    assert_eq!(port(&format!("@{}", "a".repeat(106))).len(), 1);
    refused(&format!("ListenStream=@{}", "a".repeat(107)));
    for bad in ["@", "/", "run/a"] {
        refused(&format!("ListenStream={bad}"));
    }
}

// socket-unit #54
#[test]
fn n54_var_run() {
    let x = socket_of("ListenStream=/var/run/a\nListenFIFO=/var/run/f");
    assert_eq!(x.found(&["moved-path", "moved-path"]).ports(), ["/run/a", "/run/f"]);
}

// socket-unit #55
#[test]
fn n55_dots_in_paths() {
    socket_of("ListenStream=/run//a/../b").is(Error).found(&["path-not-normalized"]);
    assert_eq!(socket_of("ListenStream=/run//b").silent().ports(), ["/run//b"]);
}

// socket-unit #56
#[test]
fn n56_vsock() {
    assert_eq!(port("vsock::1234"), ["vsock::1234"]);
    assert_eq!(port("vsock:local:22"), ["vsock:1:22"]);
    refused("ListenStream=vsock:1234");
}

// socket-unit #57
#[test]
fn n57_sequential_packets_are_local() {
    refused("ListenSequentialPacket=127.0.0.1:80");
    refused("ListenSequentialPacket=vsock::1");
    assert_eq!(socket_of("ListenSequentialPacket=@a").silent().ports(), ["@a"]);
}

// socket-unit #58
#[test]
fn n58_the_directive_decides_the_type() {
    let x = socket_of("ListenDatagram=vsock-stream::80");
    let listed = porterd::unit::show::properties(&x.unit);
    assert!(listed.contains(&("Listen", "vsock::80 (Datagram)".to_owned())), "{:?}", x.ports());
}

// socket-unit #59 #60
#[test]
fn n59_n60_fifos() {
    refused("ListenFIFO=run/f");
    refused("ListenFIFO=/run/x/../f");
    assert_eq!(socket_of("ListenFIFO=/run//f/").silent().ports(), ["/run/f"]);
    assert_eq!(socket_of("ListenFIFO=/../run/f").silent().ports(), ["/run/f"]);
    refused("ListenFIFO=/dev/f");
}

// socket-unit #61
#[test]
fn n61_message_queues() {
    refused("ListenMessageQueue=foo");
    assert_eq!(socket_of("ListenMessageQueue=/foo/bar").silent().ports(), ["/foo/bar"]);
    assert_eq!(socket_of("ListenMessageQueue=/").silent().ports(), ["/"]);
}

// socket-unit #62
#[test]
fn n62_netlink() {
    for (value, shown) in
        [("route", "route 0"), ("route 3", "route 3"), ("16", "generic 0"), ("route 0x11", "route 17")]
    {
        assert_eq!(socket_of(&format!("ListenNetlink={value}")).silent().ports(), [shown]);
    }
    refused("ListenNetlink=route x");
    refused("ListenNetlink=nosuch");
}

// socket-unit #63
#[test]
fn n63_an_ignored_line_leaves_nothing() {
    refused("ListenStream=nonsense");
}

#[test]
fn implicit_dependencies_of_a_socket() {
    let x = socket_with("BindToDevice=eth0");
    let of = |kind| -> Vec<&str> { x.unit.related(kind).map(|n| n.as_str()).collect() };
    let device = "sys-subsystem-net-devices-eth0.device";
    assert_eq!(of(Dependency::Triggers), ["x.service"]);
    assert_eq!(of(Dependency::Before), ["x.service", "sockets.target", "shutdown.target"]);
    assert_eq!(of(Dependency::Conflicts), ["shutdown.target"]);
    assert_eq!(of(Dependency::Requires), ["system.slice", "sysinit.target"]);
    assert_eq!(of(Dependency::After), [device, "system.slice", "sysinit.target"]);
    assert_eq!(of(Dependency::BindsTo), [device]);
}

#[test]
fn sockets_without_default_dependencies() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/x.socket", "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/x\nAccept=yes\n");
    let x = load_from(&files, "x.socket");
    let all: Vec<String> = x.unit.common.dependencies.iter().map(|(k, n)| format!("{k:?} {n}")).collect();
    assert_eq!(all, ["Requires system.slice", "After system.slice"]);
    assert_eq!(x.unit.common.requires_mounts_for, ["/run/x".into()]);
    assert_eq!(x.socket().service, Some(name("x@.service")));
}

#[test]
fn slices_are_places() {
    let x = socket_with("Slice=web.slice");
    assert!(x.unit.common.depends(Dependency::Requires, &name("web.slice")));
    assert!(!x.unit.common.depends(Dependency::Requires, &name("system.slice")));
    socket_with("Slice=web.service").found(&["invalid-value"]);
    let mut library = crate::support::library();
    assert_eq!(library.load(&MemoryFiles::new(), &name("web.slice")).load, LoadState::Loaded);
}
