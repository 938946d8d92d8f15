//! A mutator of inputs.
//!
//! Tests give mutated inputs to every reader of the host: a reader returns a value or an error, and
//! neither panics nor hangs. No instrumentation is needed, so that they run on stable Rust; the
//! targets of `tests/fuzz` search further on nightly Rust.

/// Values of bytes, words and lengths at which readers tend to fail.
const SPECIAL: [u64; 12] =
    [0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// Texts that mean something to readers of texts.
const WORDS: [&str; 22] = [
    "nan",
    "-1",
    "1e999",
    "0",
    "18446744073709551616",
    "\"",
    "'",
    ",",
    "\n",
    "\r",
    "\u{feff}",
    "{",
    "[",
    "]",
    "}",
    ":",
    "#",
    "=",
    "null",
    "\\u0000",
    "\t",
    "-",
];

/// Changes inputs, reproducibly.
#[derive(Clone, Debug)]
pub struct Mutator(u64);

impl Mutator {
    /// A mutator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The next number, below `n`; 0 for `n` 0.
    pub fn below(&mut self, n: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        (random % (n.max(1) as u64)) as usize
    }

    /// One of the inputs after one to eight changes.
    pub fn mutated(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = inputs.get(self.below(inputs.len())).cloned().unwrap_or_default();
        for _ in 0..1 << self.below(4) {
            self.change(&mut input, inputs);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let length = input.len();
        let at = self.below(length);
        match self.below(11) {
            0 | 1 if length > 0 => input[at] ^= 1 << self.below(8),
            2 if length > 0 => input[at] = self.below(256) as u8,
            3 => self.number(input, at),
            4 => {
                let end = at + self.below(length - at.min(length)).min(64);
                input.drain(at..end.min(length));
            }
            5 => {
                let end = (at + self.below(64)).min(length);
                let copy = input.get(at..end).unwrap_or_default().to_vec();
                let to = self.below(length + 1);
                input.splice(to..to, copy);
            }
            6 => {
                let word = WORDS[self.below(WORDS.len())];
                let end = (at + self.below(4)).min(length);
                input.splice(at..end, word.bytes());
            }
            7 => input.truncate(at),
            8 => {
                let other = inputs.get(self.below(inputs.len())).map_or(&[][..], Vec::as_slice);
                let from = self.below(other.len());
                let part = &other[from..(from + self.below(256)).min(other.len())];
                let end = (at + self.below(2) * part.len()).min(length);
                input.splice(at..end, part.iter().copied());
            }
            9 => self.digit(input),
            _ => {
                let bytes = (0..self.below(8)).map(|_| self.0 as u8).collect::<Vec<u8>>();
                input.splice(at..at, bytes);
            }
        }
    }

    /// Writes a special number of 1, 2, 4 or 8 bytes, in either byte order.
    fn number(&mut self, input: &mut [u8], at: usize) {
        let size = 1 << self.below(4);
        let value = SPECIAL[self.below(SPECIAL.len())].wrapping_add(self.below(3) as u64 / 2);
        let mut bytes = value.to_le_bytes();
        bytes[..size].reverse();
        if self.below(2) == 0 {
            bytes[..size].reverse();
        }
        if let Some(place) = input.get_mut(at..at + size) {
            place.copy_from_slice(&bytes[..size]);
        }
    }

    /// Changes a decimal digit of a text.
    fn digit(&mut self, input: &mut [u8]) {
        let digits: Vec<usize> = (0..input.len()).filter(|&i| input[i].is_ascii_digit()).collect();
        if let Some(&at) = digits.get(self.below(digits.len())) {
            input[at] = b'0' + self.below(10) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_reproducible_and_takes_any_input() {
        let inputs = [b"".to_vec(), b"1".to_vec(), (0..=255).collect()];
        let all = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..20_000).map(|_| mutator.mutated(&inputs)).collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }
}
