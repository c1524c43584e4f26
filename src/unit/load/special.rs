//! Names that mean something without a file: slices, and the targets of a machine that has booted.
//!
//! porterd is not the init that brings a machine up. The stages of a boot lie behind it, so targets
//! that stand for them are reached, and what hangs on them is not its to start.

use crate::unit::{UnitKind, UnitName};

/// Targets that porterd takes as reached without a look into any file: reading them would make it
/// boot the machine a second time.
const PASSED: [&str; 34] = [
    "basic.target",
    "cryptsetup-pre.target",
    "cryptsetup.target",
    "first-boot-complete.target",
    "getty-pre.target",
    "getty.target",
    "initrd.target",
    "integritysetup.target",
    "local-fs-pre.target",
    "local-fs.target",
    "machines.target",
    "network-online.target",
    "network-pre.target",
    "network.target",
    "nss-lookup.target",
    "nss-user-lookup.target",
    "paths.target",
    "poweroff.target",
    "reboot.target",
    "remote-cryptsetup.target",
    "remote-fs-pre.target",
    "remote-fs.target",
    "rpcbind.target",
    "shutdown.target",
    "slices.target",
    "swap.target",
    "sysinit.target",
    "system-update.target",
    "time-set.target",
    "time-sync.target",
    "timers.target",
    "umount.target",
    "veritysetup.target",
    "final.target",
];

/// Targets that are there even without a file, and whose files and links count if there are any.
const BUILT_IN: [&str; 4] = ["default.target", "graphical.target", "multi-user.target", "sockets.target"];

/// Whether the name stands for a stage that is behind us.
pub(super) fn is_passed(name: &UnitName) -> bool {
    PASSED.contains(&name.as_str())
}

/// Whether the name needs no file.
pub(super) fn is_built_in(name: &UnitName) -> bool {
    name.kind() == UnitKind::Slice || BUILT_IN.contains(&name.as_str())
}
