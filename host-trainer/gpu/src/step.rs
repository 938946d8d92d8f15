//! The updates of a training step on a GPU: Algorithm 1 with all paths in one batch, each at its own
//! widths, on the kernels of `supernano-gpu-kernels`.
//!
//! The launches of an update are recorded once for each number of images and paths, and replayed. An
//! update reads nothing back from the device: losses stay there and are read every [`READ_EVERY`]
//! updates, so a loss that is not finite is found up to that many updates later.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use supernano_base::config::{StepKind, Teacher};
use supernano_base::error::{Error, Result};
use supernano_base::images::resized_planes;
use supernano_core::arch::Arch;
use supernano_core::plan::Plan;
use supernano_core::space::Shape;
use supernano_data::Examples;
use supernano_gpu_kernels::buffer::Buffer;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::fill;
use supernano_gpu_kernels::head::Loss;
use supernano_gpu_kernels::sgd::Sgd;
use supernano_gpu_kernels::step::{Kind, Options, Parameters, Step, Update, Work, add_work};
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

/// The images of an update, and what they teach.
struct Batch<'a> {
    /// Normalised images of the largest resolution, `[images, channels, height, width]`.
    pixels: &'a [f32],
    /// Targets, `[images, outputs]`.
    targets: Cow<'a, [f32]>,
    images: u32,
}

impl<'a> Batch<'a> {
    fn new(examples: &'a Examples, outputs: u16) -> Self {
        let Examples { pixels, labels, targets, .. } = examples;
        let targets = match targets.is_empty() {
            true => Cow::Owned(one_hot(labels, outputs.into())),
            false => Cow::Borrowed(&**targets),
        };
        Self { pixels, targets, images: labels.len() as u32 }
    }
}

/// Labels `[n]` as rows of 0 and 1, `[n, outputs]`.
fn one_hot(labels: &[u16], outputs: usize) -> Vec<f32> {
    let mut rows = vec![0.0; labels.len() * outputs];
    for (row, &label) in rows.chunks_exact_mut(outputs).zip(labels) {
        row[usize::from(label)] = 1.0;
    }
    rows
}

/// The passes of some plans.
struct Passed<M> {
    /// The steps that ran.
    steps: Vec<Rc<Step<M>>>,
    /// 1 for every tensor that a plan uses.
    used: Vec<u32>,
}

/// The plans of an update by resolution, that of the first plan first.
struct Groups<M> {
    /// A shape of images, its recorded step, and the table of its plans.
    groups: Vec<(Shape, Rc<Step<M>>, Vec<u32>)>,
    /// 1 for every tensor that a plan uses.
    used: Vec<u32>,
}

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
    /// Recorded steps by their numbers of images and paths, and the rows and columns of an image.
    steps: RefCell<BTreeMap<[u32; 4], Rc<Step<M>>>>,
    /// Maps of all recorded steps, of which one runs at a time.
    maps: RefCell<Vec<Buffer<M>>>,
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
        let (steps, maps) = (RefCell::default(), RefCell::default());
        let (teachers, unread) = (BTreeMap::new(), [0; 2]);
        Ok(Self {
            job,
            layout,
            client,
            parameters,
            fixed,
            steps,
            maps,
            teachers,
            moved,
            unread,
            variant,
        })
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

    /// Runs one update, as [`Job::update`] does, on images of the largest resolution. Returns the sums of
    /// the losses that it has read, which are 0 unless it reads.
    ///
    /// # Errors
    /// [`Error::NotFinite`], and [`Error::Tool`] if the device fails.
    pub fn update(
        &mut self,
        examples: &Examples,
        students: &[Arch],
        rate: f32,
        update: u64,
    ) -> Result<Losses> {
        let plans = self.plans(students);
        let batch = Batch::new(examples, self.job.space.get().classes);
        let teacher = if self.distils() && self.job.step.teacher != Teacher::Live {
            let logits = self.teacher(&batch)?;
            Some(Buffer::new(&self.client, &logits))
        } else {
            None
        };
        let trains_largest = self.job.trains_largest();
        let passed = self.passes(&batch, &plans, (teacher, trains_largest), &mut |_| Ok(()))?;
        for (moved, &used) in self.moved.iter_mut().zip(&passed.used) {
            *moved |= used == 1;
        }
        self.sgd(rate).launch(&self.client, &self.parameters.buffers);
        if self.unread[1] == 0 {
            self.unread[0] = update;
        }
        self.unread[1] += 1;
        if self.unread[1] < READ_EVERY { Ok(Losses::default()) } else { self.read() }
    }

    /// The recorded steps of plans.
    fn groups(&self, images: u32, plans: &[Plan]) -> Groups<M> {
        let size = [images, plans.len() as u32];
        let (mut groups, mut used) = (Vec::new(), vec![0; self.layout.entries.len()]);
        for image in images_of(plans) {
            let recorded = self.recorded(size, image);
            let mut own: Vec<Option<&Plan>> =
                plans.iter().filter(|plan| plan.image == image).map(Some).collect();
            own.resize(plans.len(), None);
            let (table, own) = table::of_plans(&self.layout, &recorded.network().rows(), &own);
            used.iter_mut().zip(own).for_each(|(all, own)| *all |= own);
            groups.push((image, recorded, table));
        }
        Groups { groups, used }
    }

    /// Adds the forward and the backward pass of plans to the device's queue, and the gradients to those
    /// of the parameters. Plans of one resolution run together, those of the first plan's at first.
    /// `teacher` holds the logits of a teacher outside of the plans; without it, the first plan teaches.
    /// `taught` is called behind the first forward pass.
    fn passes(
        &self,
        batch: &Batch<'_>,
        plans: &[Plan],
        (mut teacher, trains_largest): (Option<Buffer<f32>>, bool),
        taught: &mut dyn FnMut(&Step<M>) -> Result<()>,
    ) -> Result<Passed<M>> {
        let Groups { groups, used: all_used } = self.groups(batch.images, plans);
        let used = &all_used[..];
        let students = plans.len() - usize::from(trains_largest);
        for (i, (image, recorded, table)) in groups.iter().enumerate() {
            let (images, targets) = (&*self.images(batch.pixels, *image), &*batch.targets);
            let data = Update { images, targets, table, used, teacher: None };
            recorded.forward(&self.client, &data);
            if i == 0 {
                taught(recorded)?;
                teacher.get_or_insert_with(|| recorded.last_logits().clone());
            }
            let loss = self.loss(trains_largest && i == 0, students.max(1) as u32);
            recorded.backward(&self.client, teacher.as_ref(), loss);
        }
        let steps = groups.into_iter().map(|(_, recorded, _)| recorded).collect();
        Ok(Passed { steps, used: all_used })
    }

    /// Normalised images `[n, channels, height, width]` of the space's largest resolution at a resolution,
    /// `[n, height, width, channels]`.
    fn images(&self, pixels: &[f32], image: Shape) -> Vec<M> {
        let largest = self.job.space.get().input;
        if image == largest {
            return table::channels_last(pixels, image);
        }
        let [from, to] = [largest, image].map(|s| [s.height, s.width].map(usize::from));
        table::channels_last(&resized_planes(pixels, from, to), image)
    }

    /// True if the sub-networks learn from a teacher.
    fn distils(&self) -> bool {
        self.job.step.kind == StepKind::Supernet && self.job.step.alpha > 0.0
    }

    /// The losses of paths of an update with that many students. `largest` is whether the first path is the
    /// largest network, which learns from the labels alone.
    fn loss(&self, largest: bool, students: u32) -> Loss {
        let (step, distils) = (self.job.step, self.distils());
        Loss {
            largest: u32::from(largest),
            alpha: if distils { step.alpha } else { 0.0 },
            temperature: if distils { step.temperature } else { 1.0 },
            students,
        }
    }

    fn sgd(&self, rate: f32) -> Sgd {
        let optimizer = self.job.optimizer;
        let (momentum, weight_decay) = (optimizer.momentum, optimizer.weight_decay);
        Sgd { rate, momentum, weight_decay, clip: self.job.step.clip }
    }

    /// The recorded step of a number of images and paths, and a shape of images.
    pub fn recorded(&self, size: [u32; 2], image: Shape) -> Rc<Step<M>> {
        let mut steps = self.steps.borrow_mut();
        let record = || {
            let network = table::network(&self.layout, size, image);
            let (parameters, maps) = (self.parameters.clone(), &mut *self.maps.borrow_mut());
            Rc::new(Step::record(&self.client, network, parameters, self.options(), maps))
        };
        let key = [size[0], size[1], image.height.into(), image.width.into()];
        steps.entry(key).or_insert_with(record).clone()
    }

    /// Fills all buffers that an update with these sub-networks writes before it reads them.
    pub fn spoil(&self, images: u32, students: &[Arch], value: f32) {
        let plans = self.plans(students);
        let size = [images, plans.len() as u32];
        for image in images_of(&plans) {
            self.recorded(size, image).fill(&self.client, value);
        }
        for map in &*self.maps.borrow() {
            fill(&self.client, map, M::new(value));
        }
    }

    /// What an update with these sub-networks computes, reads and writes, by kind of launch.
    pub fn work(&self, images: u32, students: &[Arch]) -> BTreeMap<Kind, Work> {
        let mut all = BTreeMap::new();
        for (_, recorded, table) in self.groups(images, &self.plans(students)).groups {
            add_work(&mut all, recorded.work(&table));
        }
        all
    }

    fn options(&self) -> Options {
        Options { variant: self.variant, epsilon: BN_EPSILON, cubes: CUBES }
    }

    /// Logits `[n, classes]` of the largest network in a step that does not train it.
    fn teacher(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>> {
        let size = [batch.images, 1];
        let plans = [self.largest()];
        let images = &*self.images(batch.pixels, plans[0].image);
        let options = self.options();
        let recorded = self.teachers.entry(size[0]).or_insert_with(|| {
            let parameters = self.fixed.as_ref().unwrap_or(&self.parameters).clone();
            let network = table::network(&self.layout, size, plans[0].image);
            let maps = &mut *self.maps.borrow_mut();
            Step::record(&self.client, network, parameters, options, maps)
        });
        let paths = plans.each_ref().map(Some);
        let (table, used) = table::of_plans(&self.layout, &recorded.network().rows(), &paths);
        let data = Update { images, targets: &[0.0], table: &table, used: &used, teacher: None };
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

/// The shapes of the images that plans read, in the order of the first plan of each.
fn images_of(plans: &[Plan]) -> Vec<Shape> {
    let mut images = Vec::new();
    plans.iter().for_each(|p| images.extend((!images.contains(&p.image)).then_some(p.image)));
    images
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
