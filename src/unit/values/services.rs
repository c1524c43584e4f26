//! Names of ports, as /etc/services has them (services(5)).

use super::excerpt;
use crate::unit::load::Files;

/// Where names of ports are looked up, in this order; the first file that is there counts.
const PATHS: [&str; 2] = ["/etc/services", "/usr/etc/services"];

/// The names of the machine. They are read when a unit asks for one, which few do.
#[derive(Clone, Copy)]
pub struct Services<'a>(pub Option<&'a dyn Files>);

impl std::fmt::Debug for Services<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Services({})", self.0.is_some())
    }
}

impl Services<'_> {
    /// The port of a service, or why there is none.
    pub fn port(&self, name: &str, protocol: &str) -> Result<u16, String> {
        let files = self.0.into_iter();
        let found = files.flat_map(|files| PATHS.iter().map(move |path| (path, files.read(path))));
        for (path, content) in found {
            if let Ok(bytes) = content {
                return port(&String::from_utf8_lossy(&bytes), name, protocol)
                    .map_err(|why| format!("{why} in {path}; write the number"));
            }
        }
        let shown = excerpt(name);
        Err(format!("'{shown}' is no number, and there is no {} that could name a port; write the number", PATHS[0]))
    }
}

/// `NAME PORT/PROTOCOL ALIAS... # comment`, one a line; the first that fits.
fn port(content: &str, name: &str, protocol: &str) -> Result<u16, String> {
    let mut others = Vec::new();
    for line in content.lines() {
        let line = line.split_once('#').map_or(line, |(line, _)| line);
        let mut words = line.split_whitespace();
        let (Some(first), Some(port)) = (words.next(), words.next()) else { continue };
        if first != name && !words.any(|alias| alias == name) {
            continue;
        }
        let Some((number, of)) = port.split_once('/') else { continue };
        let Ok(number @ 1..) = number.parse::<u16>() else { continue };
        if of == protocol {
            return Ok(number);
        }
        others.push(of);
    }
    let shown = excerpt(name);
    if others.is_empty() {
        return Err(format!("there is no service '{shown}'"));
    }
    others.truncate(4);
    Err(format!("there is no service '{shown}' for {protocol} (only for {})", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::load::MemoryFiles;

    const CONTENT: &str = "# comment\nssh\t22/tcp # shell\ndomain 53/udp\n\nhttp 80/tcp www www-http\nbroken x/tcp\n\
                           zero 0/tcp\nhuge 65536/tcp\nnoport\nalso 7 tcp\nlast 65535/tcp";

    #[test]
    fn names_and_aliases_are_found_for_their_protocol() {
        for (name, protocol, want) in
            [("ssh", "tcp", 22), ("www", "tcp", 80), ("domain", "udp", 53), ("last", "tcp", 65535)]
        {
            assert_eq!(port(CONTENT, name, protocol), Ok(want), "{name}");
        }
        for (name, why) in [
            ("nosuch", "there is no service 'nosuch'"),
            ("SSH", "there is no service 'SSH'"),
            ("shell", "there is no service 'shell'"),
            ("domain", "there is no service 'domain' for tcp (only for udp)"),
            ("broken", "there is no service 'broken'"),
            ("zero", "there is no service 'zero'"),
            ("huge", "there is no service 'huge'"),
            ("noport", "there is no service 'noport'"),
            ("also", "there is no service 'also'"),
        ] {
            assert_eq!(port(CONTENT, name, "tcp").unwrap_err(), why);
        }
    }

    #[test]
    fn the_first_file_counts() {
        let mut files = MemoryFiles::new();
        assert!(Services(Some(&files)).port("ssh", "tcp").unwrap_err().contains("there is no /etc/services"));
        assert!(Services(None).port("ssh", "tcp").is_err());
        files.write("/usr/etc/services", "ssh 2222/tcp");
        assert_eq!(Services(Some(&files)).port("ssh", "tcp"), Ok(2222));
        files.write("/etc/services", CONTENT);
        assert_eq!(Services(Some(&files)).port("ssh", "tcp"), Ok(22));
        assert!(Services(Some(&files)).port("x", "tcp").unwrap_err().contains("in /etc/services"));
    }
}
