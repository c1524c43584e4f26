//! Resource limits: `SOFT[:HARD]`, in the unit of the resource.

use super::{excerpt, scalar, time};
use crate::unit::exec::{Resource, Rlimit};

/// Infinity of setrlimit(2).
const INFINITY: u64 = u64::MAX;

/// Reads the limit of one resource.
pub fn limit(resource: Resource, text: &str) -> Result<Rlimit, String> {
    let (soft, hard) = match text.split_once(':') {
        Some((soft, hard)) => (one(resource, soft)?, one(resource, hard)?),
        None => {
            let both = one(resource, text)?;
            (both, both)
        }
    };
    if soft > hard {
        return Err(format!("soft limit is above the hard limit in {}", excerpt(text)));
    }
    Ok(Rlimit { soft, hard })
}

fn one(resource: Resource, text: &str) -> Result<u64, String> {
    const USEC_PER_SEC: u64 = 1_000_000;
    if text == "infinity" {
        return Ok(INFINITY);
    }
    match resource {
        Resource::Cpu => time::span_usec(text).map(|usec| usec.div_ceil(USEC_PER_SEC)),
        Resource::Rttime => time::span_usec_bare(text),
        Resource::Nice => nice(text),
        Resource::Nofile | Resource::Nproc | Resource::Locks | Resource::Sigpending | Resource::Rtprio => {
            scalar::unsigned64(text)
        }
        Resource::Fsize
        | Resource::Data
        | Resource::Stack
        | Resource::Core
        | Resource::Rss
        | Resource::As
        | Resource::Memlock
        | Resource::Msgqueue => scalar::size(text),
    }
}

/// A raw limit of 0 to 40, or a nice level with its sign: level n is the raw limit 20 - n.
fn nice(text: &str) -> Result<u64, String> {
    const ZERO: u64 = 20;
    let bad = || format!("'{}' is neither a nice level (-20 to +19) nor a limit (0 to 40)", excerpt(text));
    let number = |t: &str| {
        if t.starts_with(['+', '-']) { None } else { scalar::unsigned64(t).ok() }
    };
    let raw = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(level), _) => number(level).filter(|n| *n < ZERO).map(|n| ZERO - n),
        (_, Some(level)) => number(level).filter(|n| *n <= ZERO).map(|n| ZERO + n),
        _ => number(text).filter(|n| *n <= 2 * ZERO),
    };
    raw.ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(resource: Resource, text: &str) -> Option<(u64, u64)> {
        limit(resource, text).ok().map(|l| (l.soft, l.hard))
    }

    #[test]
    fn service_113_soft_and_hard() {
        assert_eq!(pair(Resource::Nofile, "100:200"), Some((100, 200)));
        assert_eq!(pair(Resource::Nofile, "200:100"), None);
        assert_eq!(pair(Resource::Nofile, "512"), Some((512, 512)));
        assert_eq!(pair(Resource::Nofile, "512:infinity"), Some((512, u64::MAX)));
        assert_eq!(pair(Resource::Nofile, "8K"), None);
        assert_eq!(pair(Resource::Nofile, ""), None);
        assert_eq!(pair(Resource::Nofile, "1:2:3"), None);
    }

    #[test]
    fn each_resource_has_its_unit() {
        assert_eq!(pair(Resource::Core, "1.5K:1M"), Some((1536, 1 << 20)));
        assert_eq!(pair(Resource::Cpu, "1500ms:1min"), Some((2, 60)));
        assert_eq!(pair(Resource::Rttime, "5:1ms"), Some((5, 1000)));
        assert_eq!(pair(Resource::Nice, "+5"), Some((15, 15)));
        assert_eq!(pair(Resource::Nice, "+0:-20"), Some((20, 40)));
        assert_eq!(pair(Resource::Nice, "40"), Some((40, 40)));
        for bad in ["41", "+20", "-21", "--1", "x"] {
            assert_eq!(pair(Resource::Nice, bad), None, "{bad}");
        }
    }
}
