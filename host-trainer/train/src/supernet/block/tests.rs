use supernano_core::space::{RESNET8, RESNET20};

use super::*;

/// A convolution, an identity block and a projection block; a convolution is its name.
fn blocks() -> Vec<ConvBlock<&'static str>> {
    vec![
        ConvBlock::Conv("a"),
        ConvBlock::Residual { first: "b", second: "c", shortcut: None },
        ConvBlock::Residual { first: "d", second: "e", shortcut: Some("f") },
    ]
}

#[test]
fn steps_connect_the_maps_in_the_order_of_execution() {
    let blocks = blocks();
    let found: Vec<_> = executed(&blocks)
        .into_iter()
        .map(|(s, &name)| (name, s.index, s.block, s.site, s.part, s.input, s.residual))
        .collect();
    assert_eq!(
        found,
        [
            ("a", 0, 0, Site::Layer(0), BlockPart::Single, 0, None),
            ("b", 1, 1, Site::Layer(1), BlockPart::First, 1, None),
            ("c", 2, 1, Site::Layer(2), BlockPart::Second, 2, Some(1)),
            ("d", 3, 2, Site::Layer(3), BlockPart::First, 3, None),
            ("f", 5, 2, Site::Shortcut(4), BlockPart::Shortcut, 3, None),
            ("e", 4, 2, Site::Layer(4), BlockPart::Second, 4, Some(5)),
        ]
    );
}

/// Maps are the expressions that they hold.
struct Written<'a> {
    /// Maps that are alive, of those that this pass has made.
    alive: &'a std::cell::Cell<usize>,
    most: usize,
}

struct Expression<'a>(String, &'a std::cell::Cell<usize>);

impl Drop for Expression<'_> {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

impl<'a> Visitor<&'static str> for Written<'a> {
    type FeatureMap = Expression<'a>;

    fn conv(
        &mut self,
        _: &Step,
        conv: &&'static str,
        x: &Expression<'a>,
        residual: Option<&Expression<'a>>,
    ) -> Expression<'a> {
        self.alive.set(self.alive.get() + 1);
        self.most = self.most.max(self.alive.get());
        let added = residual.map_or_else(String::new, |r| format!("+{}", r.0));
        Expression(format!("{conv}({}){added}", x.0), self.alive)
    }
}

#[test]
fn a_pass_keeps_a_map_as_long_as_it_is_read() {
    let alive = std::cell::Cell::new(1);
    let mut pass = Written { alive: &alive, most: 0 };
    let last = visit(&blocks(), Expression("x".into(), &alive), &mut pass);
    let stem = "a(x)";
    let identity = format!("c(b({stem}))+{stem}");
    assert_eq!(last.0, format!("e(d({identity}))+f({identity})"));
    // the output of a projection block while both of its operands are there
    assert_eq!((alive.get(), pass.most), (1, 3));
}

#[test]
fn blocks_are_put_together_from_items_in_any_order() {
    let blocks = blocks();
    let mut made: Vec<(usize, String)> =
        executed(&blocks).into_iter().map(|(step, name)| (step.index, name.to_string())).collect();
    made.reverse();
    assert_eq!(assemble(&blocks, made), map_blocks(&blocks, |_, name| name.to_string()));
}

#[test]
#[should_panic(expected = "convolution 2")]
fn a_missing_item_is_named() {
    assemble(&blocks(), (0..6).filter(|&i| i != 2).map(|i| (i, ())).collect());
}

#[test]
fn the_blocks_of_a_space_have_its_layers_and_shortcuts() {
    for space in [RESNET20, RESNET8] {
        let blocks = space_blocks(&space);
        let kinds: Vec<space::Block> = blocks.iter().map(ConvBlock::kind).collect();
        assert_eq!(kinds, space.blocks);
        let nodes: Vec<ConvNode> = space.convs().collect();
        let found = executed(&blocks);
        assert_eq!(found.len(), nodes.len());
        for ((step, site), node) in found.into_iter().zip(nodes) {
            assert_eq!((step.site, *site), (node.site, node.site));
            assert_eq!((step.input, step.residual), (node.input, node.residual));
        }
    }
}
