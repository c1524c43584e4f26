//! porterd.toml and the command line of the daemon become one `Config`.
