//! What an errno means to somebody who has to decide what next. The variants are those of the
//! engine's `Trouble`; the runtime maps one to the other, because this layer may not know the engine.

use nix::errno::Errno;

/// Why something could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again at once.
    Transient,
    /// Out of descriptors, memory or processes.
    Exhausted,
    /// Somebody else has it.
    Busy,
    /// Not allowed.
    Denied,
    /// Not there.
    Absent,
    /// An address or interface is not there.
    NoAddress,
    /// The kernel cannot.
    Unsupported,
    /// Anything else.
    Other(i32),
}

/// What was being done; a few errno values mean different things to different calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Making a process: `EAGAIN` is a limit that was reached, not a hint to try again.
    Clone,
    /// Anything else.
    Other,
}

const CLASSES: [(Class, &[Errno]); 7] = [
    // accept(2) passes on errors that belong to the connection, not to the listener.
    (
        Class::Transient,
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
    (Class::Exhausted, &[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS, Errno::ENOSPC]),
    (Class::Busy, &[Errno::EADDRINUSE, Errno::EEXIST, Errno::EBUSY, Errno::ETXTBSY]),
    (Class::Denied, &[Errno::EACCES, Errno::EPERM, Errno::EROFS]),
    (Class::Absent, &[Errno::ENOENT, Errno::ENXIO, Errno::ENOTDIR]),
    (Class::NoAddress, &[Errno::EADDRNOTAVAIL, Errno::ENODEV]),
    (
        Class::Unsupported,
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
pub fn classify(errno: Errno, during: During) -> Class {
    if during == During::Clone && errno == Errno::EAGAIN {
        return Class::Exhausted;
    }
    CLASSES.iter().find(|(_, members)| members.contains(&errno)).map_or(Class::Other(errno as i32), |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_errno_means_different_things_to_clone() {
        assert_eq!(classify(Errno::EAGAIN, During::Clone), Class::Exhausted);
        assert_eq!(classify(Errno::EAGAIN, During::Other), Class::Transient);
    }

    #[test]
    fn unknown_ones_keep_their_number() {
        assert_eq!(classify(Errno::EDOM, During::Other), Class::Other(libc::EDOM));
        assert_eq!(classify(Errno::EADDRINUSE, During::Other), Class::Busy);
    }

    #[test]
    fn no_errno_is_listed_twice() {
        let mut all: Vec<i32> = CLASSES.iter().flat_map(|(_, m)| m.iter().map(|e| *e as i32)).collect();
        let before = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), before);
    }
}
