//! What systemd 252 does not read yet, or reads otherwise: it counts under `--strict-systemd`, the newest release
//! everywhere else (section 8 of the reference).

use super::support::{SEARCH, name};
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles};
use porterd::unit::values::address::display;
use porterd::unit::{Body, LoadState, Unit};
use std::sync::Arc;

fn load(files: &MemoryFiles, unit: &str, strict: bool) -> (Arc<Unit>, Vec<&'static str>) {
    let search = SEARCH.iter().map(|dir| (*dir).into()).collect();
    let mut machine = Machine { strict, ..Machine::default() };
    machine.context.strict = strict;
    let mut library = Library::new(search, machine);
    let unit = library.load(files, &name(unit));
    (unit, library.diagnostics().iter().map(|d| d.code).collect())
}

/// Its ports under the newest release and under 252; `None` if it cannot be used.
fn ports(lines: &str) -> [Option<String>; 2] {
    [false, true].map(|strict| {
        let text = format!("[Socket]\n{lines}\n");
        let (unit, _) = load(MemoryFiles::new().write("/etc/units/x.socket", text), "x.socket", strict);
        let Body::Socket(socket) = &unit.body else { panic!("no socket") };
        let shown: Vec<String> = socket.listen.iter().map(display).collect();
        (unit.load == LoadState::Loaded).then(|| shown.join(" "))
    })
}

#[test]
fn addresses_of_later_releases() {
    let newer = |shown: &str| [Some(shown.to_owned()), None];
    let older = |shown: &str| [None, Some(shown.to_owned())];
    for (lines, shown) in [
        ("ListenStream=vsock-stream:2:80", newer("vsock:2:80")),
        ("ListenStream=vsock:any:80", newer("vsock::80")),
        ("ListenStream=vsock:-1:80", newer("vsock::80")),
        ("ListenStream=vsock:local:22", newer("vsock:1:22")),
        ("ListenDatagram=vsock-dgram::80", newer("vsock::80")),
        ("ListenSequentialPacket=vsock-seqpacket::80", newer("vsock::80")),
        ("ListenSequentialPacket=127.0.0.1:80\nSocketProtocol=sctp", newer("127.0.0.1:80")),
        ("ListenFIFO=/../f", newer("/f")),
        ("ListenSpecial=/../dev/null", newer("/dev/null")),
        ("ListenMessageQueue=/../q", newer("/q")),
        ("ListenStream=/run/%D", newer("/run//usr/share")),
        ("ListenStream=/run/a\nExecStartPre=|/bin/true", newer("/run/a")),
        ("ListenStream=vsock:2:4294967295", older("vsock:2:4294967295")),
        ("ListenFIFO=/dev/f", older("/dev/f")),
        ("ListenFIFO=/sys", older("/sys")),
        ("ListenMessageQueue=/proc/q", older("/proc/q")),
        ("ListenUSBFunction=/dev/ffs", older("/dev/ffs")),
        ("ListenStream=/run/a\nMaxConnections=0", older("/run/a")),
        ("ListenStream=/run/a\nAccept=yes\nDeferTrigger=yes", older("/run/a")),
    ] {
        assert_eq!(ports(lines), shown, "{lines}");
    }
}

#[test]
fn settings_of_later_releases_are_unknown_keys() {
    for (section, line) in [
        ("Socket", "PassFileDescriptorsToExec=yes"),
        ("Socket", "PassPIDFD=yes"),
        ("Socket", "AcceptFileDescriptors=no"),
        ("Socket", "XAttrListen=user.a=b"),
        ("Unit", "ConditionPathIsSocket=/nosuch"),
        ("Unit", "AssertKernelModuleLoaded=nosuch"),
        ("Unit", "WantsMountsFor=/a"),
    ] {
        let text = format!("[{section}]\n{line}\n[Socket]\nListenStream=/run/a\n");
        let read = |strict| load(MemoryFiles::new().write("/etc/units/x.socket", &text), "x.socket", strict);
        let ((newest, _), (strict, codes)) = (read(false), read(true));
        assert_eq!((newest.load, strict.load), (LoadState::Loaded, LoadState::Loaded));
        assert!(codes.contains(&"unknown-key"), "{line}: {codes:?}");
        assert!(newest.body != strict.body || newest.common != strict.common, "{line} has no effect");
        let plain =
            load(MemoryFiles::new().write("/etc/units/x.socket", "[Socket]\nListenStream=/run/a\n"), "x.socket", true)
                .0;
        assert!(plain.body == strict.body && plain.common == strict.common, "{line} has an effect under strict");
    }
}

#[test]
fn values_of_later_releases() {
    let options = |line: &str, strict| {
        let text = format!("[Socket]\nListenStream=/run/a\n{line}\n");
        let (unit, _) = load(MemoryFiles::new().write("/etc/units/x.socket", text), "x.socket", strict);
        let Body::Socket(socket) = &unit.body else { panic!("no socket") };
        socket.options.clone()
    };
    let protocol = |line| [false, true].map(|strict| options(line, strict).socket_protocol);
    assert_eq!(protocol("SocketProtocol=MPTCP"), [Some(262), None]);
    assert_eq!(protocol("SocketProtocol=sctp\nSocketProtocol=262"), [Some(262), Some(132)]);
    let device = |line| [false, true].map(|strict| options(line, strict).bind_to_device.clone());
    assert_eq!(device("BindToDevice=%p"), [Some("x".into()), None], "252 expands nothing there");
    assert_eq!(device("BindToDevice=lo"), [Some("lo".into()), Some("lo".into())]);
    assert_eq!(device("BindToDevice=lo\nBindToDevice="), [None, None]);
    let links = |line| [false, true].map(|strict| options(line, strict).symlinks.len());
    assert_eq!(links("Symlinks=/../l"), [1, 0]);
}

#[test]
fn upholds_directories_came_later() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/x.socket", "[Socket]\nListenStream=/run/a\n");
    files.symlink("/etc/units/x.socket.upholds/b.service", "../b.service");
    let upheld = |strict| load(&files, "x.socket", strict).0.related(porterd::unit::Dependency::Upholds).count();
    assert_eq!([upheld(false), upheld(true)], [1, 0]);
}
