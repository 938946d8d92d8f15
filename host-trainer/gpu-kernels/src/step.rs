//! A training step over all paths of an update: recorded once, replayed for every update.
//!
//! All buffers are allocated when the step is recorded. An update copies its images, targets and
//! table to the device, and adds the recorded launches to the device's queue. It reads nothing back.

mod evaluation;
mod launch;
mod record;
mod work;

use cubecl::prelude::*;

pub use evaluation::Evaluation;
pub use launch::Launch;
pub use work::{Kind, Work, add_work};

use crate::buffer::Buffer;
use crate::copy::{copy, fill};
use crate::head::{Head, HeadBuffers, HeadRows, Loss};
use crate::network::{Network, Row};
use crate::sgd::{Sgd, SgdBuffers};
use crate::tile::Variant;

/// Parameters on the device.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Values, momentum and gradient.
    pub buffers: SgdBuffers,
}

impl Parameters {
    /// Copies values, momentum and the tensor of each value to the device. `tensors` is the number
    /// of tensors.
    pub fn new<R: Runtime>(
        client: &ComputeClient<R>,
        values: &[f32],
        momentum: &[f32],
        tensor_of: &[u32],
        tensors: usize,
    ) -> Self {
        let buffers = SgdBuffers {
            values: Buffer::new(client, values),
            momentum: Buffer::new(client, momentum),
            gradient: Buffer::new(client, &vec![0.0; values.len()]),
            tensors: Buffer::new(client, tensor_of),
            used: Buffer::empty(client, tensors),
            squares: Buffer::empty(client, SgdBuffers::SQUARES),
        };
        Self { buffers }
    }

    /// Replaces the gradient, and the marks of the tensors that have one.
    pub fn set_gradient<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        gradient: &[f32],
        used: &[u32],
    ) {
        copy(client, &Buffer::new(client, gradient), &self.buffers.gradient);
        copy(client, &Buffer::new(client, used), &self.buffers.used);
    }
}

/// Constants of a step that do not follow from its network.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Tiling of the convolutions.
    pub variant: Variant,
    /// Added to the variance in every batch norm.
    pub epsilon: f32,
    /// Cubes that fill the device: a small multiple of its multiprocessors.
    pub cubes: u32,
}

/// A recorded step.
#[derive(Clone, Debug)]
pub struct Step<M> {
    network: Network,
    parameters: Parameters,
    images: Buffer<M>,
    table: Buffer<u32>,
    forward: Vec<Launch<M>>,
    backward: Vec<Launch<M>>,
    head: Head,
    head_buffers: HeadBuffers<M>,
    head_rows: HeadRows,
    /// Buffers besides the maps that an update writes before it reads them.
    work: Vec<Buffer<f32>>,
}

/// The data of an update on the host.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a, M> {
    /// Images, `[images, rows, columns, channels]`.
    pub images: &'a [M],
    /// Their targets, `[images, classes]`; they are not read without a backward pass.
    pub targets: &'a [f32],
    /// The table, `[rows, paths]`, in the order of [`Network::rows`].
    pub table: &'a [u32],
    /// 1 for every tensor that a path uses, else 0.
    pub used: &'a [u32],
    /// Logits of a teacher outside the update, `[images, classes]`. Without them, path 0 teaches.
    pub teacher: Option<&'a [f32]>,
}

impl<M: Float + CubeElement> Step<M> {
    /// Fills all buffers besides the maps that an update writes before it reads them.
    pub fn fill<R: Runtime>(&self, client: &ComputeClient<R>, value: f32) {
        self.work.iter().for_each(|buffer| fill(client, buffer, value));
    }

    /// Runs the forward pass alone and reads the logits back, `[paths, images, classes]`.
    ///
    /// # Errors
    /// The message of the device.
    pub fn logits<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        update: &Update<'_, M>,
    ) -> Result<Vec<f32>, String> {
        self.send(client, update);
        self.run_forward(client);
        self.head_buffers.logits.read(client)
    }

    /// Adds an update to the device's queue.
    pub fn update<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        update: &Update<'_, M>,
        loss: Loss,
        sgd: &Sgd,
    ) {
        self.forward(client, update);
        let teacher = update.teacher.map(|teacher| Buffer::new(client, teacher));
        self.backward(client, teacher.as_ref(), loss);
        sgd.launch(client, &self.parameters.buffers);
    }

    /// Adds the copies and the forward pass of an update to the device's queue.
    pub fn forward<R: Runtime>(&self, client: &ComputeClient<R>, update: &Update<'_, M>) {
        self.send(client, update);
        self.run_forward(client);
    }

    /// Reads the logits of path 0 of the last forward pass, `[images, classes]`.
    ///
    /// # Errors
    /// The message of the device.
    pub fn first_logits<R: Runtime>(&self, client: &ComputeClient<R>) -> Result<Vec<f32>, String> {
        let mut logits = self.head_buffers.logits.read(client)?;
        logits.truncate((self.head.images * self.head.classes) as usize);
        Ok(logits)
    }

    /// Adds the backward pass behind [`Self::forward`] to the device's queue. It adds the gradients of the
    /// paths to those of the parameters. `teacher` holds the logits of a teacher outside of the step,
    /// `[images, classes]`, at its start. Without them, path 0 teaches.
    pub fn backward<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        teacher: Option<&Buffer<f32>>,
        loss: Loss,
    ) {
        let mut head = self.head_buffers.clone();
        if let Some(teacher) = teacher {
            head.teacher = teacher.clone();
        }
        self.head.gradients(client, &head, self.head_rows, loss);
        for launch in &self.backward {
            launch.run(client);
        }
    }

    /// Reads the losses of all updates since the last call: the sums of the largest network's loss
    /// and of the others' mean loss. It waits for the device.
    ///
    /// # Errors
    /// The message of the device.
    pub fn losses<R: Runtime>(&self, client: &ComputeClient<R>) -> Result<[f32; 2], String> {
        let total = self.head_buffers.total.read(client)?;
        copy(client, &Buffer::new(client, &[0.0, 0.0]), &self.head_buffers.total);
        Ok([total[0], total[1]])
    }

    /// The logits of the last forward pass, `[paths, images, classes]`.
    #[must_use]
    pub const fn last_logits(&self) -> &Buffer<f32> {
        &self.head_buffers.logits
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The parameters.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn run_forward<R: Runtime>(&self, client: &ComputeClient<R>) {
        for launch in &self.forward {
            launch.run(client);
        }
        self.head.logits(client, &self.head_buffers, self.head_rows);
    }

    fn send<R: Runtime>(&self, client: &ComputeClient<R>, update: &Update<'_, M>) {
        copy(client, &Buffer::new(client, update.images), &self.images);
        copy(client, &Buffer::new(client, update.targets), &self.head_buffers.targets);
        copy(client, &Buffer::new(client, update.table), &self.table);
        copy(client, &Buffer::new(client, update.used), &self.parameters.buffers.used);
    }
}

/// Index of a row in the rows of a network.
fn row(rows: &[Row], row: Row) -> u32 {
    // Every row that a recorder asks for is one of its network's.
    rows.iter().position(|r| *r == row).unwrap_or_default() as u32
}
