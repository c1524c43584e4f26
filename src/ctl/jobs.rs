//! Verbs that change state: what is asked, what is said when it fails, with which exit code.

use super::commands::Context;
use super::exit;
use super::names;
use super::options::{Kill, KillWhom};
use crate::control::client::ClientError;
use crate::control::wire::{self, Call, Failure, Job, Nothing, Outcome, Units, Verb, Wait, Whom};
use nix::sys::signal::Signal;

/// start, stop and so on.
pub(super) fn job(context: &mut Context, verb: Verb, typed: &[String]) -> Result<u8, ClientError> {
    let word = verb_word(verb);
    let globs = typed.iter().any(|t| crate::control::pattern::is_pattern(t));
    if globs && verb == Verb::Start && !context.global.all {
        context.complain("Note: patterns match only units in memory that are not inactive (--all: all in memory).");
    }
    let units = names::expand(context, typed)?;
    if units.is_empty() {
        return Ok(exit::OK);
    }
    let wait = match (context.global.no_block, context.global.wait) {
        (true, _) => Wait::Queued,
        (_, true) => Wait::Ended,
        _ => Wait::Done,
    };
    let outcome: Outcome = context.call_patiently(&Call::Job(Job { verb, units, wait }))?;
    Ok(tell(context, word, &outcome))
}

/// systemctl's word for a verb.
fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Restart => "restart",
        Verb::TryRestart => "try-restart",
        Verb::Reload => "reload",
        Verb::ReloadOrRestart => "reload-or-restart",
    }
}

/// Reads all unit files again.
pub(super) fn daemon_reload(context: &mut Context) -> Result<u8, ClientError> {
    let outcome: Outcome = context.call_patiently(&Call::Reload(Nothing {}))?;
    Ok(tell(context, "reload", &outcome))
}

/// Clears `failed`.
pub(super) fn reset_failed(context: &mut Context, typed: &[String]) -> Result<u8, ClientError> {
    let units = names::expand(context, typed)?;
    if units.is_empty() && !typed.is_empty() {
        return Ok(exit::OK);
    }
    let outcome: Outcome = context.call(&Call::ResetFailed(Units { units }))?;
    for failure in &outcome.failures {
        let sentence = sentence("reset-failed", failure);
        context.complain(format!("Failed to reset failed state of unit {}: {sentence}", failure.unit));
    }
    Ok(if outcome.failures.is_empty() { exit::OK } else { exit::FAILED })
}

/// Sends a signal.
pub(super) fn kill(context: &mut Context, kill: &Kill) -> Result<u8, ClientError> {
    let Some(signal) = signal_number(&kill.signal) else {
        context.complain(format!("Failed to parse signal string \"{}\".", kill.signal));
        return Ok(exit::FAILED);
    };
    let whom = match kill.kill_whom {
        KillWhom::All => Whom::All,
        KillWhom::Main => Whom::Main,
        KillWhom::Control => Whom::Control,
    };
    let units = names::expand(context, &kill.names)?;
    if units.is_empty() {
        return Ok(exit::OK);
    }
    let outcome: Outcome = context.call(&Call::Kill(wire::Kill { units, whom, signal }))?;
    for failure in &outcome.failures {
        let sentence = sentence("kill", failure);
        context.complain(format!("Failed to kill unit {}: {sentence}", failure.unit));
    }
    Ok(if outcome.failures.is_empty() { exit::OK } else { exit::FAILED })
}

/// `TERM`, `SIGTERM`, `15`, `RTMIN+1`.
fn signal_number(text: &str) -> Option<i32> {
    let (first_rt, last_rt) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    if let Ok(number) = text.parse::<i32>() {
        return (1..=last_rt).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |rest: &str, sign: char| match rest.strip_prefix(sign) {
        Some(n) => n.parse::<i32>().ok().filter(|n| *n >= 0),
        None => rest.is_empty().then_some(0),
    };
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        first_rt.checked_add(offset(rest, '+')?)?
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        last_rt.checked_sub(offset(rest, '-')?)?
    } else {
        return format!("SIG{name}").parse::<Signal>().ok().map(|s| s as i32);
    };
    (first_rt..=last_rt).contains(&number).then_some(number)
}

/// Says what did not work; the exit code is 1 if a job failed, else that of the first refusal.
fn tell(context: &mut Context, word: &str, outcome: &Outcome) -> u8 {
    if !context.global.quiet {
        for hint in &outcome.hints {
            context.complain(hint);
        }
    }
    let (mut refused, mut failed) = (exit::OK, false);
    for failure in &outcome.failures {
        match refusal_code(&failure.reason) {
            Some(code) => {
                context.complain(format!("Failed to {word} {}: {}", failure.unit, sentence(word, failure)));
                refused = if refused == exit::OK { code } else { refused };
            }
            None if failure.reason == "skipped" => context.complain(job_sentence(failure)),
            None => {
                context.complain(job_sentence(failure));
                failed = true;
            }
        }
    }
    if failed { exit::FAILED } else { refused }
}

/// The exit code when no job was made at all; `None` if one was made and did not succeed.
fn refusal_code(reason: &str) -> Option<u8> {
    match reason {
        "not-found" => Some(exit::NOT_INSTALLED),
        "masked" | "bad-setting" | "error" => Some(exit::FAILED),
        "refused" => Some(exit::NO_PERMISSION),
        "no-reload" => Some(exit::NOT_IMPLEMENTED),
        _ => None,
    }
}

/// What the daemon said, or systemctl's sentence for the reason.
fn sentence(word: &str, failure: &Failure) -> String {
    let unit = &failure.unit;
    if !failure.detail.is_empty() {
        return failure.detail.clone();
    }
    match failure.reason.as_str() {
        "not-found" if matches!(word, "stop" | "kill" | "reset-failed") => {
            format!("Unit {unit} not loaded.")
        }
        "not-found" => format!("Unit {unit} not found."),
        "masked" => format!("Unit {unit} is masked."),
        "bad-setting" => {
            format!(
                "Unit {unit} has a bad unit file setting.\nSee 'porterctl status {unit}' and 'porterctl verify {unit}' for details."
            )
        }
        "refused" => format!(
            "Operation refused, unit {unit} may be requested by dependency only (it is configured to refuse manual start/stop)."
        ),
        "no-reload" => format!("Job type reload is not applicable for unit {unit}."),
        other => other.to_owned(),
    }
}

/// For a job that was made and did not succeed.
fn job_sentence(failure: &Failure) -> String {
    let unit = &failure.unit;
    let what = match failure.reason.as_str() {
        "dependency" => format!("A dependency job for {unit} failed."),
        "canceled" => format!("Job for {unit} canceled."),
        "timeout" => format!("Job for {unit} failed because a timeout was exceeded."),
        "not-active" => format!("{unit} is not active, cannot reload."),
        "skipped" => format!("{unit} was skipped."),
        _ => format!("Job for {unit} failed."),
    };
    let why = if failure.detail.is_empty() { String::new() } else { format!("\n{}", failure.detail) };
    format!("{what}{why}\nSee \"porterctl status {unit}\" for details.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        for (text, number) in [
            ("TERM", Some(15)),
            ("sigusr1", Some(10)),
            ("9", Some(9)),
            ("0", None),
            ("99", None),
            ("BOGUS", None),
            ("RTMIN", Some(34)),
            ("SIGRTMIN+3", Some(37)),
            ("RTMAX-1", Some(63)),
            ("RTMAX+1", None),
            ("RTMIN+99", None),
            ("", None),
        ] {
            assert_eq!(signal_number(text), number, "{text}");
        }
    }
}
