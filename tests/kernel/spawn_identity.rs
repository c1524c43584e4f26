//! Users, groups and capabilities. As root only.

use super::{after, root, status};
use porterd::plan::program::Step;

const NET_BIND_SERVICE: u64 = 1 << 10;
const NET_RAW: u64 = 1 << 13;

fn user(keep_caps: bool) -> [Step; 3] {
    [Step::Groups(vec![7, 8, 70_000]), Step::Gid(65_533), Step::Uid { uid: 65_534, keep_caps }]
}

fn capabilities(steps: Vec<Step>, field: &str) -> u64 {
    u64::from_str_radix(&status(steps, field), 16).unwrap()
}

#[test]
fn user_and_groups_are_changed_altogether() {
    if !root() {
        return;
    }
    assert_eq!(status(user(false).to_vec(), "Uid"), "65534 65534 65534 65534");
    assert_eq!(status(user(false).to_vec(), "Gid"), "65533 65533 65533 65533");
    assert_eq!(status(user(false).to_vec(), "Groups"), "7 8 70000");
    assert_eq!(status(vec![Step::Groups(vec![])], "Groups"), "");
    assert_eq!(nix::unistd::getuid().as_raw(), 0, "the parent is who it was");
    assert_eq!(nix::unistd::getgid().as_raw(), 0);
}

#[test]
fn another_user_has_no_capabilities() {
    if !root() {
        return;
    }
    for keep_caps in [false, true] {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(capabilities(user(keep_caps).to_vec(), set), 0, "{set} {keep_caps}");
        }
    }
}

#[test]
fn ambient_capabilities_survive_the_change_of_user() {
    if !root() {
        return;
    }
    let wanted = NET_BIND_SERVICE | NET_RAW;
    let mut steps = vec![Step::BoundingSet(wanted | 1 << 7)];
    steps.extend(user(true));
    steps.push(Step::AmbientSet(wanted));
    for set in ["CapPrm", "CapEff", "CapAmb", "CapInh"] {
        assert_eq!(capabilities(steps.clone(), set), wanted, "{set}");
    }
    assert_eq!(capabilities(steps, "CapBnd"), wanted | 1 << 7);
}

#[test]
fn the_bounding_set_limits_root_and_may_be_dropped_after_the_change_of_user() {
    if !root() {
        return;
    }
    assert_eq!(capabilities(vec![Step::BoundingSet(NET_RAW)], "CapBnd"), NET_RAW);
    assert_eq!(capabilities(vec![Step::BoundingSet(NET_RAW)], "CapEff"), NET_RAW);
    let mut late = user(true).to_vec();
    late.push(Step::BoundingSet(NET_RAW));
    assert_eq!(capabilities(late, "CapBnd"), NET_RAW);
}

#[test]
fn secure_bits_are_set_after_the_change_of_user() {
    if !root() {
        return;
    }
    // SECBIT_NOROOT and its lock, read back by who has them.
    let mut steps = user(true).to_vec();
    steps.push(Step::SecureBits(0b11));
    let text = after(steps, &["/sbin/capsh", "--print"]);
    assert!(text.contains("secure-noroot: yes (locked)"), "{text}");
}

#[test]
fn a_directory_is_entered_as_the_user_even_with_kept_capabilities() {
    if !root() {
        return;
    }
    let path = std::env::temp_dir().join(format!("porterd-private-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut steps = user(true).to_vec();
    steps.push(Step::Chdir { path: super::c(path.to_str().unwrap()), optional: true });
    assert_eq!(after(steps, &["/bin/pwd"]), "/\n");
    std::fs::remove_dir(path).unwrap();
}

#[test]
fn priorities_and_limits_come_as_close_as_allowed() {
    if !root() {
        return;
    }
    let limited = vec![Step::Limit(libc::RLIMIT_NICE as u32, 5, 5)];
    // Without CAP_SYS_RESOURCE even root keeps a lower one that it was started with.
    let limits = after(limited.clone(), &["/bin/cat", "/proc/self/limits"]);
    let line = limits.lines().find_map(|l| l.strip_prefix("Max nice priority"));
    let allowed: i32 = line.unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let mut steps = limited;
    steps.push(Step::Nice(18));
    steps.extend(user(false));
    steps.push(Step::Nice(-5));
    // nice level 15 is the best that RLIMIT_NICE 5 allows.
    assert_eq!(after(steps, &["/usr/bin/nice"]), format!("{}\n", (20 - allowed).min(18)));

    let nofile = libc::RLIMIT_NOFILE as u32;
    let mut steps = vec![Step::Limit(nofile, 50, 100)];
    steps.extend(user(false));
    steps.push(Step::Limit(nofile, 70, u64::MAX));
    let text = after(steps, &["/bin/cat", "/proc/self/limits"]);
    let line = text.lines().find(|l| l.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().skip(3).collect::<Vec<_>>(), ["70", "100", "files"]);
}
