use supernano_core::space::Shape;

use super::{source, *};

fn facts_of(bytes: &[u8]) -> Facts<'_> {
    Facts {
        code: "4-8",
        space: "test".into(),
        bytes,
        arena_bytes: 1021,
        image: Shape { height: 3, width: 5, channels: 1 },
        classes: 2,
        labels: vec!["cat".into(), "\"dog\"".into()],
    }
}

#[test]
fn rust_and_c_hold_every_byte_and_the_sizes() {
    let bytes: Vec<u8> = (0..=255).collect();
    let rust = source::rust(&facts_of(&bytes));
    for (i, byte) in bytes.iter().enumerate() {
        assert!(rust.contains(&format!("\\x{byte:02x}")), "{i}");
    }
    assert_eq!(rust.matches("\\x").count(), 256);
    assert!(rust.contains("ARENA_WORDS: usize = 256;"), "{rust}");
    assert!(rust.contains("MEMORY_WORDS: usize = 258;"), "{rust}");
    assert!(rust.contains("IMAGE_BYTES: usize = 15;"), "{rust}");
    let [header, array] = source::c(&facts_of(&bytes));
    assert!(header.contains("SUPERNANO_ARENA_BYTES 1024"), "{header}");
    assert!(header.contains("SUPERNANO_LOGITS_BYTES 8"), "{header}");
    assert!(header.contains("SUPERNANO_NETWORK_BYTES 256"), "{header}");
    let all: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let flat = array.replace('\n', "");
    assert!(flat.contains(&all.join(",")), "{array}");
}
