//! Protocols that a usual kernel does not have: SCTP, UDP-Lite, MPTCP, vsock; message queues,
//! uevents, attributes of sockets, and what only a fully privileged porterd can do.

use crate::world::{Told, World, exists, same, wait};
use crate::{Outcome, Skip, Test};
use porterd::linux::raw;
use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

pub(crate) const TESTS: &[Test] = &[
    ("sctp: one-to-one, an instance per connection", sctp_connections),
    ("sctp: one-to-many, one service for all associations", sctp_associations),
    ("udplite: datagrams", udplite),
    ("mptcp: connections", mptcp),
    ("vsock: streams, and who is there", vsock_streams),
    ("vsock: sequential packets", vsock_packets),
    ("message queue: shape, owner, and its first message starts the service", message_queue),
    ("netlink: a uevent of the kernel starts the service", uevent),
    ("xattr: attributes of node, listener and connection", attributes),
    ("control groups: a stop reaches who has left everything else", control_groups),
    ("privileges: limits above the hard ones, and less OOM score", privileges),
];

/// Skips the test if this kernel has no such socket.
fn needs_socket(domain: i32, kind: i32, protocol: i32) -> Outcome {
    match raw::socket(domain, kind, protocol) {
        Ok(_) => Ok(()),
        Err(errno) => Err(Skip(format!("socket({domain}, {kind}, {protocol}): {errno:?}"))),
    }
}

fn text(text: &str) -> Told {
    Told::Text(text.into())
}

fn echo(w: &World, name: &str, socket: &str) {
    w.unit(&format!("{name}.socket"), &format!("[Socket]\nAccept=yes\n{socket}"));
    w.unit(
        &format!("{name}@.service"),
        "[Service]\nExecStart=/init serve echo\nStandardInput=socket\nStandardError=inherit\n",
    );
}

/// A unit whose only service writes down what came.
fn listener(w: &World, name: &str, socket: &str) {
    w.unit(&format!("{name}.socket"), &format!("[Socket]\n{socket}"));
    let said = w.path("said");
    w.unit(
        &format!("{name}.service"),
        &format!("[Service]\nExecStart=/init serve messages {said}\nStandardError=inherit\n"),
    );
}

fn sctp_connections(w: &mut World) -> Outcome {
    needs_socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP)?;
    echo(w, "s", "ListenStream=127.0.0.1:7201\nListenStream=[::1]:7201\nSocketProtocol=sctp\nNoDelay=yes\n");
    w.start();
    for address in ["127.0.0.1:7201", "[::1]:7201"] {
        same(address, w.client("", &format!("sctp:{address}"), &["hello"]), text("HELLO"));
    }
    same("connections", w.property("s.socket", "NAccepted"), "2");
    assert!(!w.log().contains("has no effect"), "every option is taken");
    Ok(())
}

fn sctp_associations(w: &mut World) -> Outcome {
    needs_socket(libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP)?;
    listener(w, "m", "ListenSequentialPacket=127.0.0.1:7202\nSocketProtocol=sctp\n");
    w.start();
    same("the port", w.property("m.socket", "Listen"), "127.0.0.1:7202 (SequentialPacket)");
    same("an answer", w.client("", "sctp-many?:127.0.0.1:7202", &["many"]), text("MANY"));
    same("what the service read", w.written("said"), "many\n");
    Ok(())
}

fn udplite(w: &mut World) -> Outcome {
    needs_socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE)?;
    listener(w, "l", "ListenDatagram=127.0.0.1:7203\nSocketProtocol=udplite\n");
    w.start();
    same("an answer", w.client("", "udplite-dgram?:127.0.0.1:7203", &["lite"]), text("LITE"));
    same("what the service read", w.written("said"), "lite\n");
    let plain = w.client("", "dgram?:127.0.0.1:7203", &["lite"]);
    same("nobody listens with UDP", plain, Told::Refused("ECONNREFUSED".into()));
    Ok(())
}

fn mptcp(w: &mut World) -> Outcome {
    needs_socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP)?;
    echo(w, "p", "ListenStream=127.0.0.1:7204\nSocketProtocol=mptcp\n");
    w.start();
    same("over MPTCP", w.client("", "mptcp:127.0.0.1:7204", &["paths"]), text("PATHS"));
    same("over TCP", w.client("", "stream:127.0.0.1:7204", &["path"]), text("PATH"));
    w.end();
    w.unit("r.socket", "[Socket]\nListenStream=127.0.0.1:7209\nSocketProtocol=mptcp\n");
    w.unit("r.service", &format!("[Service]\nExecStart=/init serve report {}\n", w.path("report")));
    w.start_with(&["r.socket"]);
    w.ok(&["start", "r.service"]);
    let report = w.written("report");
    assert!(report.contains(" 2/1/262 "), "the listener is an MPTCP one: {report}");
    Ok(())
}

fn vsock(kind: i32) -> Outcome {
    needs_socket(libc::AF_VSOCK, kind, 0)
}

fn vsock_streams(w: &mut World) -> Outcome {
    vsock(libc::SOCK_STREAM)?;
    w.unit("v.socket", "[Socket]\nListenStream=vsock::7205\nListenStream=vsock:local:7206\nListenStream=vsock-stream:1:7207\nAccept=yes\nMaxConnectionsPerSource=1\n");
    w.unit("v@.service", "[Service]\nExecStart=/init serve answer\nEnvironment=INSTANCE=%i\nStandardError=inherit\n");
    w.start();
    same("how ports are shown", w.ok(&["list-sockets", "--no-legend"]).matches("vsock:").count(), 3);
    for (number, port) in [7205, 7206, 7207].into_iter().enumerate() {
        let Told::Text(told) = w.client("", &format!("stream:vsock:1:{port}"), &[]) else {
            panic!("port {port} is refused")
        };
        assert!(told.contains("remote=vsock:1:"), "the peer's address: {told}");
        assert!(told.contains(&format!("instance={number}-1:{port}-1:")), "the instance's name: {told}");
        let gone = || w.property("v.socket", "NConnections") == "0";
        wait("the connection's place is free", || gone().then_some(()));
    }
    Ok(())
}

fn vsock_packets(w: &mut World) -> Outcome {
    vsock(libc::SOCK_SEQPACKET)?;
    echo(w, "q", "ListenSequentialPacket=vsock-seqpacket::7208\n");
    w.start();
    same("the port", w.property("q.socket", "Listen"), "vsock::7208 (SequentialPacket)");
    same("an answer", w.client("", "packet?:vsock:1:7208", &["packet"]), text("PACKET"));
    Ok(())
}

fn message_queue(w: &mut World) -> Outcome {
    listener(
        w,
        "q",
        "ListenMessageQueue=/vm\nMessageQueueMaxMessages=5\nMessageQueueMessageSize=128\nSocketMode=0620\nSocketUser=alice\nSocketGroup=mail\nRemoveOnStop=yes\n",
    );
    w.start();
    let stat = std::fs::metadata("/dev/mqueue/vm").unwrap();
    same("owner and mode", (stat.uid(), stat.gid(), stat.mode() & 0o777), (1000, 8, 0o620));
    let queue =
        nix::mqueue::mq_open("/vm", nix::mqueue::MQ_OFlag::O_WRONLY, nix::sys::stat::Mode::empty(), None).unwrap();
    let shape = nix::mqueue::mq_getattr(&queue).unwrap();
    same("shape", (shape.maxmsg(), shape.msgsize()), (5, 128));
    nix::mqueue::mq_send(&queue, b"first message", 1).unwrap();
    same("what the service read", w.written("said"), "first message\n");
    w.ok(&["stop", "q.service", "q.socket"]);
    assert!(!exists("/dev/mqueue/vm"), "the queue is removed");
    Ok(())
}

fn uevent(w: &mut World) -> Outcome {
    listener(w, "e", "ListenNetlink=kobject-uevent 1\n");
    w.start();
    same("the port", w.property("e.socket", "Listen"), "kobject-uevent 1 (Netlink)");
    same("state before", w.property("e.socket", "SubState"), "listening");
    // The kernel itself sends one for a device that is told to.
    std::fs::write("/sys/class/mem/null/uevent", "change").unwrap();
    let said = w.written("said");
    assert!(
        said.starts_with("change@/devices/virtual/mem/null") && said.contains("SUBSYSTEM=mem"),
        "the event: {said}"
    );
    Ok(())
}

fn attributes(w: &mut World) -> Outcome {
    let probe = raw::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).unwrap();
    if let Err(errno) = raw::set_xattr(probe.as_fd(), c"user.listen", b"x") {
        return Err(Skip(format!("this kernel lets sockets have no attributes ({errno:?})")));
    }
    let path = w.path("sock");
    w.unit(
        "x.socket",
        &format!("[Socket]\nListenStream={path}\nAccept=yes\nXAttrEntryPoint=user.entry=%p=%%\nXAttrListen=user.listen=l\nXAttrAccept=user.accept=a\n"),
    );
    w.unit("x@.service", "[Service]\nExecStart=/init serve answer\nStandardError=inherit\n");
    w.start();
    let Told::Text(told) = w.client("", &format!("stream:{path}"), &[]) else { panic!("refused") };
    assert!(told.contains("accept=a"), "the connection: {told}");
    same("the node", node_attribute(&path, "user.entry"), "x=%");
    let log = w.log();
    assert!(!log.contains("has no effect"), "nothing is refused: {log}");
    listener_attribute(w)
}

/// Of a node, which cannot be opened.
fn node_attribute(path: &str, name: &str) -> String {
    let (path, name) = (CString::new(path).unwrap(), CString::new(name).unwrap());
    let mut value = [0; 64];
    let length = raw::lgetxattr(&path, &name, &mut value).unwrap();
    String::from_utf8_lossy(&value[..length]).into_owned()
}

fn listener_attribute(w: &mut World) -> Outcome {
    w.end();
    w.unit(
        "y.socket",
        "[Socket]\nListenStream=@attribute\nXAttrListen=user.listen=before\nXAttrListen=\nXAttrListen=user.listen=y\n",
    );
    w.unit("y.service", &format!("[Service]\nExecStart=/init serve report {}\n", w.path("report")));
    w.start_with(&["y.socket"]);
    w.ok(&["start", "y.service"]);
    let report = w.written("report");
    assert!(report.contains("listen=y"), "the listener: {report}");
    Ok(())
}

fn control_groups(w: &mut World) -> Outcome {
    let controllers = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap();
    for controller in ["cpu", "memory", "pids", "io"] {
        assert!(controllers.split_whitespace().any(|c| c == controller), "{controller} is there: {controllers}");
    }
    w.unit("g.socket", "[Socket]\nListenStream=@groups\n");
    w.unit("g.service", &format!("[Service]\nExecStart=/init serve runaway {}\n", w.path("runaway")));
    w.start();
    w.ok(&["start", "g.service"]);
    let said = w.written("runaway");
    let [pid, group] = said.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert!(group.starts_with("0::/porterd") && group.ends_with("/g.service"), "the group: {group}");
    assert!(exists(&format!("/proc/{pid}")), "it runs");
    w.ok(&["stop", "g.service"]);
    wait("it is ended with its unit", || (!exists(&format!("/proc/{pid}"))).then_some(()));
    Ok(())
}

fn privileges(w: &mut World) -> Outcome {
    w.unit("r.socket", "[Socket]\nListenStream=@privileges\n");
    w.unit(
        "r.service",
        &format!(
            "[Service]\nExecStart=/init serve limits {}\nLimitMEMLOCK=infinity\nLimitNICE=40\nLimitCORE=infinity\nOOMScoreAdjust=-900\nNice=-15\n",
            w.path("limits")
        ),
    );
    // Lower than what the service wants, as a careful parent has it.
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let before = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap();
    setrlimit(Resource::RLIMIT_MEMLOCK, 65536, 65536).unwrap();
    w.start();
    setrlimit(Resource::RLIMIT_MEMLOCK, before.0, before.1).unwrap();
    w.ok(&["start", "r.service"]);
    same(
        "limits and scores",
        w.written("limits"),
        "memlock unlimited unlimited, nice 40 40, core unlimited unlimited, oom -900, priority -15\n",
    );
    Ok(())
}
