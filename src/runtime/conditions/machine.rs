//! Conditions about the machine, its kernel and who porterd is.

use super::{Answer, compare, read};
use crate::config::Surroundings;
use std::path::Path;

/// `yes` and `no` as systemd spells them, compared with a fact.
pub(super) fn boolean(value: &str, fact: Answer) -> Answer {
    let wanted = truth(value).ok_or_else(|| format!("`{value}` is neither yes nor no"))?;
    Ok(fact? == wanted)
}

pub(super) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn kernel_command_line(value: &str) -> Answer {
    let line = read("/proc/cmdline")?;
    Ok(line.split_whitespace().any(|word| match value.contains('=') {
        true => word == value,
        false => word.split('=').next() == Some(value),
    }))
}

fn uname() -> Result<nix::sys::utsname::UtsName, String> {
    nix::sys::utsname::uname().map_err(|e| e.to_string())
}

pub(super) fn kernel_version(value: &str) -> Answer {
    let facts = uname()?;
    let release = facts.release().to_string_lossy();
    Ok(compare::words(value).iter().all(|expression| compare::expression(expression, &release)))
}

/// `kernel EXPRESSION…`; versions of systemd and glibc say nothing about porterd's host.
pub(super) fn version(value: &str) -> Answer {
    match value.split_once(char::is_whitespace) {
        Some(("kernel", rest)) => kernel_version(rest),
        Some(("systemd" | "glibc", _)) => Err("only the version of the kernel is known".into()),
        _ => kernel_version(value),
    }
}

pub(super) fn kernel_module(value: &str) -> Answer {
    let directory = Path::new("/sys/module").join(value.replace('-', "_"));
    match std::fs::read_to_string(directory.join("initstate")) {
        Ok(state) => Ok(state.trim() == "live"),
        // Without that file it is built in, if it is there at all.
        Err(_) => Ok(directory.exists()),
    }
}

/// `(uname -m, systemd's name)`
const ARCHITECTURES: [(&str, &str); 19] = [
    ("x86_64", "x86-64"),
    ("i686", "x86"),
    ("i586", "x86"),
    ("i486", "x86"),
    ("i386", "x86"),
    ("aarch64", "arm64"),
    ("aarch64_be", "arm64-be"),
    ("armv7l", "arm"),
    ("armv6l", "arm"),
    ("armv7b", "arm-be"),
    ("riscv64", "riscv64"),
    ("riscv32", "riscv32"),
    ("ppc64le", "ppc64-le"),
    ("ppc64", "ppc64"),
    ("s390x", "s390x"),
    ("loongarch64", "loongarch64"),
    ("mips", "mips"),
    ("mips64", "mips64"),
    ("sparc64", "sparc64"),
];

pub(super) fn architecture(value: &str) -> Answer {
    if value == "native" {
        return Ok(true);
    }
    let facts = uname()?;
    Ok(architecture_name(&facts.machine().to_string_lossy()) == value)
}

/// systemd's name of what `uname -m` says.
pub(in crate::runtime) fn architecture_name(machine: &str) -> &str {
    ARCHITECTURES.iter().find(|(m, _)| *m == machine).map_or(machine, |(_, name)| name)
}

pub(super) fn firmware(value: &str) -> Answer {
    let argument = |name: &str| value.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(wanted) = argument("device-tree-compatible") {
        let compatible = std::fs::read("/proc/device-tree/compatible").unwrap_or_default();
        return Ok(compatible.split(|b| *b == 0).any(|entry| entry == wanted.as_bytes()));
    }
    if let Some(test) = argument("smbios-field") {
        let start = test.find(['<', '>', '=', '!', '$']).ok_or("smbios-field needs a comparison")?;
        let field = test[..start].trim();
        if field.contains('/') {
            return Err(format!("`{field}` is no field of /sys/class/dmi/id"));
        }
        let actual = read(&format!("/sys/class/dmi/id/{field}"))?;
        return Ok(compare::expression(test[start..].trim(), actual.trim_end()));
    }
    match value {
        "device-tree" => Ok(Path::new("/sys/firmware/devicetree").exists()),
        "uefi" => Ok(Path::new("/sys/firmware/efi").exists()),
        _ => Err(format!("`{value}` is no kind of firmware")),
    }
}

/// Names of CPUID bits that /proc/cpuinfo spells in another way.
const CPU_NAMES: [(&str, &str); 8] = [
    ("sse3", "pni"),
    ("pclmul", "pclmulqdq"),
    ("sse4a", "sse4a"),
    ("osxsave", "xsave"),
    ("avx512er", "avx512er"),
    ("bmi", "bmi1"),
    ("sha", "sha_ni"),
    ("lahf64", "lahf_lm"),
];

pub(super) fn cpu_feature(value: &str) -> Answer {
    let wanted = CPU_NAMES.iter().find(|(name, _)| *name == value).map_or(value, |(_, flag)| flag);
    let text = read("/proc/cpuinfo")?;
    let flags = text.lines().find_map(|line| {
        let (key, list) = line.split_once(':')?;
        matches!(key.trim(), "flags" | "Features").then_some(list)
    });
    Ok(flags.is_some_and(|list| list.split_whitespace().any(|flag| flag == wanted)))
}

pub(super) fn cpus(value: &str) -> Answer {
    let own = nix::unistd::Pid::from_raw(0);
    let set = nix::sched::sched_getaffinity(own).map_err(|e| e.to_string())?;
    let count = (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).count();
    compare::number(value, count as u64, |text| text.parse().ok())
}

pub(super) fn memory(value: &str) -> Answer {
    let text = read("/proc/meminfo")?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    compare::number(value, total.ok_or("/proc/meminfo has no MemTotal")? * 1024, compare::bytes)
}

pub(super) fn security(value: &str) -> Answer {
    let is = |path: &str| Ok(Path::new(path).exists());
    match value {
        "selinux" => is("/sys/fs/selinux/enforce"),
        "smack" => is("/sys/fs/smackfs"),
        "apparmor" => {
            Ok(std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|t| t.trim() == "Y"))
        }
        "tomoyo" => is("/sys/kernel/security/tomoyo/version"),
        "ima" => is("/sys/kernel/security/ima"),
        "audit" => is("/proc/self/loginuid"),
        "tpm2" => Ok(is("/sys/class/tpmrm/tpmrm0")? || is("/dev/tpmrm0")?),
        "uefi-secureboot" => {
            let variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
            Ok(std::fs::read(variable).is_ok_and(|bytes| bytes.get(4) == Some(&1)))
        }
        _ => Err(format!("nothing is known about `{value}`")),
    }
}

/// Whether porterd's bounding set has it.
pub(super) fn capability(value: &str) -> Answer {
    let bit = crate::unit::values::names::capability(value)?;
    let status = read("/proc/self/status")?;
    let set = status.lines().find_map(|l| u64::from_str_radix(l.strip_prefix("CapBnd:")?.trim(), 16).ok());
    Ok(set.ok_or("/proc/self/status has no CapBnd")? & (1 << bit) != 0)
}

/// True unless a battery is what feeds the machine.
pub(super) fn on_ac_power() -> Answer {
    let Ok(entries) = std::fs::read_dir("/sys/class/power_supply") else {
        return Ok(true);
    };
    let (mut offline, mut discharging) = (false, false);
    for entry in entries.flatten() {
        let word = |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default().trim().to_owned();
        match word("type").as_str() {
            "Mains" | "USB" if word("online") == "1" => return Ok(true),
            "Mains" | "USB" => offline = true,
            "Battery" if word("scope") != "Device" => discharging |= word("status") == "Discharging",
            _ => {}
        }
    }
    Ok(!(offline && discharging))
}

/// Largest id of a system user.
const SYSTEM_UID_MAX: u32 = 999;

pub(super) fn user(value: &str, around: &Surroundings) -> Answer {
    let own = around.uid;
    if value == "@system" {
        return Ok(own <= SYSTEM_UID_MAX || own == 65534);
    }
    Ok(value.parse::<u32>().map_or_else(|_| account("/etc/passwd", value) == Some(own), |uid| uid == own))
}

pub(super) fn group(value: &str) -> Answer {
    let wanted = match value.parse::<u32>() {
        Ok(gid) => gid,
        Err(_) => account("/etc/group", value).ok_or_else(|| format!("there is no group `{value}` in /etc/group"))?,
    };
    let own = [nix::unistd::getgid(), nix::unistd::getegid()];
    let further = nix::unistd::getgroups().map_err(|e| e.to_string())?;
    Ok(own.iter().chain(&further).any(|gid| gid.as_raw() == wanted))
}

/// The id of a name in a file of the form `name:password:id:…`.
fn account(path: &str, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok())
}

/// The controllers that systemd knows. Nothing is asked about a word that is none.
const CONTROLLERS: [&str; 13] = [
    "cpu",
    "cpuacct",
    "cpuset",
    "io",
    "blkio",
    "memory",
    "devices",
    "pids",
    "bpf-firewall",
    "bpf-devices",
    "bpf-foreign",
    "bpf-socket-bind",
    "bpf-restrict-network-interfaces",
];

pub(super) fn controllers(value: &str) -> Answer {
    let root = Path::new("/sys/fs/cgroup/cgroup.controllers");
    match value {
        "v2" => Ok(root.exists()),
        "v1" => Ok(!root.exists() && Path::new("/sys/fs/cgroup").exists()),
        _ => {
            let there = std::fs::read_to_string(root).unwrap_or_default();
            let mut wanted = value.split_whitespace().filter(|name| CONTROLLERS.contains(name));
            Ok(wanted.all(|wanted| there.split_whitespace().any(|c| c == wanted)))
        }
    }
}

pub(super) fn host(value: &str) -> Answer {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let plain = value.replace('-', "").to_ascii_lowercase();
    if plain.len() == 32 && plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(id.trim() == plain);
    }
    let facts = uname()?;
    let name = facts.nodename().to_string_lossy().to_ascii_lowercase();
    Ok(super::super::glob::matches(&value.to_ascii_lowercase(), &name))
}

pub(super) fn os_release(value: &str) -> Answer {
    let text = read("/etc/os-release").or_else(|_| read("/usr/lib/os-release"))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    for expression in value.split_whitespace() {
        let start =
            expression.find(['<', '>', '=', '!', '$']).ok_or_else(|| format!("`{expression}` compares nothing"))?;
        let (name, test) = expression.split_at(start);
        let actual = field(name).unwrap_or_default();
        let holds = match test.strip_prefix('=').or(test.strip_prefix("==")) {
            Some(wanted) => actual == wanted.trim_matches(['"', '\'']),
            None => match test.strip_prefix("!=") {
                Some(wanted) => actual != wanted.trim_matches(['"', '\'']),
                None => compare::expression(test, &actual),
            },
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `[SLICE:]PERCENT[%][/SPAN]`: the average does not exceed the limit.
pub(super) fn pressure(resource: &str, kind: &str, value: &str) -> Answer {
    let (slice, rest) = value.split_once(':').map_or((None, value), |(s, r)| (Some(s), r));
    let (limit, span) = rest.split_once('/').unwrap_or((rest, "5min"));
    let limit: f64 = limit.trim().trim_end_matches('%').parse().map_err(|_| format!("`{limit}` is no percentage"))?;
    let average = match span.trim() {
        "10s" | "10sec" => "avg10=",
        "1min" | "60s" => "avg60=",
        "5min" | "300s" => "avg300=",
        other => return Err(format!("`{other}` is none of 10s, 1min, 5min")),
    };
    let path = match slice {
        None => format!("/proc/pressure/{resource}"),
        Some(name) => format!("/sys/fs/cgroup/{name}/{resource}.pressure"),
    };
    // A kernel without pressure figures is under no pressure it could tell of (systemd does the same).
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(true);
    };
    let line = text.lines().find(|l| l.starts_with(kind)).ok_or("the kernel gives no such figure")?;
    let actual = line.split(' ').find_map(|w| w.strip_prefix(average)?.parse::<f64>().ok());
    Ok(actual.ok_or("the kernel gives no such average")? <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_what_it_is() {
        assert_eq!(kernel_version(">=3.0 <100"), Ok(true));
        assert_eq!(kernel_version("<3.0"), Ok(false));
        assert_eq!(architecture("native"), Ok(true));
        assert_eq!(cpus(">=1"), Ok(true));
        assert_eq!(cpus(">100000"), Ok(false));
        assert_eq!(memory(">=1M"), Ok(true));
        assert!(capability("CAP_NO_SUCH").is_err());
        assert_eq!(kernel_command_line("no-such-word-at-all"), Ok(false));
        assert!(security("no-such-thing").is_err());
        assert!(pressure("cpu", "some", "x%").is_err());
    }

    #[test]
    fn users_by_name_and_number() {
        let root = Surroundings::new([], 0);
        assert_eq!(user("0", &root), Ok(true));
        assert_eq!(user("root", &root), Ok(true));
        assert_eq!(user("@system", &root), Ok(true));
        assert_eq!(user("12", &root), Ok(false));
        assert_eq!(boolean("no", Ok(false)), Ok(true));
        assert!(boolean("perhaps", Ok(true)).is_err());
    }
}
