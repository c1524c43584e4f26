//! The first process of the machine: makes a usable system, then lets the tests run, or becomes porterd.

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// File system type, place, options.
const MOUNTS: [(&str, &str, &str); 11] = [
    ("devtmpfs", "/dev", "mode=755"),
    ("proc", "/proc", ""),
    ("sysfs", "/sys", ""),
    ("devpts", "/dev/pts", "ptmxmode=666"),
    ("tmpfs", "/dev/shm", "mode=1777"),
    ("mqueue", "/dev/mqueue", ""),
    ("tmpfs", "/run", "mode=755"),
    ("tmpfs", "/tmp", "mode=1777"),
    ("cgroup2", "/sys/fs/cgroup", ""),
    ("configfs", "/sys/kernel/config", ""),
    ("smackfs", "/sys/fs/smackfs", ""),
];

/// Never returns into a machine that still runs: when its first process ends, the kernel panics.
pub(crate) fn first_process() -> ! {
    std::panic::set_hook(Box::new(|why| println!("FAIL  the machine: {why}")));
    stand_on_a_real_mount();
    // File systems may be modules.
    load_modules();
    for (kind, place, options) in MOUNTS {
        std::fs::create_dir_all(place).ok();
        // A kernel without one of them has tests that say so.
        mount(Some(kind), place, Some(kind), MsFlags::empty(), Some(options)).ok();
    }
    nix::unistd::sethostname("machine").unwrap();
    bring_loopback_up();
    if std::env::var("VM_NAME").is_ok_and(|name| name == "first") {
        crate::pid1::become_porterd();
    }
    // `/proc/self/exe` by its name: the tests start it under other labels.
    let mut tests = Command::new("/init").arg("tests").spawn().unwrap();
    let status = tests.wait().unwrap();
    if !status.success() {
        println!("FAIL  the tests ended with {status}");
    }
    println!("vm: end");
    nix::sys::termios::tcdrain(std::io::stdout()).ok();
    let never = reboot(RebootMode::RB_AUTOBOOT);
    panic!("the machine goes on: {never:?}");
}

/// pivot_root(2) does not work on the kernel's initial root.
fn stand_on_a_real_mount() {
    let none = None::<&str>;
    std::fs::create_dir_all("/root").unwrap();
    mount(Some("/"), "/root", none, MsFlags::MS_BIND, none).unwrap();
    std::env::set_current_dir("/root").unwrap();
    mount(Some("."), "/", none, MsFlags::MS_MOVE, none).unwrap();
    nix::unistd::chroot(".").unwrap();
    std::env::set_current_dir("/").unwrap();
}

fn load_modules() {
    let Ok(entries) = std::fs::read_dir("/modules") else { return };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let module = std::fs::File::open(&file).unwrap();
        let loaded = nix::kmod::finit_module(module, c"", nix::kmod::ModuleInitFlags::empty());
        if let Err(errno) = loaded {
            println!("    {}: {errno}", file.display());
        }
    }
}

/// The flags of an interface can be had without ioctl(2): sysfs takes them.
fn bring_loopback_up() {
    let flags = Path::new("/sys/class/net/lo/flags");
    std::fs::write(flags, "0x49").unwrap();
}

/// Becomes another program under the same process id.
pub(crate) fn become_program(program: &str, words: &[&str]) -> ! {
    let error = Command::new(program).args(words).exec();
    panic!("{program}: {error}");
}
