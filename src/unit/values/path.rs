//! Absolute paths as text. Whether they exist is nobody's business here.

use super::excerpt;

/// Longest path, in bytes (`PATH_MAX` less the NUL).
pub const PATH_BYTES_MAX: usize = 4095;

/// An absolute path, simplified: no repeated slashes, no `.`, no slash at the end, no leading `/..`.
pub fn absolute(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("path '{}' is not absolute", excerpt(text)));
    }
    if text.len() > PATH_BYTES_MAX {
        return Err(format!("path is longer than {PATH_BYTES_MAX} bytes"));
    }
    let simple = simplify(text);
    if is_normalized(&simple) { Ok(simple) } else { Err(format!("path '{}' contains '..'", excerpt(text))) }
}

/// Like [`absolute`], as systemd 252 has it: `..` is refused right below the root too.
pub fn absolute_252(text: &str) -> Result<String, String> {
    let simple = absolute(text)?;
    if is_normalized(text) { Ok(simple) } else { Err(format!("path '{}' contains '..'", excerpt(text))) }
}

/// Folds repeated slashes and `.` components, drops a slash at the end and `..` right below the
/// root. Other `..` stay.
pub fn simplify(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut simple = String::with_capacity(path.len());
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if rooted && simple.is_empty() => {}
            part => {
                if rooted || !simple.is_empty() {
                    simple.push('/');
                }
                simple.push_str(part);
            }
        }
    }
    if rooted && simple.is_empty() { "/".to_owned() } else { simple }
}

/// Whether no component is `..`.
pub fn is_normalized(path: &str) -> bool {
    path.split('/').all(|part| part != "..")
}

/// `/var/run/x` is `/run/x`; `None` for every other path.
pub fn strip_var_run(path: &str) -> Option<String> {
    let rest = below(path, "/var/run")?;
    Some(format!("/run/{rest}"))
}

/// What is left of `path` below `directory` (both absolute), or `None` if it is not there.
pub fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let mut rest = path;
    for part in directory.split('/').filter(|p| !p.is_empty()) {
        let trimmed = rest.trim_start_matches('/');
        if trimmed.len() == rest.len() {
            return None;
        }
        rest = trimmed.strip_prefix(part)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
    }
    Some(rest.trim_start_matches('/'))
}

/// Below `/dev`, `/proc` or `/sys`, where FIFOs and queues are refused.
pub fn is_api_file_system(path: &str) -> bool {
    ["/dev", "/proc", "/sys"].iter().any(|d| below(path, d).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_59_simplified_and_refused() {
        assert_eq!(absolute("/run//f/").as_deref(), Ok("/run/f"));
        assert_eq!(absolute("/./run/./f").as_deref(), Ok("/run/f"));
        assert_eq!(absolute("/../run/f").as_deref(), Ok("/run/f"));
        assert_eq!(absolute("/").as_deref(), Ok("/"));
        for bad in ["run/f", "/run/x/../f", "/run/../f", "", "/a/.."] {
            assert!(absolute(bad).is_err(), "{bad}");
        }
        assert!(absolute_252("/../run/f").is_err() && absolute_252("/run/./..f/").as_deref() == Ok("/run/..f"));
        assert!(absolute(&format!("/{}", "a".repeat(4094))).is_ok());
        assert!(absolute(&format!("/{}", "a".repeat(4095))).is_err());
    }

    #[test]
    fn socket_54_var_run() {
        assert_eq!(strip_var_run("/var/run/a").as_deref(), Some("/run/a"));
        assert_eq!(strip_var_run("/var//run//a/b").as_deref(), Some("/run/a/b"));
        assert_eq!(strip_var_run("/var/runner/a"), None);
        assert_eq!(strip_var_run("/run/a"), None);
        assert_eq!(strip_var_run("var/run/a"), None);
    }

    #[test]
    fn socket_60_api_file_systems() {
        assert!(is_api_file_system("/dev/f") && is_api_file_system("/sys"));
        assert!(!is_api_file_system("/devices/f") && !is_api_file_system("/run/dev"));
    }
}
