//! A plugin for QEMU that estimates the clock cycles of a Cortex-M core.
//!
//! QEMU executes instructions and knows no cycles. The plugin decodes every executed instruction
//! (`decode`), adds the timings of Arm's technical reference manuals (`timing`) and writes one
//! line of sums for each read of the machine's timer (`count`). `docs/cycles.md` states the rules,
//! their sources and the range of trust.
//!
//! Only the module `plugin` has unsafe code: the declarations of QEMU's plugin interface.

#![deny(unsafe_code)]
// Windows has no plugins for QEMU.
#![cfg_attr(not(unix), allow(dead_code))]

mod count;
mod decode;
mod flash;
// A test program has no QEMU to resolve the functions of the interface.
#[cfg(all(unix, not(test)))]
#[allow(unsafe_code)]
mod plugin;
mod settings;
mod timing;
