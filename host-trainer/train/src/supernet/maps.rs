//! Feature maps of forward passes without gradients. Their buffers are reused.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use supernano_core::space::Shape;
use supernano_kernels::planes::{self, Buffer, Planes};

use super::net::Net;
use crate::backend::{LANES, LayerOp};

/// Free buffers by the size of their planes. The margins of a buffer hold zeros for any number of
/// channels.
type Free = HashMap<Planes, Vec<Buffer>>;

/// Free buffers. Each thread has a list of its own, because the buffer that it wrote last is in its
/// cache.
#[derive(Clone)]
pub(crate) struct Pool {
    free: Arc<Vec<Mutex<Free>>>,
    /// The largest number of channels of a map, by rows and columns. Every buffer has room for that
    /// many, so it serves all maps of its size.
    widest: Arc<HashMap<(usize, usize), usize>>,
}

impl Pool {
    fn new(widest: HashMap<(usize, usize), usize>) -> Self {
        let threads = rayon::current_num_threads() + 1;
        let free = Arc::new((0..threads).map(|_| Mutex::default()).collect());
        Self { free, widest: Arc::new(widest) }
    }

    /// A pool for the maps of a network and of narrower networks with the same layers. `of` returns
    /// the output channels and the operation of a layer.
    pub fn of<C>(net: &Net<C>, of: impl Fn(&C) -> (usize, LayerOp)) -> Self {
        let mut widest = HashMap::new();
        let mut sizes = vec![(usize::from(net.input.height), usize::from(net.input.width))];
        for (step, conv) in net.layers.executed() {
            let (channels, op) = of(conv);
            let (h, w) = sizes[step.input];
            let [h, w] = op.output(h, w);
            let size = (h, w);
            let most = widest.entry(size).or_insert(0);
            *most = channels.max(*most);
            sizes.push(size);
        }
        Self::new(widest)
    }

    fn own(&self) -> &Mutex<Free> {
        let last = self.free.len() - 1;
        &self.free[rayon::current_thread_index().map_or(last, |i| i.min(last))]
    }

    /// A map of `blocks` blocks of 16 images. Its margins hold zeros, its pixels arbitrary values.
    pub fn take(&self, blocks: usize, c: usize, planes: Planes) -> PlaneMap {
        let widest = self.widest.get(&(planes.h, planes.w)).map_or(c, |&most| most.max(c));
        let mut free = self.own().lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.get_mut(&planes).and_then(Vec::pop);
        drop(free);
        let found = found.filter(|b| b.values().len() >= blocks * c * planes.len());
        let new = || Buffer::zeros(blocks * widest * planes.len());
        let buffer = Some(found.unwrap_or_else(new));
        PlaneMap { buffer, blocks, c, planes, pool: self.clone() }
    }
}

/// A feature map of blocks of 16 images, `[blocks][c][planes]`. The buffer returns to the pool on
/// drop.
pub(crate) struct PlaneMap {
    buffer: Option<Buffer>,
    pub blocks: usize,
    pub c: usize,
    pub planes: Planes,
    pool: Pool,
}

/// The reason why a map has its buffer.
const PRESENT: &str = "only the drop of a map takes its buffer";

impl PlaneMap {
    fn range(&self, block: usize) -> Range<usize> {
        let size = self.c * self.planes.len();
        block * size..(block + 1) * size
    }

    /// The values of a block, `[c][planes]`.
    pub fn block(&self, block: usize) -> &[f32] {
        &self.buffer.as_ref().expect(PRESENT).values()[self.range(block)]
    }

    /// The values of a block for writing, `[c][planes]`.
    pub fn block_mut(&mut self, block: usize) -> &mut [f32] {
        let range = self.range(block);
        &mut self.buffer.as_mut().expect(PRESENT).values_mut()[range]
    }
}

impl Drop for PlaneMap {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            let mut free = self.pool.own().lock().unwrap_or_else(PoisonError::into_inner);
            free.entry(self.planes).or_default().push(buffer);
        }
    }
}

/// Normalised images as the input maps of a forward pass, one map a batch.
pub(crate) struct Inputs(Source);

/// A map with its number of images.
pub(crate) type Input = (Arc<PlaneMap>, usize);

/// Where the maps come from.
enum Source {
    /// All of them, in memory.
    Held(Vec<Input>),
    /// A number of maps, each made when it is used.
    Made(usize, Box<dyn Fn(usize) -> Input + Sync + Send>),
}

/// A map that is held or made.
pub(crate) enum InputMap<'a> {
    /// In memory.
    Held(&'a Input),
    /// Made.
    Made(Input),
}

impl std::ops::Deref for InputMap<'_> {
    type Target = Input;

    fn deref(&self) -> &Input {
        match self {
            Self::Held(map) => map,
            Self::Made(map) => map,
        }
    }
}

impl Inputs {
    /// Lays out batches of images of `shape`, each `[n, channels, height, width]`.
    pub fn new(
        shape: Shape,
        margin: usize,
        batches: impl IntoIterator<Item = impl AsRef<[f32]>>,
    ) -> Self {
        // a separate pool, because these maps outlive a forward pass
        let pool = Pool::new(HashMap::new());
        let one = |batch: &[f32]| laid_out(&pool, shape, margin, batch);
        Self(Source::Held(batches.into_iter().map(|b| one(b.as_ref())).collect()))
    }

    /// `count` batches, each made by `batch` and laid out when it is used.
    pub fn made(
        shape: Shape,
        margin: usize,
        count: usize,
        batch: impl Fn(usize) -> Vec<f32> + Sync + Send + 'static,
    ) -> Self {
        let pool = Pool::new(HashMap::new());
        let one = move |i| laid_out(&pool, shape, margin, &batch(i));
        Self(Source::Made(count, Box::new(one)))
    }

    /// Number of maps.
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Held(maps) => maps.len(),
            Source::Made(count, _) => *count,
        }
    }

    /// A map.
    pub fn map(&self, i: usize) -> InputMap<'_> {
        match &self.0 {
            Source::Held(maps) => InputMap::Held(&maps[i]),
            Source::Made(_, make) => InputMap::Made(make(i)),
        }
    }
}

/// The map of a batch of images of `shape`, `[n, channels, height, width]`.
fn laid_out(pool: &Pool, shape: Shape, margin: usize, batch: &[f32]) -> Input {
    let [h, w, c] = [shape.height, shape.width, shape.channels].map(usize::from);
    let planes = Planes { h, w, margin };
    let size = c * h * w;
    let n = batch.len() / size;
    let mut map = pool.take(n.div_ceil(LANES), c, planes);
    for (b, images) in batch.chunks(LANES * size).enumerate() {
        planes::fill(map.block_mut(b), images, c, planes);
    }
    (Arc::new(map), n)
}
