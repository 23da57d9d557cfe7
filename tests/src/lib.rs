//! End-to-end tests: real function binaries, real HTTP, both databases
