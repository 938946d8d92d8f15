//! The updates of a training step on a GPU: Algorithm 1 with all paths in one batch, each at its own
//! widths, on the kernels of `supernano-gpu-kernels`.
//!
//! The launches of an update are recorded once for each number of images and paths, and replayed. An
//! update reads nothing back from the device: losses stay there and are read every [`READ_EVERY`]
//! updates, so a loss that is not finite is found up to that many updates later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use supernano_base::config::{StepKind, Teacher};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::plan::Plan;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::head::Loss;
use supernano_gpu_kernels::sgd::Sgd;
use supernano_gpu_kernels::step::{Options, Parameters, Step, Update};
use supernano_gpu_kernels::tile::Variant;
use supernano_train::backend::CpuAutodiff;
use supernano_train::supernet::{BN_EPSILON, Layout};
use supernano_train::training::Losses;
use supernano_train::training::job::Job;

use crate::precision::Element;
use crate::{layers, table};

mod shared;

/// Updates between two reads of the losses.
const READ_EVERY: u64 = 16;
/// Cubes that fill a device: four for each of the 132 multiprocessors of an H100.
const CUBES: u32 = 4 * 132;

/// A training step on a GPU, with the element of its maps.
pub(crate) struct GpuStep<'a, R: Runtime, M> {
    /// The step.
    pub job: Job<'a, CpuAutodiff>,
    /// Its tensors.
    pub layout: Layout,
    /// The device.
    pub client: ComputeClient<R>,
    parameters: Parameters,
    /// Parameters of the fixed teacher.
    fixed: Option<Parameters>,
    /// Recorded steps by their numbers of images and paths.
    steps: RefCell<BTreeMap<[u32; 2], Rc<Step<M>>>>,
    /// Recorded passes of a teacher that the updates do not train, by their number of images.
    teachers: BTreeMap<u32, Step<M>>,
    /// True for tensors that have had a gradient.
    moved: Vec<bool>,
    /// First update whose losses have not been read, and the number of these updates.
    unread: [u64; 2],
    /// Tiling of the convolutions.
    variant: Variant,
}

impl<'a, R: Runtime, M: Element> GpuStep<'a, R, M> {
    /// A step that starts from values and momentum of a layout, with a tiling of its convolutions.
    /// Momentum is `None` for a tensor without a gradient so far, and may be empty.
    ///
    /// # Errors
    /// The errors of [`layers::check`].
    pub fn new(
        client: ComputeClient<R>,
        job: Job<'a, CpuAutodiff>,
        layout: Layout,
        (values, momentum): (&[f32], &[Option<Vec<f32>>]),
        variant: Variant,
    ) -> Result<Self> {
        layers::check(&job.space.get())?;
        let parameters = parameters(&client, &layout, values, momentum);
        let fixed =
            job.fixed.as_ref().map(|p| self::parameters(&client, &layout, &p.host_values(), &[]));
        let moved = (0..layout.entries.len())
            .map(|i| momentum.get(i).is_some_and(Option::is_some))
            .collect();
        let (steps, teachers, unread) = (RefCell::default(), BTreeMap::new(), [0; 2]);
        Ok(Self { job, layout, client, parameters, fixed, steps, teachers, moved, unread, variant })
    }

    /// The plans of an update: the largest network if the step trains it, then the sub-networks.
    fn plans(&self, students: &[Arch]) -> Vec<Plan> {
        let mut plans = Vec::with_capacity(1 + students.len());
        if self.job.trains_largest() {
            plans.push(self.largest());
        }
        plans.extend(students.iter().map(|arch| self.job.plan(arch)));
        plans
    }

    fn largest(&self) -> Plan {
        self.job.plan(&Arch::largest(&self.job.space.get()))
    }

    /// Runs one update, as [`Job::update`] does, of normalised images `[n, channels, height, width]`
    /// and their classes. Returns the sums of the losses that it has read, which are 0 unless it
    /// reads.
    ///
    /// # Errors
    /// [`Error::NotFinite`], and [`Error::Tool`] if the device fails.
    pub fn update(
        &mut self,
        (pixels, labels): (&[f32], &[u16]),
        students: &[Arch],
        rate: f32,
        update: u64,
    ) -> Result<Losses> {
        let plans = self.plans(students);
        let images = table::channels_last(pixels, self.job.space.get().input);
        let labels: Vec<u32> = labels.iter().map(|&label| label.into()).collect();
        let size = [labels.len() as u32, plans.len() as u32];
        let teacher = if self.distils() && self.job.step.teacher != Teacher::Live {
            Some(self.teacher(&images, &labels)?)
        } else {
            None
        };
        let recorded = self.recorded(size);
        let (table, used) = table::of_plans(&self.layout, &recorded.network().rows(), &plans);
        for (moved, &used) in self.moved.iter_mut().zip(&used) {
            *moved |= used == 1;
        }
        let data = Update {
            images: &images,
            labels: &labels,
            table: &table,
            used: &used,
            teacher: teacher.as_deref(),
        };
        let loss = self.loss(self.job.trains_largest());
        recorded.update(&self.client, &data, loss, &self.sgd(rate));
        if self.unread[1] == 0 {
            self.unread[0] = update;
        }
        self.unread[1] += 1;
        if self.unread[1] < READ_EVERY { Ok(Losses::default()) } else { self.read() }
    }

    /// True if the sub-networks learn from a teacher.
    fn distils(&self) -> bool {
        self.job.step.kind == StepKind::Supernet && self.job.step.alpha > 0.0
    }

    /// The losses of an update. `largest` is whether its first path is the largest network, which learns
    /// from the labels alone.
    fn loss(&self, largest: bool) -> Loss {
        let (step, distils) = (self.job.step, self.distils());
        Loss {
            largest: u32::from(largest),
            alpha: if distils { step.alpha } else { 0.0 },
            temperature: if distils { step.temperature } else { 1.0 },
        }
    }

    fn sgd(&self, rate: f32) -> Sgd {
        let optimizer = self.job.optimizer;
        let (momentum, weight_decay) = (optimizer.momentum, optimizer.weight_decay);
        Sgd { rate, momentum, weight_decay, clip: self.job.step.clip }
    }

    /// The recorded step of a number of images and paths.
    pub fn recorded(&self, size: [u32; 2]) -> Rc<Step<M>> {
        let mut steps = self.steps.borrow_mut();
        let record = || {
            let network = table::network(&self.layout, size);
            Rc::new(Step::record(&self.client, network, self.parameters.clone(), self.options()))
        };
        steps.entry(size).or_insert_with(record).clone()
    }

    fn options(&self) -> Options {
        Options { variant: self.variant, epsilon: BN_EPSILON, cubes: CUBES }
    }

    /// Logits `[n, classes]` of the largest network in a step that does not train it.
    fn teacher(&mut self, images: &[M], labels: &[u32]) -> Result<Vec<f32>> {
        let size = [labels.len() as u32, 1];
        let plans = [self.largest()];
        let options = self.options();
        let recorded = self.teachers.entry(size[0]).or_insert_with(|| {
            let parameters = self.fixed.as_ref().unwrap_or(&self.parameters).clone();
            Step::record(&self.client, table::network(&self.layout, size), parameters, options)
        });
        let (table, used) = table::of_plans(&self.layout, &recorded.network().rows(), &plans);
        let data = Update { images, labels, table: &table, used: &used, teacher: None };
        recorded.logits(&self.client, &data).map_err(failed)
    }

    /// Reads the unread losses back, as sums over their updates.
    ///
    /// # Errors
    /// [`Error::NotFinite`], and [`Error::Tool`] if the device fails.
    pub fn read(&mut self) -> Result<Losses> {
        let [since, updates] = std::mem::take(&mut self.unread);
        let mut sums = [0.0f32; 2];
        for step in self.steps.borrow().values() {
            let read = step.losses(&self.client).map_err(failed)?;
            sums.iter_mut().zip(read).for_each(|(sum, read)| *sum += read);
        }
        if updates == 0 || sums.iter().all(|v| v.is_finite()) {
            return Ok(Losses { largest: sums[0].into(), students: sums[1].into() });
        }
        let code = if sums[0].is_finite() { "a sub-network" } else { "the largest network" };
        Err(Error::NotFinite {
            step: self.job.number as u32,
            update: since,
            code: code.into(),
            layer: format!("an unknown layer of {updates} updates, which are read together"),
        })
    }

    /// Reads the values of all tensors back.
    ///
    /// # Errors
    /// [`Error::Tool`] if the device fails.
    pub fn values(&self) -> Result<Vec<f32>> {
        self.parameters.buffers.values.read(&self.client).map_err(failed)
    }

    /// Reads the momentum of every tensor back.
    ///
    /// # Errors
    /// [`Error::Tool`] if the device fails.
    pub fn momentum(&self) -> Result<Vec<Option<Vec<f32>>>> {
        let all = self.parameters.buffers.momentum.read(&self.client).map_err(failed)?;
        let entries = self.layout.entries.iter().zip(&self.moved);
        Ok(entries
            .map(|(e, &moved)| moved.then(|| all[e.offset..e.offset + e.len()].to_vec()))
            .collect())
    }
}

/// The error of a device that has failed.
pub(crate) fn failed(message: String) -> Error {
    Error::tool("the device", message)
}

fn parameters<R: Runtime>(
    client: &ComputeClient<R>,
    layout: &Layout,
    values: &[f32],
    momentum: &[Option<Vec<f32>>],
) -> Parameters {
    let mut all = vec![0.0; values.len()];
    let mut tensors = vec![0; values.len()];
    for (i, entry) in layout.entries.iter().enumerate() {
        let range = entry.offset..entry.offset + entry.len();
        tensors[range.clone()].fill(i as u32);
        if let Some(Some(momentum)) = momentum.get(i) {
            all[range].copy_from_slice(momentum);
        }
    }
    Parameters::new(client, values, &all, &tensors, layout.entries.len())
}
