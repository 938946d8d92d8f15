//! Starts a finer branch scheme from copies of the tensors of a coarser one (section 2.3 of arXiv
//! 2108.05866).

use supernano_core::plan::BranchScheme;

use super::weights::{Layout, Role, Weights};
pub use supernano_base::config::origins;

impl Layout {
    /// For every tensor of the layout under `scheme`, the index of the tensor of this layout that
    /// it is copied from. `None` if the branches of `scheme` do not divide those of this layout.
    pub fn origins(&self, scheme: BranchScheme) -> Option<Vec<usize>> {
        if scheme == self.scheme {
            return Some((0..self.entries.len()).collect());
        }
        let origins = origins(&self.space(), self.enhancement, self.scheme, scheme)?;
        let of = |e: &super::Entry| {
            let origin = match e.role {
                // The branches share these.
                Role::Slope | Role::Transformation(_) => 0,
                _ => origins[e.layer][usize::from(e.branch)],
            };
            self.find(e.role, e.layer, e.shortcut, origin)
        };
        Some(self.under(scheme).entries.iter().map(of).collect())
    }
}

impl Weights {
    /// The same weights under a finer branch scheme. Every branch starts as a copy, so every
    /// sub-network computes the same logits as before. `None` if the branches of `scheme` do not
    /// divide those of this layout.
    pub fn duplicated(&self, scheme: BranchScheme) -> Option<Self> {
        let origins = self.layout.origins(scheme)?;
        Some(self.copied(self.layout.under(scheme), &origins))
    }

    /// Weights of `layout` whose tensor `i` is a copy of tensor `origins[i]`.
    pub(crate) fn copied(&self, layout: Layout, origins: &[usize]) -> Self {
        let values = origins.iter().flat_map(|&i| self.tensor(i).iter().copied()).collect();
        Self { layout, values }
    }
}
