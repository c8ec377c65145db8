//! The program: everything is in the library.

fn main() -> std::process::ExitCode {
    benchscript::cli::main()
}
