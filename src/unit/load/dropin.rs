//! Drop-in directories and directories of links that add dependencies: which apply to a unit, and
//! in which order.

use super::path::Index;
use crate::ids::Text;
use crate::unit::UnitName;

/// Directories of a unit's names, first match first: for each name the search path decides first
/// and specificity second; directories of the whole type come last.
pub(super) fn directories(index: &Index, names: &[UnitName], suffix: &str) -> Vec<Text> {
    let mut all: Vec<Text> = Vec::new();
    if !index.has_directories(suffix) {
        return all;
    }
    for name in names {
        let mut found: Vec<(usize, usize, &Text)> = Vec::new();
        for (rank, stem) in stems(name).into_iter().enumerate() {
            let here = index.directories(&format!("{stem}.{}{suffix}", name.suffix()));
            found.extend(here.iter().map(|(order, path)| (*order, rank, path)));
        }
        found.sort();
        all.extend(found.into_iter().map(|(_, _, path)| path.clone()));
    }
    if let Some(name) = names.first() {
        all.extend(index.directories(&format!("{}{suffix}", name.suffix())).iter().map(|(_, path)| path.clone()));
    }
    let mut unique: Vec<Text> = Vec::with_capacity(all.len());
    for path in all {
        if !unique.contains(&path) {
            unique.push(path);
        }
    }
    unique
}

/// The name's stem, its template's, and both cut after each dash from the right.
fn stems(name: &UnitName) -> Vec<String> {
    let prefix = name.prefix();
    let mut all = vec![name.stem().to_owned()];
    let instance = name.instance();
    if name.is_instance() {
        all.push(format!("{prefix}@"));
    }
    // One dash at the end belongs to the last part; one at the start ends the cutting.
    let mut rest = prefix.strip_suffix('-').unwrap_or(prefix);
    while let Some(dash) = rest.rfind('-').filter(|at| *at > 0) {
        let cut = &prefix[..=dash];
        match instance {
            None => all.push(cut.to_owned()),
            Some(instance) => {
                all.push(cut.to_owned());
                if !instance.is_empty() {
                    all.push(format!("{cut}@{instance}"));
                }
                all.push(format!("{cut}@"));
            }
        }
        rest = &prefix[..dash];
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Vec<String> {
        stems(&UnitName::parse(name).unwrap())
    }

    #[test]
    fn cuts_at_dashes() {
        assert_eq!(of("a-b-c.socket"), ["a-b-c", "a-b-", "a-"]);
        assert_eq!(of("a.socket"), ["a"]);
        assert_eq!(of("-a.socket"), ["-a"]);
        assert_eq!(of("a-.socket"), ["a-"]);
        assert_eq!(of("foo-bar@inst.socket"), ["foo-bar@inst", "foo-bar@", "foo-", "foo-@inst", "foo-@"]);
        assert_eq!(of("foo-bar@.service"), ["foo-bar@", "foo-", "foo-@"]);
    }
}
