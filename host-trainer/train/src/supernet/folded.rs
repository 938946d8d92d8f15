//! Networks with batch norm folded in. Ranking evaluates them, and export quantises them.

use rayon::prelude::*;
use supernano_kernels::planes;

use super::layers::Step;
use super::maps::{Inputs, PlaneMap, Pool};
use super::net::{FoldedConv, Net};
use super::tree::Tree;
use super::walk;
use super::walk::Seen;
use crate::backend::LANES;

/// A network whose convolutions have biases in place of batch norm.
pub type FoldedNet = Net<FoldedConv>;

/// Transposes the first `n` columns of `[classes][16]` to `[n][classes]`.
fn rows(logits: &[f32], n: usize) -> Vec<f32> {
    (0..n).flat_map(|lane| logits.iter().skip(lane).step_by(LANES).copied()).collect()
}

/// Feature maps in the order of execution, each `[n, channels, height, width]`.
type Maps = Vec<Vec<f32>>;

impl FoldedNet {
    /// Computes the logits `[n, classes]` of normalised images `[n, channels, height, width]`.
    pub fn forward(&self, images: &[f32], n: usize) -> Vec<f32> {
        self.in_blocks(images, n, false).into_iter().flat_map(|b| b.0).collect()
    }

    /// As [`FoldedNet::forward`]. `seen` receives every feature map after the input,
    /// `[n, channels, height, width]`, in the order of execution.
    pub fn observe(
        &self,
        images: &[f32],
        n: usize,
        seen: &mut dyn FnMut(&Step, &[f32]),
    ) -> Vec<f32> {
        let (logits, maps): (Vec<_>, Vec<Maps>) =
            self.in_blocks(images, n, true).into_iter().unzip();
        for (i, step) in self.layers.steps().iter().enumerate() {
            let map: Vec<f32> = maps.iter().flat_map(|maps| &maps[i]).copied().collect();
            seen(step, &map);
        }
        logits.concat()
    }

    /// Logits of 16 images at a time, and their feature maps if `watch` is true.
    fn in_blocks(&self, images: &[f32], n: usize, watch: bool) -> Vec<(Vec<f32>, Maps)> {
        let tree = Tree::of_folded(self);
        let size = self.input.len();
        assert_eq!(images.len(), n * size, "values of {n} images");
        let inputs = Inputs::new(self.input, tree.margin, images.chunks(LANES * size));
        let pool = Pool::of(self, |c| (c.output, c.op));
        let one = |i: usize| {
            let (map, n) = &*inputs.map(i);
            let (mut found, mut maps) = (Vec::new(), Vec::new());
            let mut see = |_: &Step, map: &PlaneMap| {
                maps.push(planes::to_images(map.block(0), *n, map.c, map.planes));
            };
            let seen: Option<Seen<'_>> = if watch { Some(&mut see) } else { None };
            walk::infer(&tree, map, &pool, seen, &mut |_, logits| found = rows(logits, *n));
            (found, maps)
        };
        (0..inputs.len()).into_par_iter().map(one).collect()
    }
}
