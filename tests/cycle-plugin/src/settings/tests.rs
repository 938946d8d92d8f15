use super::Settings;
use crate::flash::Geometry;
use crate::timing::Core;

#[test]
fn arguments_are_read() {
    let read = Settings::parse([
        "out=/x/sums",
        "timer=0x40000004",
        "core=cortex-m0",
        "core=cortex-m0+",
        "flash=16:64:8",
        "constants=0x0:0x400000",
    ])
    .unwrap();
    assert_eq!((read.out.as_str(), read.timer), ("/x/sums", 0x4000_0004));
    assert_eq!(read.cores, [Core::M0, Core::M0Plus]);
    assert_eq!(read.flash, [Geometry { line: 16, code: 64, constants: 8 }]);
    assert_eq!(read.constants, [(0, 0x40_0000)]);
}

#[test]
fn a_wrong_argument_is_named() {
    for wrong in
        ["core=cortex-m7", "flash=12:1:1", "flash=16:0:1", "flash=16:1", "timer=x", "colour=1", "x"]
    {
        let problem = Settings::parse(["out=a", "timer=0", wrong]).unwrap_err();
        assert!(problem.contains(wrong), "{problem}");
    }
    assert!(Settings::parse(["timer=0"]).unwrap_err().contains("out"));
    assert!(Settings::parse(["out=a"]).unwrap_err().contains("timer"));
}
