use std::string::ToString;

use super::*;
use crate::space::{
    AUTOENCODER, BUILTIN, CONV1D, DS_CNN, MOBILENET_V1_025, MOBILENET_V2_TINY, RESNET8, RESNET20,
};
use crate::testnet::Random;

#[test]
fn codes_are_read_and_written_with_the_twentieth_number_ignored() {
    let text = "4-8-4-12-4-12-12-8-32-24-8-4-32-20-64-44-44-8-40";
    let arch = Arch::parse(&RESNET20, text).unwrap();
    assert_eq!(arch.display(&RESNET20).to_string(), text);
    assert_eq!(Arch::parse(&RESNET20, &std::format!("{text}-48")), Ok(arch));
}

/// Numbers of the first release, in which codes had 64 bits.
#[test]
fn numbers_of_residual_networks_are_those_of_old_files() {
    for (space, text, number) in [
        (RESNET20, "4-8-4-12-4-12-12-8-32-24-8-4-32-20-64-44-44-8-40", 5_111_604_984_130_073),
        (RESNET8, "12-4-16-32-64-8", 139_249),
    ] {
        let arch = Arch::parse(&space, text).unwrap();
        assert_eq!(arch.code(&space), ArchCode(number));
        assert_eq!(Arch::from_code(&space, ArchCode(number)), Ok(arch));
    }
}

#[test]
fn packing_is_a_bijection() {
    for space in [RESNET8, RESNET20] {
        for i in 0..1000 {
            let code = ArchCode(space.size() / 1000 * i + i % 7);
            assert_eq!(Arch::from_code(&space, code).unwrap().code(&space), code);
        }
        assert_eq!(Arch::smallest(&space).code(&space), ArchCode(0));
        assert_eq!(Arch::largest(&space).code(&space), ArchCode(space.size() - 1));
    }
}

#[test]
fn tied_layers_follow_and_are_not_written() {
    let arch = Arch::parse(&RESNET8, "12-4-8-16-32-64").unwrap();
    assert_eq!(arch.nominal(&RESNET8, 2), Nominal(12));
    assert_eq!(arch.display(&RESNET8).to_string(), "12-4-8-16-32-64");
}

#[test]
fn bad_codes_are_refused_with_numbers() {
    let parse = |text| Arch::parse(&RESNET8, text).unwrap_err();
    assert_eq!(parse("4-4"), Error::CodeLength { expected: 6, found: 2 });
    assert_eq!(parse("4-4-4-4-4-4-4"), Error::CodeLength { expected: 6, found: 7 });
    assert_eq!(parse("4-x-4-4-4-4"), Error::CodeSyntax { position: 1 });
    assert_eq!(parse("4-+4-4-4-4-4"), Error::CodeSyntax { position: 1 });
    assert_eq!(parse(""), Error::CodeLength { expected: 6, found: 1 });
    assert_eq!(
        parse("4-4-4-4-4-99"),
        Error::WidthNotOffered { layer: 6, width: 99, smallest: 4, largest: 64 }
    );
    let size = RESNET8.size() as u64;
    assert_eq!(
        Arch::from_code(&RESNET8, ArchCode(size.into())),
        Err(Error::CodeOutOfRange { size, found: size })
    );
}

/// A random number below `size`.
fn below(random: &mut Random, size: u128) -> u128 {
    (u128::from(random.next()) << 64 | u128::from(random.next())) % size
}

#[test]
fn texts_numbers_and_networks_of_all_spaces_are_one() {
    let mut random = Random(7);
    for space in BUILTIN {
        let mut shortest = usize::MAX;
        for _ in 0..400 {
            let number = below(&mut random, space.size());
            let arch = Arch::from_code(space, ArchCode(number)).unwrap();
            let text = arch.display(space).to_string();
            assert_eq!(Arch::parse(space, &text).as_ref(), Ok(&arch), "{text}");
            // The number of a network is the smallest that gives it.
            let code = arch.code(space);
            assert!(code.0 <= number);
            assert_eq!(Arch::from_code(space, code).as_ref(), Ok(&arch));
            let options = space.choices().map(|choice| arch.option(choice));
            assert_eq!(Arch::from_options(space, options).as_ref(), Ok(&arch));
            shortest = shortest.min(text.len());
        }
        for arch in [Arch::smallest(space), Arch::largest(space)] {
            let text = arch.display(space).to_string();
            assert_eq!(Arch::parse(space, &text), Ok(arch));
        }
        assert_eq!(Arch::largest(space).code(space).0, space.size() - 1, "{}", space.name);
    }
}

#[test]
fn texts_of_new_spaces_are_the_documented_ones() {
    let text = |space: &Space<'_>, arch: Arch| arch.display(space).to_string();
    let v2 = &MOBILENET_V2_TINY;
    let least = "r48-4-4-d1-8e3k3-d1-12e3k3-d1-16e3k3-d1-24e3k3-d1-32e3k3";
    assert_eq!(text(v2, Arch::smallest(v2)), least);
    let most = text(v2, Arch::largest(v2));
    assert!(most.starts_with("r128-16-16-d3-24e6k7-24e6k7-24e6k7-d3-32e6k7"), "{most}");
    assert_eq!(text(&DS_CNN, Arch::smallest(&DS_CNN)), "16-d1-16");
    assert_eq!(text(&CONV1D, Arch::smallest(&CONV1D)), "8-d1-8k3x1-8");
    assert_eq!(text(&AUTOENCODER, Arch::smallest(&AUTOENCODER)), "d1-32-4-d1-32");
    for (space, known) in [
        (MOBILENET_V1_025, "8-16-32-32-64-64-d6-128-128-128-128-128-128-256-256"),
        (DS_CNN, "64-d4-64-64-64-64"),
        (AUTOENCODER, "d4-128-128-128-128-8-d4-128-128-128-128"),
    ] {
        assert_eq!(text(&space, Arch::parse(&space, known).unwrap()), known);
    }
}

#[test]
fn equal_networks_have_equal_codes() {
    // Options of the blocks that a depth of 1 leaves out are ignored.
    let space = &DS_CNN;
    let choices: std::vec::Vec<_> = space.choices().collect();
    let options = |last: u8| {
        choices.iter().map(move |c| match c {
            Choice::Width(8) => last,
            _ => 0,
        })
    };
    let arch = Arch::from_options(space, options(5)).unwrap();
    assert_eq!(arch, Arch::from_options(space, options(0)).unwrap());
    // Every number gives one of the networks; they are as many as the space says.
    let small = Space {
        layers: &[
            crate::space::Layer::conv(&[4, 8], 3, 1),
            crate::space::Layer::conv(&[4, 8, 12], 3, 1),
            crate::space::Layer::conv(&[4, 8], 3, 1),
            crate::space::Layer::conv(&[4, 8, 12], 3, 1),
        ],
        blocks: &[crate::space::Block::Conv; 4],
        stages: &[crate::space::Stage { first: 1, depths: &[1, 3] }],
        ..RESNET8
    };
    assert_eq!(small.validate(), Ok(()));
    let networks: std::collections::BTreeSet<Arch> =
        (0..small.size()).map(|code| Arch::from_code(&small, ArchCode(code)).unwrap()).collect();
    assert_eq!(networks.len() as u128, small.networks());
    assert_eq!((small.size(), small.networks()), (2 * 2 * 3 * 2 * 3, 2 * (3 + 3 * 2 * 3)));
    assert!(BUILTIN.iter().all(|space| space.networks() <= space.size()));
    assert_eq!(RESNET20.networks(), RESNET20.size());
}

#[test]
fn bad_parts_are_refused_with_their_position() {
    let parse = |text: &str| Arch::parse(&MOBILENET_V2_TINY, text).unwrap_err();
    let good = "r48-4-4-d1-8e3k3-d1-12e3k3-d1-16e3k3-d1-24e3k3-d1-32e3k3";
    let with = |from: &str, to: &str| parse(&good.replacen(from, to, 1));
    assert_eq!(with("r48", "r50"), Error::OptionNotOffered { position: 0, found: 50 });
    assert_eq!(with("r48", "48"), Error::CodeSyntax { position: 0 });
    assert_eq!(with("d1", "d4"), Error::OptionNotOffered { position: 3, found: 4 });
    assert_eq!(with("d1", "1"), Error::CodeSyntax { position: 3 });
    assert_eq!(with("8e3k3", "8e2k3"), Error::OptionNotOffered { position: 4, found: 2 });
    assert_eq!(with("8e3k3", "8e3k4"), Error::OptionNotOffered { position: 4, found: 4 });
    assert_eq!(with("8e3k3", "8e3k3x5"), Error::OptionNotOffered { position: 4, found: 3 });
    assert_eq!(with("8e3k3", "8k3e3"), Error::CodeSyntax { position: 4 });
    assert_eq!(with("8e3k3", "8e3k3 "), Error::CodeSyntax { position: 4 });
    assert_eq!(with("-32e3k3", ""), Error::CodeLength { expected: 13, found: 12 });
    let wide = Error::WidthNotOffered { layer: 5, width: 9, smallest: 8, largest: 24 };
    assert_eq!(with("8e3k3", "9e3k3"), wide);
}
