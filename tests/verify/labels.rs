//! Labels and attributes of sockets, and sequential packets that are not AF_UNIX: what they take at their bounds.

use crate::support::{socket_of, socket_with};
use porterd::unit::LoadState::BadSetting;
use porterd::unit::show;

fn property(lines: &str, name: &str) -> String {
    let unit = socket_of(lines).unit;
    show::properties(&unit).into_iter().find(|(n, _)| *n == name).expect("it is shown").1
}

#[test]
fn labels_are_any_text_and_odd_ones_are_told() {
    for directive in ["SmackLabel", "SmackLabelIPIn", "SmackLabelIPOut"] {
        let shown = |value: &str| property(&format!("ListenStream=80\n{directive}={value}"), directive);
        socket_with(&format!("{directive}=System::Web\n{directive}=*\n{directive}=_\n{directive}=")).silent();
        assert_eq!(shown("%p-label"), "x-label");
        assert_eq!(property(&format!("ListenStream=80\n{directive}=a\n{directive}="), directive), "");
        let long = "a".repeat(256);
        for odd in ["-bad", "two words", "a/b", "a\"b", "ä", &long] {
            // systemd keeps it and lets the kernel refuse it.
            socket_with(&format!("{directive}={odd}")).found(&["bad-label"]);
            assert_eq!(shown(odd), odd);
        }
        socket_with(&format!("{directive}={}", "a".repeat(255))).silent();
        socket_with(&format!("{directive}=%é%Q")).found(&["bad-specifier"]);
    }
}

#[test]
fn attributes_are_lists_of_the_users_own() {
    for directive in ["XAttrEntryPoint", "XAttrListen", "XAttrAccept"] {
        let shown = |lines: &str| property(&format!("ListenStream=/run/a\n{lines}"), directive);
        assert_eq!(shown(&format!("{directive}=user.a=1\n{directive}=user.b=x=%p")), "user.a=1 user.b=x=x");
        assert_eq!(shown(&format!("{directive}=user.a=1\n{directive}=\n{directive}=user.c=")), "user.c=");
        let long = format!("user.{}=1", "a".repeat(251));
        for bad in ["user.a", "a=1", "security.a=1", "user.=1", "=1", "User.a=1", &long] {
            socket_with(&format!("{directive}={bad}")).found(&["invalid-value"]);
            assert_eq!(shown(&format!("{directive}={bad}")), "", "{bad}");
        }
        socket_with(&format!("{directive}=user.{}=1", "a".repeat(250))).silent();
        socket_with(&format!("{directive}=user.a=%")).silent();
        socket_with(&format!("{directive}=user.a=%Q")).found(&["bad-specifier"]);
    }
}

#[test]
fn sctp_has_sequential_packets_over_ip() {
    for lines in [
        "ListenSequentialPacket=127.0.0.1:80\nSocketProtocol=sctp",
        "SocketProtocol=sctp\nListenSequentialPacket=127.0.0.1:80",
    ] {
        assert_eq!(socket_of(lines).silent().ports(), ["127.0.0.1:80"]);
    }
    // The last protocol counts, and a line that is reset is no port.
    let other = "SocketProtocol=sctp\nListenSequentialPacket=[::1]:80\nSocketProtocol=udplite\nListenStream=/run/a";
    assert_eq!(socket_of(other).found(&["bad-address"]).ports(), ["/run/a"]);
    let reset = "ListenSequentialPacket=80\nListenStream=\nListenStream=81";
    assert_eq!(socket_of(reset).silent().ports(), ["[::]:81"]);
    // Associations are not accepted.
    let accept = "Accept=yes\nSocketProtocol=sctp\nListenSequentialPacket=127.0.0.1:80";
    socket_of(accept).is(BadSetting).found(&["accept-needs-stream"]);
    socket_of("ListenSequentialPacket=127.0.0.1:80\nSocketProtocol=mptcp").is(BadSetting);
}

#[test]
fn vsock_has_sequential_packets_by_their_own_prefix() {
    let ports = |lines: &str| socket_of(lines).silent().ports();
    assert_eq!(ports("ListenSequentialPacket=vsock-seqpacket:any:5"), ["vsock::5"]);
    assert_eq!(ports("Accept=yes\nListenSequentialPacket=vsock-seqpacket:2:0x10"), ["vsock:2:16"]);
    for refused in ["vsock:2:5", "vsock-stream:2:5", "vsock-seqpacket:2", "vsock-seqpacket:2:4294967295"] {
        socket_of(&format!("ListenSequentialPacket={refused}")).is(BadSetting);
    }
}
