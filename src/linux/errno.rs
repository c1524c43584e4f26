//! What an errno means to somebody who has to decide what next.

use crate::outside::Trouble;
use nix::errno::Errno;

/// What was being done; a few errno values mean different things to different calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Making a process: `EAGAIN` is a limit that was reached, not a hint to try again.
    Clone,
    /// Anything else.
    Other,
}

const KINDS: [(Trouble, &[Errno]); 7] = [
    // accept(2) passes on errors that belong to the connection, not to the listener.
    (
        Trouble::Transient,
        &[
            Errno::EAGAIN,
            Errno::EINTR,
            Errno::ECONNABORTED,
            Errno::EPROTO,
            Errno::ENETDOWN,
            Errno::ENETUNREACH,
            Errno::EHOSTDOWN,
            Errno::EHOSTUNREACH,
            Errno::ENONET,
            Errno::ETIMEDOUT,
        ],
    ),
    (Trouble::Exhausted, &[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS, Errno::ENOSPC]),
    (Trouble::Busy, &[Errno::EADDRINUSE, Errno::EEXIST, Errno::EBUSY, Errno::ETXTBSY]),
    (Trouble::Denied, &[Errno::EACCES, Errno::EPERM, Errno::EROFS]),
    (Trouble::Absent, &[Errno::ENOENT, Errno::ENXIO, Errno::ENOTDIR]),
    (Trouble::NoAddress, &[Errno::EADDRNOTAVAIL, Errno::ENODEV]),
    (
        Trouble::Unsupported,
        &[
            Errno::EAFNOSUPPORT,
            Errno::EPROTONOSUPPORT,
            Errno::ESOCKTNOSUPPORT,
            Errno::EOPNOTSUPP,
            Errno::ENOPROTOOPT,
            Errno::ENOSYS,
        ],
    ),
];

/// The class of an error.
pub fn classify(errno: Errno, during: During) -> Trouble {
    if during == During::Clone && errno == Errno::EAGAIN {
        return Trouble::Exhausted;
    }
    KINDS.iter().find(|(_, members)| members.contains(&errno)).map_or(Trouble::Other(errno as i32), |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_errno_means_different_things_to_clone() {
        assert_eq!(classify(Errno::EAGAIN, During::Clone), Trouble::Exhausted);
        assert_eq!(classify(Errno::EAGAIN, During::Other), Trouble::Transient);
    }

    #[test]
    fn unknown_ones_keep_their_number() {
        assert_eq!(classify(Errno::EDOM, During::Other), Trouble::Other(libc::EDOM));
        assert_eq!(classify(Errno::EADDRINUSE, During::Other), Trouble::Busy);
    }

    #[test]
    fn no_errno_is_listed_twice() {
        let mut all: Vec<i32> = KINDS.iter().flat_map(|(_, m)| m.iter().map(|e| *e as i32)).collect();
        let before = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), before);
    }
}
