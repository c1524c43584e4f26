//! Local time: the zone file of the machine (RFC 9636) and the rule at its end (POSIX `TZ`). Made
//! by hand because localtime(3) cannot be called without `unsafe`.

/// How far local time is from UTC, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// To be added to UTC.
    pub(super) seconds: i64,
    /// `CET`, `UTC`, …
    pub(super) name: String,
}

/// A time zone.
#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    /// From this second on, this entry of `offsets`; ascending.
    transitions: Vec<(i64, usize)>,
    offsets: Vec<Offset>,
    /// What holds after the last transition.
    rule: Option<Rule>,
}

/// `CET-1CEST,M3.5.0,M10.5.0/3`
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    standard: Offset,
    /// The other offset, and from when to when in each year.
    summer: Option<(Offset, Turn, Turn)>,
}

/// A moment of each year, in local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    day: Day,
    second: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// `Jn`: 1 to 365, February 29 is never counted.
    Julian(i64),
    /// `n`: 0 to 365.
    Ordinal(i64),
    /// `Mm.w.d`: month, week (5 is the last), weekday (0 is Sunday).
    Weekday(i64, i64, i64),
}

impl Zone {
    /// The zone of this process: `TZ`, else /etc/localtime, else UTC.
    pub(super) fn local() -> Zone {
        let path = match std::env::var("TZ") {
            Err(_) => "/etc/localtime".to_owned(),
            Ok(tz) => {
                let name = tz.strip_prefix(':').unwrap_or(&tz);
                if let Some(rule) = Rule::parse(name) {
                    return Zone { rule: Some(rule), ..Zone::default() };
                }
                if name.starts_with('/') { name.to_owned() } else { format!("/usr/share/zoneinfo/{name}") }
            }
        };
        std::fs::read(path).ok().and_then(|bytes| Zone::parse(&bytes)).unwrap_or_default()
    }

    /// A zone file; version 1, which ends in 2037, is not worth reading.
    fn parse(bytes: &[u8]) -> Option<Zone> {
        let first = Header::parse(bytes)?;
        if first.version < b'2' {
            return None;
        }
        let bytes = bytes.get(Header::BYTES + first.body_bytes(4)?..)?;
        let header = Header::parse(bytes)?;
        let body = bytes.get(Header::BYTES..)?;
        let (times, rest) = body.split_at_checked(header.times * 8)?;
        let (indexes, rest) = rest.split_at_checked(header.times)?;
        let (types, rest) = rest.split_at_checked(header.types * 6)?;
        let (names, _) = rest.split_at_checked(header.characters)?;
        let moments = times.chunks_exact(8).filter_map(|c| Some(i64::from_be_bytes(c.try_into().ok()?)));
        let transitions: Vec<(i64, usize)> = moments.zip(indexes.iter().map(|i| usize::from(*i))).collect();
        let offsets: Vec<Offset> = types.chunks_exact(6).map(|c| Offset::parse(c, names)).collect::<Option<_>>()?;
        if transitions.iter().any(|(_, i)| *i >= offsets.len()) {
            return None;
        }
        let footer = body.get(header.body_bytes(8)?..)?;
        let footer = std::str::from_utf8(footer).ok()?.trim_matches('\n');
        Some(Zone { transitions, offsets, rule: Rule::parse(footer) })
    }

    /// What holds at a moment, in seconds since 1970.
    pub(super) fn at(&self, second: i64) -> Offset {
        let next = self.transitions.partition_point(|(from, _)| *from <= second);
        let listed = match next.checked_sub(1) {
            Some(last) => self.transitions.get(last).map(|(_, i)| *i),
            None => Some(0),
        };
        let after_all = next == self.transitions.len();
        match (&self.rule, listed.and_then(|i| self.offsets.get(i))) {
            (Some(rule), _) if after_all => rule.at(second),
            (_, Some(offset)) => offset.clone(),
            (_, None) => Offset { seconds: 0, name: "UTC".to_owned() },
        }
    }
}

struct Header {
    version: u8,
    /// Universal/local flags, standard/wall flags, leap seconds, transitions, types, characters.
    flags: usize,
    leaps: usize,
    times: usize,
    types: usize,
    characters: usize,
}

impl Header {
    const BYTES: usize = 44;

    fn parse(bytes: &[u8]) -> Option<Header> {
        let count = |i: usize| -> Option<usize> {
            let four = bytes.get(20 + 4 * i..24 + 4 * i)?;
            usize::try_from(u32::from_be_bytes(four.try_into().ok()?)).ok().filter(|n| *n < 1 << 16)
        };
        if bytes.get(..4)? != b"TZif" {
            return None;
        }
        Some(Header {
            version: *bytes.get(4)?,
            flags: count(0)? + count(1)?,
            leaps: count(2)?,
            times: count(3)?,
            types: count(4)?,
            characters: count(5)?,
        })
    }

    /// Size of what follows the header, with times of so many bytes.
    fn body_bytes(&self, time: usize) -> Option<usize> {
        let leaps = self.leaps * (time + 4);
        Some(self.times * (time + 1) + self.types * 6 + self.characters + leaps + self.flags)
    }
}

impl Offset {
    fn parse(bytes: &[u8], names: &[u8]) -> Option<Offset> {
        let seconds = i32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let name = names.get(usize::from(*bytes.get(5)?)..)?;
        let name = name.split(|b| *b == 0).next()?;
        Some(Offset { seconds: seconds.into(), name: String::from_utf8_lossy(name).into_owned() })
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Rule> {
        let (name, rest) = zone_name(text)?;
        let (seconds, rest) = clock(rest)?;
        let standard = Offset { seconds: -seconds, name };
        if rest.is_empty() {
            return Some(Rule { standard, summer: None });
        }
        let (name, rest) = zone_name(rest)?;
        let (seconds, rest) = if rest.starts_with(',') {
            (standard.seconds + 3600, rest)
        } else {
            let (seconds, rest) = clock(rest)?;
            (-seconds, rest)
        };
        let (from, rest) = Turn::parse(rest.strip_prefix(',')?)?;
        let (to, rest) = Turn::parse(rest.strip_prefix(',')?)?;
        rest.is_empty().then_some(Rule { standard, summer: Some((Offset { seconds, name }, from, to)) })
    }

    fn at(&self, second: i64) -> Offset {
        let Some((summer, from, to)) = &self.summer else {
            return self.standard.clone();
        };
        let (year, _, _) = super::format::civil((second + self.standard.seconds).div_euclid(86_400));
        // Each turn is told in the local time that holds before it.
        let from = from.in_year(year) - self.standard.seconds;
        let to = to.in_year(year) - summer.seconds;
        let is_summer = match from <= to {
            true => (from..to).contains(&second),
            false => !(to..from).contains(&second),
        };
        if is_summer { summer.clone() } else { self.standard.clone() }
    }
}

impl Turn {
    fn parse(text: &str) -> Option<(Turn, &str)> {
        let end = text.find([',', '/']).unwrap_or(text.len());
        let (day, rest) = text.split_at(end);
        let day = if let Some(day) = day.strip_prefix('J') {
            Day::Julian(day.parse().ok().filter(|d| (1..=365).contains(d))?)
        } else if let Some(day) = day.strip_prefix('M') {
            let mut numbers = day.split('.').map(|n| n.parse::<i64>().ok());
            let (month, week, weekday) = (numbers.next()??, numbers.next()??, numbers.next()??);
            let valid = (1..=12).contains(&month) && (1..=5).contains(&week) && (0..=6).contains(&weekday);
            valid.then_some(Day::Weekday(month, week, weekday))?
        } else {
            Day::Ordinal(day.parse().ok().filter(|d| (0..=365).contains(d))?)
        };
        match rest.strip_prefix('/') {
            None => Some((Turn { day, second: 7200 }, rest)),
            Some(rest) => clock(rest).map(|(second, rest)| (Turn { day, second }, rest)),
        }
    }

    /// Seconds since 1970 in local time.
    fn in_year(self, year: i64) -> i64 {
        let leap = days_of_year(year, 12, 31) == 365;
        let day = match self.day {
            Day::Julian(n) => n - 1 + i64::from(leap && n >= 60),
            Day::Ordinal(n) => n,
            Day::Weekday(month, week, weekday) => {
                let first = days_of_year(year, month, 1);
                // 1970-01-01 was a Thursday.
                let first_weekday = (first_day(year) + first + 4).rem_euclid(7);
                let day = first + (weekday - first_weekday).rem_euclid(7) + 7 * (week - 1);
                let month_end = days_of_year(year, month, month_days(month, leap));
                if day > month_end { day - 7 } else { day }
            }
        };
        (first_day(year) + day) * 86_400 + self.second
    }
}

fn month_days(month: i64, leap: bool) -> i64 {
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to January 1 of a year.
fn first_day(year: i64) -> i64 {
    let before = year - 1;
    365 * year + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 719_527
}

/// Day of the year, from 0.
fn days_of_year(year: i64, month: i64, day: i64) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    (1..month).map(|m| month_days(m, leap)).sum::<i64>() + day - 1
}

/// `CET` or `<+0330>`, and the rest.
fn zone_name(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('<') {
        let (name, rest) = quoted.split_once('>')?;
        return Some((name.to_owned(), rest));
    }
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    (end >= 3).then(|| (text[..end].to_owned(), &text[end..]))
}

/// `[+-]hh[:mm[:ss]]` in seconds, and the rest.
fn clock(text: &str) -> Option<(i64, &str)> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(text.len());
    let mut seconds = 0;
    let mut unit = 3600;
    for part in text[..end].split(':') {
        seconds += part.parse::<i64>().ok().filter(|n| *n < 168)? * unit;
        unit /= 60;
    }
    Some((sign * seconds, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(rule: &str) -> Zone {
        Zone { rule: Some(Rule::parse(rule).unwrap()), ..Zone::default() }
    }

    fn at(zone: &Zone, second: i64) -> (i64, String) {
        let Offset { seconds, name } = zone.at(second);
        (seconds, name)
    }

    #[test]
    fn rules_of_the_north_and_the_south() {
        let berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
        // 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC
        assert_eq!(at(&berlin, 1_774_745_999), (3600, "CET".into()));
        assert_eq!(at(&berlin, 1_774_746_000), (7200, "CEST".into()));
        assert_eq!(at(&berlin, 1_792_889_999), (7200, "CEST".into()));
        assert_eq!(at(&berlin, 1_792_890_000), (3600, "CET".into()));
        let sydney = zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
        // 2026-04-04 16:00 UTC and 2026-10-03 16:00 UTC
        assert_eq!(at(&sydney, 1_775_318_399), (39_600, "AEDT".into()));
        assert_eq!(at(&sydney, 1_775_318_400), (36_000, "AEST".into()));
        assert_eq!(at(&sydney, 1_791_043_200), (39_600, "AEDT".into()));
        let new_york = zone("EST5EDT,M3.2.0,M11.1.0");
        // 2024-11-03 06:00 UTC
        assert_eq!(at(&new_york, 1_730_613_599), (-14_400, "EDT".into()));
        assert_eq!(at(&new_york, 1_730_613_600), (-18_000, "EST".into()));
        assert_eq!(at(&zone("<+0330>-3:30"), 0), (12_600, "+0330".into()));
        assert_eq!(at(&zone("UTC0"), 0), (0, "UTC".into()));
        // J60 is March 1 in leap years, too; ordinal 59 is February 29.
        assert_eq!(at(&zone("AAA0BBB,J60/0,J61/0"), 1_709_251_200).1, "BBB");
        assert_eq!(at(&zone("AAA0BBB,59/0,60/0"), 1_709_164_800).1, "BBB");
    }

    #[test]
    fn what_is_no_rule() {
        for text in
            ["", "A", "CET", "CET-", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,M1.1.0", "Europe/Berlin"]
        {
            assert_eq!(Rule::parse(text), None, "{text}");
        }
    }

    /// A zone file with two offsets, one transition and a rule.
    fn file() -> Vec<u8> {
        let header = |times: u32, types: u32, characters: u32| {
            let mut bytes = b"TZif2".to_vec();
            bytes.extend([0; 15]);
            for n in [0, 0, 0, times, types, characters] {
                bytes.extend(u32::to_be_bytes(n));
            }
            bytes
        };
        let mut bytes = header(0, 1, 4);
        bytes.extend([0; 6]);
        bytes.extend(b"LMT\0");
        bytes.extend(header(1, 2, 8));
        bytes.extend(i64::to_be_bytes(1000));
        bytes.push(1);
        bytes.extend([0, 0, 0, 60, 0, 0]);
        bytes.extend([0, 0, 14, 16, 0, 4]);
        bytes.extend(b"LMT\0CET\0\nXYZ-2\n");
        bytes
    }

    #[test]
    fn zone_files() {
        let mut zone = Zone::parse(&file()).unwrap();
        assert_eq!(at(&zone, 999), (60, "LMT".into()));
        assert_eq!(at(&zone, 1000), (7200, "XYZ".into()), "after the last transition the rule holds");
        zone.rule = None;
        assert_eq!(at(&zone, 1000), (3600, "CET".into()));
        assert_eq!(at(&Zone::default(), 5), (0, "UTC".into()));
    }

    #[test]
    fn damaged_zone_files_are_refused() {
        let whole = file();
        for length in 0..whole.len() {
            drop(Zone::parse(&whole[..length]));
        }
        assert!(Zone::parse(&whole[..80]).is_none());
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            drop(Zone::parse(&damaged).map(|zone| zone.at(0)));
        }
    }
}
