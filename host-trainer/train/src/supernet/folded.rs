//! Networks with batch norm folded in: what ranking evaluates and the exporter quantises.

use std::sync::Arc;

use rayon::prelude::*;
use supernano_kernels::planes;

use super::maps::{Inputs, Map, Pool};
use super::net::{FoldedConv, Net};
use super::tree::Tree;
use super::walk;
use super::walk::Seen;
use crate::backend::LANES;

/// A network of convolutions with biases.
pub type FoldedNet = Net<FoldedConv>;

/// Where a feature map is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The normalised images.
    Input,
    /// Output of a layer, from 0, after its activation (for the last of a residual block after the
    /// addition).
    Layer(usize),
    /// Output of the projection shortcut around the block whose last layer this is.
    Shortcut(usize),
}

/// The first `n` columns of `[classes][16]` as rows, `[n][classes]`.
fn rows(logits: &[f32], n: usize) -> Vec<f32> {
    (0..n).flat_map(|lane| logits.iter().skip(lane).step_by(LANES).copied()).collect()
}

/// Feature maps of some images, each `[n, channels, height, width]`.
type Sites = Vec<(Site, Vec<f32>)>;

impl FoldedNet {
    /// Logits `[n, classes]` of `n` normalised images `[n, channels, height, width]`.
    pub fn forward(&self, images: &[f32], n: usize) -> Vec<f32> {
        self.blocks(images, n, false).into_iter().flat_map(|b| b.0).collect()
    }

    /// As [`FoldedNet::forward`], and shows every feature map `[n, channels, height, width]`.
    pub fn observe(
        &self,
        images: &[f32],
        n: usize,
        seen: &mut dyn FnMut(Site, &[f32]),
    ) -> Vec<f32> {
        seen(Site::Input, images);
        let (logits, sites): (Vec<_>, Vec<Sites>) =
            self.blocks(images, n, true).into_iter().unzip();
        for i in 0..sites.first().map_or(0, Vec::len) {
            let map: Vec<f32> = sites.iter().flat_map(|s| &s[i].1).copied().collect();
            seen(sites[0][i].0, &map);
        }
        logits.concat()
    }

    /// Logits of 16 images at a time, with the feature maps where `watch` says so.
    fn blocks(&self, images: &[f32], n: usize, watch: bool) -> Vec<(Vec<f32>, Sites)> {
        let tree = Tree::of_folded(self);
        let size = self.input.len();
        assert_eq!(images.len(), n * size, "values of {n} images");
        let inputs = Inputs::new(self.input, tree.margin, images.chunks(LANES * size));
        let pool = Pool::of(self, |c| (c.output, c.stride));
        let one = |(map, n): &(Arc<Map>, usize)| {
            let (mut found, mut sites) = (Vec::new(), Vec::new());
            let mut see = |site, map: &Map| {
                let block = planes::to_images(map.block(0), *n, map.c, map.planes);
                sites.push((site, block));
            };
            let seen: Option<Seen<'_>> = if watch { Some(&mut see) } else { None };
            walk::infer(&tree, map, &pool, seen, &mut |_, logits| found = rows(logits, *n));
            (found, sites)
        };
        inputs.maps.par_iter().map(one).collect()
    }
}
