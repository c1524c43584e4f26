//! What somebody at a terminal may want to type: `X-Try=` in [Socket] of a unit file.

use crate::runtime::disk::Disk;
use crate::syntax;
use crate::unit::Unit;
use crate::unit::load::Files;
use std::io::IsTerminal;

/// Whether somebody is looking.
pub(super) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// What the unit file suggests.
pub(super) fn to_try(unit: &Unit) -> Vec<String> {
    let Some(path) = &unit.fragment else {
        return Vec::new();
    };
    Disk.read(path).map(|bytes| in_file(path, &bytes)).unwrap_or_default()
}

fn in_file(path: &str, bytes: &[u8]) -> Vec<String> {
    let document = syntax::parse(path, bytes);
    let sections = document.sections.iter().filter(|section| section.name == "Socket");
    let entries = sections.flat_map(|section| &section.entries).filter(|entry| entry.key == "X-Try");
    entries.map(|entry| entry.value.text.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_stand_in_the_socket_section() {
        let text = "[Unit]\nX-Try=no\n[Socket]\nListenStream=1\nX-Try=nc localhost 1\n";
        assert_eq!(in_file("/x.socket", text.as_bytes()), ["nc localhost 1"]);
    }
}
