//! Who a process is: groups, user, capabilities, in the order in which each is still allowed.
//!
//! Names are looked up elsewhere; this knows numbers.

use super::occasion::Occasion;
use super::program::{Purpose, Step};
use crate::ids::Text;
use crate::unit::exec::RareExec;

/// The user database's answer. What was not asked for is `None` and stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Of `User=`.
    pub uid: Option<u32>,
    /// Of `Group=`, else the primary group of `User=`.
    pub gid: Option<u32>,
    /// All supplementary groups, if they are to be set.
    pub groups: Option<Vec<u32>>,
    /// Those of them that initgroups(3) sets, for a process that keeps porterd's user; none for group 0.
    pub own_groups: Option<Vec<u32>>,
    /// Name of the user; only with `User=`.
    pub user: Option<Text>,
    /// Home directory as the database has it.
    pub home: Option<Text>,
    /// Login shell as the database has it.
    pub shell: Option<Text>,
}

/// A name that does not exist, or a database that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUpFailure {
    /// `Purpose::User` or `Purpose::Group`: decides the exit status.
    pub purpose: Purpose,
    /// Errno to report, e.g. `ESRCH`.
    pub errno: i32,
    /// Which name, why.
    pub message: Text,
}

/// Programs that only refuse a login.
const NO_LOGIN: [&str; 8] = [
    "/bin/nologin",
    "/sbin/nologin",
    "/usr/bin/nologin",
    "/usr/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
    "/bin/true",
    "/usr/bin/true",
];

impl Identity {
    /// The home directory, unless it is none (`/`, relative or empty).
    pub fn usable_home(&self) -> Option<&str> {
        self.home.as_deref().filter(|home| home.starts_with('/') && home.bytes().any(|b| b != b'/'))
    }

    /// The login shell, unless it only refuses logins.
    pub fn usable_shell(&self) -> Option<&str> {
        self.shell.as_deref().filter(|shell| shell.starts_with('/') && !NO_LOGIN.contains(shell))
    }
}

/// The look-up that failed, as a step; it comes before the streams are opened.
pub(super) fn failure(occasion: &Occasion<'_>) -> Option<Step> {
    let failed = occasion.identity.as_ref().err()?;
    Some(Step::Fail { purpose: failed.purpose, errno: failed.errno })
}

/// Groups, while the process may still set them.
pub(super) fn groups(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let Ok(identity) = occasion.identity else { return };
    let changes = occasion.changes_user();
    // systemd has called initgroups(3) before it asks whether the user changes at all: with `+` and `!` the
    // process belongs to the groups of `User=`.
    let groups = if changes { &identity.groups } else { &identity.own_groups };
    if let Some(groups) = groups.as_ref().filter(|g| **g != occasion.ambient.groups) {
        steps.push(Step::Groups(groups.clone()));
    }
    if let Some(gid) = identity.gid.filter(|g| changes && *g != occasion.ambient.gid) {
        steps.push(Step::Gid(gid));
    }
}

/// Capabilities that must be dropped or raised before the user changes.
pub(super) fn capabilities(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let Some(rare) = occasion.exec.rare.as_deref().filter(|_| occasion.sandboxed()) else { return };
    let ambient = occasion.ambient;
    if let Some(keep) = rare.capability_bounding_set.filter(|keep| ambient.bounding_set & !keep != 0) {
        steps.push(Step::BoundingSet(keep));
    }
    // Leaving uid 0 clears the ambient set, so with a change of user it is raised afterwards.
    if rare.ambient_capabilities != 0 && new_uid(occasion).is_none() {
        steps.push(Step::AmbientSet(rare.ambient_capabilities));
    }
}

/// The change of user, and the capabilities that survive it.
pub(super) fn user(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let Some(uid) = new_uid(occasion) else { return };
    let rare = occasion.exec.rare.as_deref();
    let needed = |r: &RareExec| r.ambient_capabilities != 0 || r.secure_bits != 0;
    steps.push(Step::Uid { uid, keep_caps: uid != 0 && rare.is_some_and(needed) });
    if let Some(rare) = rare.filter(|r| r.ambient_capabilities != 0) {
        steps.push(Step::AmbientSet(rare.ambient_capabilities));
    }
}

/// What closes the door behind it, last of all.
pub(super) fn locks(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    if !occasion.sandboxed() {
        return;
    }
    if let Some(rare) = occasion.exec.rare.as_deref().filter(|r| r.secure_bits != 0) {
        steps.push(Step::SecureBits(rare.secure_bits));
    }
    if occasion.exec.no_new_privileges {
        steps.push(Step::NoNewPrivileges);
    }
}

fn changed<'a>(occasion: &Occasion<'a>) -> Option<&'a Identity> {
    occasion.identity.as_ref().ok().filter(|_| occasion.changes_user())
}

fn new_uid(occasion: &Occasion<'_>) -> Option<u32> {
    changed(occasion)?.uid.filter(|uid| *uid != occasion.ambient.uid)
}
