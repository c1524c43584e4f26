//! The environment of a process: who may set what, and which setting wins.
//!
//! Blocks are applied in systemd's order; a later one overrides an earlier one. Values may be the
//! pid of the process, which nobody knows yet: see [`Value::Pid`].

use super::occasion::{Occasion, PerStart};
use super::stdio;
use crate::ids::Text;
use crate::unit::values::environment::{is_name, is_value};
use std::borrow::Cow;

/// The search path of services and of bare program names.
pub(super) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Digits reserved for a pid; the child overwrites them.
pub(super) const PID_DIGITS: &str = "0000000000";

/// What a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// The pid of the process that is going to be started.
    Pid,
}

/// Variables in order of their first assignment, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    entries: Vec<(String, Value)>,
}

impl Environment {
    fn put(&mut self, name: &str, value: Value) {
        match self.entries.iter_mut().find(|(n, _)| n == name) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((name.to_owned(), value)),
        }
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.put(name, Value::Text(value.into()));
    }

    fn set_all(&mut self, variables: &[(Text, Text)]) {
        for (name, value) in variables {
            self.set(name, &**value);
        }
    }

    /// A variable's value.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// All variables.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// `UnsetEnvironment=`: `NAME` always, `NAME=VALUE` only with that value.
    fn unset(&mut self, words: &[Text]) {
        for word in words {
            match word.split_once('=') {
                None => self.entries.retain(|(name, _)| **name != **word),
                Some((name, value)) => {
                    self.entries.retain(|(n, v)| n != name || *v != Value::Text(value.to_owned()));
                }
            }
        }
    }
}

/// The final environment.
pub(super) fn environment(occasion: &Occasion<'_>) -> Environment {
    let mut env = Environment::default();
    manager_block(occasion, &mut env);
    unit_block(occasion, &mut env);
    for (name, value) in per_start(&occasion.start) {
        env.set(name, value);
    }
    process_block(occasion, &mut env);
    chosen_blocks(occasion, &mut env);
    env.unset(&occasion.exec.unset_environment);
    env.entries.retain(|(name, value)| is_name(name) && !matches!(value, Value::Text(text) if !is_value(text)));
    env
}

fn manager_block(occasion: &Occasion<'_>, env: &mut Environment) {
    if occasion.ambient.user_mode {
        env.set_all(&occasion.ambient.environment);
    }
    env.set("PATH", SEARCH_PATH);
    env.set_all(&occasion.ambient.default_environment);
}

fn unit_block(occasion: &Occasion<'_>, env: &mut Environment) {
    if occasion.fd_store_max > 0 {
        env.set("FDSTORE", occasion.fd_store_max.to_string());
    }
    if occasion.ambient.user_mode {
        env.set("MANAGERPID", occasion.ambient.pid.to_string());
    }
    if let Some(path) = occasion.pid_file {
        env.set("PIDFILE", path);
    }
}

/// What differs from start to start.
pub(super) fn per_start<'a>(start: &PerStart<'a>) -> impl Iterator<Item = (&'static str, Cow<'a, str>)> + 'a {
    let notify = start.notify_socket.map(|path| ("NOTIFY_SOCKET", Cow::from(path)));
    let invocation = (start.invocation != 0).then(|| ("INVOCATION_ID", Cow::from(hex(start.invocation))));
    let variables = start.variables.iter().map(|(name, value)| (*name, Cow::from(&**value)));
    notify.into_iter().chain(variables).chain(invocation)
}

/// All 32 digits, without the machinery of formatting: every connection has an invocation.
fn hex(number: u128) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |byte: u8, shift: u8| char::from(DIGITS[usize::from(byte >> shift & 0xf)]);
    number.to_be_bytes().into_iter().flat_map(|byte| [digit(byte, 4), digit(byte, 0)]).collect()
}

fn process_block(occasion: &Occasion<'_>, env: &mut Environment) {
    if occasion.passes_descriptors() {
        let names: Vec<&str> = occasion.passed.iter().map(|fd| &*fd.name).collect();
        env.put("LISTEN_PID", Value::Pid);
        env.set("LISTEN_FDS", names.len().to_string());
        env.set("LISTEN_FDNAMES", names.join(":"));
        for (n, passed) in occasion.passed.iter().enumerate() {
            if let Some(address) = &passed.address {
                env.set(&format!("PORTER_ADDRESS_{n}"), &**address);
            }
        }
    }
    if occasion.watchdog_usec > 0 && occasion.is_main() {
        env.put("WATCHDOG_PID", Value::Pid);
        env.set("WATCHDOG_USEC", occasion.watchdog_usec.to_string());
    }
    if let (Some(_), Ok(identity)) = (&occasion.exec.user, occasion.identity) {
        for name in ["USER", "LOGNAME"] {
            if let Some(user) = &identity.user {
                env.set(name, &**user);
            }
        }
    }
    if let Some(home) = super::properties::home(occasion) {
        env.set("HOME", home);
    }
    if let (Some(_), Ok(identity)) = (&occasion.exec.user, occasion.identity)
        && let Some(shell) = identity.usable_shell()
    {
        env.set("SHELL", shell);
    }
    if let Some(path) = stdio::terminal(occasion.exec) {
        let device = path.strip_prefix("/dev/").unwrap_or(path);
        let virtual_console = device.strip_prefix("tty").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        env.set("TERM", if virtual_console || device == "console" { "linux" } else { "vt220" });
    }
}

/// What the administrator chose, in order of precedence.
fn chosen_blocks(occasion: &Occasion<'_>, env: &mut Environment) {
    let exec = occasion.exec;
    if let Some(rare) = exec.rare.as_deref().filter(|r| !r.exec_search_path.is_empty()) {
        env.set("PATH", rare.exec_search_path.join(":"));
    }
    for name in &exec.pass_environment {
        if let Some((_, value)) = occasion.ambient.environment.iter().find(|(n, _)| n == name) {
            env.set(name, &**value);
        }
    }
    env.set_all(&exec.environment);
    for (name, value) in occasion.environment_files {
        env.set(name, value.as_str());
    }
}

/// Names that [`chosen_blocks`] assigns (environment files apart), so that a start cannot.
pub(super) fn chosen_names(occasion: &Occasion<'_>) -> Vec<Text> {
    let exec = occasion.exec;
    let there = |name: &&Text| occasion.ambient.environment.iter().any(|(n, _)| n == *name);
    let passed = exec.pass_environment.iter().filter(there);
    passed.chain(exec.environment.iter().map(|(name, _)| name)).cloned().collect()
}
