//! The checksum of a blob: CRC-32 (ISO-HDLC).

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// As [`checksum`], of words from `start` on. It has a table of 64 bytes only, and runs in
/// constants.
#[expect(clippy::indexing_slicing, reason = "the conditions bound both indices")]
pub(crate) const fn words_checksum(words: &[u32], start: usize) -> u32 {
    let (mut sum, mut at) = (u32::MAX, start);
    while at < words.len() {
        sum ^= words[at];
        let mut nibble = 0;
        while nibble < 8 {
            sum = (sum >> 4) ^ NIBBLES[(sum & 15) as usize];
            nibble += 1;
        }
        at += 1;
    }
    !sum
}

/// Contribution of four bits to the CRC-32, with the reflected polynomial 0xedb88320.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const NIBBLES: [u32; 16] = {
    let (mut table, mut i) = ([0; 16], 0);
    while i < 16 {
        let (mut sum, mut bit) = (i as u32, 0);
        while bit < 4 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
            bit += 1;
        }
        table[i] = sum;
        i += 1;
    }
    table
};
