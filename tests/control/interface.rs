//! `org.porterd.varlink` says what `wire.rs` does: same methods, fields, types.

use super::{daemon, sample};
use porterd::control::wire::{self, *};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Type {
    Struct(Vec<(String, String)>),
    Enum(Vec<String>),
}

#[derive(Default)]
struct Interface {
    types: BTreeMap<String, Type>,
    methods: BTreeMap<String, (Type, Type)>,
    errors: BTreeSet<String>,
}

/// Words and punctuation, without comments.
fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap();
        for word in line.replace("->", " ").split_whitespace() {
            let mut current = String::new();
            for c in word.chars() {
                if "(),:".contains(c) {
                    out.extend((!current.is_empty()).then(|| std::mem::take(&mut current)));
                    out.push(c.to_string());
                } else {
                    current.push(c);
                }
            }
            out.extend((!current.is_empty()).then_some(current));
        }
    }
    out
}

fn group(tokens: &mut impl Iterator<Item = String>) -> Type {
    assert_eq!(tokens.next().as_deref(), Some("("));
    let inner: Vec<String> = tokens.take_while(|t| t != ")").collect();
    let parts: Vec<Vec<String>> = inner.split(|t| t == ",").filter(|p| !p.is_empty()).map(<[_]>::to_vec).collect();
    if !parts.is_empty() && parts.iter().all(|p| p.len() == 1) {
        return Type::Enum(parts.into_iter().map(|mut p| p.remove(0)).collect());
    }
    Type::Struct(
        parts
            .into_iter()
            .map(|p| {
                assert_eq!((p.len(), p[1].as_str()), (3, ":"), "{p:?}");
                (p[0].clone(), p[2].clone())
            })
            .collect(),
    )
}

fn parse(text: &str) -> Interface {
    let mut interface = Interface::default();
    let mut tokens = tokens(text).into_iter();
    assert_eq!(tokens.next().as_deref(), Some("interface"));
    assert_eq!(tokens.next().as_deref(), Some("org.porterd"));
    while let Some(word) = tokens.next() {
        let name = tokens.next().unwrap();
        match word.as_str() {
            "type" => drop(interface.types.insert(name, group(&mut tokens))),
            "method" => {
                let (takes, gives) = (group(&mut tokens), group(&mut tokens));
                interface.methods.insert(name, (takes, gives));
            }
            "error" => {
                group(&mut tokens);
                interface.errors.insert(name);
            }
            other => panic!("{other}"),
        }
    }
    interface
}

impl Interface {
    fn check(&self, value: &Value, declared: &Type, place: &str) {
        match declared {
            Type::Enum(words) => assert!(words.iter().any(|w| value == w), "{place}: {value}"),
            Type::Struct(fields) => {
                let object = value.as_object().unwrap_or_else(|| panic!("{place}: {value}"));
                let have: BTreeSet<&str> = object.keys().map(String::as_str).collect();
                let said: BTreeSet<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                assert_eq!(have, said, "{place}");
                for (name, kind) in fields {
                    self.check_named(&object[name], kind, &format!("{place}.{name}"));
                }
            }
        }
    }

    fn check_named(&self, value: &Value, kind: &str, place: &str) {
        if let Some(inner) = kind.strip_prefix('?') {
            if !value.is_null() {
                self.check_named(value, inner, place);
            }
        } else if let Some(inner) = kind.strip_prefix("[]") {
            let list = value.as_array().unwrap_or_else(|| panic!("{place}: {value} is no array"));
            list.iter().for_each(|v| self.check_named(v, inner, place));
        } else {
            match kind {
                "string" => assert!(value.is_string(), "{place}: {value}"),
                "int" => assert!(value.is_i64() || value.is_u64(), "{place}: {value}"),
                "bool" => assert!(value.is_boolean(), "{place}: {value}"),
                other => self.check(value, self.types.get(other).unwrap_or_else(|| panic!("{place}: {other}")), place),
            }
        }
    }

    fn takes(&self, call: &Call) {
        let value = serde_json::to_value(call).unwrap();
        let method = value["method"].as_str().unwrap().strip_prefix("org.porterd.").unwrap().to_owned();
        self.check(&value["parameters"], &self.methods[&method].0, &method);
    }

    fn gives(&self, method: &str, reply: &impl Serialize) {
        self.check(&serde_json::to_value(reply).unwrap(), &self.methods[method].1, method);
    }
}

fn calls() -> Vec<Call> {
    let units = || vec!["a.socket".to_owned()];
    let mut calls = vec![
        Call::Ping(Nothing {}),
        Call::Version(Nothing {}),
        Call::Reload(Nothing {}),
        Call::ResetFailed(Units { units: units() }),
        Call::Show(Show { units: units(), properties: vec!["Id".into()] }),
        Call::Status(Status {
            units: ["a.socket", "a.service", "fail.service", "nope.service"].map(str::to_owned).to_vec(),
            lines: 3,
        }),
        Call::Cat(Units { units: vec!["a.socket".into(), "gone.service".into()] }),
        Call::Dependencies(Dependencies { units: units(), reverse: true }),
        Call::LogLevel(wire::LogLevel { level: None }),
        Call::LogLevel(wire::LogLevel { level: Some("debug".into()) }),
    ];
    for verb in [Verb::Start, Verb::Stop, Verb::Restart, Verb::TryRestart, Verb::Reload, Verb::ReloadOrRestart] {
        for wait in [Wait::Queued, Wait::Done, Wait::Ended] {
            calls.push(Call::Job(Job { verb, wait, units: ["a.service", "fail.service"].map(str::to_owned).to_vec() }));
        }
    }
    for whom in [Whom::All, Whom::Main, Whom::Control] {
        calls.push(Call::Kill(wire::Kill { units: units(), whom, signal: 15 }));
    }
    for kind in [ListKind::Units, ListKind::Sockets, ListKind::Files] {
        let one = || vec!["x".to_owned()];
        calls.push(Call::List(List { kind, patterns: one(), all: true, states: one(), types: one() }));
    }
    calls
}

#[test]
fn methods_and_errors_are_the_same() {
    let interface = parse(porterd::control::INTERFACE);
    let of = |prefix: &str, names: Vec<&str>| -> BTreeSet<String> {
        names.iter().filter_map(|m| m.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    let methods: BTreeSet<String> = interface.methods.keys().cloned().collect();
    assert_eq!(methods, of("org.porterd.", METHODS.to_vec()));
    use porterd::control::varlink::errors::*;
    assert_eq!(interface.errors, of("org.porterd.", vec![BAD_MESSAGE, BUSY, FAILED]));
    let service =
        of("org.varlink.service.", vec![INTERFACE_NOT_FOUND, METHOD_NOT_FOUND, INVALID_PARAMETER, PERMISSION_DENIED]);
    for error in service {
        assert!(porterd::control::SERVICE_INTERFACE.contains(&format!("error {error} ")), "{error}");
    }
}

#[test]
fn parameters_and_answers_are_the_same() {
    let interface = parse(porterd::control::INTERFACE);
    let mut seen = BTreeSet::new();
    for call in calls() {
        interface.takes(&call);
        let method = serde_json::to_value(&call).unwrap()["method"].as_str().unwrap()[12..].to_owned();
        match &call {
            Call::Ping(_) => interface.gives(&method, &Nothing {}),
            Call::Version(_) => interface.gives(&method, &VersionReply::default()),
            other => interface.gives(&method, &daemon::answer(other)),
        }
        seen.insert(method);
    }
    assert_eq!(seen, interface.methods.keys().cloned().collect());
}

#[test]
fn default_values_are_valid_too() {
    let interface = parse(porterd::control::INTERFACE);
    let of = |name: &str, value: Value| interface.check(&value, &interface.types[name], name);
    of("UnitStatus", serde_json::to_value(UnitStatus::default()).unwrap());
    of("UnitStatus", serde_json::to_value(sample::service()).unwrap());
    of("UnitRow", serde_json::to_value(UnitRow::default()).unwrap());
    of("SocketRow", serde_json::to_value(SocketRow::default()).unwrap());
    of("UnitFile", serde_json::to_value(UnitFile::default()).unwrap());
    of("Waiting", serde_json::to_value(Waiting::default()).unwrap());
    of("LogLine", serde_json::to_value(LogLine::default()).unwrap());
    of("ControlProcess", serde_json::to_value(ControlProcess::default()).unwrap());
}
