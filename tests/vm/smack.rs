//! SMACK: labels that porterd sets, read back, and what they forbid.

use crate::serve::attribute;
use crate::world::{Told, World, exists, same, wait};
use crate::{Outcome, Skip, Test};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsFd;

pub(crate) const TESTS: &[Test] = &[
    ("smack: a fifo's label is set and forbids", fifo),
    ("smack: labels of a unix socket and of its connections are set and forbid", unix_connections),
    ("smack: labels of TCP sockets and of their connections are set and forbid", tcp_connections),
    ("smack: labels of datagram sockets and queues forbid", datagrams_and_queues),
    ("smack: every kind of port has its labels", every_kind),
    ("smack: a label that the kernel refuses is told, and the socket listens", refused_label),
];

fn smack() -> Outcome {
    match exists("/sys/fs/smackfs/load2") {
        true => Ok(()),
        false => Err(Skip("this kernel runs no SMACK".into())),
    }
}

/// Lets a subject do things to an object.
fn rule(subject: &str, object: &str, access: &str) {
    std::fs::write("/sys/fs/smackfs/load2", format!("{subject} {object} {access}")).unwrap();
}

/// The label of a node in the file system.
fn label(path: &str) -> String {
    let node = open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).unwrap();
    attribute(node.as_fd(), "security.SMACK64")
}

fn refused(errno: &str) -> Told {
    Told::Refused(errno.into())
}

fn fifo(w: &mut World) -> Outcome {
    smack()?;
    let path = w.path("fifo");
    w.unit("f.socket", &format!("[Socket]\nListenFIFO={path}\nSmackLabel=FifoLabel\n"));
    w.unit("f.service", &format!("[Service]\nExecStart=/init serve messages {}\n", w.path("said")));
    w.start();
    same("label of the node", label(&path), "FifoLabel");
    same("a stranger opens it", w.client("FifoStranger", &format!("open:{path}"), &["x"]), refused("EACCES"));
    same("state after that", w.property("f.socket", "SubState"), "listening");
    rule("FifoFriend", "FifoLabel", "rw");
    same("a friend opens it", w.client("FifoFriend", &format!("open:{path}"), &["hello"]), Told::Text(String::new()));
    same("what the service read", w.written("said"), "hello\n");
    Ok(())
}

fn unix_connections(w: &mut World) -> Outcome {
    smack()?;
    let path = w.path("sock");
    w.unit(
        "u.socket",
        &format!("[Socket]\nListenStream={path}\nAccept=yes\nSmackLabelIPIn=UnixIn\nSmackLabelIPOut=UnixOut\n"),
    );
    w.unit("u@.service", "[Service]\nExecStart=/init serve answer\nStandardError=inherit\n");
    w.start();
    let address = format!("stream:{path}");
    same("a stranger connects", w.client("UnixStranger", &address, &[]), refused("EACCES"));
    rule("UnixHalf", "UnixIn", "w");
    same("with a rule for one way only", w.client("UnixHalf", &address, &[]), refused("EACCES"));
    same("connections so far", w.property("u.socket", "NAccepted"), "0");
    rule("UnixFriend", "UnixIn", "w");
    rule("UnixOut", "UnixFriend", "w");
    served(w, "UnixFriend", &address, "peer=UnixFriend ", "SMACK64IPIN=UnixIn SMACK64IPOUT=UnixOut");
    Ok(())
}

/// A client is let in, and the service sees who it is and has the labels on its connection.
fn served(w: &World, who: &str, address: &str, peer: &str, labels: &str) {
    let Told::Text(text) = w.client(who, address, &[]) else { panic!("{who} at {address} is refused") };
    assert!(text.contains(peer) && text.contains(labels), "{who} at {address} was told: {text}");
}

fn tcp_connections(w: &mut World) -> Outcome {
    smack()?;
    w.unit("t.socket", "[Socket]\nListenStream=127.0.0.1:7101\nListenStream=[::1]:7101\nAccept=yes\nSmackLabelIPIn=NetIn\nSmackLabelIPOut=NetOut\n");
    w.unit("t@.service", "[Service]\nExecStart=/init serve answer\nStandardError=inherit\n");
    w.start();
    for (address, peer) in [("stream:127.0.0.1:7101", "peer=NetFriend "), ("stream:[::1]:7101", "peer=")] {
        let stranger = w.client("NetStranger", address, &[]);
        assert!(matches!(stranger, Told::Refused(_)), "a stranger at {address}: {stranger:?}");
        rule("NetFriend", "NetIn", "w");
        rule("NetOut", "NetFriend", "w");
        // The kernel tells the peer's label over IPv4 only.
        served(w, "NetFriend", address, peer, "SMACK64IPIN=NetIn SMACK64IPOUT=NetOut");
    }
    same("connections that were accepted", w.property("t.socket", "NAccepted"), "2");
    same("state", w.property("t.socket", "SubState"), "listening");
    Ok(())
}

fn datagrams_and_queues(w: &mut World) -> Outcome {
    smack()?;
    let path = w.path("sock");
    w.unit("d.socket", &format!("[Socket]\nListenDatagram={path}\nSmackLabelIPIn=DatagramIn\n"));
    w.unit("d.service", &format!("[Service]\nExecStart=/init serve messages {}\n", w.path("said")));
    w.unit("q.socket", "[Socket]\nListenMessageQueue=/labelled\nRemoveOnStop=yes\nSmackLabel=QueueLabel\n");
    w.unit("q.service", "[Service]\nExecStart=/init serve report /dev/null\n");
    w.start();
    let (socket, queue) = (format!("dgram:{path}"), "open:/dev/mqueue/labelled");
    same("a stranger sends", w.client("DatagramStranger", &socket, &["x"]), refused("EACCES"));
    same("a stranger opens the queue", w.client("DatagramStranger", queue, &[]), refused("EACCES"));
    same("state after that", w.property("d.socket", "SubState"), "listening");
    rule("DatagramFriend", "QueueLabel", "rw");
    same("a friend opens the queue", w.client("DatagramFriend", queue, &[]), Told::Text(String::new()));
    rule("DatagramFriend", "DatagramIn", "w");
    same("a friend sends", w.client("DatagramFriend", &socket, &["hello"]), Told::Text(String::new()));
    assert!(w.written("said").starts_with("hello\n"), "what the service read");
    Ok(())
}

fn every_kind(w: &mut World) -> Outcome {
    smack()?;
    let [stream, dgram, packet, fifo] = ["s", "d", "p", "f"].map(|name| w.path(name));
    w.unit(
        "k.socket",
        &format!(
            "[Socket]\nListenStream={stream}\nListenDatagram={dgram}\nListenSequentialPacket={packet}\nListenStream=@kind\n\
             ListenStream=7102\nListenDatagram=127.0.0.1:7102\nListenNetlink=kobject-uevent 1\nListenStream=vsock::7102\n\
             ListenFIFO={fifo}\nListenMessageQueue=/kind\nListenSpecial=/dev/kmsg\n\
             SmackLabel=Kind\nSmackLabelIPIn=KindIn\nSmackLabelIPOut=KindOut\n"
        ),
    );
    w.unit("k.service", &format!("[Service]\nExecStart=/init serve report {}\n", w.path("report")));
    w.start_with(&["k.socket"]);
    w.ok(&["start", "k.service"]);
    let report = w.written("report");
    println!("{report}");
    let lines: Vec<&str> = report.lines().collect();
    same("descriptors", lines.len(), 11);
    for line in &lines[..8] {
        assert!(line.contains("SMACK64IPIN=KindIn SMACK64IPOUT=KindOut"), "labels of a socket: {line}");
    }
    for line in &lines[8..10] {
        assert!(line.contains("SMACK64=Kind "), "label of a FIFO or queue: {line}");
    }
    assert!(!lines[10].contains("Kind"), "a device is not porterd's to label: {}", lines[10]);
    Ok(())
}

fn refused_label(w: &mut World) -> Outcome {
    smack()?;
    w.unit("r.socket", &format!("[Socket]\nListenFIFO={}\nSmackLabel=-bad\n", w.path("fifo")));
    w.unit("r.service", "[Service]\nExecStart=/init serve report /dev/null\n");
    w.start();
    same("state", w.property("r.socket", "SubState"), "listening");
    wait("the label is told", || w.log().contains("SmackLabel= has no effect").then_some(()));
    Ok(())
}
