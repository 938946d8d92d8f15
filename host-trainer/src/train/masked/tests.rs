use burn::tensor::backend::AutodiffBackend;
use supernano_core::plan::BranchScheme;

use super::*;
use crate::backend::{CpuAutodiff, Execution, Map};
use crate::config::RunConfig;
use crate::data::Key;
use crate::supernet::Weights;
use crate::train::checkpoint::Checkpoint;
use crate::train::epoch::layout_of;
use crate::train::update::draw;

/// A projection, an identity with a tied width, every kind of option.
const SPACE: &str = r#"
[space]
name = "tiny"
input = { height = 12, width = 12, channels = 3 }
classes = 5
layers = [
  { widths = [4, 8, 12] },
  { widths = [4, 8] },
  { widths = [4, 8, 12], same_as = 0 },
  { widths = [4, 8], stride = 2 },
  { widths = [4, 8, 16] },
]
blocks = ["conv", "identity", "projection"]
[data]
name = "glyphs"
"#;

fn config(enhancement: &str, step: &str) -> RunConfig {
    let shared = "[[step]]\nkind = \"supernet\"\nscratch = true\nepochs = 1\nlr = 0.05\n\
                  batch = 8\nk = 3\n";
    let text = format!("seed = 7\nenhancement = \"{enhancement}\"\n{SPACE}{shared}{step}");
    RunConfig::parse(&text, "test").unwrap()
}

/// Values after some updates of the last step, and the summed losses.
fn after<B: AutodiffBackend + Ops>(
    config: &RunConfig,
    execution: Execution,
    updates: u64,
) -> Result<(Vec<f32>, Losses)>
where
    B::InnerBackend: Ops,
{
    let (number, space) = (config.steps.len(), config.space());
    let step = &config.steps[number - 1];
    let layout = layout_of(space, config, number);
    let mut values = Weights::initial(layout.clone(), Key::new(config.seed)).values;
    // Branches, gammas and betas that all differ.
    for (i, v) in values.iter_mut().enumerate() {
        *v += 0.1 * ((i * i) as f32).sin();
    }
    let start =
        Checkpoint { step: number, epoch: 0, values, momentum: Vec::new(), statistics: None };
    let mut params = Params::<B>::new(layout, &start);
    let enhancement = step.enhancement(config.enhancement);
    let optimizer = config.optimizer;
    let job = Job { space, enhancement, step, number, optimizer, fixed: None };
    let (n, s) = (step.batch, space.input);
    let (mut sum, mut pending) = (Losses::default(), Pending::default());
    let key = Key::new(config.seed);
    for update in 0..updates {
        let wave = |i: usize| ((i as u64 * 7 + update * 131) as f32 * 0.37).sin();
        let pixels: Vec<f32> = (0..n * s.len()).map(wave).collect();
        let labels: Vec<u16> = (0..n as u16).map(|i| i % space.classes).collect();
        let batch = Batch::<B> {
            images: Map::from_images(
                &pixels,
                n,
                s.channels.into(),
                s.height.into(),
                s.width.into(),
            ),
            plain: Map::from_images(&pixels, n, s.channels.into(), s.height.into(), s.width.into()),
            labels: &labels,
        };
        let archs = draw(space, step, key, update);
        let losses = match execution {
            Execution::Sliced => job.update(&mut params, &batch, &archs, step.lr, update),
            Execution::Masked => {
                job.masked_update(&mut params, &batch, &archs, step.lr, update, &mut pending)
            }
        }?;
        sum.largest += losses.largest;
        sum.students += losses.students;
    }
    let rest = job.read(&mut pending)?;
    sum.largest += rest.largest;
    sum.students += rest.students;
    Ok((params.host_values(), sum))
}

#[track_caller]
fn close(found: &(Vec<f32>, Losses), expected: &(Vec<f32>, Losses), tolerance: f32) {
    let worst = found.0.iter().zip(&expected.0).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "values differ by {worst}");
    let (a, b) = (found.1, expected.1);
    let loss = f64::from(tolerance) * 10.0;
    assert!((a.largest - b.largest).abs() <= loss, "{a:?} and {b:?}");
    assert!((a.students - b.students).abs() <= loss, "{a:?} and {b:?}");
}

const HALVES: &str = "[[step]]\nkind = \"supernet\"\nscheme = \"halves\"\nepochs = 1\n\
                      lr = 0.05\nbatch = 8\nk = 3\ntemperature = 2.0\n";

#[test]
fn masked_and_sliced_are_the_same_update() {
    let untrained = HALVES.replace("temperature = 2.0", "teacher = \"untrained\"");
    let exclusive = HALVES.replace("halves", "exclusive");
    for (enhancement, step) in [
        ("prelu+oe", ""),
        ("none", ""),
        ("oe", HALVES),
        ("prelu+oe", &untrained),
        ("prelu+oe", &exclusive),
    ] {
        let config = config(enhancement, step);
        let sliced = after::<CpuAutodiff>(&config, Execution::Sliced, 2).unwrap();
        let masked = after::<CpuAutodiff>(&config, Execution::Masked, 2).unwrap();
        close(&masked, &sliced, 2e-4);
        // The update does something, and another one does something else.
        let less = after::<CpuAutodiff>(&config, Execution::Masked, 1).unwrap();
        let moved = less.0.iter().zip(&masked.0).any(|(a, b)| (a - b).abs() > 2e-3);
        assert!(moved, "{enhancement}");
    }
    assert_eq!(config("oe", HALVES).scheme(2), BranchScheme::Halves);
}

#[test]
fn a_loss_that_is_not_finite_stops_training() {
    let mut config = config("oe", "");
    config.steps[0].lr = 1e30;
    let error = after::<CpuAutodiff>(&config, Execution::Masked, 6).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 1, update: 0, .. }), "{error}");
}

#[cfg(feature = "vulkan")]
#[test]
fn vulkan_trains_as_the_cpu_does() {
    use burn::backend::Autodiff;

    use crate::backend::{Vulkan, device::Device};
    // A software driver will do; without any, this fails.
    assert!(Device::Vulkan.touch());
    let shared = config("prelu+oe", "");
    let cpu = after::<CpuAutodiff>(&shared, Execution::Masked, 20).unwrap();
    let gpu = after::<Autodiff<Vulkan>>(&shared, Execution::Masked, 20).unwrap();
    close(&gpu, &cpu, 2e-2);
    let first = after::<Autodiff<Vulkan>>(&shared, Execution::Masked, 1).unwrap();
    close(&first, &after::<CpuAutodiff>(&shared, Execution::Masked, 1), 2e-4);
    let branches = config("prelu+oe", HALVES);
    let gpu = after::<Autodiff<Vulkan>>(&branches, Execution::Masked, 1).unwrap();
    close(&gpu, &after::<CpuAutodiff>(&branches, Execution::Masked, 1), 2e-4);
    let mut two = shared;
    two.steps[0].k = 1;
    let gpu = after::<Autodiff<Vulkan>>(&two, Execution::Sliced, 1).unwrap();
    close(&gpu, &after::<CpuAutodiff>(&two, Execution::Sliced, 1), 2e-4);
}
