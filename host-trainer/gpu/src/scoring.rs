//! Scores of sub-networks of a run.

use supernano_base::error::Result;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::tile::VARIANTS;
use supernano_train::run::recalibration_batches;
use supernano_train::supernet::{EvalSet, Evaluation};
use supernano_train::training::job::Job;

use crate::evaluation::{by_resolution, scores};
use crate::results::Scoring;
use crate::step::GpuStep;
use crate::task::OnDevice;

impl OnDevice for Scoring<'_> {
    type Output = Vec<Evaluation>;

    fn on<R: Runtime>(self, client: fn() -> ComputeClient<R>) -> Result<Vec<Evaluation>> {
        let Self { run, dataset, archs, images } = self;
        let config = &run.config;
        let job = Job {
            space: config.shared_space(),
            enhancement: run.enhancement(),
            step: &config.steps[run.step - 1],
            number: run.step,
            optimizer: config.optimizer,
            fixed: None,
        };
        let layout = run.weights.layout.clone();
        let start = (run.weights.values.as_slice(), &[][..]);
        let step = GpuStep::<R, f32>::new(client(), job, layout, start, VARIANTS[0])?;
        by_resolution(archs.iter().map(|arch| run.plan(arch)).collect(), |image, plans| {
            let dataset = dataset.at(image)?;
            let (batch, batches) = recalibration_batches(&dataset, config, usize::MAX);
            let set = EvalSet::new(&dataset, &dataset.test, images);
            scores(&step, plans, (batch, &batches), &set)
        })
    }
}
