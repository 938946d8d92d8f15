//! The rule of rolled units (`core/docs/blob-format.md`).

use super::unit::read_from;
use crate::graph::{Conv, Form, Geometry, Graph};

/// True if the output of operation `op` may roll into the next operation. Both must be layers that
/// take rows, the next must read every row, and no other operation may read the output.
pub(crate) fn may_roll(graph: &impl Graph, op: usize) -> bool {
    let (Some(conv), Some(next)) = (graph.conv(op), graph.conv(op + 1)) else { return false };
    let takes_rows =
        |conv: &Conv| !matches!(conv.form, Form::Dense | Form::Add) && !conv.kind.winograd();
    if !takes_rows(&conv) || !takes_rows(&next) || conv.residual.is_some() {
        return false;
    }
    let alone = next.input == conv.output
        && next.residual != Some(conv.output)
        && !read_from(graph, op + 2, conv.output);
    let (rows, reader) = (graph.tensor(conv.output).shape, graph.tensor(next.output).shape);
    let Geometry { kernel: [kernel, _], stride: [down, _], padding: [above, ..] } = next.geometry;
    let last = usize::from(reader.height).saturating_sub(1) * usize::from(down);
    alone && usize::from(rows.height) + usize::from(above) <= last + usize::from(kernel)
}
