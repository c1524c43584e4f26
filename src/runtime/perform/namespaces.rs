//! Network namespaces that units share, by the engine's tokens.

use super::ports::trouble;
use crate::ids::{NamespaceToken, Text};
use crate::linux::namespaces;
use crate::linux::raw;
use crate::outside::Trouble;
use crate::plan::exec::Network;
use crate::runtime::world::World;
use crate::unit::{ExecSettings, Unit};
use nix::errno::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

impl World {
    /// Makes (or opens) the namespace, unless that was done. The first user's settings decide which it is.
    fn ensure_namespace(&mut self, namespace: NamespaceToken, exec: &ExecSettings) -> Result<(), Errno> {
        if self.namespaces.contains_key(&namespace) {
            return Ok(());
        }
        let made = match exec.network_namespace_path() {
            Some(path) => namespaces::open_network(Path::new(path))?,
            None => namespaces::make_network()?,
        };
        self.namespaces.insert(namespace, made);
        Ok(())
    }

    /// For sockets there is no going on elsewhere: they would listen where nobody meant them to.
    pub(super) fn namespace_of_ports(
        &mut self,
        namespace: Option<NamespaceToken>,
        exec: &ExecSettings,
    ) -> Result<(), (Trouble, Text)> {
        let Some(namespace) = namespace else {
            return Ok(());
        };
        self.ensure_namespace(namespace, exec).map_err(|errno| (trouble(errno), words(exec, errno).into()))
    }

    /// Where a process finds its network. Without the privilege to make a namespace a process runs
    /// outside of one, as with systemd, and that is told; one that was named must be there.
    pub(super) fn network(
        &mut self,
        namespace: Option<NamespaceToken>,
        settings: &Unit,
        exec: &ExecSettings,
    ) -> Network {
        let Some(namespace) = namespace else {
            return Network::Same;
        };
        match self.ensure_namespace(namespace, exec) {
            Ok(()) => Network::Namespace,
            Err(errno @ (Errno::EPERM | Errno::EACCES)) if exec.network_namespace_path().is_none() => {
                let text = format!("{}; it runs with the network of porterd", words(exec, errno));
                self.warn_unit(settings, "network-not-private", &text);
                Network::Same
            }
            Err(errno) => Network::Failed(errno as i32),
        }
    }

    pub(super) fn drop_namespace(&mut self, namespace: NamespaceToken) {
        self.namespaces.remove(&namespace);
        self.monitors.retain(|(of, _)| *of != Some(namespace));
    }

    /// The namespace in which a socket was that an earlier porterd left us is that of its unit again.
    pub(super) fn adopt_namespace(&mut self, namespace: Option<NamespaceToken>, socket: &OwnedFd) {
        use std::os::fd::AsFd;
        if let Some(namespace) = namespace
            && !self.namespaces.contains_key(&namespace)
            && let Ok(found) = raw::network_of(socket.as_fd())
        {
            self.namespaces.insert(namespace, found);
        }
    }
}

fn words(exec: &ExecSettings, errno: Errno) -> String {
    match exec.network_namespace_path() {
        Some(path) => format!(
            "the network namespace {path} cannot be entered: {}; NetworkNamespacePath= names a file like /run/netns/NAME",
            errno.desc()
        ),
        None => format!("no network namespace can be made for PrivateNetwork=yes: {}", errno.desc()),
    }
}
