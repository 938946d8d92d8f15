//! The checks that a space passes before anything uses it.

use super::{
    Block, GLOBAL, Layer, MAX_LAYERS, MAX_STAGES, Padding, PlacedBlock, Shape, Shortcut, Skip,
    Space,
};
use crate::error::{Error, SpaceProblem};
use crate::graph::{Form, MAX_CHANNELS, MAX_CLASSES, MAX_TENSOR_BYTES, padded};

type Checked = Result<(), (usize, SpaceProblem)>;

/// Succeeds if a condition holds; otherwise names the layer and the problem.
fn require(holds: bool, layer: usize, problem: SpaceProblem) -> Checked {
    if holds { Ok(()) } else { Err((layer, problem)) }
}

fn ascending<T: PartialOrd>(options: &[T]) -> bool {
    !options.is_empty()
        && options.len() <= usize::from(u8::MAX)
        && options.windows(2).all(|w| w[0] < w[1])
}

impl Space<'_> {
    /// Checks every property that the rest of the crate relies on.
    ///
    /// # Errors
    /// [`Error::Space`] with the layer and the problem.
    pub fn validate(&self) -> Result<(), Error> {
        self.checked().map_err(|(layer, problem)| Error::Space { layer, problem })
    }

    fn checked(&self) -> Checked {
        require(self.layers.len() <= MAX_LAYERS, MAX_LAYERS, SpaceProblem::TooManyLayers)?;
        let filled = !self.input.is_empty() && !self.layers.is_empty();
        let outputs = (1..=MAX_CLASSES).contains(&self.classes);
        require(filled && outputs && self.input.channels <= MAX_CHANNELS, 0, SpaceProblem::Empty)?;
        let last = self.layers.len() - 1;
        let consumed: usize = self.blocks.iter().map(|b| b.layers()).sum();
        require(consumed == self.layers.len(), last, SpaceProblem::BlockCount)?;
        self.check_rule()?;
        self.check_resolutions()?;
        for (i, layer) in self.layers.iter().enumerate() {
            layer.check().map_err(|problem| (i, problem))?;
            self.check_tie(i)?;
        }
        self.check_stages()?;
        let projections =
            self.blocks.iter().filter(|b| **b == Block::Residual(Shortcut::Projection));
        let all = self.layers.len() + projections.count();
        require(all <= MAX_LAYERS, last, SpaceProblem::TooManyLayers)?;
        for placed in self.placed_blocks() {
            self.check_forms(placed)?;
        }
        for option in 0..self.resolutions.len().max(1) {
            self.check_maps(self.image(option as u8))?;
        }
        for placed in self.placed_blocks() {
            self.check_block(placed)?;
        }
        require(self.checked_size().is_some(), last, SpaceProblem::Size)
    }

    /// The enhancement keeps the order of the widths.
    fn check_rule(&self) -> Checked {
        let rule = self.enhanced;
        let legal = rule.iter().all(|&[from, to]| from > 0 && (1..=MAX_CHANNELS).contains(&to));
        let sorted = rule.windows(2).all(|w| w[0][0] < w[1][0]);
        require(legal && sorted, 0, SpaceProblem::Enhancement)?;
        for (i, layer) in self.layers.iter().enumerate().filter(|(_, layer)| !layer.expands) {
            let keeps = layer.widths.windows(2).all(|w| self.enhanced(w[0]) <= self.enhanced(w[1]));
            let whole = layer.widths.iter().all(|&w| w == 0 || self.enhanced(w) <= MAX_CHANNELS);
            require(keeps || !ascending(layer.widths), i, SpaceProblem::Enhancement)?;
            require(whole, i, SpaceProblem::Widths)?;
        }
        Ok(())
    }

    fn check_resolutions(&self) -> Checked {
        let (sides, input) = (self.resolutions, self.input);
        let legal = sides.is_empty()
            || (ascending(sides)
                && sides[0] > 0
                && [input.height, input.width].iter().all(|side| sides.last() == Some(side)));
        require(legal, 0, SpaceProblem::Resolution)
    }

    fn check_tie(&self, i: usize) -> Checked {
        let Some(tie) = self.layers[i].same_as.map(usize::from) else { return Ok(()) };
        let block = |layer: usize| {
            self.placed_blocks().find(|b| (b.first..=b.last()).contains(&layer)).map(|b| b.index)
        };
        let legal = tie < i
            && self.layers[tie].same_as.is_none()
            && self.layers[tie].widths == self.layers[i].widths
            && !self.layers[i].widths.is_empty()
            && !self.layers[i].expands
            && !self.layers[tie].expands;
        // A width that is read exists in every sub-network with the layer that reads it.
        let exists =
            || block(tie).is_some_and(|tied| !self.is_optional(tied) || Some(tied) == block(i));
        require(legal && exists(), i, SpaceProblem::Tie)
    }

    fn check_stages(&self) -> Checked {
        require(self.stages.len() <= MAX_STAGES, 0, SpaceProblem::Stage)?;
        let mut free = 0;
        for stage in self.stages {
            let (first, blocks) = (usize::from(stage.first), stage.blocks());
            let legal = ascending(stage.depths) && stage.depths[0] > 0 && first >= free;
            free = first + blocks;
            let layer = self.placed_blocks().nth(first).map_or(0, |b| b.first);
            require(legal && free <= self.blocks.len(), layer, SpaceProblem::Stage)?;
        }
        Ok(())
    }

    /// The layers of a block have the forms that its kind names.
    fn check_forms(&self, placed: PlacedBlock) -> Checked {
        let forms: &[Form] = match placed.block {
            Block::Conv => &[Form::Full],
            Block::Residual(_) => &[Form::Full, Form::Full],
            Block::Separable => &[Form::Depthwise, Form::Full],
            Block::Inverted(_) => &[Form::Full, Form::Depthwise, Form::Full],
            Block::Dense => &[Form::Dense],
            Block::Pool if self.layers[placed.first].form == Form::Average => &[Form::Average],
            Block::Pool => &[Form::Maximum],
        };
        let pointed = matches!(placed.block, Block::Separable | Block::Inverted(_));
        for (i, form) in (placed.first..).zip(forms) {
            let layer = &self.layers[i];
            let point = !pointed
                || *form != Form::Full
                || (layer.kernels == [[1, 1]] && layer.stride == [1, 1]);
            let expands = pointed && forms.len() == 3 && i == placed.first;
            let fits = layer.form == *form && point && layer.expands == expands;
            require(fits, i, SpaceProblem::Block)?;
        }
        Ok(())
    }

    /// Every layer has an output, which a blob can hold.
    fn check_maps(&self, image: Shape) -> Checked {
        let mut read = Shape { channels: 0, ..image };
        let largest = Shape { channels: 0, ..self.input };
        for (i, layer) in self.layers.iter().enumerate() {
            let same = layer.form != Form::Dense || self.input_at(i, largest) == read;
            require(same, i, SpaceProblem::Dense)?;
            read = layer.output(layer.kernel(), read, 0).ok_or((i, SpaceProblem::Window))?;
            let channels = layer.widths.last().map_or(0, |&w| self.enhanced(w));
            let bytes = read.pixels() as u64 * padded(channels) as u64;
            require(bytes <= MAX_TENSOR_BYTES, i, SpaceProblem::Memory)?;
        }
        Ok(())
    }

    fn check_block(&self, placed: PlacedBlock) -> Checked {
        let (first, last) = (placed.first, placed.last());
        if placed.index == 0 {
            let expands = |i: usize| self.layers[i].widths.first().is_some_and(|&e| e > 1);
            let reads = match placed.block {
                Block::Conv | Block::Residual(_) | Block::Dense => true,
                Block::Separable | Block::Pool => false,
                Block::Inverted(_) => expands(first),
            };
            let adds = placed.block == Block::Residual(Shortcut::Identity);
            require(
                reads && !adds,
                first,
                if adds { SpaceProblem::Identity } else { SpaceProblem::Image },
            )?;
        }
        let identity = matches!(
            placed.block,
            Block::Residual(Shortcut::Identity) | Block::Inverted(Skip::Identity)
        );
        if identity {
            let width = |block: usize| {
                let end = self.placed_blocks().nth(block)?.last();
                (!self.layers[end].widths.is_empty()).then(|| self.source(end))
            };
            let own = width(placed.index);
            let mut before = self.predecessors(placed.index).peekable();
            let same = before.peek().is_some() && before.all(|block| width(block) == own);
            let legal = same && own.is_some() && self.keeps_resolution(placed);
            require(legal, last, SpaceProblem::Identity)?;
        }
        if matches!(placed.block, Block::Residual(_)) {
            require(self.layers[last].stride == [1, 1], last, SpaceProblem::Stride)?;
            // The projection has the size of the second layer's output.
            let projected =
                self.geometry(super::Site::Shortcut(last)).output(self.input_of(first), 0);
            let fits = projected == Some(self.output_of(last));
            require(fits, last, SpaceProblem::Window)?;
        }
        if let Block::Inverted(_) = placed.block {
            self.check_expansion(first)?;
        }
        let keeps = !self.is_optional(placed.index) || self.keeps_resolution(placed);
        require(keeps, first, SpaceProblem::Depth)
    }

    fn check_expansion(&self, layer: usize) -> Checked {
        let [input, _] = self.widest(|width| self.enhanced(width).max(width))[layer];
        let most = self.layers[layer].widths.last().copied().unwrap_or(0);
        let fits = u32::from(most) * u32::from(input) <= u32::from(MAX_CHANNELS);
        require(fits, layer, SpaceProblem::Expansion)
    }
}

impl Layer<'_> {
    /// Checks what concerns the layer alone.
    fn check(&self) -> Result<(), SpaceProblem> {
        let free = matches!(self.form, Form::Full | Form::Dense);
        let pool = matches!(self.form, Form::Maximum | Form::Average);
        let widths = match (free, self.expands) {
            (true, false) => {
                ascending(self.widths)
                    && self.widths[0] > 0
                    && self.widths.iter().all(|&w| w <= MAX_CHANNELS)
            }
            (true, true) => ascending(self.widths) && self.widths[0] > 0,
            (false, expands) => self.widths.is_empty() && !expands && self.same_as.is_none(),
        };
        let problem = if self.expands { SpaceProblem::Expansion } else { SpaceProblem::Widths };
        let check = |holds, problem| if holds { Ok(()) } else { Err(problem) };
        check(widths, problem)?;
        check(self.form != Form::Add, SpaceProblem::Block)?;
        let (rows, columns) = if pool { (1..=255, 1..=255) } else { (1..=16, 1..=7) };
        let global = pool && self.kernels == [GLOBAL];
        let kernel = |&[h, w]: &[u8; 2]| {
            let odd = self.padding != Padding::Half || (h % 2 == 1 && w % 2 == 1);
            rows.contains(&h) && columns.contains(&w) && odd
        };
        let nested = |w: &[[u8; 2]]| {
            let grows = |axis: usize| {
                w[0][axis] <= w[1][axis] && (w[1][axis] - w[0][axis]).is_multiple_of(2)
            };
            w[0] != w[1] && grows(0) && grows(1)
        };
        let several = self.kernels.len() <= 1
            || (self.padding != Padding::Valid && self.kernels.windows(2).all(nested));
        let some = !self.kernels.is_empty() && self.kernels.len() <= usize::from(u8::MAX);
        let point = self.form != Form::Dense || self.kernels == [[1, 1]];
        let legal = global || self.kernels.iter().all(kernel);
        check(some && point && several && legal, SpaceProblem::Kernel)?;
        let [down, across] = self.stride;
        let strides = match pool {
            true => down > 0 && across > 0,
            false => (1..=4).contains(&down) && (1..=2).contains(&across),
        };
        check(strides && (!global || self.stride == [1, 1]), SpaceProblem::Stride)?;
        check(!pool || self.activation == super::Activation::None, SpaceProblem::Activation)
    }
}
