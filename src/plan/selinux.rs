//! `SELinuxContextFromNet=`: the label of a process is what the policy makes of porterd's own label with the
//! level of the peer, and of the program's file. Text only; labels are fetched and the policy is asked elsewhere.

/// A label `user:role:type[:level]`. The level may hold colons (`s0:c1,c2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    identity: &'a str,
    level: Option<&'a str>,
}

impl<'a> Label<'a> {
    /// `None` if it has fewer than three fields, or an empty one.
    pub fn parse(text: &'a str) -> Option<Label<'a>> {
        let mut colons = text.match_indices(':').map(|(at, _)| at);
        let (_, _, third) = (colons.next()?, colons.next()?, colons.next());
        let (identity, level) = match third {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let full = identity.split(':').all(|field| !field.is_empty()) && level != Some("");
        let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        (full && plain).then_some(Label { identity, level })
    }

    /// This label with the level of another.
    pub fn at_level_of(&self, other: &Label<'_>) -> String {
        match other.level {
            Some(level) => format!("{}:{level}", self.identity),
            None => self.identity.to_owned(),
        }
    }
}

/// What is written to `/sys/fs/selinux/create` to learn the label of a process (`class` is the number of the
/// class `process`) that `subject` starts from a file labelled `object`.
pub fn question(subject: &str, object: &str, class: u16) -> String {
    format!("{subject} {object} {class}")
}

/// A label as the kernel gives it: the NUL at its end is none of it.
pub fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).ok().map(|text| text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_three_fields_and_a_level() {
        let level = |text| Label::parse(text).map(|label| label.level);
        assert_eq!(level("system_u:system_r:init_t"), Some(None));
        assert_eq!(level("system_u:system_r:init_t:s0"), Some(Some("s0")));
        assert_eq!(level("u:r:t:s0-s0:c0.c1023"), Some(Some("s0-s0:c0.c1023")));
        for bad in ["", "u", "u:r", "u::t", ":r:t", "u:r:", "u:r:t:", "u:r:t:s0 x", "u:r:t\n"] {
            assert_eq!(Label::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_level_is_the_peers() {
        let at = |own, peer| Label::parse(own).unwrap().at_level_of(&Label::parse(peer).unwrap());
        let own = "system_u:system_r:init_t:s0";
        assert_eq!(at(own, "user_u:user_r:user_t:s0:c3,c7"), "system_u:system_r:init_t:s0:c3,c7");
        assert_eq!(at(own, "user_u:user_r:user_t:s2-s4:c1"), "system_u:system_r:init_t:s2-s4:c1");
        assert_eq!(at("u:r:t", "u:r:t2:s1"), "u:r:t:s1");
        assert_eq!(at(own, "u:r:t"), "system_u:system_r:init_t", "without levels there is none to take");
    }

    #[test]
    fn the_kernels_words() {
        assert_eq!(question("u:r:t:s1", "u:object_r:bin_t:s0", 2), "u:r:t:s1 u:object_r:bin_t:s0 2");
        assert_eq!(
            (text(b"u:r:t\0"), text(b"u:r:t\n\0x"), text(b"u:r:t")),
            (Some("u:r:t"), Some("u:r:t"), Some("u:r:t"))
        );
        assert_eq!(text(b"\xff"), None);
    }
}
