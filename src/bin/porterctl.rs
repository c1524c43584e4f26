//! The client; everything is in the library.
fn main() -> std::process::ExitCode {
    porterd::ctl::main()
}
