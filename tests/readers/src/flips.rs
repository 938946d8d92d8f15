//! Flipped bits and truncations of files with a checksum: none is accepted.

use crate::mutator::Mutator;
use crate::targets::Target;

/// Flips of network files and of checkpoints.
const FLIPS: [(&str, usize); 2] = [("networks", 100_000), ("checkpoints", 10_000)];

/// Flips one to four bits at a time, and makes every truncation, of the first seed of both targets.
/// Returns false if one is accepted.
pub fn refused(targets: &[Target]) -> bool {
    let mut mutator = Mutator::new(5);
    let mut all = true;
    println!("| file | bytes | flips | truncations | accepted |");
    println!("|---|---|---|---|---|");
    for (name, flips) in FLIPS {
        let Some(target) = targets.iter().find(|t| t.name == name) else { return false };
        let file = &target.seeds[0];
        let mut accepted = 0;
        let mut bytes = file.clone();
        for _ in 0..flips {
            let bits: Vec<usize> =
                (0..=mutator.below(4)).map(|_| mutator.below(8 * file.len())).collect();
            let turn = |bytes: &mut [u8]| bits.iter().for_each(|b| bytes[b / 8] ^= 1 << (b % 8));
            turn(&mut bytes);
            // The same bit twice changes nothing.
            accepted += u32::from(bytes != *file && (target.read)(&bytes).is_ok());
            turn(&mut bytes);
        }
        for length in 0..file.len() {
            accepted += u32::from((target.read)(&file[..length]).is_ok());
        }
        println!("| {name} | {} | {flips} | {} | {accepted} |", file.len(), file.len());
        all &= accepted == 0;
    }
    println!();
    all
}
