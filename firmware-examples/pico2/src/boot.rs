//! The image definition that the RP2350's boot ROM requires (RP2350 data sheet, 5.9).

/// A block of one item (executable, secure, Arm, RP2350), and a loop of this block alone. The linker
/// script places the section `.start_block` after the vector table, and nothing else is in it.
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE_DEFINITION: [u32; 5] = [0xffff_ded3, 0x1021_0142, 0x0000_01ff, 0, 0xab12_3579];
