//! tracing outputs: terminal, journal, JSON.
