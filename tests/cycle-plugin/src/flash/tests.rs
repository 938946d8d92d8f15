use super::{Flash, Geometry};

#[test]
fn lines_are_read_once_while_they_are_kept() {
    let mut flash = Flash::new(Geometry { line: 16, code: 2, constants: 1 });
    flash.execute(0x100, 0x120); // two lines
    flash.execute(0x100, 0x102);
    assert_eq!(flash.code_lines, 2);
    flash.execute(0x200, 0x202); // replaces 0x110, the line that was used longest ago
    flash.execute(0x100, 0x102);
    assert_eq!(flash.code_lines, 3);
    flash.execute(0x110, 0x112);
    assert_eq!(flash.code_lines, 4);
    for address in [0x1000, 0x1004, 0x100c, 0x1010, 0x1000] {
        flash.read(address);
    }
    assert_eq!(flash.constant_lines, 3);
    flash.reset();
    flash.execute(0x110, 0x112);
    assert_eq!((flash.code_lines, flash.constant_lines), (0, 0));
}

#[test]
fn code_that_ends_at_the_end_of_a_line_reads_that_line_only() {
    let mut flash = Flash::new(Geometry { line: 16, code: 4, constants: 1 });
    flash.execute(0x10e, 0x110);
    assert_eq!(flash.code_lines, 1);
    flash.execute(0x10e, 0x112);
    assert_eq!(flash.code_lines, 2);
}
