//! Address prefixes with a verdict each, made so that an address is judged in a number of steps that
//! grows with the logarithm of the list: nested prefixes are cut into spans that do not overlap, and
//! the span of an address is found by halving. Knows no files and no connections.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and how many of its leading bits count; the others are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    ip: IpAddr,
    length: u8,
}

/// Leading bits of an IPv6 address that say that it is a mapped IPv4 address.
const MAPPED_BITS: u8 = 96;

impl Prefix {
    /// The prefix of this length around an address; `None` if it is longer than the address. What
    /// consists of mapped IPv4 addresses alone is an IPv4 prefix.
    pub fn new(ip: IpAddr, length: u8) -> Option<Prefix> {
        let (ip, length) = match (ip, ip.to_canonical()) {
            (IpAddr::V6(_), plain @ IpAddr::V4(_)) if length >= MAPPED_BITS => (plain, length - MAPPED_BITS),
            (ip, _) => (ip, length),
        };
        let ip = match ip {
            IpAddr::V4(v4) if length <= 32 => Ipv4Addr::from(v4.to_bits().masked(length)).into(),
            IpAddr::V6(v6) if length <= 128 => Ipv6Addr::from(v6.to_bits().masked(length)).into(),
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        Some(Prefix { ip, length })
    }

    /// Its first address.
    pub fn first(self) -> IpAddr {
        self.ip
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.length)
    }
}

/// An address as a number.
trait Bits: Copy + Ord {
    /// The first `length` bits, the others 0.
    fn masked(self, length: u8) -> Self;
    /// The last address of the prefix of this length that begins here.
    fn last(self, length: u8) -> Self;
    /// The address after this one.
    fn next(self) -> Option<Self>;
    const ZERO: Self;
}

macro_rules! bits {
    ($number:ty) => {
        impl Bits for $number {
            fn masked(self, length: u8) -> Self {
                let rest = <$number>::BITS - u32::from(length).min(<$number>::BITS);
                self & <$number>::MAX.checked_shl(rest).unwrap_or(0)
            }

            fn last(self, length: u8) -> Self {
                self | <$number>::MAX.checked_shr(u32::from(length)).unwrap_or(0)
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            const ZERO: Self = 0;
        }
    };
}

bits!(u32);
bits!(u128);

/// A prefix and whether who comes from there is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rule<T> {
    first: T,
    length: u8,
    /// Smaller than `false`, so that of two equal prefixes the one that denies comes first.
    allow: bool,
}

/// Rules of one address family and the spans into which they cut it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Family<T> {
    rules: Box<[Rule<T>]>,
    /// First addresses of the spans, ascending; the first span begins at 0.
    starts: Box<[T]>,
    /// The longest rule that holds in each span, or `NOBODY`.
    owners: Box<[u32]>,
}

/// No rule holds.
const NOBODY: u32 = u32::MAX;

impl<T: Bits> Family<T> {
    fn new(mut rules: Vec<Rule<T>>) -> Family<T> {
        rules.sort_unstable();
        rules.dedup_by_key(|rule| (rule.first, rule.length));
        let mut sweep = Sweep { spans: vec![(T::ZERO, NOBODY)], around: Vec::new() };
        for (owner, rule) in (0u32..).zip(&rules) {
            sweep.leave(Some(rule.first));
            sweep.begin(rule.first, owner);
            sweep.around.push((rule.first.last(rule.length), owner));
        }
        sweep.leave(None);
        let (starts, owners): (Vec<T>, Vec<u32>) = sweep.spans.into_iter().unzip();
        Family { rules: rules.into(), starts: starts.into(), owners: owners.into() }
    }

    /// The longest rule that holds for an address. `looked` is called for each span looked at.
    fn rule_of(&self, address: T, mut looked: impl FnMut()) -> Option<&Rule<T>> {
        let behind = self.starts.partition_point(|start| {
            looked();
            *start <= address
        });
        let owner = self.owners.get(behind.checked_sub(1)?)?;
        self.rules.get(*owner as usize)
    }
}

/// Walks over the rules in order and cuts.
struct Sweep<T> {
    spans: Vec<(T, u32)>,
    /// Last address and number of the rules that hold at the present place, the longest on top.
    around: Vec<(T, u32)>,
}

impl<T: Bits> Sweep<T> {
    fn begin(&mut self, at: T, owner: u32) {
        match self.spans.last_mut() {
            Some(last) if last.0 == at => last.1 = owner,
            Some(last) if last.1 == owner => {}
            Some(_) | None => self.spans.push((at, owner)),
        }
    }

    /// Ends the rules that end before this address; all of them if there is none.
    fn leave(&mut self, before: Option<T>) {
        while let Some((last, _)) = self.around.pop_if(|(last, _)| before.is_none_or(|at| *last < at)) {
            if let Some(after) = last.next() {
                let owner = self.around.last().map_or(NOBODY, |(_, owner)| *owner);
                self.begin(after, owner);
            }
        }
    }
}

/// What a table says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The longest prefix around it, and whether that one admits.
    Matched(Prefix, bool),
    /// No prefix holds.
    Unmatched,
}

/// Prefixes that admit and prefixes that deny.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrefixTable {
    v4: Family<u32>,
    v6: Family<u128>,
}

impl PrefixTable {
    /// A table of prefixes, each with whether it admits. Of two equal ones the one that denies
    /// counts.
    pub fn new(prefixes: impl IntoIterator<Item = (Prefix, bool)>) -> PrefixTable {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (Prefix { ip, length }, allow) in prefixes {
            match ip {
                IpAddr::V4(ip) => v4.push(Rule { first: ip.to_bits(), length, allow }),
                IpAddr::V6(ip) => v6.push(Rule { first: ip.to_bits(), length, allow }),
            }
        }
        PrefixTable { v4: Family::new(v4), v6: Family::new(v6) }
    }

    /// How many different prefixes there are.
    pub fn len(&self) -> usize {
        self.v4.rules.len() + self.v6.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The longest prefix around an address. A mapped IPv4 address is IPv4.
    pub fn judge(&self, ip: IpAddr) -> Verdict {
        self.judge_counting(ip, || {})
    }

    fn judge_counting(&self, ip: IpAddr, looked: impl FnMut()) -> Verdict {
        let found = match ip.to_canonical() {
            IpAddr::V4(ip) => self
                .v4
                .rule_of(ip.to_bits(), looked)
                .map(|rule| (Ipv4Addr::from(rule.first).into(), rule.length, rule.allow)),
            IpAddr::V6(ip) => self
                .v6
                .rule_of(ip.to_bits(), looked)
                .map(|rule| (Ipv6Addr::from(rule.first).into(), rule.length, rule.allow)),
        };
        found.map_or(Verdict::Unmatched, |(ip, length, allow)| Verdict::Matched(Prefix { ip, length }, allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        let (ip, length) = text.split_once('/').unwrap();
        Prefix::new(ip.parse().unwrap(), length.parse().unwrap()).unwrap()
    }

    fn table(rules: &[(&str, bool)]) -> PrefixTable {
        PrefixTable::new(rules.iter().map(|(text, allow)| (prefix(text), *allow)))
    }

    fn says(table: &PrefixTable, ip: &str) -> String {
        match table.judge(ip.parse().unwrap()) {
            Verdict::Matched(prefix, allow) => format!("{}{prefix}", if allow { "+" } else { "-" }),
            Verdict::Unmatched => "?".to_owned(),
        }
    }

    #[test]
    fn the_longest_match_wins_and_on_a_tie_the_denial() {
        let t = table(&[
            ("10.0.0.0/8", true),
            ("10.1.0.0/16", false),
            ("10.1.2.0/24", true),
            ("10.1.2.3/32", false),
            ("192.0.2.0/24", true),
            ("192.0.2.0/24", false),
            ("255.255.255.255/32", false),
        ]);
        for (ip, want) in [
            ("9.255.255.255", "?"),
            ("10.0.0.0", "+10.0.0.0/8"),
            ("10.1.0.0", "-10.1.0.0/16"),
            ("10.1.1.255", "-10.1.0.0/16"),
            ("10.1.2.2", "+10.1.2.0/24"),
            ("10.1.2.3", "-10.1.2.3/32"),
            ("10.1.2.4", "+10.1.2.0/24"),
            ("10.1.3.0", "-10.1.0.0/16"),
            ("10.2.0.0", "+10.0.0.0/8"),
            ("10.255.255.255", "+10.0.0.0/8"),
            ("11.0.0.0", "?"),
            ("192.0.2.7", "-192.0.2.0/24"),
            ("255.255.255.254", "?"),
            ("255.255.255.255", "-255.255.255.255/32"),
        ] {
            assert_eq!(says(&t, ip), want, "{ip}");
        }
        assert_eq!(t.len(), 6);
    }

    #[test]
    fn mapped_addresses_are_ipv4_and_nothing_else_is() {
        let t = table(&[("10.0.0.0/8", true), ("::/0", false), ("::ffff:192.0.2.0/120", true)]);
        assert_eq!(says(&t, "::ffff:10.1.1.1"), "+10.0.0.0/8");
        assert_eq!(says(&t, "::ffff:11.1.1.1"), "?", "::/0 is about IPv6");
        assert_eq!(says(&t, "::10.1.1.1"), "-::/0");
        assert_eq!(says(&t, "192.0.2.9"), "+192.0.2.0/24");
        assert_eq!(prefix("::ffff:1.2.3.4/128"), prefix("1.2.3.4/32"));
        assert_eq!(prefix("::ffff:1.2.3.4/95").to_string(), "::fffe:0:0/95");
    }

    #[test]
    fn lengths_have_bounds() {
        for (ip, length, good) in [
            ("1.2.3.4", 0, true),
            ("1.2.3.4", 32, true),
            ("1.2.3.4", 33, false),
            ("::1", 128, true),
            ("::1", 129, false),
        ] {
            assert_eq!(Prefix::new(ip.parse().unwrap(), length).is_some(), good, "{ip}/{length}");
        }
        assert_eq!(prefix("255.255.255.255/0").to_string(), "0.0.0.0/0");
        assert_eq!(prefix("2001:db8::ffff/64").to_string(), "2001:db8::/64");
        assert_eq!(says(&PrefixTable::default(), "1.2.3.4"), "?");
        assert_eq!(says(&table(&[("0.0.0.0/0", false)]), "255.255.255.255"), "-0.0.0.0/0");
    }

    /// Numbers that look random and are always the same (SplitMix64).
    fn numbers(mut state: u64) -> impl FnMut() -> u64 {
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
    }

    #[test]
    fn it_says_what_a_look_at_every_prefix_says() {
        let mut next = numbers(7);
        for round in 0..200 {
            // Few different bits, so that prefixes are nested, equal and adjacent.
            let v4 = round % 2 == 0;
            let mut address = || {
                let bits = next();
                match v4 {
                    true => IpAddr::V4(Ipv4Addr::from((bits as u32) & 0xc000_0307)),
                    false => IpAddr::V6(Ipv6Addr::from(u128::from(bits & 7) << 125 | u128::from(bits >> 61))),
                }
            };
            let most = if v4 { 32 } else { 128 };
            let ips: Vec<IpAddr> = (0..40).map(|_| address()).collect();
            let rules: Vec<(Prefix, bool)> = ips
                .iter()
                .enumerate()
                .map(|(i, ip)| (Prefix::new(*ip, [0, 1, 2, 24, 30, 31, 32, most][i % 8]).unwrap(), i % 3 == 0))
                .collect();
            let t = PrefixTable::new(rules.iter().copied());
            for ip in ips.iter().copied().chain((0..40).map(|_| address())) {
                let holds = rules.iter().filter(|(prefix, _)| Prefix::new(ip, prefix.length) == Some(*prefix));
                let want = holds.max_by_key(|(prefix, allow)| (prefix.length, !allow));
                let want = want.map_or(Verdict::Unmatched, |(prefix, allow)| Verdict::Matched(*prefix, *allow));
                assert_eq!(t.judge(ip), want, "{ip} among {rules:?}");
            }
        }
    }

    #[test]
    fn looking_up_takes_logarithmically_many_steps() {
        let mut next = numbers(11);
        for count in [1usize, 10, 1_000, 100_000] {
            let mut rules = Vec::with_capacity(2 * count);
            for _ in 0..count {
                let bits = next();
                let v4 = Ipv4Addr::from(bits as u32).into();
                let v6 = Ipv6Addr::from(u128::from(bits) << 64 | u128::from(bits)).into();
                rules.push((Prefix::new(v4, 8 + (bits >> 59) as u8 % 25).unwrap(), bits & 1 == 0));
                rules.push((Prefix::new(v6, 16 + (bits >> 57) as u8 % 113).unwrap(), bits & 1 == 0));
            }
            let t = PrefixTable::new(rules);
            let spans = t.v4.starts.len().max(t.v6.starts.len());
            assert!(spans <= 2 * count + 1, "{count} prefixes make {spans} spans");
            let most = usize::BITS - (2 * count + 1).leading_zeros() + 1;
            for _ in 0..1_000 {
                let bits = next();
                let v6 = Ipv6Addr::from(u128::from(bits) << 64 | u128::from(next())).into();
                for ip in [Ipv4Addr::from(bits as u32).into(), v6] {
                    let mut looks = 0;
                    t.judge_counting(ip, || looks += 1);
                    assert!(looks <= most, "{looks} steps among {count} prefixes, {most} are enough");
                }
            }
        }
    }
}
