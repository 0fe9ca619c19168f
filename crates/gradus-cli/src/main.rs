//! The `gradus` command; all of it is in the library beside it.

fn main() -> std::process::ExitCode {
    gradus_cli::main()
}
