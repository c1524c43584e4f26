//! What loading needs of a file system, and one that is only in memory.

use std::collections::{BTreeMap, BTreeSet};

/// A file system, as far as loading units goes. Loading lists every directory at most once between
/// two reloads, so that an implementation need not remember anything.
pub trait Files {
    /// The content of a file; links are followed. Devices read as empty.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;
    /// What is in a directory, in any order; links are followed to the directory.
    fn list(&self, directory: &str) -> Result<Vec<Entry>, FileError>;
    /// Where a symbolic link leads, as written; `None` if it is none.
    fn link(&self, path: &str) -> Option<String>;
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is itself; links are not followed.
    pub kind: EntryKind,
}

/// What a name in a directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, FIFO or socket.
    Other,
}

/// Why a file or directory cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// There is none.
    NotFound,
    /// It is there; the reason in words (`permission denied`, `longer than 16 MiB`).
    Unreadable(String),
}

/// Files in memory, for tests and for pretending.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    nodes: BTreeMap<String, Node>,
}

#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>),
    Link(String),
}

/// Links that are followed in one path before it counts as dangling.
const HOPS_MAX: usize = 16;

impl MemoryFiles {
    /// An empty file system.
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// Adds or replaces a file; its directories come into being.
    pub fn write(&mut self, path: &str, content: impl AsRef<[u8]>) -> &mut Self {
        self.nodes.insert(path.to_owned(), Node::File(content.as_ref().to_vec()));
        self
    }

    /// Adds or replaces a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) -> &mut Self {
        self.nodes.insert(path.to_owned(), Node::Link(target.to_owned()));
        self
    }

    /// Takes a file or link away.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.nodes.remove(path);
        self
    }

    /// The path without links.
    fn real(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..HOPS_MAX {
            let Some((at, target)) = self.first_link(&path) else { return Some(path) };
            let rest = &path[at..];
            let parent = path[..at].rsplit_once('/').map_or("", |(dir, _)| dir);
            path = join(parent, &target) + rest;
        }
        None
    }

    /// The end of the first component that is a link, and its target.
    fn first_link(&self, path: &str) -> Option<(usize, String)> {
        let ends = path.match_indices('/').map(|(i, _)| i).skip(1).chain([path.len()]);
        ends.into_iter().find_map(|end| match self.nodes.get(&path[..end]) {
            Some(Node::Link(target)) => Some((end, target.clone())),
            Some(Node::File(_)) | None => None,
        })
    }
}

/// A link's target seen from the directory in which the link lies, without `.` and `..`.
pub(super) fn join(directory: &str, target: &str) -> String {
    let whole = if target.starts_with('/') { target.to_owned() } else { format!("{directory}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let path = self.real(path).ok_or(FileError::NotFound)?;
        match self.nodes.get(&path) {
            Some(Node::File(content)) => Ok(content.clone()),
            _ if path == "/dev/null" => Ok(Vec::new()),
            Some(Node::Link(_)) | None => Err(FileError::NotFound),
        }
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>, FileError> {
        let prefix = self.real(directory).ok_or(FileError::NotFound)? + "/";
        let mut found = BTreeSet::new();
        for (path, node) in self.nodes.range(prefix.clone()..) {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            let (name, kind) = match (rest.split_once('/'), node) {
                (Some((name, _)), _) => (name, EntryKind::Directory),
                (None, Node::File(_)) => (rest, EntryKind::File),
                (None, Node::Link(_)) => (rest, EntryKind::Link),
            };
            found.insert(Entry { name: name.to_owned(), kind });
        }
        if found.is_empty() { Err(FileError::NotFound) } else { Ok(found.into_iter().collect()) }
    }

    fn link(&self, path: &str) -> Option<String> {
        match self.nodes.get(path) {
            Some(Node::Link(target)) => Some(target.clone()),
            Some(Node::File(_)) | None => None,
        }
    }
}
