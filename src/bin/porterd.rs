//! The daemon; everything is in the library.
fn main() -> std::process::ExitCode {
    porterd::runtime::main()
}
