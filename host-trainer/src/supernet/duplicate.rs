//! Starting a branch scheme from a coarser one by copying its weights.

use supernano_core::plan::BranchScheme;

use super::weights::{Layout, Weights};
pub use crate::config::origins;

impl Weights {
    /// The same weights under a finer branch scheme: every branch starts as a copy, so that every
    /// sub-network computes exactly what it computed before. `None` where `scheme` does not divide
    /// the present one. Optimiser state is not carried over: a step starts with none.
    pub fn duplicated(&self, scheme: BranchScheme) -> Option<Self> {
        let old = &self.layout;
        let origins = origins(old.space, old.enhancement, old.scheme, scheme)?;
        let layout = Layout::new(old.space, old.enhancement, scheme);
        let mut values = Vec::with_capacity(layout.len());
        for e in &layout.entries {
            let slope = e.role == super::Role::Slope;
            let origin = if slope { 0 } else { origins[e.layer][usize::from(e.branch)] };
            values.extend_from_slice(self.tensor(old.find(e.role, e.layer, e.shortcut, origin)));
        }
        Some(Self { layout, values })
    }
}
