//! Where a unit lives in the cgroup tree: names only. Whether there is a tree is not known here.

use crate::unit::name::escape;
use crate::unit::{UnitKind, UnitName};

/// The cgroup of a unit relative to porterd's own subtree, e.g. `system.slice/echo.service` or
/// `system.slice/system-echo.slice/echo@1.service`. `slice` is `Slice=`; a user manager has
/// `app.slice` instead of `system.slice`.
pub fn path(unit: &UnitName, slice: Option<&str>, user_mode: bool) -> String {
    if unit.kind() == UnitKind::Slice {
        return slice_path(unit.as_str());
    }
    below(&slice_of(unit, slice, user_mode), &guarded(unit.as_str()))
}

/// What the groups that connections of one template take over from each other are called, without
/// their number, e.g. `system.slice/system-echo.slice/echo@.service.`: no unit's group has such a
/// name.
pub fn numbered(unit: &UnitName, slice: Option<&str>, user_mode: bool) -> String {
    let template = format!("{}@.{}.", unit.prefix(), unit.suffix());
    below(&slice_of(unit, slice, user_mode), &guarded(&template))
}

fn below(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

fn slice_of(unit: &UnitName, slice: Option<&str>, user_mode: bool) -> String {
    let root = if user_mode { "app" } else { "system" };
    let slice = match slice {
        Some(given) => given.to_owned(),
        // `-` separates levels of slices, so one in the prefix has to be written otherwise.
        None if unit.is_instance() => format!("{root}-{}.slice", escape(unit.prefix())),
        None => format!("{root}.slice"),
    };
    slice_path(&slice)
}

/// `a-b.slice` lies inside `a.slice`; `-.slice` is the root itself.
fn slice_path(slice: &str) -> String {
    let stem = slice.strip_suffix(".slice").unwrap_or(slice);
    if stem == "-" || stem.is_empty() {
        return String::new();
    }
    let ends = stem.match_indices('-').map(|(i, _)| i).chain([stem.len()]);
    let levels: Vec<String> = ends.map(|end| guarded(&format!("{}.slice", &stem[..end]))).collect();
    levels.join("/")
}

/// Files that the kernel or systemd puts into every group, and the controllers that add theirs.
const OWNED: [&str; 18] = [
    "cgroup",
    "cpu",
    "cpuacct",
    "cpuset",
    "io",
    "blkio",
    "memory",
    "devices",
    "pids",
    "rdma",
    "misc",
    "hugetlb",
    "perf_event",
    "net_cls",
    "net_prio",
    "freezer",
    "dmem",
    "debug",
];

/// A name that could be taken for a file of the kernel gets a `_` in front.
fn guarded(name: &str) -> String {
    let first = name.split('.').next().unwrap_or("");
    let taken = name.starts_with(['_', '.'])
        || matches!(name, "notify_on_release" | "release_agent" | "tasks")
        || (name.contains('.') && OWNED.contains(&first));
    if taken { format!("_{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, slice: Option<&str>) -> String {
        path(&UnitName::parse(name).unwrap(), slice, false)
    }

    #[test]
    fn units_lie_in_their_slice() {
        assert_eq!(at("echo.service", None), "system.slice/echo.service");
        assert_eq!(at("echo@1-2.service", None), "system.slice/system-echo.slice/echo@1-2.service");
        assert_eq!(at("a-b@1.service", None), "system.slice/system-a\\x2db.slice/a-b@1.service");
        assert_eq!(at("echo.service", Some("a-b-c.slice")), "a.slice/a-b.slice/a-b-c.slice/echo.service");
        assert_eq!(at("echo.service", Some("-.slice")), "echo.service");
        assert_eq!(at("a-b.slice", None), "a.slice/a-b.slice");
        assert_eq!(path(&UnitName::parse("x@1.service").unwrap(), None, true), "app.slice/app-x.slice/x@1.service");
    }

    #[test]
    fn connections_take_over_groups_of_their_template() {
        let unit = UnitName::parse("echo@1-2.service").unwrap();
        assert_eq!(numbered(&unit, None, false), "system.slice/system-echo.slice/echo@.service.");
        assert_eq!(numbered(&unit, Some("-.slice"), false), "echo@.service.");
    }

    #[test]
    fn no_directory_is_taken_for_a_file_of_the_kernel() {
        assert_eq!(at("cpu.service", None), "system.slice/_cpu.service");
        assert_eq!(at("_x.service", None), "system.slice/__x.service");
        assert_eq!(at("cpux.service", None), "system.slice/cpux.service");
    }
}
