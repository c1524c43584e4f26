//! Rows of the section [Socket] that systemd does not have: addresses and nodes. Their names begin
//! with `X-`, which systemd skips in silence.

use super::line::{Line, Outcome, Problem};
use super::{Row, SOCKET, full};
use crate::unit::values::{multicast, scalar, socket_option};

pub(super) static ROWS: &[Row] = &[
    full(
        SOCKET,
        "X-MulticastGroup",
        group,
        "Multicast group that datagram sockets join: GROUP[%INTERFACE], and a SOURCE for that sender alone",
    ),
    full(
        SOCKET,
        "X-MulticastLoop",
        |l| l.set_or_unset(scalar::boolean, |d| &mut d.options.beyond.multicast_loop),
        "Whether multicast datagrams that are sent are also heard on this machine",
    ),
    full(
        SOCKET,
        "X-MulticastTTL",
        |l| l.set_or_unset(ttl, |d| &mut d.options.beyond.multicast_ttl),
        "Time to live or hop limit of outgoing multicast datagrams, 0 to 255",
    ),
    full(SOCKET, "X-MulticastInterface", interface, "Interface through which multicast datagrams are sent"),
    full(
        SOCKET,
        "X-PublishAddress",
        |l| l.path(|d| &mut d.options.beyond.publish_address),
        "File with the addresses that the sockets are bound to, one a line, while they are",
    ),
    full(
        SOCKET,
        "X-BindRetry",
        bind_retry,
        "What to do about an address that is not there: no, or address-up to wait for it",
    ),
    full(
        SOCKET,
        "X-HealNode",
        |l| l.set(scalar::boolean, |d| &mut d.options.beyond.heal_node),
        "Put a socket or FIFO back that somebody removed, with what is queued",
    ),
    full(SOCKET, "X-SockOpt", option, "Any socket option: LEVEL:NAME:VALUE, by the kernel's names or numbers"),
];

fn ttl(text: &str) -> Result<u8, String> {
    scalar::int_within(text, 0, 255).map(|ttl| ttl as u8)
}

/// `GROUP[%IFACE] [SOURCE]`. The percent sign behind an address is no specifier.
fn group(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.options.beyond.multicast_groups.clear();
        return Ok(());
    }
    let text = line.text().to_owned();
    let (group, rest) = match multicast::split_interface(&text) {
        Some((group, rest)) => (Some(group.to_owned()), line.expand(rest)?),
        None => (None, line.expand(&text)?),
    };
    let (head, rest) = rest.split_once([' ', '\t']).unwrap_or((&rest, ""));
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let (group, interface) = match &group {
        Some(group) => (group.as_str(), Some(head)),
        None => head.split_once('%').map_or((head, None), |(group, interface)| (group, Some(interface))),
    };
    let source = words.next();
    if words.next().is_some() {
        return Err("more than a group and a source; write one line for each group".into());
    }
    let new = multicast::membership(group, interface, source)?;
    let groups = &mut line.draft.options.beyond.multicast_groups;
    // The kernel keeps one filter for each group and interface: all senders, or a list of them.
    let same = groups.iter().find(|old| old.group == new.group && old.interface == new.interface);
    match same {
        Some(old) if old.source.is_none() != new.source.is_none() => {
            Err(Problem::from("the group is joined for all senders and for one of them")
                .help("remove the line with the sender, or the one without"))
        }
        _ if groups.contains(&new) => Err("the same group is joined by a line above".into()),
        _ => {
            groups.push(new);
            Ok(())
        }
    }
}

fn bind_retry(line: &mut Line<'_>) -> Outcome {
    line.draft.options.beyond.bind_retry = match line.text() {
        "" | "no" => false,
        "address-up" => true,
        _ => return Err("not no or address-up".into()),
    };
    Ok(())
}

fn interface(line: &mut Line<'_>) -> Outcome {
    line.checked(multicast::name_or_index, |d| &mut d.options.beyond.multicast_interface)
}

fn option(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.options.beyond.raw_options.clear();
        return Ok(());
    }
    let (option, key) = socket_option::raw_option(&line.expand(line.text())?)?;
    if let Some(key) = key {
        line.warn("option-has-key", format!("{} is what {key}= sets; use that", option.symbol), 0..usize::MAX);
    }
    line.draft.options.beyond.raw_options.push(option);
    Ok(())
}
