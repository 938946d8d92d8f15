//! Starting a branch scheme from a coarser one by copying its weights.

use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, branches, resolve};
use supernano_core::space::Space;

use super::weights::{Layout, Weights};

/// For every layer the old branch that each new branch starts from; `None` where a new branch
/// would need two old ones, that is where `new` does not divide `old`. A new branch that no option
/// uses starts from the last old branch not above it.
pub fn origins(
    space: &Space<'_>,
    enhancement: Enhancement,
    old: BranchScheme,
    new: BranchScheme,
) -> Option<Vec<Vec<u8>>> {
    let most = space.layers.iter().map(|l| l.widths.len()).max().unwrap_or(0);
    let mut table: Vec<Vec<Option<u8>>> = (0..space.layers.len())
        .map(|i| vec![None; usize::from(branches(space, i, enhancement, new))])
        .collect();
    for option in 0..most {
        let free = space.free_layers().map(|i| option.min(space.layers[i].widths.len() - 1) as u8);
        let arch = Arch::from_options(space, free).ok()?;
        let before = resolve(space, &arch, enhancement, old);
        let after = resolve(space, &arch, enhancement, new);
        for (row, (before, after)) in table.iter_mut().zip(before.layers.iter().zip(&after.layers))
        {
            let origin = &mut row[usize::from(after.branch)];
            if origin.is_some_and(|o| o != before.branch) {
                return None;
            }
            *origin = Some(before.branch);
        }
    }
    let filled = table.into_iter().map(|row| {
        let mut last = 0;
        row.into_iter()
            .map(|origin| {
                last = origin.unwrap_or(last);
                last
            })
            .collect()
    });
    Some(filled.collect())
}

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
