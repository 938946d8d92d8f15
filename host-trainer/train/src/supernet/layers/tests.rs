use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{BUILTIN, Shortcut};

use super::*;

/// A convolution, an identity block and a projection block; a convolution is its name.
fn layers() -> Layers<&'static str> {
    let blocks =
        [Block::Conv, Block::Residual(Shortcut::Identity), Block::Residual(Shortcut::Projection)];
    Layers::of_blocks(&blocks, vec!["a", "b", "c", "d", "e", "f"])
}

#[test]
fn steps_connect_the_maps_in_the_order_of_execution() {
    let layers = layers();
    let found: Vec<_> = layers
        .executed()
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
    let last = visit(&layers(), Expression("x".into(), &alive), &mut pass);
    let stem = "a(x)";
    let identity = format!("c(b({stem}))+{stem}");
    assert_eq!(last.0, format!("e(d({identity}))+f({identity})"));
    // the output of a projection block while both of its operands are there
    assert_eq!((alive.get(), pass.most), (1, 3));
}

#[test]
fn layers_are_put_together_from_items_in_any_order() {
    let layers = layers();
    let mut made: Vec<(usize, String)> =
        layers.executed().map(|(step, name)| (step.index, name.to_string())).collect();
    made.reverse();
    assert_eq!(layers.assemble(made), layers.map(|_, name| name.to_string()));
}

#[test]
#[should_panic(expected = "operation 2")]
fn a_missing_item_is_named() {
    layers().assemble((0..6).filter(|&i| i != 2).map(|i| (i, ())).collect());
}

/// Every map is read until its last reader, and is then free; the steps of layers that two
/// sub-networks share are the same.
#[test]
fn the_steps_of_every_space_free_each_map_once() {
    for space in BUILTIN {
        for coded in supernano_base::codes::random_codes(space, 30, 3) {
            let plan = resolve(space, &coded.arch, Enhancement::NONE, BranchScheme::Shared);
            let layers = planned(space, &plan, |node| node.site);
            let mut free = vec![false; layers.steps().len() + 1];
            for (step, site) in layers.executed() {
                assert_eq!(step.site, *site);
                assert!(!free[step.input] && step.residual.is_none_or(|map| !free[map]));
                for map in step.frees.into_iter().flatten() {
                    assert!(!std::mem::replace(&mut free[map], true), "{} {map}", coded.written);
                }
            }
            let last = free.len() - 1;
            assert_eq!(free.iter().position(|free| !free), Some(last), "{}", coded.written);
        }
    }
}
