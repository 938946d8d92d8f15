//! Mutated inputs for every reader, flips and truncations: a short run of `supernano-readers`.

use std::process::Command;

use supernano_tests::command::readers;

#[test]
fn readers_refuse_or_accept_and_never_panic() {
    let output = Command::new(readers()).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{table}{message}");
    println!("{table}");
}
