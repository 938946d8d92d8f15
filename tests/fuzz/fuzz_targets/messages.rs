//! Arbitrary bytes as the message of an intact frame, decoded as a request and as a reply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supernano_core::wire::{Reply, Request, message};

fuzz_target!(|bytes: &[u8]| {
    let _ = message::<Request<'_>>(bytes);
    let _ = message::<Reply<'_>>(bytes);
});
