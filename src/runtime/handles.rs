//! Tokens ↔ descriptors. A token is never used again, so whoever holds an old one reaches nothing.

use crate::ids::FdToken;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The descriptors that the engine knows by token.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<FdToken, Handle>,
    last: u64,
}

/// One descriptor.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) fd: OwnedFd,
    /// epoll knows it.
    pub(super) watched: bool,
}

impl Handles {
    /// Keeps a descriptor under a new token.
    pub(super) fn keep(&mut self, fd: OwnedFd) -> FdToken {
        self.last += 1;
        let token = FdToken(self.last);
        self.open.insert(token, Handle { fd, watched: false });
        token
    }

    pub(super) fn get(&self, token: FdToken) -> Option<BorrowedFd<'_>> {
        self.open.get(&token).map(|handle| handle.fd.as_fd())
    }

    pub(super) fn get_mut(&mut self, token: FdToken) -> Option<&mut Handle> {
        self.open.get_mut(&token)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Gives the descriptor up; dropping it closes it, and epoll forgets it with the last copy.
    pub(super) fn take(&mut self, token: FdToken) -> Option<Handle> {
        self.open.remove(&token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_reused() {
        let mut handles = Handles::default();
        let (a, b) = nix::unistd::pipe().unwrap();
        let first = handles.keep(a);
        assert!(handles.get(first).is_some());
        drop(handles.take(first));
        let second = handles.keep(b);
        assert!(second > first && handles.get(first).is_none() && handles.open.len() == 1);
    }
}
