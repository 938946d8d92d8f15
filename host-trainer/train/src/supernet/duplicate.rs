//! Starting a branch scheme from a coarser one by copying its tensors.

use supernano_core::plan::BranchScheme;

use super::weights::{Layout, Weights};
pub use supernano_base::config::origins;

impl Layout {
    /// For every tensor under a finer branch scheme, the one of this layout that it starts as a copy
    /// of. `None` where `scheme` does not divide the present one.
    pub fn origins(&self, scheme: BranchScheme) -> Option<Vec<usize>> {
        if scheme == self.scheme {
            return Some((0..self.entries.len()).collect());
        }
        let origins = origins(&self.space(), self.enhancement, self.scheme, scheme)?;
        let new = Self::new(self.shared_space(), self.enhancement, scheme);
        let of = |e: &super::Entry| {
            let slope = e.role == super::Role::Slope;
            let origin = if slope { 0 } else { origins[e.layer][usize::from(e.branch)] };
            self.find(e.role, e.layer, e.shortcut, origin)
        };
        Some(new.entries.iter().map(of).collect())
    }
}

impl Weights {
    /// The same weights under a finer branch scheme: every branch starts as a copy, so that every
    /// sub-network computes exactly what it computed before. `None` where `scheme` does not divide
    /// the present one.
    pub fn duplicated(&self, scheme: BranchScheme) -> Option<Self> {
        let old = &self.layout;
        let layout = Layout::new(old.shared_space(), old.enhancement, scheme);
        Some(self.copied(layout, &old.origins(scheme)?))
    }

    /// Tensor `i` of `layout` is a copy of tensor `origins[i]`.
    pub(crate) fn copied(&self, layout: Layout, origins: &[usize]) -> Self {
        let values = origins.iter().flat_map(|&i| self.tensor(i).iter().copied()).collect();
        Self { layout, values }
    }
}
