use supernano_core::space::Shape;

use super::*;

fn facts_of(bytes: &[u8]) -> Facts<'_> {
    Facts {
        code: "4-8",
        name: c_name("4-8", None).unwrap(),
        space: "test".into(),
        bytes,
        arena_bytes: 1021,
        image: Shape { height: 3, width: 5, channels: 1 },
        classes: 2,
        labels: vec!["cat (big), 1".into(), "\"dog\"\\??/ü".into()],
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
    let [header, array] = c::c(&facts_of(&bytes));
    assert!(header.contains("SUPERNANO_4_8_ARENA_BYTES 1024"), "{header}");
    assert!(header.contains("SUPERNANO_4_8_LOGITS_BYTES 8"), "{header}");
    assert!(header.contains("SUPERNANO_4_8_NETWORK_BYTES 256"), "{header}");
    let label = "\\042dog\\042\\134\\077\\077/\\303\\274";
    assert!(array.contains(&format!("{{\n\"cat (big), 1\",\n\"{label}\",\n}};")), "{array}");
    let all: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let flat = array.replace('\n', "");
    assert!(flat.contains(&all.join(",")), "{array}");
}

#[test]
fn names_that_c_does_not_allow_are_refused() {
    assert_eq!(c_name("4-8", Some("left_eye2")).unwrap(), "left_eye2");
    for name in ["", "A", "a-b", "ü", "a b", "*/", &"x".repeat(LONGEST + 1)] {
        let error = c_name("4-8", Some(name)).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("--name"), "{error}");
    }
}
