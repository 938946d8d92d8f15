//! The network file as source text of a Rust program.

use std::fmt::Write as _;

use super::Facts;

/// Bytes of the network file per line.
pub(super) const LINE: usize = 32;

/// A Rust module with the bytes of the file, aligned as `BlobView` requires, and the sizes of its
/// buffers.
pub(super) fn rust(f: &Facts<'_>) -> String {
    let mut text = format!(
        "//! Network `{}` of space `{}`, written by supernano. Made for `supernano-core`:\n\
         //! `BlobView::new_checked(NETWORK)`, then `Network::run` with an arena of\n\
         //! [`ARENA_WORDS`] words. `supernano-runtime` takes arena and logits as one memory:\n\
         //! `Network::from_bytes(NETWORK)`, then `Network::run` with [`MEMORY_WORDS`] words.\n\n",
        f.code, f.space
    );
    let (h, w, c) = (f.image.height, f.image.width, f.image.channels);
    let constants = [
        ("/// The sub-network.", "CODE: &str", format!("{:?}", f.code)),
        ("/// Words of the arena.", "ARENA_WORDS: usize", words(f).to_string()),
        (
            "/// Words of the arena and of the logits.",
            "MEMORY_WORDS: usize",
            (words(f) + f.classes).to_string(),
        ),
        ("/// Bytes of an image.", "IMAGE_BYTES: usize", f.image.len().to_string()),
        (
            "/// Height, width, channels of an image.",
            "IMAGE: [usize; 3]",
            format!("[{h}, {w}, {c}]"),
        ),
        ("/// Logits.", "CLASSES: usize", f.classes.to_string()),
        ("/// Names of the classes.", "LABELS: [&str; CLASSES]", format!("{:?}", f.labels)),
    ];
    for (doc, name, value) in
        constants.iter().filter(|c| c.1 != "LABELS: [&str; CLASSES]" || f.labels.len() == f.classes)
    {
        let _ = writeln!(text, "{doc}\npub const {name} = {value};");
    }
    let _ = write!(
        text,
        "/// The network file, aligned to 4 bytes.\npub static NETWORK: &[u8] = &FILE.0;\n\n\
         #[repr(C, align(4))]\nstruct Aligned([u8; {}]);\n\n\
         #[rustfmt::skip]\nstatic FILE: Aligned = Aligned(*b\"\\\n",
        f.bytes.len()
    );
    for line in f.bytes.chunks(LINE) {
        for byte in line {
            let _ = write!(text, "\\x{byte:02x}");
        }
        text.push_str("\\\n");
    }
    text.push_str("\");\n");
    text
}

/// Words of the arena.
pub(super) fn words(f: &Facts<'_>) -> usize {
    f.arena_bytes.div_ceil(4)
}
