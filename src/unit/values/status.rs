//! Exit statuses by name and number.

use super::{excerpt, signal};
use crate::unit::service::StatusSet;

/// Names of exit statuses; of two with one number the first is shown.
const NAMES: &[(u8, &str)] = &[
    (0, "SUCCESS"),
    (1, "FAILURE"),
    (2, "INVALIDARGUMENT"),
    (3, "NOTIMPLEMENTED"),
    (4, "NOPERMISSION"),
    (5, "NOTINSTALLED"),
    (6, "NOTCONFIGURED"),
    (7, "NOTRUNNING"),
    (64, "USAGE"),
    (65, "DATAERR"),
    (66, "NOINPUT"),
    (67, "NOUSER"),
    (68, "NOHOST"),
    (69, "UNAVAILABLE"),
    (70, "SOFTWARE"),
    (71, "OSERR"),
    (72, "OSFILE"),
    (73, "CANTCREAT"),
    (74, "IOERR"),
    (75, "TEMPFAIL"),
    (76, "PROTOCOL"),
    (77, "NOPERM"),
    (78, "CONFIG"),
    (200, "CHDIR"),
    (201, "NICE"),
    (202, "FDS"),
    (203, "EXEC"),
    (204, "MEMORY"),
    (205, "LIMITS"),
    (206, "OOM_ADJUST"),
    (207, "SIGNAL_MASK"),
    (208, "STDIN"),
    (209, "STDOUT"),
    (210, "CHROOT"),
    (211, "IOPRIO"),
    (212, "TIMERSLACK"),
    (213, "SECUREBITS"),
    (214, "SETSCHEDULER"),
    (215, "CPUAFFINITY"),
    (216, "GROUP"),
    (217, "USER"),
    (218, "CAPABILITIES"),
    (219, "CGROUP"),
    (220, "SETSID"),
    (221, "CONFIRM"),
    (222, "STDERR"),
    (224, "PAM"),
    (225, "NETWORK"),
    (226, "NAMESPACE"),
    (227, "NO_NEW_PRIVILEGES"),
    (228, "SECCOMP"),
    (229, "SELINUX_CONTEXT"),
    (230, "PERSONALITY"),
    (231, "APPARMOR"),
    (232, "ADDRESS_FAMILIES"),
    (233, "RUNTIME_DIRECTORY"),
    (235, "CHOWN"),
    (236, "SMACK_PROCESS_LABEL"),
    (237, "KEYRING"),
    (238, "STATE_DIRECTORY"),
    (239, "CACHE_DIRECTORY"),
    (240, "LOGS_DIRECTORY"),
    (241, "CONFIGURATION_DIRECTORY"),
    (242, "NUMA_POLICY"),
    (243, "CREDENTIALS"),
    (244, "BPF"),
    (245, "KSM"),
    (255, "EXCEPTION"),
];

/// The name of an exit status (`203` is `EXEC`).
pub fn exit_status_name(status: u8) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == status).map(|(_, name)| *name)
}

/// An exit status: a decimal number up to 255, or a name.
pub fn exit_status(text: &str) -> Result<u8, String> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let named = || NAMES.iter().find(|(_, name)| *name == text).map(|(number, _)| *number);
    number.or_else(named).ok_or_else(|| format!("'{}' is not an exit status", excerpt(text)))
}

/// A blank-separated set of exit statuses and signals. A number is always an exit status. The
/// second list holds the reasons for words that were left out.
pub fn status_set(text: &str) -> (StatusSet, Vec<String>) {
    let mut set = StatusSet::default();
    let mut bad = Vec::new();
    for word in text.split_ascii_whitespace() {
        match (exit_status(word), signal_by_name(word)) {
            (Ok(code), _) => set.codes.push(code),
            (Err(_), Some(number)) => set.signals.push(number),
            _ => bad.push(format!("'{}' is neither an exit status nor a signal", excerpt(word))),
        }
    }
    tidy(&mut set);
    (set, bad)
}

/// Adds one set to another.
pub fn merge(into: &mut StatusSet, other: &StatusSet) {
    into.codes.extend(&other.codes);
    into.signals.extend(&other.signals);
    tidy(into);
}

fn tidy(set: &mut StatusSet) {
    for list in [&mut set.codes, &mut set.signals] {
        list.sort_unstable();
        list.dedup();
    }
}

fn signal_by_name(word: &str) -> Option<u8> {
    let named = word.starts_with(|c: char| c.is_ascii_alphabetic());
    named.then(|| signal::signal(word).ok()).flatten().and_then(|n| u8::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_76_set() {
        let (set, bad) = status_set("3 SIGUSR1 TEMPFAIL 3");
        assert_eq!((set.codes, set.signals, bad.len()), (vec![3, 75], vec![10], 0));
        let (set, bad) = status_set("256 -1 FOO KILL 9 0x1");
        assert_eq!((set.codes, set.signals, bad.len()), (vec![9], vec![9], 4));
    }

    #[test]
    fn names_lead_there_and_back() {
        for (number, name) in NAMES {
            assert_eq!(exit_status(name), Ok(*number));
            assert_eq!(exit_status_name(*number), Some(*name));
        }
        assert_eq!(exit_status_name(100), None);
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn sets_merge_sorted() {
        let mut set = status_set("5 TERM").0;
        merge(&mut set, &status_set("1 5 HUP").0);
        assert_eq!((set.codes, set.signals), (vec![1, 5], vec![1, 15]));
    }
}
