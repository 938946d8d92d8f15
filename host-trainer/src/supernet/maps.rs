//! Feature maps of evaluation, in buffers that are used again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use supernano_core::space::Shape;

use crate::backend::LANES;
use crate::backend::cpu::planes::{self, Buffer, Planes};

/// Buffers that are free, by the size of their planes: the margins of each hold zeros, whatever
/// the number of its channels was.
type Free = HashMap<Planes, Vec<Buffer>>;

/// Free buffers, a list for every thread: what a thread wrote last is in its own cache.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Vec<Mutex<Free>>>);

impl Pool {
    /// An empty one.
    pub fn new() -> Self {
        let threads = rayon::current_num_threads() + 1;
        Self(Arc::new((0..threads).map(|_| Mutex::default()).collect()))
    }

    fn own(&self) -> &Mutex<Free> {
        let last = self.0.len() - 1;
        &self.0[rayon::current_thread_index().map_or(last, |i| i.min(last))]
    }

    /// A map of `blocks` blocks of 16 images; its pixels hold anything, its margins zeros.
    pub fn take(&self, blocks: usize, c: usize, planes: Planes) -> Map {
        let need = blocks * c * planes.len();
        let mut free = self.own().lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.get_mut(&planes).and_then(Vec::pop);
        drop(free);
        let buffer = found.filter(|b| b.values().len() >= need);
        let buffer = Some(buffer.unwrap_or_else(|| Buffer::zeros(need)));
        Map { buffer, blocks, c, planes, pool: self.clone() }
    }
}

/// Feature maps of some blocks of 16 images: `[blocks][c][planes]`.
pub(crate) struct Map {
    buffer: Option<Buffer>,
    pub blocks: usize,
    pub c: usize,
    pub planes: Planes,
    pool: Pool,
}

impl Map {
    fn range(&self, block: usize) -> Range<usize> {
        let size = self.c * self.planes.len();
        block * size..(block + 1) * size
    }

    /// A block.
    pub fn block(&self, block: usize) -> &[f32] {
        self.buffer.as_ref().map_or(&[], |b| &b.values()[self.range(block)])
    }

    /// A block, to be changed.
    pub fn block_mut(&mut self, block: usize) -> &mut [f32] {
        let range = self.range(block);
        self.buffer.as_mut().map_or(&mut [], |b| &mut b.values_mut()[range])
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            let mut free = self.pool.own().lock().unwrap_or_else(PoisonError::into_inner);
            free.entry(self.planes).or_default().push(buffer);
        }
    }
}

/// Normalised images as the walks read them: maps of so many images each, the last perhaps of fewer.
pub(crate) struct Inputs {
    /// Each with its number of images.
    pub maps: Vec<(Arc<Map>, usize)>,
}

impl Inputs {
    /// Images `[n, channels, height, width]` of `shape`, batch after batch; every batch is a map.
    pub fn new(
        shape: Shape,
        margin: usize,
        batches: impl IntoIterator<Item = impl AsRef<[f32]>>,
    ) -> Self {
        let [h, w, c] = [shape.height, shape.width, shape.channels].map(usize::from);
        let planes = Planes { h, w, margin };
        let size = c * h * w;
        // a pool of its own: these maps stay as long as they are needed
        let pool = Pool::new();
        let one = |batch: &[f32]| {
            let n = batch.len() / size;
            let mut map = pool.take(n.div_ceil(LANES), c, planes);
            for (b, images) in batch.chunks(LANES * size).enumerate() {
                planes::fill(map.block_mut(b), images, c, planes);
            }
            (Arc::new(map), n)
        };
        Self { maps: batches.into_iter().map(|b| one(b.as_ref())).collect() }
    }
}
