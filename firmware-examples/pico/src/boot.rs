//! The second stage of the RP2040's boot. It configures the flash for fast reads.

/// 256 bytes that the boot ROM checks and runs. The linker script places the section `.boot2` at the
/// start of the flash, and nothing else is in it.
#[unsafe(link_section = ".boot2")]
#[used]
static SECOND_STAGE: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;
