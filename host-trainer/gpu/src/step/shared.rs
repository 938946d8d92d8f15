//! An update some of whose paths other processors train.

use supernano_base::config::Teacher;
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::plan::Plan;
use supernano_data::Examples;
use supernano_gpu_kernels::buffer::Buffer;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::step::Parameters;
use supernano_train::supernet::{Entry, Layout};
use supernano_train::training::{GradientSums, Gradients, Losses, Sharing};

use super::{Batch, GpuStep, failed};
use crate::precision::Element;

impl<R: Runtime, M: Element> GpuStep<'_, R, M> {
    /// As [`Self::update`], with paths that other processors train. The device adds up the gradients of
    /// its own paths. It is read and written once in each update. `place` is the learning rate and the
    /// update.
    ///
    /// # Errors
    /// [`Error::NotFinite`], and [`Error::Tool`] if the device fails or another processor does not answer.
    /// The parameters have not changed then.
    pub fn update_shared(
        &mut self,
        sharing: &mut dyn Sharing,
        examples: &Examples,
        students: &[Arch],
        place: (f32, u64),
    ) -> Result<Losses> {
        let (rate, update) = place;
        sharing.divide(1 + students.len(), &|path| self.job.path_cost(path, students));
        let first = sharing.trains(0);
        let trains_largest = first && self.job.trains_largest();
        let own: Vec<Plan> = (1..)
            .zip(students)
            .filter(|(path, _)| sharing.trains(*path))
            .map(|(_, arch)| self.job.plan(arch))
            .collect();
        let others = own.len();
        let mut plans = own;
        if trains_largest {
            plans.insert(0, self.largest());
        }
        let outputs = self.job.space.get().classes;
        let batch = Batch::new(examples, outputs);
        let logits = examples.labels.len() * usize::from(outputs);
        let live = self.job.step.teacher == Teacher::Live;
        let mut teacher = None;
        if self.distils() && !first {
            teacher = Some(sharing.learn(logits)?);
        } else if self.distils() && !live {
            let own = self.teacher(&batch)?;
            sharing.teach(&mut || Ok(own.clone()))?;
            teacher = Some(own);
        }
        let mut losses = Losses::default();
        let mut used = vec![0; self.layout.entries.len()];
        if !plans.is_empty() {
            let teaches = self.distils() && trains_largest && live;
            let client = &self.client;
            let teacher = teacher.map(|logits| Buffer::new(client, &logits));
            let passed =
                self.passes(
                    &batch,
                    &plans,
                    (teacher, trains_largest),
                    &mut |step| match teaches {
                        true => sharing.teach(&mut || step.first_logits(client).map_err(failed)),
                        false => Ok(()),
                    },
                )?;
            used = passed.used;
            for step in passed.steps {
                let [largest, mean] = step.losses(client).map_err(failed)?;
                let part = f64::from(mean) * others as f64 / students.len().max(1) as f64;
                losses.add(Losses { largest: largest.into(), students: part });
            }
            self.finite(losses, update)?;
        }
        let mut sums = DeviceSums {
            client: &self.client,
            layout: &self.layout,
            parameters: &self.parameters,
            used,
        };
        if others > 0 {
            sharing.done(&mut sums, losses.students)?;
        }
        sharing.sum(&mut sums, &mut losses)?;
        for (moved, used) in self.moved.iter_mut().zip(sums.used) {
            *moved |= used == 1;
        }
        self.sgd(rate).launch(&self.client, &self.parameters.buffers);
        Ok(losses)
    }

    fn finite(&self, losses: Losses, update: u64) -> Result<()> {
        if losses.largest.is_finite() && losses.students.is_finite() {
            return Ok(());
        }
        let largest = !losses.largest.is_finite();
        let code = if largest { "the largest network" } else { "a sub-network" };
        Err(Error::NotFinite {
            step: self.job.number as u32,
            update,
            code: code.into(),
            layer: "not known on this device".into(),
        })
    }
}

/// The gradients of a device.
struct DeviceSums<'a, R: Runtime> {
    client: &'a ComputeClient<R>,
    layout: &'a Layout,
    parameters: &'a Parameters,
    /// 1 for every tensor that has a gradient.
    used: Vec<u32>,
}

impl<R: Runtime> GradientSums for DeviceSums<'_, R> {
    fn lengths(&self) -> Vec<usize> {
        self.layout.entries.iter().map(|e| e.len()).collect()
    }

    fn take(&mut self) -> Result<Gradients> {
        let none = self.used.iter().all(|&used| used == 0);
        let all = match none {
            true => Vec::new(),
            false => self.parameters.buffers.gradient.read(self.client).map_err(failed)?,
        };
        let entries = self.layout.entries.iter().zip(&mut self.used);
        let one = |e: &Entry| all[e.offset..e.offset + e.len()].to_vec();
        Ok(entries.map(|(e, used)| (std::mem::take(used) == 1).then(|| one(e))).collect())
    }

    fn put(&mut self, sums: Gradients) -> Result<()> {
        let mut all = vec![0.0; self.layout.len()];
        for ((entry, used), sum) in self.layout.entries.iter().zip(&mut self.used).zip(&sums) {
            *used = u32::from(sum.is_some());
            if let Some(sum) = sum {
                all[entry.offset..entry.offset + entry.len()].copy_from_slice(sum);
            }
        }
        self.parameters.set_gradient(self.client, &all, &self.used);
        Ok(())
    }
}
