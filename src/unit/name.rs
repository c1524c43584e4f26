//! Unit names: grammar, templates, instances, escaping (systemd.unit(5), systemd-escape(1)).

use crate::bounds::UNIT_NAME_BYTES_MAX;
use crate::ids::Text;
use std::borrow::Borrow;
use std::fmt;

/// A valid unit name: `prefix.suffix`, `prefix@.suffix` or `prefix@instance.suffix`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(Text);

/// What a name's suffix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitKind {
    /// `.socket`
    Socket,
    /// `.service`
    Service,
    /// `.target`
    Target,
    /// `.slice`
    Slice,
    /// `.mount`, `.device`, `.timer`, `.path`, `.swap`, `.scope`, `.automount`
    Foreign,
}

const SUFFIXES: [(&str, UnitKind); 11] = [
    ("socket", UnitKind::Socket),
    ("service", UnitKind::Service),
    ("target", UnitKind::Target),
    ("slice", UnitKind::Slice),
    ("mount", UnitKind::Foreign),
    ("device", UnitKind::Foreign),
    ("timer", UnitKind::Foreign),
    ("path", UnitKind::Foreign),
    ("swap", UnitKind::Foreign),
    ("scope", UnitKind::Foreign),
    ("automount", UnitKind::Foreign),
];

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_' | b'.' | b'\\')
}

fn is_instance_byte(b: u8) -> bool {
    is_name_byte(b) || b == b'@'
}

impl UnitName {
    /// Checks the grammar; `None` if the text is no unit name.
    pub fn parse(text: &str) -> Option<UnitName> {
        if text.is_empty() || text.len() > UNIT_NAME_BYTES_MAX {
            return None;
        }
        let (stem, suffix) = text.rsplit_once('.')?;
        SUFFIXES.iter().find(|(s, _)| *s == suffix)?;
        let (prefix, instance) = match stem.split_once('@') {
            Some((p, i)) => (p, Some(i)),
            None => (stem, None),
        };
        let instance_ok = instance.is_none_or(|i| i.bytes().all(is_instance_byte));
        (!prefix.is_empty() && prefix.bytes().all(is_name_byte) && instance_ok).then(|| UnitName(text.into()))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole name, shared.
    pub fn text(&self) -> Text {
        self.0.clone()
    }

    /// The suffix without its dot.
    pub fn suffix(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, s)| s)
    }

    /// The name without its suffix (`%N`).
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(&self.0, |(s, _)| s)
    }

    /// What kind of unit the suffix promises.
    pub fn kind(&self) -> UnitKind {
        let suffix = self.suffix();
        SUFFIXES.iter().find(|(s, _)| *s == suffix).map_or(UnitKind::Foreign, |(_, k)| *k)
    }

    /// The part before `@`, or the whole stem (`%p`).
    pub fn prefix(&self) -> &str {
        self.stem().split_once('@').map_or(self.stem(), |(p, _)| p)
    }

    /// The instance: `None` for a plain name, empty for a template.
    pub fn instance(&self) -> Option<&str> {
        self.stem().split_once('@').map(|(_, i)| i)
    }

    /// `foo@.service`
    pub fn is_template(&self) -> bool {
        self.instance() == Some("")
    }

    /// `foo@bar.service`
    pub fn is_instance(&self) -> bool {
        self.instance().is_some_and(|i| !i.is_empty())
    }

    /// The template of an instance: `foo@bar.service` → `foo@.service`.
    pub fn template(&self) -> Option<UnitName> {
        self.is_instance().then(|| UnitName(format!("{}@.{}", self.prefix(), self.suffix()).into()))
    }

    /// An instance of this template; `None` if this is no template or the result no name.
    pub fn instantiate(&self, instance: &str) -> Option<UnitName> {
        if !self.is_template() || instance.is_empty() {
            return None;
        }
        let bytes = instance.bytes();
        if self.0.len() + instance.len() > UNIT_NAME_BYTES_MAX || !bytes.into_iter().all(is_instance_byte) {
            return None;
        }
        // The rest was found to be valid when the template got its name.
        let (prefix, suffix) = self.0.split_once('@')?;
        let mut name = String::with_capacity(self.0.len() + instance.len());
        name.extend([prefix, "@", instance, suffix]);
        Some(UnitName(name.into()))
    }

    /// The same name with another suffix (`a@i.socket` → `a@i.service`).
    pub fn with_suffix(&self, suffix: &str) -> Option<UnitName> {
        UnitName::parse(&[self.stem(), ".", suffix].concat())
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}
impl Borrow<str> for UnitName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Escapes text for use in a unit name: `/` → `-`, other disallowed bytes and a leading dot → `\xHH`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'/' => out.push('-'),
            b'.' if i == 0 => out.push_str("\\x2e"),
            b'-' | b'\\' => out.push_str(&format!("\\x{b:02x}")),
            b if is_name_byte(b) => out.push(char::from(b)),
            b => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out
}

/// Escapes a path: simplified, without slashes at the ends; `/` alone is `-`. `None` if it has `..`.
pub fn escape_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.contains(&"..") {
        return None;
    }
    if parts.is_empty() { Some("-".to_owned()) } else { Some(escape(&parts.join("/"))) }
}

/// Undoes [`escape`]; `None` if an escape is malformed or the result is not UTF-8.
pub fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'-' => out.push(b'/'),
            b'\\' => {
                let hex = bytes.get(i + 2..i + 4).filter(|_| bytes.get(i + 1) == Some(&b'x'))?;
                out.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
                i += 3;
            }
            b => out.push(b),
        }
        i += 1;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_first_at_and_last_dot() {
        let n = UnitName::parse("a.b@c@d.e.socket").unwrap();
        assert_eq!((n.prefix(), n.instance(), n.suffix(), n.stem()), ("a.b", Some("c@d.e"), "socket", "a.b@c@d.e"));
        assert_eq!(n.template().unwrap().as_str(), "a.b@.socket");
    }

    #[test]
    fn refuses_what_is_no_name() {
        for bad in ["", "a", ".socket", "@a.socket", "a b.socket", "a/b.service", "a.txt", "ä.service"] {
            assert!(UnitName::parse(bad).is_none(), "{bad}");
        }
        assert!(UnitName::parse(&format!("{}.socket", "a".repeat(248))).is_some());
        assert!(UnitName::parse(&format!("{}.socket", "a".repeat(249))).is_none());
    }

    #[test]
    fn escaping_round_trips() {
        for s in ["a/b-c", ".x", "ä", "\\", "a b"] {
            assert_eq!(unescape(&escape(s)).as_deref(), Some(s));
        }
        assert_eq!(escape_path("/var//lib/x/").as_deref(), Some("var-lib-x"));
        assert_eq!(escape_path("/").as_deref(), Some("-"));
        assert_eq!(unescape("a\\x2"), None);
    }
}
