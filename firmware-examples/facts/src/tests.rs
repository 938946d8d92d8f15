//! What the numbers must have in common.

use super::{BOARDS, Board};

#[test]
fn regions_lie_in_their_memory_and_do_not_overlap() {
    for Board { package, flash, blob, .. } in BOARDS {
        assert!(blob.start >= flash.start + (64 << 10), "{package}");
        assert_eq!(blob.start + blob.bytes, flash.start + flash.bytes, "{package}");
    }
}
