//! Arbitrary bytes from a line, collected and decoded as by the host and the device.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supernano_core::wire::{Collector, Reply, Request, decode};

fuzz_target!(|bytes: &[u8]| {
    let mut collector = Collector::new();
    for &byte in bytes {
        if collector.push(byte) {
            let mut again = collector.frame().to_vec();
            let _ = decode::<Request<'_>>(collector.frame());
            let _ = decode::<Reply<'_>>(&mut again);
            collector.clear();
        }
    }
});
