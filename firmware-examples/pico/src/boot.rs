//! Second stage of the RP2040's boot: sets the flash up for quick reads.

/// 256 bytes that the boot ROM checks and runs.
#[unsafe(link_section = ".boot2")]
#[used]
static SECOND_STAGE: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;
