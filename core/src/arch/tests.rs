use std::string::ToString;

use super::*;
use crate::space::{RESNET8, RESNET20};

#[test]
fn codes_are_read_and_written_with_the_twentieth_number_ignored() {
    let text = "4-8-4-12-4-12-12-8-32-24-8-4-32-20-64-44-44-8-40";
    let arch = Arch::parse(&RESNET20, text).unwrap();
    assert_eq!(arch.display(&RESNET20).to_string(), text);
    assert_eq!(Arch::parse(&RESNET20, &std::format!("{text}-48")), Ok(arch));
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
    let size = RESNET8.size();
    assert_eq!(
        Arch::from_code(&RESNET8, ArchCode(size)),
        Err(Error::CodeOutOfRange { size, found: size })
    );
}
