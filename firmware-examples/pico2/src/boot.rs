//! What the RP2350's boot ROM wants to see: an image definition (RP2350 datasheet, 5.9).

/// A block of one item: executable, secure, Arm, RP2350; a loop of this block alone.
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE_DEFINITION: [u32; 5] = [0xffff_ded3, 0x1021_0142, 0x0000_01ff, 0, 0xab12_3579];
