//! `ConditionVirtualization=`: the container manager and the hypervisor below, in systemd's words.

use super::machine::truth;
use super::{Answer, read};
use std::path::Path;

pub(super) fn virtualization(value: &str) -> Answer {
    if value == "private-users" {
        let map = read("/proc/self/uid_map")?;
        return Ok(map.split_whitespace().collect::<Vec<_>>() != ["0", "0", "4294967295"]);
    }
    let (container, vm) = (container(), hypervisor());
    Ok(match value {
        "vm" => vm.is_some() && container.is_none(),
        "container" => container.is_some(),
        _ => match truth(value) {
            Some(wanted) => (container.is_some() || vm.is_some()) == wanted,
            None => container.as_deref().or(vm) == Some(value),
        },
    })
}

/// The container manager porterd runs under, in systemd's words.
fn container() -> Option<String> {
    if Path::new("/proc/vz").exists() && !Path::new("/proc/bc").exists() {
        return Some("openvz".into());
    }
    let told = std::fs::read_to_string("/run/host/container-manager")
        .or_else(|_| std::fs::read_to_string("/run/systemd/container"))
        .ok()
        .or_else(|| {
            let first = std::fs::read("/proc/1/environ").ok()?;
            let entry = first.split(|b| *b == 0).find_map(|e| e.strip_prefix(b"container="))?;
            Some(String::from_utf8_lossy(entry).into_owned())
        });
    match told.as_deref().map(str::trim) {
        Some("") | None => {}
        Some("oci") => {}
        Some(name) => return Some(name.to_owned()),
    }
    let marks = [("/run/.containerenv", "podman"), ("/.dockerenv", "docker")];
    marks
        .iter()
        .find(|(path, _)| Path::new(path).exists())
        .map(|(_, name)| (*name).to_owned())
        .or(told.map(|_| "container-other".into()))
}

/// `(start of a DMI text, systemd's word)`
const DMI: [(&str, &str); 14] = [
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
];

/// The hypervisor below, in systemd's words.
fn hypervisor() -> Option<&'static str> {
    let files = ["product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"];
    let told = files.iter().find_map(|file| {
        let text = std::fs::read_to_string(format!("/sys/class/dmi/id/{file}")).ok()?;
        DMI.iter().find(|(start, _)| text.starts_with(start)).map(|(_, name)| *name)
    });
    if told.is_some() {
        return told;
    }
    if std::fs::read_to_string("/sys/hypervisor/type").is_ok_and(|t| t.trim() == "xen") {
        return Some("xen");
    }
    let flagged = std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| {
        text.lines().any(|l| l.starts_with("flags") && l.split_whitespace().any(|flag| flag == "hypervisor"))
    });
    flagged.then_some("vm-other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_class_agree() {
        assert_eq!(virtualization("container"), Ok(container().is_some()));
        assert_eq!(virtualization("no"), Ok(container().is_none() && hypervisor().is_none()));
        assert_eq!(virtualization("no-such-hypervisor"), Ok(false));
    }
}
