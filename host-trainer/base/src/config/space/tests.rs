use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, cost, resolve};
use supernano_core::space::{GLOBAL, PAPER, RESNET8};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct File {
    space: SpaceSpec,
}

fn read(text: &str) -> Result<SpaceSpec, String> {
    toml::from_str::<File>(text).map(|file| file.space).map_err(|e| e.to_string())
}

/// The spaces of the page `docs/own-space.md`.
fn documented() -> Vec<SpaceSpec> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/own-space.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|b| b.split("```").next().unwrap());
    let spaces: Vec<SpaceSpec> = blocks.map(|text| read(text).unwrap()).collect();
    assert_eq!(spaces.len(), 5);
    spaces
}

#[test]
fn documented_spaces_are_valid_and_are_read_as_they_are_written() {
    for spec in documented() {
        let space = spec.space(None);
        assert_eq!(space.validate(), Ok(()), "{}", space.name);
        let file = File { space: spec.clone() };
        let text = toml::to_string(&file).unwrap();
        assert_eq!(read(&text).unwrap(), spec, "{text}");
    }
    let spaces = documented();
    let pictures = spaces[0].space(None);
    let code = "r96-8-12-d2-12e3k5-16e4k3-32";
    let arch = Arch::parse(&pictures, code).unwrap();
    assert_eq!(arch.display(&pictures).to_string(), code);
    assert_eq!(pictures.enhanced, PAPER);
    assert_eq!(pictures.networks(), 4 * 4 * 3 * 3 * (36 + 36 * 36 + 36 * 36 * 36));
    let windows = spaces[3].space(None);
    assert_eq!(windows.layers[4].kernels, [GLOBAL]);
    assert_eq!(windows.layers[3].stride, [1, 1]);
    assert_eq!(windows.layers[2].stride, [2, 1]);
}

#[test]
fn residual_networks_are_the_same_in_both_grammars() {
    let lists = r#"
        [space]
        name = "small-resnet"
        classes = 10
        input = { height = 32, width = 32, channels = 3 }
        layers = [
            { widths = [4, 8, 12, 16] },
            { widths = [4, 8, 12, 16] },
            { widths = [4, 8, 12, 16], same_as = 0 },
            { widths = [4, 8, 12, 16, 20, 24, 28, 32], stride = 2 },
            { widths = [4, 8, 12, 16, 20, 24, 28, 32] },
        ]
        blocks = ["conv", "identity", "projection"]
    "#;
    let lists = read(lists).unwrap();
    assert_eq!(lists.space(None), documented()[4].space(None));
    assert!(lists.space(None).is_residual());
    // MLPerf Tiny's ResNet8 with the words of blocks.
    let text = r#"
        space = { name = "resnet8", classes = 10, input = { resolution = 32, channels = 3 }, block = [
            { conv = { widths = [4, 8, 12, 16] } },
            { residual = { shortcut = "identity", widths = [4, 8, 12, 16] } },
            { residual = { stride = 2, widths = [4, 8, 12, 16, 20, 24, 28, 32] } },
            { residual = { stride = 2, widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64] } },
        ] }
    "#;
    assert_eq!(read(text).unwrap().space(None), RESNET8);
}

/// Spaces of images of 28x28x1 and of 49x10x1: sizes of their largest networks.
#[test]
fn spaces_of_digits_and_keywords_have_the_costs_that_a_hand_counts() {
    let spaces = documented();
    let largest = |space: &Space<'_>| {
        let plan = resolve(space, &Arch::largest(space), Enhancement::NONE, BranchScheme::Shared);
        cost(space, &plan)
    };
    let keywords = spaces[1].space(None);
    // First layer, then depthwise 5x5 and pointwise, on 25x5 pixels.
    let macs = 125 * (40 * 64 + 4 * (25 * 64 + 64 * 64)) + 64 * 12;
    assert_eq!(largest(&keywords).macs, macs);
    let digits = spaces[2].space(None);
    let (at14, at7) = (196 * 9 * 16, 49 * (9 * 16 + 16 * 32));
    let residual = 49 * (32 * 32 * 9 * 2 + 32 * 32);
    assert_eq!(largest(&digits).macs, at14 + at7 + residual + 32 * 10);
}

#[test]
fn bad_tables_name_field_expected_and_found() {
    let good = r#"
        [space]
        name = "t"
        input = { height = 16, width = 16, channels = 3 }
        classes = 2
        [[space.block]]
        conv = { kernel = 3, stride = 2, widths = [4, 8] }
        [[space.block]]
        depth = [1, 2]
        inverted = { expansion = [2, 3], widths = [8, 16] }
        [[space.block]]
        pool = { kind = "average", kernel = "global" }
    "#;
    read(good).unwrap().space(None).validate().unwrap();
    for (from, to, words) in [
        ("kernel = 3,", "kernel = \"3y4\",", &["rows and columns", "3y4"][..]),
        ("kernel = 3,", "kernel = [3, 300],", &["a number such as 3", "300"]),
        ("kernel = 3,", "kernels = 3,", &["unknown field `kernels`", "kernel"]),
        ("kernel = 3,", "padding = \"full\",", &["full", "half", "same", "valid"]),
        ("stride = 2", "stride = [2]", &["rows and columns", "[2]"]),
        ("\"global\"", "\"local\"", &["global", "local"]),
        ("\"average\"", "\"median\"", &["median", "average"]),
        ("widths = [8, 16]", "widths = [8, \"x\"]", &["u16", "x"]),
        ("depth = [1, 2]", "depth = []", &["block 2", "depth"]),
        ("depth = [1, 2]", "depth = 21", &["block 2", "at most 63 layers"]),
        ("depth = [1, 2]", "dense = { widths = 4 }", &["block 2", "expected one of", "found 2"]),
        ("inverted = {", "inverse = {", &["unknown field `inverse`", "inverted"]),
        ("height = 16,", "", &["input", "`width` alone"]),
        ("height = 16,", "resolution = 16, height = 16,", &["input", "found both"]),
        ("classes = 2", "classes = 2\nenhance = { x = 3 }", &["enhance", "x"]),
        (
            "classes = 2",
            "classes = 2\nhead = { kind = \"boxes\" }",
            &["boxes", "classes", "values"],
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let error = read(&good.replacen(from, to, 1)).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{to}: {error}");
        }
        assert!(error.contains("space"), "{to}: {error}");
    }
}

/// Sub-networks of the documented spaces run on the device's executor: the packed kernels give the
/// values of the reference in every layer.
#[test]
fn networks_of_documented_spaces_run() {
    use supernano_core::exec::{Digest, Network};
    use supernano_core::kernel::{Host, Kernels, Packed, Reference};

    use crate::codes::random_codes;
    use crate::fixed;

    fn digest<K: Kernels>(blob: &crate::blob::Blob, kernels: K) -> u32 {
        let view = blob.view().unwrap();
        let network = Network::new(&view, kernels);
        let pixels = view.header().input().len();
        let image: Vec<u8> = (0..pixels).map(|i| (i * i / 7 + i) as u8).collect();
        let mut arena = vec![0; network.arena_words()];
        let mut logits = vec![0; view.classes()];
        let mut digest = Digest::new(&view);
        network.run(&image, &mut arena, &mut logits, &mut digest).unwrap();
        digest.finish(&logits)
    }

    let mut run = 0;
    for spec in documented() {
        let space = spec.space(None);
        for coded in random_codes(&space, 4, 1) {
            let plan = resolve(&space, &coded.arch, Enhancement::OE, BranchScheme::Shared);
            // Projections are no chain of layers; `lower`'s tests run them.
            let Some(net) = fixed::of_plan(&space, &plan) else { continue };
            let blob = fixed::blob(&net, 0, 3).unwrap();
            assert_eq!(digest(&blob, Packed(Host::default())), digest(&blob, Reference));
            run += 1;
        }
    }
    assert_eq!(run, 3 * 4);
}
