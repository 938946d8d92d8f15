//! The branch of a coarser scheme from which each branch of a finer scheme starts.

use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, branches, resolve};
use supernano_core::space::{Choice, Space};

/// For every layer, the old branch from which each new branch starts. `None` if a new branch would
/// start from two old ones, which means that `new` does not divide `old`. A new branch that no
/// option uses starts from the same old branch as the new branch before it.
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
    let depths = space.stages.iter().map(|stage| stage.depths.len()).max().unwrap_or(1);
    for (option, depth) in (0..most).flat_map(|option| (0..depths).map(move |d| (option, d))) {
        let options = space.choices().map(|choice| {
            let wanted = if matches!(choice, Choice::Depth(_)) { depth } else { option };
            wanted.min(space.options(choice) - 1) as u8
        });
        let arch = Arch::from_options(space, options).ok()?;
        let before = resolve(space, &arch, enhancement, old);
        let after = resolve(space, &arch, enhancement, new);
        let layers = before.layers.iter().zip(&after.layers);
        for (row, (before, after)) in table.iter_mut().zip(layers).filter(|(_, (b, _))| b.kept) {
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
