//! `User=`, `Group=` and `SupplementaryGroups=` answered by the user database (cached until reload).

use crate::ids::Text;
use crate::plan::exec::{Identity, LookUpFailure};
use crate::plan::program::Purpose;
use crate::runtime::world::World;
use crate::unit::ExecSettings;

impl World {
    pub(super) fn look_up(&mut self, exec: &ExecSettings) -> Result<Identity, LookUpFailure> {
        let mut identity = Identity::default();
        if let Some(name) = &exec.user {
            let user =
                self.users.user(name).map_err(|error| failure(Purpose::User, name, "user", &error.to_string()))?;
            identity.uid = Some(user.uid);
            identity.gid = Some(user.gid);
            identity.user = Some(user.name.as_str().into());
            identity.home = Some(user.home.as_str().into());
            identity.shell = Some(user.shell.as_str().into());
        }
        if let Some(name) = &exec.group {
            let group =
                self.users.group(name).map_err(|error| failure(Purpose::Group, name, "group", &error.to_string()))?;
            identity.gid = Some(group.gid);
        }
        // As in systemd, whoever is in group 0 gets no groups from the database.
        if let (Some(user), Some(gid @ 1..)) = (&identity.user, identity.gid) {
            let mut groups = self.users.supplementary_groups(user, gid);
            groups.sort_unstable();
            identity.own_groups = Some(groups);
        }
        if identity.own_groups.is_some() || !exec.supplementary_groups.is_empty() {
            let mut groups = identity.own_groups.clone().unwrap_or_default();
            for name in &exec.supplementary_groups {
                let found = self
                    .users
                    .group(name)
                    .map_err(|error| failure(Purpose::Group, name, "group", &error.to_string()))?;
                groups.push(found.gid);
            }
            groups.sort_unstable();
            groups.dedup();
            identity.groups = Some(groups);
        }
        Ok(identity)
    }
}

fn failure(purpose: Purpose, name: &Text, what: &str, why: &str) -> LookUpFailure {
    let message = format!("the {what} `{name}` cannot be looked up: {why}").into();
    LookUpFailure { purpose, errno: libc::ESRCH, message }
}
