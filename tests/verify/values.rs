//! socket-unit.md 7.4: values of directives. Numbers are those of the list.

use crate::support::{load_from, name, socket_of, socket_with};
use porterd::ids::INFINITY_USEC;
use porterd::unit::LoadState::{BadSetting, Loaded as Ok_};
use porterd::unit::load::MemoryFiles;
use porterd::unit::socket::{BindIpv6Only, Timestamping};

// socket-unit #64
#[test]
fn n64_bind_ipv6_only() {
    assert_eq!(socket_with("BindIPv6Only=yes").silent().socket().bind_ipv6_only, BindIpv6Only::Ipv6Only);
    assert_eq!(socket_with("BindIPv6Only=no").silent().socket().bind_ipv6_only, BindIpv6Only::Both);
    for bad in ["", "foo"] {
        let x = socket_with(&format!("BindIPv6Only={bad}"));
        assert_eq!(x.found(&["invalid-value"]).socket().bind_ipv6_only, BindIpv6Only::Default);
    }
}

// socket-unit #65
#[test]
fn n65_modes() {
    assert_eq!(socket_with("SocketMode=600").silent().socket().socket_mode, 0o600);
    for bad in ["99", "+600", "10000", ""] {
        let x = socket_with(&format!("SocketMode={bad}"));
        assert_eq!(x.found(&["invalid-value"]).socket().socket_mode, 0o666, "{bad}");
    }
}

// socket-unit #66
#[test]
fn n66_owners() {
    for bad in ["65535", "-1", "a/b", "a b:c"] {
        socket_with(&format!("SocketUser={bad}")).is(BadSetting).found(&["bad-user"]);
    }
    let x = socket_with("SocketUser=nosuchuser\nSocketGroup=\nSocketGroup=7");
    assert_eq!(
        (x.silent().socket().socket_user.as_deref(), x.socket().socket_group.as_deref()),
        (Some("nosuchuser"), Some("7"))
    );
    assert_eq!(socket_with("SocketUser=a\nSocketUser=").silent().socket().socket_user, None);
}

// socket-unit #67
#[test]
fn n67_accept_and_service() {
    socket_with("Accept=yes\nService=x.service").is(BadSetting).found(&["accept-with-service"]);
    socket_with("Accept=yes\nService=").is(Ok_).found(&["invalid-value"]);
}

// socket-unit #68
#[test]
fn n68_no_connections() {
    socket_with("Accept=yes\nMaxConnections=0").is(BadSetting).found(&["no-connections"]);
    // Refused since systemd 257; --strict-systemd takes it as 252 does (compliance case socket-refusals).
    socket_with("Accept=no\nMaxConnections=0").is(BadSetting).found(&["no-connections"]);
}

// socket-unit #69
#[test]
fn n69_what_cannot_accept() {
    for other in ["ListenDatagram=81", "ListenFIFO=/run/f", "ListenNetlink=route", "ListenMessageQueue=/q"] {
        socket_with(&format!("Accept=yes\n{other}")).is(BadSetting).found(&["accept-needs-stream"]);
    }
    socket_with("Accept=yes\nListenSequentialPacket=@a").is(Ok_).silent();
}

// socket-unit #70 #71
#[test]
fn n70_n71_services() {
    for bad in ["foo.target", "bad/name.service", "t@.service"] {
        let x = socket_with(&format!("Service={bad}"));
        assert_eq!(x.found(&["invalid-value"]).socket().service, Some(name("x.service")), "{bad}");
        assert!(!x.socket().service_explicit);
    }
    let x = socket_with("Service=a.service\nService=b.service");
    assert_eq!(x.silent().socket().service, Some(name("b.service")));
    assert!(x.socket().service_explicit);
}

// socket-unit #72 #73
#[test]
fn n72_n73_symlinks() {
    socket_of("ListenStream=@a\nSymlinks=/run/l").is(BadSetting).found(&["symlinks-need-one-path"]);
    socket_of("ListenStream=/run/a\nListenFIFO=/run/f\nSymlinks=/run/l").is(BadSetting);
    socket_of("ListenStream=/run/a\nListenMessageQueue=/q\nSymlinks=/run/l").is(Ok_).silent();
    let links = |lines: &str| socket_of(&format!("ListenStream=/run/a\n{lines}")).socket().options.symlinks.clone();
    assert_eq!(links("Symlinks=rel"), []);
    assert_eq!(links("Symlinks=\"/run/a b\" /run/c"), ["/run/a b".into(), "/run/c".into()]);
    assert_eq!(links("Symlinks=/run/l\nSymlinks="), []);
}

// socket-unit #74
#[test]
fn n74_timeouts() {
    assert_eq!(socket_with("TimeoutSec=0").silent().socket().timeout_usec, INFINITY_USEC);
    assert_eq!(socket_with("TimeoutSec=-1").found(&["invalid-value"]).socket().timeout_usec, 90_000_000);
    assert_eq!(socket_with("TimeoutSec=1min 2.5s").silent().socket().timeout_usec, 62_500_000);
}

// socket-unit #75
#[test]
fn n75_type_of_service() {
    assert_eq!(socket_with("IPTOS=low-delay").silent().socket().options.ip_tos, Some(16));
    assert_eq!(socket_with("IPTOS=256").found(&["invalid-value"]).socket().options.ip_tos, None);
    assert_eq!(socket_with("IPTOS=8\nIPTOS=").silent().socket().options.ip_tos, None);
}

// socket-unit #76
#[test]
fn n76_sizes() {
    assert_eq!(socket_with("ReceiveBuffer=1.5K").silent().socket().options.receive_buffer, 1536);
    for bad in ["1Ki", "-1", ""] {
        socket_with(&format!("ReceiveBuffer={bad}")).found(&["invalid-value"]);
    }
}

// socket-unit #77
#[test]
fn n77_timestamps() {
    for (text, value) in [
        ("yes", Timestamping::Nanoseconds),
        ("usec", Timestamping::Microseconds),
        ("µs", Timestamping::Microseconds),
        ("no", Timestamping::Off),
    ] {
        assert_eq!(socket_with(&format!("Timestamping={text}")).silent().socket().options.timestamping, value);
    }
}

// socket-unit #78
#[test]
fn n78_descriptor_names() {
    let fd_name =
        |value: &str| socket_with(&format!("FileDescriptorName={value}")).socket().file_descriptor_name.clone();
    assert_eq!(fd_name("a b").as_deref(), Some("a b"));
    assert_eq!(fd_name("foo:bar"), None);
    assert_eq!(fd_name("ä"), None);
    assert_eq!(fd_name(&"a".repeat(256)), None);
    assert!(fd_name(&"a".repeat(255)).is_some());
    let x = socket_with("FileDescriptorName=a\nFileDescriptorName=");
    assert_eq!(x.silent().socket().fd_name(&x.unit.name), "x.socket");
}

// socket-unit #79
#[test]
fn n79_protocols() {
    assert_eq!(socket_with("SocketProtocol=132").silent().socket().options.socket_protocol, Some(132));
    assert_eq!(socket_with("SocketProtocol=MPTCP").silent().socket().options.socket_protocol, Some(262));
    for bad in ["tcp", "udp", ""] {
        socket_with(&format!("SocketProtocol={bad}")).found(&["invalid-value"]);
    }
}

// socket-unit #80
#[test]
fn n80_devices() {
    assert_eq!(socket_with("BindToDevice=eth0\nBindToDevice=*").silent().socket().options.bind_to_device, None);
    for bad in ["eth0:1", "12", "abcdefghijklmnopq"] {
        socket_with(&format!("BindToDevice={bad}")).found(&["invalid-value"]);
    }
}

// socket-unit #81
#[test]
fn n81_limits() {
    let x = socket_with("PollLimitBurst=3\nTriggerLimitIntervalSec=7");
    let socket = x.silent().socket();
    assert_eq!(
        (socket.poll_limit.burst, socket.trigger_limit.burst, socket.trigger_limit.interval_usec),
        (3, 20, 7_000_000)
    );
    let x = socket_with("Accept=yes");
    assert_eq!((x.socket().trigger_limit.burst, x.socket().poll_limit.burst), (200, 150));
    assert_eq!(socket_with("Accept=yes\nTriggerLimitBurst=0").socket().trigger_limit.burst, 0);
}

#[test]
fn every_socket_option_reaches_its_field() {
    let x = socket_with(
        "KeepAlive=yes\nKeepAliveTimeSec=1\nKeepAliveIntervalSec=2\nKeepAliveProbes=3\nDeferAcceptSec=4\nNoDelay=yes\n\
         Broadcast=yes\nPassCredentials=yes\nPassPIDFD=yes\nPassSecurity=yes\nPassPacketInfo=yes\nAcceptFileDescriptors=no\n\
         Priority=5\nSendBuffer=6\nMark=7\nIPTTL=8\nTCPCongestion=%i\nReusePort=yes\nFreeBind=yes\nTransparent=yes\n\
         Writable=yes\nPipeSize=9\nMessageQueueMaxMessages=10\nMessageQueueMessageSize=11\nFlushPending=yes\n\
         RemoveOnStop=yes\nDirectoryMode=0700\nMaxConnectionsPerSource=12",
    );
    let socket = x.silent().socket();
    let o = &socket.options;
    assert!(o.keep_alive && o.no_delay && o.broadcast && o.pass_credentials && o.pass_pidfd && o.pass_security);
    assert!(
        o.pass_packet_info && o.refuse_file_descriptors && o.reuse_port && o.free_bind && o.transparent && o.writable
    );
    assert_eq!((o.keep_alive_time_usec, o.keep_alive_interval_usec), (Some(1_000_000), Some(2_000_000)));
    assert_eq!((o.keep_alive_probes, o.defer_accept_usec, o.priority), (3, Some(4_000_000), Some(5)));
    assert_eq!((o.send_buffer, o.mark, o.ip_ttl, o.tcp_congestion.as_deref()), (6, Some(7), Some(8), Some("%i")));
    assert_eq!((o.pipe_size, o.message_queue_max_messages, o.message_queue_message_size), (9, 10, 11));
    assert!(socket.flush_pending && socket.remove_on_stop);
    assert_eq!((socket.directory_mode, socket.max_connections_per_source), (0o700, 12));
}

#[test]
fn commands_of_sockets() {
    let x = socket_with("ExecStartPre=-/bin/a b\nExecStartPre=/bin/c\nExecStopPost=/bin/d\nExecStopPost=");
    assert_eq!(x.silent().socket().exec_start_pre.len(), 2);
    assert!(x.socket().exec_start_pre[0].ignore_failure && x.socket().exec_stop_post.is_empty());
    socket_with("ExecStartPre=rel/path").is(BadSetting).found(&["bad-command"]);
    socket_with("ExecStartPre=-rel/path").is(Ok_).found(&["bad-command-ignored"]);
}

#[test]
fn settings_without_effect_are_told_once() {
    let x = socket_with("PrivateTmp=yes\nPrivateTmp=yes\nProtectSystem=strict\nProtectHome=no\nPAMName=login");
    x.found(&["ignored-key", "not-yet-applied", "not-yet-applied"]);
    assert_eq!(x.socket().exec.unapplied, ["PrivateTmp", "ProtectSystem"]);
}

#[test]
fn rules_of_two_units() {
    let mut files = MemoryFiles::new();
    files
        .write("/etc/units/x.socket", "[Socket]\nListenStream=/run/d/x\nListenStream=80\n")
        .write(
            "/etc/units/x.service",
            "[Service]\nExecStart=/bin/cat\nStandardInput=socket\nRuntimeDirectory=d\nEnvironment=LISTEN_FDS=9\n",
        )
        .write("/etc/units/lone.socket", "[Socket]\nListenStream=81\n")
        .write("/etc/units/acc.socket", "[Unit]\nRequires=a.mount\n[Socket]\nListenStream=82\nAccept=yes\n");
    let mut library = crate::support::library();
    library.closure(&files, &[name("x.socket"), name("lone.socket"), name("acc.socket")]);
    let mut found: Vec<(String, &str)> = library
        .diagnostics()
        .iter()
        .filter(|d| d.code != "not-yet-applied")
        .map(|d| (d.unit.as_deref().unwrap_or("").to_owned(), d.code))
        .collect();
    found.sort();
    let expected = [
        ("acc.socket", "accept-template-missing"),
        ("acc.socket", "foreign-dependency"),
        ("lone.socket", "service-missing"),
        ("x.service", "protocol-variable"),
        ("x.socket", "runtime-directory-of-socket"),
        ("x.socket", "stdin-socket-ambiguous"),
    ];
    assert_eq!(found, expected.map(|(u, c)| (u.to_owned(), c)));
    let codes = porterd::report::codes::find;
    assert!(library.diagnostics().iter().all(|d| codes(d.code).is_some()));
}

#[test]
fn keys_in_the_wrong_place_are_led_home() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/x.socket", "[Unit]\nListenStream=80\n[Socket]\nListenStream=80\nExecStart=/bin/a\n");
    let x = load_from(&files, "x.socket");
    x.found(&["unknown-key", "unknown-key"]);
    let help: Vec<&str> = x.diagnostics.iter().filter_map(|d| d.help.as_deref()).collect();
    assert!(help[0].contains("[Socket]") && help[1].contains("[Service]"), "{help:?}");
}

/// Found by comparing 34,440 one-line units with a running systemd 252.
#[test]
fn odd_values_that_systemd_takes_its_own_way() {
    socket_with("SocketUser=%i").is(BadSetting).found(&["bad-user"]);
    assert_eq!(socket_of("ListenSpecial=/var/run/x").silent().ports(), ["/var/run/x"]);
    let x = socket_with("TriggerLimitBurst=4294967295\nTriggerLimitIntervalSec=infinity");
    assert_eq!((x.socket().trigger_limit.burst, x.socket().trigger_limit.interval_usec), (20, 2_000_000));
    socket_of("ListenStream=@a\nSymlinks=/run/x \"/run/y")
        .is(BadSetting)
        .found(&["unbalanced-quotes", "symlinks-need-one-path"]);
    let service = |lines: &str| crate::support::service_of(&format!("ExecStart=/bin/a\n{lines}"));
    service("PIDFile=/x/../y").is(porterd::unit::LoadState::Error).found(&["path-not-normalized"]);
    service("RootDirectory=%i").is(Ok_).silent();
    service("SupplementaryGroups=%Z").is(BadSetting);
    let rare = |lines: &str| service(lines).service().exec.rare.clone();
    assert_eq!(rare("CPUSchedulingPolicy=fifo").unwrap().cpu_scheduling_priority, Some(1));
    assert_eq!(rare("TimerSlackNSec=infinity"), None);
    assert_eq!(rare("ExecSearchPath=/a:b"), None);
    let mut files = MemoryFiles::new();
    files.write("/etc/units/x.service", "[Unit]\nAfter=%n t@.service\n[Service]\nExecStart=/bin/a\n");
    let x = load_from(&files, "x.service");
    let after: Vec<&str> = x.unit.related(porterd::unit::Dependency::After).map(|n| n.as_str()).collect();
    assert_eq!(after, ["t@x.service", "system.slice", "sysinit.target", "basic.target"]);
}
