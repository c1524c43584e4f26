//! The user database: passwd and group files first; then, if the system is configured to ask
//! elsewhere, getent(1) as a child with a deadline, because such a look-up may wait for a network.
//! Answers, also negative ones, are kept until [`Users::forget`].
#![allow(clippy::disallowed_methods)] // reads files, runs getent

use crate::bounds::{NSS_TIMEOUT_USEC, USER_FILE_BYTES_MAX};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell; `/bin/sh` if the entry has none.
    pub shell: String,
}

/// A line of group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// Name.
    pub name: String,
    /// Group id.
    pub gid: u32,
}

/// Why a name or number is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// No source has it.
    NotFound,
    /// A number that stands for "no id" (65535, 4294967295), or an empty name.
    Invalid,
    /// The sources outside the files did not answer in time.
    Timeout,
    /// They could not be asked, or failed.
    Failed(String),
}

impl std::error::Error for LookupError {}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LookupError::NotFound => f.write_str("no such entry in the user database"),
            LookupError::Invalid => f.write_str("not a valid name or id"),
            LookupError::Timeout => {
                write!(f, "getent(1) did not answer within {} s", NSS_TIMEOUT_USEC / 1_000_000)
            }
            LookupError::Failed(why) => write!(f, "getent(1) failed: {why}"),
        }
    }
}

/// Look-ups and their answers so far.
#[derive(Debug)]
pub struct Users {
    passwd: PathBuf,
    group: PathBuf,
    nsswitch: PathBuf,
    getent: PathBuf,
    timeout_usec: u64,
    users: BTreeMap<String, Result<UserEntry, LookupError>>,
    groups: BTreeMap<String, Result<GroupEntry, LookupError>>,
    memberships: BTreeMap<(String, u32), Vec<u32>>,
}

impl Default for Users {
    fn default() -> Users {
        Users::new()
    }
}

impl Users {
    /// The system's database.
    pub fn new() -> Users {
        Users::at(Path::new("/etc"), Path::new("/usr/bin/getent"), NSS_TIMEOUT_USEC)
    }

    fn at(etc: &Path, getent: &Path, timeout_usec: u64) -> Users {
        Users {
            passwd: etc.join("passwd"),
            group: etc.join("group"),
            nsswitch: etc.join("nsswitch.conf"),
            getent: getent.to_owned(),
            timeout_usec,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            memberships: BTreeMap::new(),
        }
    }

    /// Forgets all answers, so that changed files are read again.
    pub fn forget(&mut self) {
        self.users.clear();
        self.groups.clear();
        self.memberships.clear();
    }

    /// A user by name or number.
    pub fn user(&mut self, key: &str) -> Result<UserEntry, LookupError> {
        if let Some(answer) = self.users.get(key) {
            return answer.clone();
        }
        let id = number(key)?;
        let found =
            || find(&self.passwd, |line| user_line(line).filter(|user| is_meant(key, id, &user.name, user.uid)));
        let answer = match built_in_user(key, id).or_else(found) {
            Some(user) => Ok(user),
            None => {
                self.ask("passwd", key).and_then(|text| text.lines().find_map(user_line).ok_or(LookupError::NotFound))
            }
        };
        self.users.insert(key.to_owned(), answer.clone());
        answer
    }

    /// A group by name or number.
    pub fn group(&mut self, key: &str) -> Result<GroupEntry, LookupError> {
        if let Some(answer) = self.groups.get(key) {
            return answer.clone();
        }
        let id = number(key)?;
        let found = find(&self.group, |line| {
            group_line(line).map(|(group, _)| group).filter(|group| is_meant(key, id, &group.name, group.gid))
        });
        let answer = match found.or_else(|| built_in_group(key, id)) {
            Some(group) => Ok(group),
            None => self.ask("group", key).and_then(|text| {
                let line = text.lines().find_map(group_line);
                line.map(|(group, _)| group).ok_or(LookupError::NotFound)
            }),
        };
        self.groups.insert(key.to_owned(), answer.clone());
        answer
    }

    /// The groups that initgroups(3) would set: the given one first, then those that list the user.
    /// If sources outside the files do not answer, those in the files are the answer.
    pub fn supplementary_groups(&mut self, user: &str, gid: u32) -> Vec<u32> {
        let key = (user.to_owned(), gid);
        if let Some(answer) = self.memberships.get(&key) {
            return answer.clone();
        }
        let mut groups = vec![gid];
        for_each(&self.group, |line| {
            if let Some((group, members)) = group_line(line)
                && members.split(',').any(|member| member == user)
            {
                groups.push(group.gid);
            }
        });
        if let Ok(text) = self.ask("initgroups", user) {
            // `user  1 2 3`
            groups.extend(text.split_whitespace().skip(1).filter_map(|id| id.parse::<u32>().ok()));
        }
        let mut answer: Vec<u32> = Vec::new();
        for gid in groups {
            if !answer.contains(&gid) {
                answer.push(gid);
            }
        }
        self.memberships.insert(key, answer.clone());
        answer
    }

    /// Asks getent(1), if there is anything it could know that the files do not.
    fn ask(&self, database: &str, key: &str) -> Result<String, LookupError> {
        // initgroups has a line of its own only if it differs from that of group.
        let line = if database == "passwd" { "passwd:" } else { "group:" };
        let outside = find(&self.nsswitch, |text| {
            let sources = text.split('#').next()?.trim_start().strip_prefix(line)?;
            let is_outside = |word: &str| !matches!(word, "files" | "compat") && !word.starts_with('[');
            Some(sources.split_whitespace().any(is_outside))
        });
        if outside != Some(true) || !self.getent.exists() {
            return Err(LookupError::NotFound);
        }
        let child = Command::new(&self.getent)
            .args(["--", database, key])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| LookupError::Failed(error.to_string()))?;
        let (output, code) = finish(child, self.timeout_usec)?;
        match code {
            Some(0) => Ok(output),
            Some(2) => Err(LookupError::NotFound),
            Some(code) => Err(LookupError::Failed(format!("exit status {code}"))),
            None => Err(LookupError::Failed("killed by a signal".to_owned())),
        }
    }
}

/// The number a key may be. Digits alone are always a number, never a name.
fn number(key: &str) -> Result<Option<u32>, LookupError> {
    if key.is_empty() || key.contains([':', '\n', '\0']) {
        return Err(LookupError::Invalid);
    }
    if !key.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match key.parse() {
        Ok(id) if id != 65535 && id != u32::MAX => Ok(Some(id)),
        _ => Err(LookupError::Invalid),
    }
}

fn is_meant(key: &str, id: Option<u32>, name: &str, its_id: u32) -> bool {
    id.map_or(key == name, |id| id == its_id)
}

const NOBODY: u32 = 65534;

/// Two users that are as systemd has them, whatever a file says: starting a service as root or nobody depends on no
/// database.
fn built_in_user(key: &str, id: Option<u32>) -> Option<UserEntry> {
    let known = [("root", 0, "/root", root_shell()), ("nobody", NOBODY, "/", "/usr/sbin/nologin")];
    let (name, uid, home, shell) = known.into_iter().find(|(name, uid, ..)| is_meant(key, id, name, *uid))?;
    Some(UserEntry { name: name.into(), uid, gid: uid, home: home.into(), shell: shell.into() })
}

/// What systemd was built to prefer, if it can be executed.
fn root_shell() -> &'static str {
    let bash = "/bin/bash";
    if nix::unistd::access(bash, nix::unistd::AccessFlags::X_OK).is_ok() { bash } else { "/bin/sh" }
}

fn built_in_group(key: &str, id: Option<u32>) -> Option<GroupEntry> {
    let known = [("root", 0), ("nobody", NOBODY), ("nogroup", NOBODY)];
    let (name, gid) = known.into_iter().find(|(name, gid)| is_meant(key, id, name, *gid))?;
    Some(GroupEntry { name: name.into(), gid })
}

/// `name:password:uid:gid:gecos:home:shell`
fn user_line(line: &str) -> Option<UserEntry> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields.as_slice() else {
        return None;
    };
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    let shell = if shell.is_empty() { "/bin/sh" } else { shell };
    (!name.is_empty()).then(|| UserEntry {
        name: (*name).to_owned(),
        uid,
        gid,
        home: (*home).to_owned(),
        shell: shell.to_owned(),
    })
}

/// `name:password:gid:member,member`; the entry and its members.
fn group_line(line: &str) -> Option<(GroupEntry, &str)> {
    let mut fields = line.splitn(4, ':');
    let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
    let members = fields.next().unwrap_or_default().trim_end();
    (!name.is_empty()).then(|| (GroupEntry { name: name.to_owned(), gid }, members))
}

fn lines(path: &Path) -> impl Iterator<Item = String> {
    let file = File::open(path).ok();
    let lines = file.map(|file| BufReader::new(file.take(USER_FILE_BYTES_MAX)).split(b'\n'));
    lines.into_iter().flatten().map_while(Result::ok).map(|line| String::from_utf8_lossy(&line).into_owned())
}

fn for_each(path: &Path, mut visit: impl FnMut(&str)) {
    lines(path).for_each(|line| visit(&line));
}

fn find<T>(path: &Path, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
    lines(path).find_map(|line| pick(&line))
}

/// What a child wrote, and its exit code; killed when the time is over.
fn finish(mut child: Child, timeout_usec: u64) -> Result<(String, Option<i32>), LookupError> {
    let result = wait(&mut child, timeout_usec);
    if result.is_err() {
        // Either may fail only because the child is gone already.
        child.kill().ok();
        child.wait().ok();
    }
    result
}

fn wait(child: &mut Child, timeout_usec: u64) -> Result<(String, Option<i32>), LookupError> {
    let failed = |errno: Errno| LookupError::Failed(errno.desc().to_owned());
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC).map_err(failed)?;
    let span = TimeSpec::from_duration(Duration::from_micros(timeout_usec.max(1)));
    timer.set(Expiration::OneShot(span), TimerSetTimeFlags::empty()).map_err(failed)?;
    let mut stdout = child.stdout.take();
    let mut output = Vec::new();
    loop {
        let ended = stdout.is_none();
        if ended && let Ok(Some(status)) = child.try_wait() {
            return Ok((String::from_utf8_lossy(&output).into_owned(), status.code()));
        }
        let mut fds = vec![PollFd::new(timer.as_fd(), PollFlags::POLLIN)];
        fds.extend(stdout.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        // Between the end of its output and its end there is nothing to wait on: look again soon.
        let pause = if ended { PollTimeout::from(2u8) } else { PollTimeout::NONE };
        match poll(&mut fds, pause) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let is_ready = |i: usize| fds.get(i).and_then(PollFd::any).unwrap_or(false);
        let (due, readable) = (is_ready(0), is_ready(1));
        if readable && !read_some(&mut stdout, &mut output) {
            stdout = None;
        }
        if due || output.len() as u64 > USER_FILE_BYTES_MAX {
            return Err(LookupError::Timeout);
        }
    }
}

/// Whether there may be more.
fn read_some(stdout: &mut Option<ChildStdout>, output: &mut Vec<u8>) -> bool {
    let mut buffer = [0u8; 4096];
    match stdout.as_mut().map(|pipe| pipe.read(&mut buffer)) {
        Some(Ok(count)) if count > 0 => {
            output.extend_from_slice(&buffer[..count]);
            true
        }
        Some(Err(error)) => error.kind() == std::io::ErrorKind::Interrupted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A directory with a database of its own and a getent of its own, while it lives.
    struct Database(Users, std::path::PathBuf);

    impl Drop for Database {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.1).ok();
        }
    }

    impl std::ops::Deref for Database {
        type Target = Users;
        fn deref(&self) -> &Users {
            &self.0
        }
    }

    impl std::ops::DerefMut for Database {
        fn deref_mut(&mut self) -> &mut Users {
            &mut self.0
        }
    }

    fn database(name: &str, getent: &str, timeout_usec: u64) -> Database {
        let dir = std::env::temp_dir().join(format!("porterd-users-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let passwd = "daemon:x:1:2:daemon:/usr/sbin:/usr/sbin/nologin\nbroken:x:y\nann:x:1000:1000::/home/ann:\n";
        std::fs::write(dir.join("passwd"), passwd).unwrap();
        std::fs::write(dir.join("group"), "ann:x:1000:\nwheel:x:10:bob,ann\nvideo:x:44:ann\nmail:x:8:annie\n").unwrap();
        std::fs::write(dir.join("nsswitch.conf"), "# x\npasswd: files ldap\ngroup: files ldap\n").unwrap();
        std::fs::write(dir.join("getent"), format!("#!/bin/sh\n{getent}\n")).unwrap();
        std::fs::set_permissions(dir.join("getent"), PermissionsExt::from_mode(0o755)).unwrap();
        Database(Users::at(&dir, &dir.join("getent"), timeout_usec), dir)
    }

    #[test]
    fn files_come_first() {
        let mut users = database("files", "exit 2", 5_000_000);
        let ann = users.user("ann").unwrap();
        assert_eq!((ann.uid, ann.gid, &*ann.home, &*ann.shell), (1000, 1000, "/home/ann", "/bin/sh"));
        assert_eq!(users.user("1").unwrap().name, "daemon");
        assert_eq!(users.group("wheel").unwrap().gid, 10);
        assert_eq!(users.group("44").unwrap().name, "video");
        assert_eq!(users.supplementary_groups("ann", 1000), [1000, 10, 44]);
        assert_eq!(users.user("root").unwrap().uid, 0);
        assert_eq!(users.user("broken"), Err(LookupError::NotFound));
        assert_eq!(users.user("4294967295"), Err(LookupError::Invalid));
        assert_eq!(users.group("65535"), Err(LookupError::Invalid));
        assert_eq!(users.user(""), Err(LookupError::Invalid));
    }

    #[test]
    fn root_and_nobody_are_not_looked_up() {
        let mut users = database("built-in", "exit 2", 5_000_000);
        std::fs::write(&users.passwd, "root:x:0:0::/elsewhere:/bin/zsh\nnobody:x:65534:65534::/nonexistent:/bin/sh\n")
            .unwrap();
        for key in ["root", "0"] {
            let root = users.user(key).unwrap();
            assert_eq!((&*root.name, &*root.home, &*root.shell), ("root", "/root", root_shell()));
        }
        assert_eq!(users.user("nobody").unwrap().home, "/");
    }

    #[test]
    fn others_are_asked_and_remembered_until_forgotten() {
        let script = r#"case "$2-$3" in
            passwd-eve) echo "eve:x:77:78::/home/eve:/bin/zsh";;
            initgroups-ann) echo "ann    10 99";;
            *) exit 2;;
        esac"#;
        let mut users = database("others", script, 5_000_000);
        assert_eq!(users.user("eve").unwrap().gid, 78);
        assert_eq!(users.supplementary_groups("ann", 1000), [1000, 10, 44, 99]);
        std::fs::write(&users.getent, "#!/bin/sh\nexit 2\n").unwrap();
        assert_eq!(users.user("eve").unwrap().gid, 78);
        users.forget();
        assert_eq!(users.user("eve"), Err(LookupError::NotFound));
    }

    #[test]
    fn nobody_is_waited_for_longer_than_the_deadline() {
        let mut users = database("slow", "exec sleep 30", 50_000);
        assert_eq!(users.user("eve"), Err(LookupError::Timeout));
        let mut users = database("closed", "exec >&-; exec sleep 30", 50_000);
        assert_eq!(users.user("eve"), Err(LookupError::Timeout));
        let mut users = database("failing", "exit 3", 5_000_000);
        assert_eq!(users.user("eve"), Err(LookupError::Failed("exit status 3".to_owned())));
    }

    #[test]
    fn only_files_means_only_files() {
        let mut users = database("only", "echo eve:x:77:78::/:", 5_000_000);
        std::fs::write(&users.nsswitch, "passwd: files [NOTFOUND=return] compat # ldap\n").unwrap();
        let answer = users.user("eve");
        assert_eq!(answer, Err(LookupError::NotFound));
    }
}
