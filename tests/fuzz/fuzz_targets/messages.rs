//! Arbitrary bytes as the message of an undamaged frame, on both sides.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supernano_core::wire::{Reply, Request, message};

fuzz_target!(|bytes: &[u8]| {
    let _ = message::<Request<'_>>(bytes);
    let _ = message::<Reply<'_>>(bytes);
});
