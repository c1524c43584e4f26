//! Who may come in: `X-` keys of [Socket] that systemd skips, and files of prefixes.

use crate::support::{Loaded, library, load_from, name, socket_of, socket_with};
use porterd::unit::LoadState::{BadSetting, Loaded as Ok_};
use porterd::unit::admission::{Admission, OnLimit, OnMaxConnections, PrefixLimit};
use porterd::unit::load::MemoryFiles;
use porterd::unit::prefixes::Verdict;
use porterd::unit::{Body, RateLimit, show};

/// A socket with `Accept=yes` and these lines.
fn accepting(lines: &str) -> Loaded {
    socket_with(&format!("Accept=yes\n{lines}"))
}

fn admission(loaded: &Loaded) -> Admission {
    loaded.socket().admission.as_deref().cloned().unwrap_or_default()
}

/// `+` admitted or `-` refused by a prefix, `?` by none.
fn verdicts(loaded: &Loaded, ips: &[&str]) -> String {
    let table = admission(loaded).prefixes;
    let judge = |ip: &&str| match table.judge(ip.parse().expect("an address")) {
        Verdict::Matched(_, true) => '+',
        Verdict::Matched(_, false) => '-',
        Verdict::Unmatched => '?',
    };
    ips.iter().map(judge).collect()
}

fn property(loaded: &Loaded, name: &str) -> String {
    let all = show::properties(&loaded.unit);
    all.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value).expect("a property")
}

#[test]
fn a_socket_without_rules_has_none() {
    let x = accepting("");
    x.silent();
    assert!(x.socket().admission.is_none());
    for key in ["X-AllowFrom", "X-DenyFrom", "X-AllowPeerUser", "X-OnLimit", "X-OnMaxConnections"] {
        assert_eq!(property(&x, key), "");
    }
    assert_eq!(property(&x, "X-MaxConnectionsPerPrefix"), "0");
}

#[test]
fn lists_of_prefixes_grow_and_are_taken_back() {
    let x =
        accepting("X-AllowFrom=10.0.0.0/8 localhost\nX-AllowFrom=\"2001:db8::/32\"\nX-DenyFrom=10.1.0.0/16 10.0.0.0/8");
    x.silent();
    assert_eq!(verdicts(&x, &["10.1.2.3", "10.2.3.4", "127.0.0.1", "::1", "2001:db8::9", "192.0.2.1"]), "--+++?");
    assert_eq!(property(&x, "X-AllowFrom"), "10.0.0.0/8 localhost 2001:db8::/32");
    assert_eq!(property(&x, "X-DenyFrom"), "10.1.0.0/16 10.0.0.0/8");
    let x =
        accepting("X-AllowFrom=10.0.0.0/8\nX-DenyFrom=10.0.0.0/8\nX-AllowFrom=\nX-DenyFrom=\nX-DenyFrom=192.0.2.0/24");
    x.silent();
    assert_eq!(admission(&x).allow_from, None);
    assert_eq!(verdicts(&x, &["10.1.2.3", "192.0.2.1"]), "?-");
}

#[test]
fn what_is_no_prefix_is_left_out_and_opens_nothing() {
    for bad in ["x", "1.2.3.4/33", "::1/129", "1.2.3.4/", "relative/file", "[::1]", "-x", "\u{fc}"] {
        let x = accepting(&format!("X-AllowFrom={bad}"));
        x.found(&["invalid-item"]);
        assert_eq!(admission(&x).allow_from, Some(vec![]), "{bad}: there is a list, and nobody is in it");
    }
    let x = accepting("X-DenyFrom=x 10.0.0.0/8 1.2.3.4/33");
    x.found(&["invalid-item", "invalid-item"]);
    assert_eq!(verdicts(&x, &["10.0.0.1"]), "-");
    let x = accepting("X-DenyFrom=10.1.2.3/8");
    x.found(&["prefix-host-bits"]);
    assert_eq!(verdicts(&x, &["10.9.9.9"]), "-");
    accepting(&format!("X-DenyFrom={}", "9".repeat(100_000))).found(&["invalid-item"]);
}

#[test]
fn a_key_that_is_nearly_ours_is_told_and_foreign_ones_are_not() {
    let x = accepting("X-AllowFron=10.0.0.0/8");
    x.found(&["unknown-extension"]);
    assert!(x.diagnostics[0].message.contains("X-AllowFrom"), "{}", x.listing());
    accepting("X-Vendor=1\nX-Try=nc localhost 80\nX-Flatpak=no").silent();
}

#[test]
fn rules_about_peers_need_accept() {
    for line in
        ["X-AllowFrom=any", "X-DenyFrom=10.0.0.0/8", "X-AllowPeerUser=root", "X-AllowPeerGroup=0", "X-AllowFrom=junk"]
    {
        let x = socket_with(line);
        assert_eq!(x.state(), BadSetting, "{line}");
        assert_eq!(x.codes().last(), Some(&"guard-needs-accept"), "{line}");
    }
    socket_with("X-DenyFrom=10.0.0.0/8\nX-DenyFrom=").is(Ok_).silent();
    for line in ["X-MaxConnectionsPerPrefix=3", "X-ConnectionRatePerSource=3/1s", "X-OnMaxConnections=wait"] {
        let files = &mut MemoryFiles::new();
        files.write("/etc/units/x.socket", format!("[Socket]\nListenStream=80\n{line}\n"));
        files.write("/etc/units/x.service", "[Service]\nExecStart=/bin/true\n");
        let mut library = library();
        library.closure(files, &[name("x.socket")]);
        let codes: Vec<_> = library.diagnostics().iter().map(|d| d.code).collect();
        assert_eq!(codes, ["no-effect-here"], "{line}");
    }
    socket_with("X-OnLimit=fail").is(Ok_).silent();
}

#[test]
fn users_and_groups_are_names_or_numbers() {
    let x = accepting("X-AllowPeerUser=root 1000\nX-AllowPeerUser=www-data\nX-AllowPeerGroup=adm 4");
    x.silent();
    let found = admission(&x);
    assert_eq!(found.allow_peer_user.unwrap(), ["root".into(), "1000".into(), "www-data".into()]);
    assert_eq!(found.allow_peer_group.unwrap(), ["adm".into(), "4".into()]);
    assert_eq!(property(&x, "X-AllowPeerUser"), "root 1000 www-data");
    for bad in ["a:b", "4294967295", "65535", "-1", "4294967296", "007"] {
        let x = accepting(&format!("X-AllowPeerUser={bad}"));
        x.found(&["invalid-item"]);
        assert_eq!(admission(&x).allow_peer_user, Some(vec![]), "{bad}");
    }
    assert_eq!(admission(&accepting("X-AllowPeerGroup=adm\nX-AllowPeerGroup=")).allow_peer_group, None);
}

#[test]
fn limits_have_their_grammar() {
    let x = accepting("X-MaxConnectionsPerPrefix=10/20/48\nX-ConnectionRatePerSource=20/10s");
    x.silent();
    let limit = PrefixLimit { connections: 10, v4_bits: 20, v6_bits: 48 };
    assert_eq!(admission(&x).max_connections_per_prefix, Some(limit));
    assert_eq!(admission(&x).connection_rate_per_source, Some(RateLimit { interval_usec: 10_000_000, burst: 20 }));
    assert_eq!(property(&x, "X-MaxConnectionsPerPrefix"), "10/20/48");
    assert_eq!(property(&x, "X-ConnectionRatePerSource"), "20/10s");
    for (key, bad) in [
        ("X-MaxConnectionsPerPrefix", "x"),
        ("X-MaxConnectionsPerPrefix", "4294967296"),
        ("X-MaxConnectionsPerPrefix", "-1"),
        ("X-MaxConnectionsPerPrefix", "5/0"),
        ("X-MaxConnectionsPerPrefix", "5/33"),
        ("X-MaxConnectionsPerPrefix", "5/24/129"),
        ("X-MaxConnectionsPerPrefix", "5/24/64/"),
        ("X-ConnectionRatePerSource", "5"),
        ("X-ConnectionRatePerSource", "5/0"),
        ("X-ConnectionRatePerSource", "5/infinity"),
        ("X-ConnectionRatePerSource", "5/1s x"),
        ("X-OnMaxConnections", "no"),
        ("X-OnMaxConnections", "WAIT"),
        ("X-OnLimit", "refuse"),
    ] {
        // The last valid value counts.
        let x = accepting(&format!(
            "X-MaxConnectionsPerPrefix=7\nX-ConnectionRatePerSource=7/7s\nX-OnMaxConnections=refuse\nX-OnLimit=fail\n{key}={bad}"
        ));
        x.found(&["invalid-value"]);
        assert_eq!(property(&x, "X-MaxConnectionsPerPrefix"), "7/24/64", "{key}={bad}");
        assert_eq!(property(&x, "X-ConnectionRatePerSource"), "7/7s", "{key}={bad}");
        assert_eq!(x.socket().on_max_connections, Some(OnMaxConnections::Refuse));
        assert_eq!(x.socket().on_limit, Some(OnLimit::Fail));
    }
    let x = accepting(
        "X-OnLimit=fail\nX-OnLimit=\nX-OnMaxConnections=wait\nX-OnMaxConnections=\nX-MaxConnectionsPerPrefix=3\nX-MaxConnectionsPerPrefix=",
    );
    x.silent();
    assert_eq!((x.socket().on_limit, x.socket().on_max_connections), (None, None));
    assert!(x.socket().admission.is_none());
}

const UNIT: &str = "/etc/units/x.socket";

#[test]
fn files_of_prefixes_are_read_with_their_places() {
    let mut files = MemoryFiles::new();
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-AllowFrom=/l/allow\nX-DenyFrom=/l/deny 10.3.0.0/16\n");
    files.write("/l/allow", "# a comment\n10.0.0.0/8 192.0.2.7 ; and another\n\n\t2001:db8::/32\r\n");
    files.write("/l/deny", "10.1.0.0/16\n  10.2.0.0/99 nonsense\n10.2.0.0/16\n10.4.0.9/16");
    let x = load_from(&files, "x.socket");
    assert_eq!(x.codes(), ["bad-prefix", "bad-prefix", "prefix-host-bits"]);
    assert!(x.diagnostics.iter().all(|d| d.unit.as_deref() == Some("x.socket")));
    let places: Vec<_> = x
        .diagnostics
        .iter()
        .map(|d| (d.place.as_ref().unwrap().source.path.to_string(), d.line_column().unwrap()))
        .collect();
    let at = |line, column| ("/l/deny".to_owned(), (line, column));
    assert_eq!(places, [at(2, 3), at(2, 15), at(4, 1)]);
    let ips = ["10.0.0.1", "192.0.2.7", "192.0.2.8", "2001:db8::1", "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1"];
    assert_eq!(verdicts(&x, &ips), "++?+----");
}

#[test]
fn a_file_that_cannot_be_read_opens_no_door() {
    let mut files = MemoryFiles::new();
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-AllowFrom=/l/none\n");
    let x = load_from(&files, "x.socket");
    assert_eq!(x.codes(), ["prefix-file-unreadable"]);
    assert_eq!(admission(&x).allow_from.unwrap().len(), 1, "nobody is admitted");
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-AllowFrom=10.0.0.0/8\nX-DenyFrom=/l/none\n");
    let x = load_from(&files, "x.socket");
    assert_eq!(x.codes(), ["prefix-file-unreadable"]);
    assert_eq!(admission(&x).unreadable.as_deref(), Some("/l/none"), "nobody is admitted");
    // It may be missing, and other lists count.
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-AllowFrom=-/l/none\nX-DenyFrom=-/l/none\n");
    let x = load_from(&files, "x.socket");
    x.silent();
    assert_eq!((admission(&x).unreadable, admission(&x).prefixes.len()), (None, 0));
    // It is there now: a reload reads it.
    files.write("/l/none", "10.0.0.0/8");
    assert_eq!(verdicts(&load_from(&files, "x.socket"), &["10.0.0.1"]), "-");
}

#[test]
fn lists_are_bounded_and_what_is_over_opens_no_door() {
    let mut long = String::new();
    for n in 0..=porterd::bounds::PREFIXES_PER_SOCKET_MAX as u32 {
        long += &format!("{}\n", std::net::Ipv4Addr::from(n));
    }
    let mut files = MemoryFiles::new();
    files.write("/l/long", long);
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-DenyFrom=/l/long\n");
    let x = load_from(&files, "x.socket");
    assert_eq!(x.codes(), ["too-many-prefixes"]);
    assert_eq!(admission(&x).unreadable.as_deref(), Some("/l/long"));
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-AllowFrom=/l/long\n");
    let x = load_from(&files, "x.socket");
    assert_eq!(x.codes(), ["too-many-prefixes"]);
    assert_eq!(verdicts(&x, &["0.0.0.0", "0.15.255.255", "0.16.0.0"]), "++?");
    files.write("/l/junk", "x\n".repeat(1000));
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-DenyFrom=/l/junk\n");
    let x = load_from(&files, "x.socket");
    assert_eq!(x.codes().len(), porterd::bounds::DIAGNOSTICS_PER_FILE_MAX);
    assert_eq!(x.codes().last(), Some(&"too-many-findings"));
}

#[test]
fn sockets_with_the_same_lists_share_one_table() {
    let mut files = MemoryFiles::new();
    files.write("/l/deny", "10.0.0.0/8\nx\n");
    for unit in ["a", "b"] {
        let text = "[Socket]\nListenStream=80\nAccept=yes\nX-DenyFrom=/l/deny\nX-AllowFrom=/l/none\n";
        files.write(&format!("/etc/units/{unit}.socket"), text);
    }
    let mut library = library();
    let tables: Vec<_> = ["a.socket", "b.socket"]
        .iter()
        .map(|unit| match &library.load(&files, &name(unit)).body {
            Body::Socket(socket) => socket.admission.as_ref().unwrap().prefixes.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(std::sync::Arc::ptr_eq(&tables[0], &tables[1]));
    // Lines are told once, what concerns the unit for each.
    let codes: Vec<_> = library.diagnostics().iter().map(|d| (d.code, d.unit.as_deref().unwrap_or(""))).collect();
    let lost = "prefix-file-unreadable";
    assert_eq!(codes, [("bad-prefix", "a.socket"), (lost, "a.socket"), (lost, "b.socket")]);
}

#[test]
fn drop_ins_add_to_the_lists() {
    let mut files = MemoryFiles::new();
    files.write(UNIT, "[Socket]\nListenStream=80\nAccept=yes\nX-DenyFrom=10.0.0.0/8\n");
    files.write("/etc/units/x.socket.d/more.conf", "[Socket]\nX-DenyFrom=192.0.2.0/24\n");
    let x = load_from(&files, "x.socket");
    x.silent();
    assert_eq!(verdicts(&x, &["10.0.0.1", "192.0.2.1", "198.51.100.1"]), "--?");
    assert_eq!(socket_of("ListenStream=80\nAccept=yes\nX-DenyFrom=%t/x").codes(), ["prefix-file-unreadable"]);
}
