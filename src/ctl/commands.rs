//! From the command line to the verb: one place that connects, complains and ends.

use super::options::{Global, Options, Patterns, Verb};
use super::show::{self, Out};
use super::{exit, explain, files, jobs, list, properties, status, tree, verify};
use crate::control::client::{Client, ClientError};
use crate::control::wire::{self, Call, List, ListKind};
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// What every verb needs.
pub(super) struct Context {
    /// Options.
    pub(super) global: Global,
    /// Standard output.
    pub(super) out: Out,
    client: Option<Client>,
}

impl Context {
    /// Asks the daemon; connects when needed.
    pub(super) fn call<T: DeserializeOwned>(&mut self, call: &Call) -> Result<T, ClientError> {
        self.client()?.call(call)
    }

    /// The same, for what takes as long as it takes.
    pub(super) fn call_patiently<T: DeserializeOwned>(&mut self, call: &Call) -> Result<T, ClientError> {
        self.client()?.call_patiently(call)
    }

    fn client(&mut self) -> Result<&mut Client, ClientError> {
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(Client::connect(&files::control_socket(&self.global))?)),
        }
    }

    /// Something for standard error.
    pub(super) fn complain(&mut self, text: impl Display) {
        show::complain(&mut self.out, text);
    }

    /// What the options say about lists; no patterns yet.
    pub(super) fn list(&self, kind: ListKind) -> List {
        let mut states = self.global.state.clone();
        if self.global.failed {
            states.push("failed".to_owned());
        }
        List { kind, patterns: Vec::new(), all: self.global.all, states, types: self.global.types.clone() }
    }
}

/// Runs porterctl; returns the exit code.
pub(super) fn run(options: Options) -> u8 {
    let out = Out::new(options.global.full);
    let verb = options.verb.unwrap_or_else(|| Verb::ListUnits(Patterns::default()));
    let mut context = Context { global: options.global, out, client: None };
    let code = match dispatch(&mut context, &verb) {
        Ok(code) => code,
        Err(e) => {
            context.complain(format_args!("porterctl: {e}"));
            exit::of(&e)
        }
    };
    context.out.flush();
    code
}

fn dispatch(c: &mut Context, verb: &Verb) -> Result<u8, ClientError> {
    match verb {
        Verb::Start(n) => jobs::job(c, wire::Verb::Start, &n.names),
        Verb::Stop(n) => jobs::job(c, wire::Verb::Stop, &n.names),
        Verb::Restart(n) => jobs::job(c, wire::Verb::Restart, &n.names),
        Verb::TryRestart(n) => jobs::job(c, wire::Verb::TryRestart, &n.names),
        Verb::Reload(n) => jobs::job(c, wire::Verb::Reload, &n.names),
        Verb::ReloadOrRestart(n) => jobs::job(c, wire::Verb::ReloadOrRestart, &n.names),
        Verb::ResetFailed(n) => jobs::reset_failed(c, &n.names),
        Verb::Kill(kill) => jobs::kill(c, kill),
        Verb::IsActive(n) => {
            properties::is_state(c, &n.names, &["active", "reloading", "refreshing"], exit::NOT_RUNNING)
        }
        Verb::IsFailed(n) => properties::is_state(c, &n.names, &["failed"], exit::FAILED),
        Verb::Status(n) => status::status(c, &n.names),
        Verb::Show(n) => properties::show(c, &n.names),
        Verb::Cat(n) => tree::cat(c, &n.names),
        Verb::ListUnits(n) => list::units(c, &n.names),
        Verb::ListSockets(n) => list::sockets(c, &n.names),
        Verb::ListUnitFiles(n) => list::files(c, &n.names),
        Verb::ListDependencies(n) => tree::dependencies(c, &n.names),
        Verb::DaemonReload => jobs::daemon_reload(c),
        Verb::LogLevel { level } => log_level(c, level.clone()),
        Verb::Verify { what } => Ok(verify::verify(c, what)),
        Verb::Explain { what } => Ok(explain::explain(c, what)),
        Verb::Completions { shell } => Ok(completions(c, *shell)),
    }
}

fn log_level(c: &mut Context, level: Option<String>) -> Result<u8, ClientError> {
    let asks = level.is_none();
    let reply: wire::LogLevel = c.call(&Call::LogLevel(wire::LogLevel { level }))?;
    if asks {
        c.out.line(reply.level.unwrap_or_default());
    }
    Ok(exit::OK)
}

fn completions(c: &mut Context, shell: super::options::Shell) -> u8 {
    use super::options::Shell;
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command_line(), "porterctl", &mut script);
    c.out.line(String::from_utf8_lossy(&script).trim_end());
    exit::OK
}
