//! Short ways to load units that exist only in memory.

use porterd::report::Diagnostic;
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles};
use porterd::unit::socket::SocketUnit;
use porterd::unit::{Body, LoadState, ServiceUnit, Unit, UnitName};
use std::sync::Arc;

/// Directories of the pretended search path, the first has precedence.
pub(crate) const SEARCH: [&str; 3] = ["/etc/units", "/run/units", "/usr/lib/units"];

pub(crate) fn library() -> Library {
    Library::new(SEARCH.iter().map(|dir| (*dir).into()).collect(), Machine::default())
}

pub(crate) fn name(text: &str) -> UnitName {
    UnitName::parse(text).expect("a unit name")
}

/// A loaded unit and what was found on the way.
pub(crate) struct Loaded {
    pub(crate) unit: Arc<Unit>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) fn load_from(files: &MemoryFiles, unit: &str) -> Loaded {
    let mut library = library();
    let unit = library.load(files, &name(unit));
    Loaded { unit, diagnostics: library.diagnostics().to_vec() }
}

/// Loads `x.socket` with this content.
pub(crate) fn socket(content: impl AsRef<[u8]>) -> Loaded {
    load_from(MemoryFiles::new().write("/etc/units/x.socket", content), "x.socket")
}

/// Loads `x.socket` that listens on port 80 and has these further lines in [Socket].
pub(crate) fn socket_with(lines: &str) -> Loaded {
    socket(format!("[Socket]\nListenStream=80\n{lines}\n"))
}

/// Loads `x.socket` with these lines in [Socket].
pub(crate) fn socket_of(lines: &str) -> Loaded {
    socket(format!("[Socket]\n{lines}\n"))
}

/// Loads `x.service` with these lines in [Service].
pub(crate) fn service_of(lines: &str) -> Loaded {
    load_from(MemoryFiles::new().write("/etc/units/x.service", format!("[Service]\n{lines}\n")), "x.service")
}

impl Loaded {
    pub(crate) fn state(&self) -> LoadState {
        self.unit.load
    }

    pub(crate) fn socket(&self) -> &SocketUnit {
        assert_eq!(self.state(), LoadState::Loaded, "{:?}\n{}", self.unit.load_error, self.listing());
        match &self.unit.body {
            Body::Socket(socket) => socket,
            other => panic!("not a socket: {other:?}"),
        }
    }

    pub(crate) fn service(&self) -> &ServiceUnit {
        assert_eq!(self.state(), LoadState::Loaded, "{:?}\n{}", self.unit.load_error, self.listing());
        match &self.unit.body {
            Body::Service(service) => service,
            other => panic!("not a service: {other:?}"),
        }
    }

    /// Addresses as `list-sockets` shows them.
    pub(crate) fn ports(&self) -> Vec<String> {
        self.socket().listen.iter().map(porterd::unit::values::address::display).collect()
    }

    /// Codes of all findings, in order.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.diagnostics.iter().map(|d| d.code).collect()
    }

    /// All findings, for messages of failed tests.
    pub(crate) fn listing(&self) -> String {
        self.diagnostics.iter().map(|d| format!("{:?} {} {}\n", d.severity, d.code, d.message)).collect()
    }

    /// Fails unless nothing was found.
    pub(crate) fn silent(&self) -> &Self {
        assert!(self.diagnostics.is_empty(), "{}", self.listing());
        self
    }

    /// Fails unless exactly these were found.
    pub(crate) fn found(&self, codes: &[&str]) -> &Self {
        assert_eq!(self.codes(), codes, "{}", self.listing());
        self
    }

    pub(crate) fn is(&self, state: LoadState) -> &Self {
        assert_eq!(self.state(), state, "{:?}\n{}", self.unit.load_error, self.listing());
        self
    }

    pub(crate) fn description(&self) -> &str {
        self.unit.description()
    }
}
