//! Every diagnostic and every note: stable name, severity, explanation. Knows nothing of when they
//! are given.

use super::Severity;

/// One kind of finding or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable name; scripts may rely on it.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means and what to do, for `porterctl explain` and the manual.
    pub explanation: &'static str,
}

const fn notice(name: &'static str, explanation: &'static str) -> Code {
    Code { name, severity: Severity::Notice, explanation }
}

const fn warning(name: &'static str, explanation: &'static str) -> Code {
    Code { name, severity: Severity::Warning, explanation }
}

const fn error(name: &'static str, explanation: &'static str) -> Code {
    Code { name, severity: Severity::Error, explanation }
}

/// The row of a name.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().chain(NOTES).find(|code| code.name == name)
}

/// Severity of a code; a warning if it is not listed.
pub fn severity(name: &str) -> Severity {
    find(name).map_or(Severity::Warning, |code| code.severity)
}

/// What a code means and what to do about it.
pub fn explain(name: &str) -> Option<&'static str> {
    find(name).map(|code| code.explanation)
}

/// Findings about unit files.
pub const CODES: &[Code] = &[
    // Files and lines.
    error(
        "file-unreadable",
        "The file exists but could not be read. Check its permissions and the disk. The unit counts as not loadable; for a drop-in the rest of the unit still counts.",
    ),
    error(
        "file-too-long",
        "The file is longer than any unit file can sensibly be, so it was not read. It is probably not a unit file.",
    ),
    error(
        "bad-section-header",
        "A line that begins with '[' must be a header like [Service]: it ends in ']' and the name has no control characters, quotes or backslashes. Nothing behind such a line is read: a unit with it in its main file is not loaded, a drop-in is applied up to that line.",
    ),
    error(
        "invalid-utf8",
        "Unit files are UTF-8. Outside of comments a line that is not ends the reading of the file: a unit with it in its main file is not loaded, a drop-in is applied up to that line.",
    ),
    error(
        "line-too-long",
        "A line, or several joined by backslashes, has more than 1 MiB. Nothing from there on is read: a unit with it in its main file is not loaded.",
    ),
    warning("too-many-findings", "The file has so many findings that the rest of them is not listed."),
    warning(
        "assignment-outside-section",
        "The line stands before the first header such as [Unit], so it belongs to nothing and has no effect. Move it below a header.",
    ),
    warning(
        "missing-equals",
        "The line is neither a header, a comment nor Key=Value, and has no effect. Comments begin with # or ;. To continue the line above, end that one in a backslash.",
    ),
    warning(
        "missing-key",
        "The line begins with '=', so there is no name that the value could belong to, and has no effect.",
    ),
    warning(
        "unknown-section",
        "No section of this name exists in this kind of unit; names are case-sensitive. All lines up to the next header have no effect. Sections of other programs begin with X- and are skipped in silence.",
    ),
    warning(
        "unknown-key",
        "The section has no setting of this name; names are case-sensitive. The line has no effect. Settings of other programs begin with X- and are skipped in silence.",
    ),
    notice(
        "unknown-extension",
        "A key that begins with X- is nearly one of porterd's own, or stands in a section where it has no effect. Keys of other programs are skipped in silence; this one may be a slip.",
    ),
    notice(
        "option-has-key",
        "The socket option that X-SockOpt= sets has a setting of its own. Use that: it knows which sockets have the option, and is understood by systemd too unless its name begins with X-.",
    ),
    error(
        "drop-in-abandoned",
        "A setting in this drop-in is so wrong that the lines behind it are not read. What stands before it counts, and the unit is loaded.",
    ),
    warning("drop-in-unreadable", "A drop-in could not be read and is left out; the rest of the unit counts."),
    warning("executable-file", "The unit file is marked executable. That does no harm, and is probably a mistake."),
    warning(
        "world-writable-file",
        "Everybody may write the unit file, and so may decide what runs as its user. Remove the permission.",
    ),
    // Names, links, search path.
    warning(
        "bad-unit-file-name",
        "The file's name is no unit name, so it is not read: letters, digits and :-_.\\ before one of the known suffixes, at most 255 bytes.",
    ),
    warning(
        "bad-alias",
        "The symbolic link cannot be another name of its target: suffix and kind (plain, template, instance) must match. The link is left out.",
    ),
    error(
        "alias-chain-too-long",
        "Links lead from name to name for too long, perhaps in a circle. The unit is not loaded.",
    ),
    warning(
        "bad-dependency-link",
        "The entry in a .wants or .requires directory is no symbolic link, or its name is no unit name. It is left out.",
    ),
    warning(
        "bad-unit-name",
        "A word is no unit name and is left out: letters, digits and :-_.\\ before one of the known suffixes, at most 255 bytes.",
    ),
    warning("invalid-unit-name", "A word is no unit name, or not of the kind that is needed here, and is left out."),
    error(
        "unit-not-found",
        "No directory of the search path has a file of this name. Check the spelling and porterctl's list of directories; after adding a file, reload.",
    ),
    error(
        "unit-masked",
        "The unit is linked to /dev/null or empty: somebody decided that it must not be started. Remove the link or the empty file to allow it.",
    ),
    notice(
        "masked-drop-in",
        "A drop-in of this name in a directory of lower rank is hidden by a link to /dev/null or an empty file.",
    ),
    notice(
        "hidden-drop-in",
        "A drop-in of the same file name in a directory of higher rank is read instead of this one.",
    ),
    // Values.
    warning(
        "bad-value",
        "The value is not what the setting takes. The line has no effect: an earlier value or the default stays.",
    ),
    warning(
        "invalid-value",
        "The value is not what the setting takes. The line has no effect: an earlier value or the default stays.",
    ),
    warning("invalid-item", "One word of a list is not what the setting takes and is left out; the other words count."),
    error(
        "bad-setting",
        "The value is not what the setting takes, and going on without it would be dangerous: the unit is not loaded.",
    ),
    warning("ignored-value", "The value is known but porterd does nothing with it."),
    warning("obsolete-value", "The value is an old spelling that is still taken. Write the new one."),
    warning(
        "bad-specifier",
        "A percent sign begins a specifier such as %i. This one does not exist or has no value here, so the line has no effect. Write %% for a percent sign, also before the scope of an IPv6 address.",
    ),
    warning(
        "unknown-escape",
        "The backslash and the character behind it mean nothing and are kept as written. Write \\\\ for a backslash.",
    ),
    warning(
        "unbalanced-quotes",
        "A quote is opened and not closed, so the value cannot be split into words. Close it, or put a backslash before the quote if the character itself is meant.",
    ),
    warning("bad-path", "A path must be absolute and without '..' components. The line or the word has no effect."),
    warning(
        "moved-path",
        "The directory has moved: /var/run is an old name of /run. The new place is used; change the file.",
    ),
    warning(
        "bad-label",
        "A SMACK label has 1 to 255 printable ASCII characters, no blanks, slashes, quotes or backslashes among them, and does not begin with a dash. The kernel will refuse this one, and what it was meant for keeps the label it is made with.",
    ),
    warning(
        "bad-address",
        "The address cannot be listened on, so the line has no effect. Forms: PORT, A.B.C.D:PORT, [IPv6]:PORT, /path, @abstract-name, vsock:CID:PORT. The whole value is one address: no lists, quotes, host names or comments.",
    ),
    warning(
        "address-too-long",
        "The path or name does not fit into a socket address: 107 bytes for a path, 106 for an abstract name. The line has no effect. Use a shorter path.",
    ),
    notice(
        "not-in-systemd",
        "porterd takes this address and systemd does not: the name of a service as a port, or port 0, which the kernel chooses. A unit that is meant for systemd too needs a number. With --strict-systemd the line has no effect here either.",
    ),
    warning("ipv6-unavailable", "The address is IPv6 and the kernel has no IPv6, so the line has no effect."),
    warning(
        "no-such-interface",
        "The scope behind % names a network interface that does not exist while the file is read, so the line has no effect. Its index is taken as well.",
    ),
    warning(
        "bad-environment",
        "An assignment of a variable is left out: names have letters, digits and _ and do not begin with a digit; values have no control characters.",
    ),
    warning(
        "protocol-variable",
        "A variable that porterd itself sets for the service is set here to something else. The value of the file wins, and the service may be misled.",
    ),
    warning(
        "unknown-capability",
        "The word is no capability and is left out. A list in which no word is left drops every capability.",
    ),
    warning("unknown-syscall", "The word is no system call of this machine and no group of them, and is left out."),
    error(
        "bad-command",
        "The command line cannot be run: an open quote, no program, a program that is neither an absolute path nor a bare name, or a specifier that does not exist. The unit is not loaded; with the prefix - only the line is lost.",
    ),
    warning(
        "bad-command-ignored",
        "The command line cannot be run. Because of its prefix - it is left out, and the unit is loaded.",
    ),
    error(
        "bad-user",
        "The name or number can be no user or group: the unit is not loaded, because running it as somebody else would be dangerous. Whether the user exists is checked at the start.",
    ),
    error("bad-directory", "The directory is not an absolute path without '..': the unit is not loaded."),
    // Support.
    warning(
        "not-yet-applied",
        "The setting is known to systemd and read here, but porterd does not act on it yet. What it would protect against or limit is not protected or limited.",
    ),
    notice(
        "ignored-setting",
        "The setting means something only to systemd as a whole; porterd has nothing it could do with it.",
    ),
    notice(
        "ignored-key",
        "The setting means something only to systemd as a whole; porterd has nothing it could do with it.",
    ),
    notice("deprecated", "The setting still works under this name but has a newer one. Use the newer one."),
    notice("tier-three", "The unit uses settings that porterd knows by name only. They have no effect."),
    notice(
        "foreign-dependency",
        "The unit depends on a unit of a kind that porterd does not run (mount, device, timer, path and others). It counts as satisfied.",
    ),
    // Sockets as a whole.
    error(
        "no-listen",
        "The socket unit listens on nothing, perhaps because every address in it was left out. Add ListenStream= or one of its siblings.",
    ),
    error(
        "accept-needs-stream",
        "With Accept=yes every connection gets a process of its own, so only sockets that have connections can be listened on: streams and sequential packets.",
    ),
    error(
        "accept-with-service",
        "Accept=yes starts one instance of a template per connection, so a single service cannot be named. Remove Service= or Accept=yes.",
    ),
    error(
        "accept-with-defer",
        "DeferTrigger= makes one service wait, and with Accept=yes there is a service per connection. Remove DeferTrigger= or Accept=yes.",
    ),
    error(
        "accept-needs-template",
        "With Accept=yes the service must be a template: for foo.socket the file foo@.service. Rename the service or remove Accept=yes.",
    ),
    warning(
        "accept-template-missing",
        "With Accept=yes connections are served by a template, and there is none of the expected name: connections would be closed at once.",
    ),
    warning(
        "service-missing",
        "The service that the socket starts does not exist or cannot be loaded, so the socket cannot be started.",
    ),
    error(
        "guard-needs-accept",
        "X-AllowFrom=, X-DenyFrom=, X-AllowPeerUser= and X-AllowPeerGroup= are judged by porterd when it accepts a connection. With Accept=no the service accepts by itself, so nobody would be kept out. The unit is not loaded.",
    ),
    error(
        "prefix-file-unreadable",
        "A file of X-AllowFrom= or X-DenyFrom= cannot be read. What it would have allowed is not allowed; what it would have denied cannot be told from the rest, so nobody is admitted. Correct the file and reload. A path behind '-' may be missing.",
    ),
    error(
        "too-many-prefixes",
        "The lists of X-AllowFrom= and X-DenyFrom= have more prefixes than a socket may have. What is over in the list of the allowed admits nobody; if it is in the list of the denied, nobody is admitted.",
    ),
    warning(
        "bad-prefix",
        "A word in a file of prefixes is neither an address nor a prefix such as 192.0.2.0/24. It is left out; the others count.",
    ),
    warning(
        "prefix-host-bits",
        "Bits behind the prefix are set, as in 192.0.2.7/24. The whole network counts; write the address alone if only it was meant.",
    ),
    error("no-connections", "MaxConnections=0 would let nobody in. Leave the setting out for the default of 64."),
    error(
        "symlinks-need-one-path",
        "Symlinks= points at the one socket or FIFO with a path, so the unit must have exactly one.",
    ),
    error(
        "path-not-normalized",
        "The path of a socket contains '..', so the mounts it needs cannot be known, and the unit is not loaded. Write the path without it.",
    ),
    error("contradiction", "Two settings of the unit exclude each other, so it is not loaded."),
    warning("no-effect-here", "The setting has no effect together with what else the unit says."),
    warning(
        "runtime-directory-of-socket",
        "The service owns the directory that the socket's path lies in, and would remove the socket when it stops. porterd keeps the directory while the socket listens.",
    ),
    // Services as a whole.
    error(
        "no-exec-start",
        "The service has nothing to run. Add ExecStart=; only Type=oneshot may do without, if it has ExecStop= and RemainAfterExit=yes.",
    ),
    error(
        "many-exec-start",
        "Only Type=oneshot may have more than one ExecStart=. In a drop-in, write an empty ExecStart= first to replace the command.",
    ),
    error(
        "oneshot-restart",
        "A oneshot service that ends well is done; with Restart=always or on-success it would never be.",
    ),
    error("no-bus-name", "Type=dbus counts as started when BusName= appears on the bus, and there is no BusName=."),
    error("bad-pam", "PAMName= needs KillMode=control-group or mixed."),
    warning(
        "stdin-socket-ambiguous",
        "StandardInput=socket passes one socket as standard input, and the unit's sockets are not exactly one. The start will fail.",
    ),
    // Units as a graph.
    warning("missing-dependency", "The unit needs a unit that does not exist."),
    error(
        "dependency-cycle",
        "Units wait for one another in a circle. One of the orderings is left out, so that the rest can start.",
    ),
    notice(
        "orphan-instance-setting",
        "The setting differs from instance to instance, so it is read again for every connection, which costs time.",
    ),
];

/// Events that the running engine tells.
pub const NOTES: &[Code] = &[
    warning(
        "journal-away",
        "journald was there when porterd started and does not take a connection now. What the unit writes goes to porterd's own log until its next start.",
    ),
    warning(
        "sink-away",
        "The kernel's log (/dev/kmsg) or the console (/dev/console) takes no lines of services, for which kmsg or +console ask. They are in the log all the same.",
    ),
    notice("socket-listening", "The socket unit listens on all its addresses."),
    error(
        "too-many-units",
        "porterd knows as many units as it can. Remove unit files that nothing needs, and see whether an instance leaks.",
    ),
    notice("socket-closed", "The socket unit no longer listens."),
    error(
        "socket-failed",
        "The socket unit cannot go on; the result says why. Nobody can connect until it is started again.",
    ),
    notice(
        "socket-awaits-address",
        "An address or network interface of the socket is not there, and X-BindRetry=address-up says to wait for it. The unit stays in start-open, with its start job, and listens when it has come.",
    ),
    notice(
        "node-healed",
        "Somebody removed a socket or FIFO from the file system, and it was put back (X-HealNode=yes). It is the same node: nothing that was queued is lost.",
    ),
    warning(
        "node-renewed",
        "A node of a socket with X-HealNode=yes was removed together with the second name that was to save it, so a new socket was made at its path. What is queued on the old one is still served: the service gets both, the old one behind all others. Restart the socket unit to have one again.",
    ),
    warning(
        "node-heal-limit",
        "A node was removed more than 10 times in 10 seconds, so it stays away until the time is over. Find out who removes it.",
    ),
    warning(
        "node-lost",
        "The node of a socket with X-HealNode=yes cannot be put back, or something else is in its place. Clients that are connected or queued are still served; restart the socket unit to let new ones in.",
    ),
    error(
        "socket-bind-failed",
        "An address could not be listened on; the message names the step and the error. A port that is new after a reload is tried again and again.",
    ),
    warning(
        "socket-paused",
        "Accepting is paused for a moment, because descriptors or memory ran out or a limit was hit. Clients wait in the kernel's queue; it resumes by itself.",
    ),
    notice("socket-resumed", "A paused socket accepts again."),
    error("socket-broken", "The kernel reports an error or a hang-up on a listening socket."),
    warning("socket-timeout", "A command of the socket unit did not end within TimeoutSec=."),
    warning("socket-cannot-start-service", "Traffic came in, and the service could not be started for it."),
    warning("socket-service-gone", "The service of the socket has disappeared from the unit files."),
    notice(
        "socket-deferred",
        "Traffic came in, and the service would stop a unit that runs and conflicts with it. With DeferTrigger= the traffic waits instead.",
    ),
    error("socket-chown-failed", "The owner of the socket's node could not be set."),
    notice(
        "socket-changed",
        "After a reload the settings of a socket that is up differ. Ports whose address is the same stay open; the message says which ports were opened and closed, which options were changed while it listens, and which ones count after a restart only. Under --strict-systemd nothing is opened or changed until a restart.",
    ),
    warning(
        "reload-kept-settings",
        "After a reload the file of a unit that is up has an error because of which it cannot be loaded. The unit goes on with the settings it had. Correct the file and reload again.",
    ),
    warning("socket-option-failed", "An option could not be set on a socket, which listens without it."),
    warning(
        "network-not-private",
        "PrivateNetwork=yes needs a network namespace, and porterd may not make one (CAP_SYS_ADMIN). The process runs with the network of porterd, as under systemd. Sockets with PrivateNetwork=yes are not opened in this case.",
    ),
    warning("accept-failed", "A connection could not be accepted."),
    warning(
        "connection-refused",
        "A connection was closed at once; the message says which rule, limit or fault was the reason. Ten per socket are told in ten seconds, the others are counted: porterctl status has the number for each rule.",
    ),
    warning(
        "peer-unknown",
        "A user or group of X-AllowPeerUser= or X-AllowPeerGroup= does not exist, so nobody is admitted as such. Create it, or correct the name, and reload.",
    ),
    warning("instance-refused", "No instance could be made for a connection, which was closed."),
    notice("instance-starting", "A connection was accepted and an instance starts for it."),
    notice("service-started", "The service is up."),
    notice("service-ended", "The service has ended well."),
    error("service-failed", "The service has ended badly; the result says why."),
    warning("service-timeout", "A step of the service took longer than its time limit and is ended."),
    notice("service-restart-scheduled", "The service ended and is started again after its delay."),
    warning("restart-refused", "The service is not started again, because a limit or a request forbids it."),
    error(
        "start-limit-hit",
        "The unit was started too often in too short a time (StartLimitIntervalSec=, StartLimitBurst=). Find out why it ends so soon; then reset-failed and start it.",
    ),
    warning(
        "trigger-limit-hit",
        "Traffic triggered the socket too often in too short a time, usually because the service ends without taking it.",
    ),
    warning("main-process-exited", "The main process has ended with a failure; the message gives code or signal."),
    warning("control-process-failed", "A command before, after or beside the main one has failed."),
    error("spawn-failed", "A process could not be created."),
    error(
        "step-failed",
        "Preparing a process failed before its program ran; the message names the step and the error.",
    ),
    warning("watchdog-timeout", "The service did not report within WatchdogSec= and is ended."),
    warning("runtime-over", "The service ran for RuntimeMaxSec= and is stopped."),
    warning("protocol-error", "The service did not do what its Type= promises, for example it ended without READY=1."),
    warning("pid-file-failed", "The pid file is missing, unreadable or names no process of the service."),
    warning("processes-left", "Processes of the unit are still there although it was to end them."),
    warning("killed-by-request", "An operator had a signal sent to processes of the unit."),
    warning("reload-failed", "The service could not be reloaded; it goes on as before."),
    notice("condition-unmet", "A condition of the unit does not hold, so it was not started. That is no failure."),
    warning("assert-unmet", "An assertion of the unit does not hold, so its start failed."),
    warning("job-failed", "A start or stop that was asked for did not succeed."),
    warning("boot-unit-refused", "A unit that was to be started at boot cannot be started."),
    warning("notify-refused", "A notification came from a process that NotifyAccess= does not allow."),
    warning("notify-bad-word", "A notification has a word that cannot be understood."),
    warning("notify-bad-pid", "A notification names a main process that the unit may not have."),
    warning("notify-bad-barrier", "A barrier came with other words or without its one descriptor."),
    warning(
        "notify-stray-fds",
        "Descriptors came with a notification that does not say what they are for; they were closed.",
    ),
    notice("fdstore-stored", "The service stored a descriptor."),
    warning(
        "fdstore-full",
        "The service stored more descriptors than FileDescriptorStoreMax= allows; the rest were closed.",
    ),
    warning("fdstore-bad-name", "The name given for a stored descriptor is not valid; it is stored as 'stored'."),
    warning("fdstore-no-name", "Stored descriptors were to be removed without a name; nothing was."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_words() {
        let mut seen = BTreeSet::new();
        for code in CODES.iter().chain(NOTES) {
            assert!(seen.insert(code.name), "{} is listed twice", code.name);
            let plain = code.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(plain && !code.name.starts_with('-'), "{}", code.name);
            assert!(code.explanation.ends_with('.'), "{}", code.name);
        }
    }

    #[test]
    fn severities_and_explanations_are_found() {
        assert_eq!(severity("bad-section-header"), Severity::Error);
        assert_eq!(severity("unknown-key"), Severity::Warning);
        assert_eq!(severity("socket-listening"), Severity::Notice);
        assert!(explain("bad-address").unwrap().contains("PORT"));
        assert_eq!(explain("nosuch"), None);
    }
}
