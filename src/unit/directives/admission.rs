//! Rows of the section [Socket] that say who may come in. systemd does not know them and skips them.

use super::line::{Line, Outcome, Problem};
use super::{Row, SOCKET, full};
use crate::ids::Text;
use crate::syntax::words::Rules;
use crate::unit::admission::{OnLimit, OnMaxConnections};
use crate::unit::draft::Draft;
use crate::unit::values::{names, path, prefix};

pub(super) static ROWS: &[Row] = &[
    full(
        SOCKET,
        "X-AllowFrom",
        |l| {
            if l.is_empty() {
                l.draft.admission.allow_from = None;
                return Ok(());
            }
            prefixes(l, |d| d.admission.allow_from.get_or_insert_default())
        },
        "Prefixes, or files of prefixes, from which peers may come; nobody else may",
    ),
    full(
        SOCKET,
        "X-DenyFrom",
        |l| {
            if l.is_empty() {
                l.draft.admission.deny_from.clear();
                return Ok(());
            }
            prefixes(l, |d| &mut d.admission.deny_from)
        },
        "Prefixes, or files of prefixes, from which nobody may come",
    ),
    full(
        SOCKET,
        "X-AllowPeerUser",
        |l| identities(l, |d| &mut d.admission.allow_peer_user),
        "Users whose processes may connect to AF_UNIX sockets; nobody else may",
    ),
    full(
        SOCKET,
        "X-AllowPeerGroup",
        |l| identities(l, |d| &mut d.admission.allow_peer_group),
        "Groups whose processes may connect to AF_UNIX sockets; nobody else may",
    ),
    full(
        SOCKET,
        "X-MaxConnectionsPerPrefix",
        |l| optional(l, prefix::per_prefix, |d| &mut d.admission.max_connections_per_prefix),
        "Connections from one network at the same time, at most: LIMIT/V4BITS/V6BITS; 0 is no limit",
    ),
    full(
        SOCKET,
        "X-ConnectionRatePerSource",
        |l| optional(l, prefix::rate, |d| &mut d.admission.connection_rate_per_source),
        "Connections from one peer in a time, at most: COUNT/TIME; 0 is no limit",
    ),
    full(
        SOCKET,
        "X-OnMaxConnections",
        |l| {
            let words = [("wait", OnMaxConnections::Wait), ("refuse", OnMaxConnections::Refuse)];
            choice(l, words, |d| &mut d.socket.on_max_connections)
        },
        "What becomes of connections for which there is no room: wait or refuse",
    ),
    full(
        SOCKET,
        "X-OnLimit",
        |l| choice(l, [("pause", OnLimit::Pause), ("fail", OnLimit::Fail)], |d| &mut d.socket.on_limit),
        "What a socket does at a limit, or when something runs out: pause or fail",
    ),
];

/// A list of prefixes and files that grows. What cannot be read is left out; that there is a list
/// counts all the same.
fn prefixes(line: &mut Line<'_>, field: fn(&mut Draft) -> &mut Vec<Text>) -> Outcome {
    field(line.draft);
    for (word, range) in line.words(Rules::PATHS) {
        if let Some((name, _)) = prefix::file(&word) {
            match path::absolute(name) {
                Ok(_) => field(line.draft).push(word.into()),
                Err(why) => line.warn("invalid-item", format!("{word:?} is left out: {why}"), range),
            }
            continue;
        }
        match prefix::prefixes(&word) {
            Ok(read) => {
                for (prefix, _) in read.iter().filter(|(_, odd)| *odd) {
                    line.warn(
                        "prefix-host-bits",
                        format!("{word} has bits behind the prefix; {prefix} counts"),
                        range.clone(),
                    );
                }
                field(line.draft).push(word.into());
            }
            Err(why) => line.warn("invalid-item", format!("{why}; it is left out"), range),
        }
    }
    Ok(())
}

/// A list of users or groups that grows; empty takes it back.
fn identities(line: &mut Line<'_>, field: fn(&mut Draft) -> &mut Option<Vec<Text>>) -> Outcome {
    if line.is_empty() {
        *field(line.draft) = None;
        return Ok(());
    }
    field(line.draft).get_or_insert_default();
    for (word, range) in line.words(Rules::PLAIN) {
        match names::user_or_group(&word) {
            Ok(name) => field(line.draft).get_or_insert_default().push(name.into()),
            Err(why) => line.warn("invalid-item", format!("{word:?} is left out: {why}"), range),
        }
    }
    Ok(())
}

/// The last valid value counts; empty takes it back.
fn optional<T>(
    line: &mut Line<'_>,
    parse: super::line::Parse<Option<T>>,
    field: fn(&mut Draft) -> &mut Option<T>,
) -> Outcome {
    let value = if line.is_empty() { None } else { parse(line.text())? };
    *field(line.draft) = value;
    Ok(())
}

/// One of two words; empty takes it back.
fn choice<T: Copy>(line: &mut Line<'_>, words: [(&str, T); 2], field: fn(&mut Draft) -> &mut Option<T>) -> Outcome {
    let text = line.text();
    let value = match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Some(*value),
        None if text.is_empty() => None,
        None => return Err(Problem::from(format!("not {} or {}", words[0].0, words[1].0))),
    };
    *field(line.draft) = value;
    Ok(())
}
