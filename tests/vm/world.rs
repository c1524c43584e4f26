//! A directory, units in it, and a porterd that reads them.

use std::fmt::Debug;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PLACE: &str = "/run/test";
/// Emulated machines are slow; what takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one test has for itself.
pub(crate) struct World {
    porterd: Option<Child>,
}

/// Waits until there is an answer.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What somebody who connected was told, or the error of their call.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    /// What came until the end.
    Text(String),
    /// `EACCES` and the like.
    Refused(String),
}

impl World {
    pub(crate) fn new() -> World {
        drop(std::fs::remove_dir_all(PLACE));
        std::fs::create_dir_all(format!("{PLACE}/units")).unwrap();
        World { porterd: None }
    }

    /// The directory as it is, of a porterd that somebody else started.
    pub(crate) fn there() -> World {
        World { porterd: None }
    }

    /// A path of this test.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{PLACE}/{name}")
    }

    /// Writes a unit file.
    pub(crate) fn unit(&self, name: &str, text: &str) {
        std::fs::write(format!("{PLACE}/units/{name}"), text).unwrap();
    }

    /// Starts porterd with every socket there is, and waits until it is ready.
    pub(crate) fn start(&mut self) {
        self.start_with(&["--all"]);
    }

    pub(crate) fn start_with(&mut self, words: &[&str]) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let units = self.path("units");
        let ready = std::os::unix::net::UnixDatagram::bind(self.path("ready")).unwrap();
        ready.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = Command::new("/usr/bin/porterd")
            .args(["--unit-path", &units, "--runtime-dir", &self.path("porterd"), "--log-level", "debug"])
            .args(words)
            .env("NOTIFY_SOCKET", self.path("ready"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.porterd = Some(child);
        let mut said = [0; 4096];
        loop {
            let length = ready.recv(&mut said).expect("porterd says READY=1");
            if said[..length].starts_with(b"READY=1") {
                break;
            }
        }
        std::fs::remove_file(self.path("ready")).unwrap();
    }

    /// Ends porterd in order. Called after the test; one that failed may leave it in any state.
    pub(crate) fn end(&mut self) {
        let Some(mut child) = self.porterd.take() else { return };
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM).unwrap();
        let status = wait("porterd ends", || child.try_wait().unwrap());
        assert!(status.success(), "porterd ended with {status}");
    }

    /// What porterd said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// porterctl; status and output.
    pub(crate) fn ctl(&self, words: &[&str]) -> (bool, String) {
        let done = Command::new("/usr/bin/porterctl")
            .args(["--runtime-dir", &self.path("porterd")])
            .args(words)
            .env("PORTERD_UNIT_PATH", self.path("units"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        (done.status.success(), text)
    }

    /// porterctl that has to succeed.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let (success, text) = self.ctl(words);
        assert!(success, "porterctl {words:?}: {text}");
        text
    }

    /// One property of a unit.
    pub(crate) fn property(&self, unit: &str, name: &str) -> String {
        let line = self.ok(&["show", unit, "-p", name]);
        line.trim().strip_prefix(&format!("{name}=")).unwrap_or_else(|| panic!("{unit}: {line}")).to_owned()
    }

    /// What a unit's process wrote into a file of this test, when it is there.
    pub(crate) fn written(&self, name: &str) -> String {
        let path = self.path(name);
        wait(&format!("{path} is written"), || {
            std::fs::read_to_string(&path).ok().filter(|text| text.ends_with("end\n"))
        })
        .trim_end_matches("end\n")
        .to_owned()
    }

    /// Somebody with this label (and no privileges), or root if it is empty, goes to an address and
    /// reads until the end.
    pub(crate) fn client(&self, label: &str, address: &str, words: &[&str]) -> Told {
        let done = Command::new("/init").args(["client", label, address]).args(words).output().unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        match done.status.code() {
            Some(0) => Told::Text(text),
            Some(number) => Told::Refused(format!("{:?}", nix::errno::Errno::from_raw(number))),
            None => panic!("the client ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr)),
        }
    }
}

/// The same as [`PartialEq`] for a test, with words.
pub(crate) fn same<T: Debug + PartialEq<U>, U: Debug>(what: &str, found: T, wanted: U) {
    assert!(found == wanted, "{what}: {found:?}, not {wanted:?}");
}

/// Whether a file exists.
pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(child) = &mut self.porterd {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
