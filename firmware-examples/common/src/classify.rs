//! Classifies images that lie in memory beside their network.

use supernano_core::wire::placed;
use supernano_runtime::{Error, Network};

use crate::Port;
use crate::text::{number, text};

/// Classifies every image of the first set in `flash` (`core/docs/wire-format.md`, "placed"). Prints
/// a line of logits for each image, then `end`. `memory` is the working memory of the network.
pub fn classify(port: &impl Port, flash: &[u32], memory: &mut [u32]) {
    let outcome = placed::parts(flash, 0).map(|(blob, images, _)| all(port, blob, images, memory));
    text(
        port,
        match outcome {
            Some(Ok(())) => "end\n",
            Some(Err(_)) => "refused\n",
            None => "no network\n",
        },
    );
}

fn all(port: &impl Port, blob: &[u8], images: &[u8], memory: &mut [u32]) -> Result<(), Error> {
    let network = Network::from_bytes(blob)?;
    for image in images.chunks_exact(network.view().image_len().max(1)) {
        for (i, &logit) in network.run(image, memory)?.iter().enumerate() {
            text(port, if i > 0 { " " } else { "" });
            number(port, logit);
        }
        text(port, "\n");
    }
    Ok(())
}
