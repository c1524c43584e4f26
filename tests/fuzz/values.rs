//! Any text is a value: nothing panics, what is understood can be shown and read again.
#![cfg_attr(fuzzing, no_main)]
#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]

use porterd::unit::UnitName;
use porterd::unit::exec::Resource;
use porterd::unit::socket::{Address, Listen, SocketKind};
use porterd::unit::specifiers::{self, Context, Table, UnitFacts};
use porterd::unit::values::{
    address::{self, AddressContext},
    command, environment, limit, names, path, scalar, signal, status, time,
};
use std::collections::BTreeSet;

#[cfg(not(fuzzing))]
#[path = "replay.rs"]
mod replay;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    const WORDS: [&str; 40] = [
        "0",
        "1",
        "9",
        ".",
        "-",
        "+",
        "0x",
        "0o",
        "K",
        "M",
        "E",
        "%",
        "%%",
        "%i",
        "%n",
        "s",
        "min",
        "µs",
        "infinity",
        "/",
        "..",
        "/var/run/",
        "@",
        "[",
        "]",
        ":",
        "vsock:",
        "::1",
        "1.2.3.4",
        "65535",
        " ",
        ";",
        "\\;",
        "\"",
        "'",
        "\\",
        "$",
        "=",
        "\n",
        "18446744073709551615",
    ];
    replay::run("values", &WORDS, check);
}

fn check(bytes: &[u8]) {
    check_environment_file(bytes);
    let text = String::from_utf8_lossy(bytes);
    check_scalars(&text);
    check_addresses(&text);
    check_commands(&text);
    check_specifiers(&text);
    check_words(&text);
}

fn check_scalars(text: &str) {
    if let Ok(number) = scalar::int32(text) {
        assert_eq!(scalar::long(text), Ok(i64::from(number)));
    }
    if let Ok(number) = scalar::unsigned32(text) {
        assert_eq!(scalar::unsigned64(text), Ok(u64::from(number)));
    }
    if let Ok(mode) = scalar::mode(text) {
        assert_eq!(scalar::mode(&format!("{mode:o}")), Ok(mode));
    }
    if let Ok(size) = scalar::size(text) {
        assert_eq!(scalar::size(&size.to_string()), Ok(size));
    }
    if let Ok(share) = scalar::permyriad(text) {
        assert_eq!(scalar::permyriad(&format!("{share}‱")), Ok(share));
    }
    if let Ok(percent) = scalar::percent(text) {
        assert_eq!(scalar::percent(&format!("{percent}%")), Ok(percent));
    }
    for usec in [time::span_usec(text), time::span_usec_bare(text)].into_iter().flatten() {
        assert_eq!(time::span_usec(&time::format_span(usec)), Ok(usec), "{text:?}");
    }
    assert_eq!(time::span_nsec(text).is_err() && time::span_usec(text).is_ok(), is_too_long_in_nsec(text));
    for resource in [Resource::Cpu, Resource::Nice, Resource::Nofile, Resource::Rttime, Resource::Core] {
        if let Ok(limit) = limit::limit(resource, text) {
            assert!(limit.soft <= limit.hard);
        }
    }
    if let Ok(yes) = scalar::boolean(text) {
        assert_eq!(scalar::boolean(if yes { "true" } else { "false" }), Ok(yes));
    }
}

/// Spans of more than 584 years fit microseconds only.
fn is_too_long_in_nsec(text: &str) -> bool {
    time::span_usec(text).is_ok() && time::span_nsec(text).is_err_and(|why| why.contains("too long"))
}

fn check_addresses(text: &str) {
    let interface = |name: &str| (name == "lo").then_some(1);
    let context = AddressContext { ipv6: true, interface: &interface, services: None, strict: false };
    for kind in [SocketKind::Stream, SocketKind::Datagram, SocketKind::SequentialPacket] {
        let Ok(found) = address::listen_address(text, kind, &context) else { continue };
        let shown = address::display(&Listen::Socket { kind, address: found.clone() });
        let plain = match &found {
            Address::Path(text) | Address::Abstract(text) => shown.trim_start_matches('@') == &**text,
            Address::V4(_, port) | Address::V6(_, port, _) => *port != 0,
            Address::Vsock(..) => true,
        };
        if plain {
            assert_eq!(address::listen_address(&shown, kind, &context), Ok(found), "{shown}");
        }
        assert!(shown.bytes().all(|b| matches!(b, b' '..=b'~')));
    }
    if let Ok((family, groups)) = address::netlink(text) {
        let shown = address::display(&Listen::Netlink { family, groups });
        assert_eq!(address::netlink(&shown), Ok((family, groups)));
    }
    if let Ok(simple) = path::absolute(text) {
        assert_eq!(path::absolute(&simple).as_deref(), Ok(&*simple));
        assert!(simple.starts_with('/') && !simple.contains("//") && path::is_normalized(&simple));
    }
    if let Some(moved) = path::strip_var_run(text) {
        assert!(path::below(&moved, "/run").is_some());
    }
}

fn check_commands(text: &str) {
    let expand = |word: &str| if word.contains("%Z") { Err("%Z".to_owned()) } else { Ok(word.to_owned()) };
    match command::commands(text, &expand, false) {
        Ok((commands, remarks)) => {
            for command in commands {
                assert!(!command.path.is_empty() && !command.argv.is_empty());
                assert!(!command.path.contains("//") && !command.path.ends_with('/'));
            }
            assert!(remarks.iter().all(|(range, _)| text[range.clone()].starts_with('\\')));
        }
        Err(e) => assert!(text.is_char_boundary(e.at) && e.at <= text.len() && !e.message.is_empty()),
    }
    for (name, value) in environment::assignments(text, &expand).0 {
        assert_eq!(environment::assignment(&format!("{name}={value}")), Ok((name, value)));
    }
    assert!(environment::names(text, &expand).0.iter().all(|name| environment::is_name(name)));
    let (_, remarks) = environment::names_or_assignments(text, &expand);
    assert!(remarks.iter().all(|(range, _)| text.get(range.clone()).is_some()));
}

fn check_environment_file(bytes: &[u8]) {
    if let Ok((variables, _)) = environment::file(bytes) {
        let names: BTreeSet<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), variables.len(), "a name is there twice");
        assert!(names.iter().all(|name| environment::is_name(name)));
    }
}

fn check_specifiers(text: &str) {
    let unit = |name: &str| UnitFacts { name: UnitName::parse(name).expect("a unit name"), fragment: None };
    let context = Context::default();
    for table in [Table::Full, Table::Names] {
        let one = specifiers::expand(text, &context, &unit("a@1.service"), table);
        let two = specifiers::expand(text, &context, &unit("a@2.service"), table);
        if !text.contains('%') {
            assert_eq!(one.as_deref(), Ok(text));
        }
        if !specifiers::depends_on_instance(text) {
            assert_eq!(one, two, "{text:?} differs between instances");
        }
        if let Err(e) = one {
            assert!(text[e.at..].starts_with('%'));
        }
    }
}

fn check_words(text: &str) {
    if let Ok(number) = signal::signal(text) {
        assert_eq!(signal::signal(&signal::signal_name(number)), Ok(number));
    }
    let (set, _) = status::status_set(text);
    assert!(set.codes.is_sorted() && set.signals.is_sorted());
    let (mask, _) = names::capabilities(text);
    assert_eq!(mask >> 63, 0);
    for found in [names::user_or_group(text), names::fd_name(text), names::interface(text)].into_iter().flatten() {
        assert_eq!(found, text);
    }
    assert!(names::log_level(text).is_ok_and(|n| n > 7) as u8 == 0);
    assert!(names::log_facility(text).is_ok_and(|n| n > 23) as u8 == 0);
    assert!(names::ip_tos(text).is_ok_and(|n| n > 255) as u8 == 0);
}
