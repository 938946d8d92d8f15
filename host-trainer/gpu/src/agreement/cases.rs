//! Updates that are compared.

use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_base::rng::Key;
use supernano_base::space::SharedSpace;
use supernano_core::arch::Arch;
use supernano_core::space::{Head, Space};
use supernano_data::Examples;
use supernano_gpu_kernels::tile::{VARIANTS, Variant};
use supernano_train::backend::CpuAutodiff;
use supernano_train::supernet::Weights;
use supernano_train::training::job::Job;
use supernano_train::training::sampling::draw;
use supernano_train::training::state::layout_of;

/// A configuration whose space has a projection, an identity with a tied width, and several options
/// in every layer.
const CONFIG: &str = include_str!("../../agreement.toml");
/// Configurations of other spaces, with their names in reports.
pub const OTHERS: [(&str, &str); 2] = [
    ("a separable space", include_str!("../../separable.toml")),
    ("an inverted space of two resolutions", include_str!("../../inverted.toml")),
];
/// A step with several branches.
const HALVES: &str = "[[step]]\nkind = \"supernet\"\nscheme = \"halves\"\nepochs = 1\n\
                      lr = 0.05\nbatch = 8\nk = 3\ntemperature = 2.0\n";

/// Updates of the last step of a configuration.
pub struct Case {
    pub what: String,
    pub config: RunConfig,
    /// What the outputs of the space are taken for.
    pub head: Head,
    pub updates: u64,
    pub tolerance: f64,
    pub variant: Variant,
}

/// The data of one update: synthetic images of the largest resolution, their targets, and the
/// sub-networks.
pub struct UpdateData {
    pub examples: Examples,
    pub archs: Vec<Arch>,
}

impl Case {
    /// An update in the default tiling.
    pub fn new(what: impl Into<String>, config: RunConfig) -> Self {
        let (updates, tolerance, variant) = (1, 2e-5, VARIANTS[0]);
        Self { what: what.into(), config, head: Head::Classes, updates, tolerance, variant }
    }

    fn space(&self) -> Space<'_> {
        Space { head: self.head, ..self.config.space() }
    }

    /// The step.
    pub fn job(&self) -> Job<'_, CpuAutodiff> {
        let number = self.config.steps.len();
        let step = &self.config.steps[number - 1];
        let enhancement = step.enhancement(self.config.enhancement);
        let (space, optimizer) = (SharedSpace::of(&self.space()), self.config.optimizer);
        Job { space, enhancement, step, number, optimizer, fixed: None }
    }

    /// Weights with a different value in every element.
    pub fn weights(&self) -> Weights {
        let space = SharedSpace::of(&self.space());
        let layout = layout_of(space, &self.config, self.config.steps.len());
        let mut weights = Weights::initial(layout, Key::new(self.config.seed));
        for (i, value) in weights.values.iter_mut().enumerate() {
            *value += 0.1 * ((i * i) as f32).sin();
        }
        weights
    }

    /// The data of every update.
    pub fn data(&self) -> Result<Vec<UpdateData>> {
        let space = self.space();
        let step = &self.config.steps[self.config.steps.len() - 1];
        let key = Key::new(self.config.seed);
        let data = |update: u64| {
            let wave = |i: usize| ((i as u64 * 7 + update * 131) as f32 * 0.37).sin();
            let pixels = (0..step.batch * space.input.len()).map(wave).collect();
            let labels = (0..step.batch as u16).map(|i| i % space.classes).collect();
            let outputs = 0..step.batch * usize::from(space.classes);
            let targets: Vec<f32> = match (space.head, self.config.loss.is_plain()) {
                (Head::Classes, true) => Vec::new(),
                (Head::Classes | Head::Labels, _) => outputs.map(|i| wave(3 * i).powi(2)).collect(),
                (Head::Values, _) => outputs.map(|i| 2.0 * wave(3 * i)).collect(),
            };
            let weights = match space.head {
                Head::Classes => {
                    targets.chunks(space.classes.into()).map(|row| row.iter().sum()).collect()
                }
                Head::Labels | Head::Values => Vec::new(),
            };
            let examples = Examples { pixels, labels, targets, weights };
            Ok(UpdateData { examples, archs: draw(&space, step, key, update)? })
        };
        (0..self.updates).map(data).collect()
    }
}

/// The built-in configuration with another enhancement and additional TOML text.
pub fn config(enhancement: &str, step: &str) -> Result<RunConfig> {
    let text = format!("{}{step}", CONFIG.replacen("prelu+oe", enhancement, 1));
    RunConfig::parse(&text, "agreement.toml")
}

/// Updates of every kind, and in every tiling.
pub fn cases() -> Result<Vec<Case>> {
    let untrained = HALVES.replace("temperature = 2.0", "teacher = \"untrained\"");
    let exclusive = HALVES.replace("halves", "exclusive");
    let clipped = HALVES.replace("k = 3", "k = 3\nclip = 0.5");
    let shared = config("prelu+oe", "")?;
    // Rounding errors grow with every update and with the learning rate.
    let mut slow = config("prelu+oe", "")?;
    slow.steps[0].lr = 0.01;
    let mut cases = vec![
        Case::new("an update", shared.clone()),
        Case { updates: 20, tolerance: 2e-4, ..Case::new("20 updates", slow) },
        Case::new("an update without enhancement", config("none", "")?),
        Case::new("an update of halves", config("oe", HALVES)?),
        Case::new("an update of exclusive branches", config("prelu+oe", &exclusive)?),
        Case::new("an update with the untrained teacher", config("prelu+oe", &untrained)?),
        Case::new("an update with clipping", config("prelu+oe", &clipped)?),
    ];
    for (space, text) in OTHERS {
        for (scheme, text) in [("", text.to_owned()), (" of halves", format!("{text}{HALVES}"))] {
            let config = RunConfig::parse(&text, "agreement.toml")?;
            cases.push(Case::new(format!("an update of {space}{scheme}"), config));
        }
    }
    let mut soft = config("oe", HALVES)?;
    soft.loss.label_smoothing = 0.1;
    cases.push(Case::new("an update with soft targets", soft));
    for (what, head) in [("labels", Head::Labels), ("values", Head::Values)] {
        let case = Case::new(format!("an update of {what}"), config("oe", HALVES)?);
        cases.push(Case { head, ..case });
    }
    for (tiling, variant) in VARIANTS.into_iter().enumerate().skip(1) {
        let case = Case::new(format!("an update in tiling {tiling}"), shared.clone());
        cases.push(Case { variant, ..case });
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_has_paths_of_two_resolutions() {
        let found = cases().unwrap();
        let case = found.iter().find(|case| case.what.ends_with("two resolutions")).unwrap();
        let space = case.config.space();
        let sides: std::collections::BTreeSet<u16> =
            case.data().unwrap()[0].archs.iter().map(|arch| arch.image(&space).height).collect();
        assert_eq!(sides.into_iter().collect::<Vec<_>>(), [8, 12]);
    }
}
