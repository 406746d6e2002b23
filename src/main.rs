//! The binary: parse the command line, start the logger, run, exit with a code.

fn main() {}
