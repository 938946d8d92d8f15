//! Pictures in folders, as users have them.

use std::fs;
use std::path::Path;

/// A BMP of 12x12 pixels in one colour with a bright bar.
pub fn picture(grey: u8, bar: usize) -> Vec<u8> {
    const SIDE: u32 = 12;
    let mut bytes = b"BM".to_vec();
    let size = 3 * SIDE * SIDE;
    for value in [54 + size, 0, 54, 40, SIDE, SIDE, 0x0018_0001, 0, size, 0, 0, 0, 0] {
        bytes.extend(value.to_le_bytes());
    }
    for i in 0..SIDE * SIDE {
        let column = (i % SIDE) as usize;
        bytes.extend([if column / 4 == bar { 250 } else { grey }; 3]);
    }
    bytes
}

/// 150 pictures whose bar is on the left, in the middle or on the right.
///
/// # Panics
/// If a file cannot be written.
pub fn pictures(root: &Path) {
    for i in 0..150u8 {
        let class = ["left", "middle", "right"][usize::from(i % 3)];
        let folder = root.join(class);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{i}.bmp")), picture(i, usize::from(i % 3))).expect("a file");
    }
}
