use crate::objects::PickledObject;
use crate::pickle;

fn node(bytes: &[u8]) -> Result<String, String> {
    match pickle::read(bytes, 0, "file") {
        Ok(pickle) => Ok(pickle.objects.describe(pickle.root)),
        Err(fault) => Err(fault.in_file("a.pt".as_ref()).to_string()),
    }
}

#[test]
fn numbers_of_every_opcode() {
    for (bytes, value) in [
        (&b"K\x07."[..], "7"),
        (b"M\x01\x02.", "513"),
        (b"J\xff\xff\xff\xff.", "-1"),
        (b"I-12\n.", "-12"),
        (b"L34L\n.", "34"),
        (b"\x8a\0.", "0"),
        (b"\x8a\x01\xff.", "-1"),
        (b"\x8a\x02\xff\0.", "255"),
        (b"\x8b\x02\0\0\0\0\x80.", "-32768"),
        (b"L119547037146038801333356L\n.", "119547037146038801333356"),
    ] {
        assert_eq!(node(bytes).unwrap(), format!("the number {value}"));
    }
    assert_eq!(node(b"I01\n.").unwrap(), "the value true");
    assert_eq!(node(b"G\0\0\0\0\0\0\0\0.").unwrap(), "a number");
    assert_eq!(node(b"F1.5\n.").unwrap(), "a number");
    let wide = [&b"\x8a\x20"[..], &[1; 32], b"."].concat();
    assert_eq!(node(&wide).unwrap(), "a number beyond 128 bits");
}

#[test]
fn texts_of_every_opcode() {
    for bytes in [
        &b"X\x01\0\0\0a."[..],
        b"\x8c\x01a.",
        b"\x8d\x01\0\0\0\0\0\0\0a.",
        b"U\x01a.",
        b"T\x01\0\0\0a.",
        b"S'a'\n.",
        b"Va\n.",
    ] {
        assert_eq!(node(bytes).unwrap(), "the text \"a\"");
    }
    assert_eq!(node(b"C\x01\xff.").unwrap(), "bytes");
    assert!(node(b"\x8c\x01\xff.").unwrap_err().contains("no UTF-8"));
}

#[test]
fn containers_of_every_opcode() {
    for (bytes, value) in [
        (&b"(K\x01K\x02t."[..], "a tuple of 2"),
        (b"K\x01K\x02K\x03\x87.", "a tuple of 3"),
        (b"(K\x01K\x02l.", "a list of 2"),
        (b"]K\x01a(K\x02K\x03e.", "a list of 3"),
        (b"(K\x01K\x02d.", "a dictionary of 1"),
        (b"}K\x01K\x02s(K\x03K\x04u.", "a dictionary of 2"),
        (b"\x8f(K\x01\x90.", "a set"),
        (b"(K\x01\x91.", "a set"),
        (b"K\x01(K\x02K\x031.", "the number 1"),
        (b"K\x01(0.", "the number 1"),
        (b"K\x012\x86.", "a tuple of 2"),
        (b"K\x01\x940h\0.", "the number 1"),
        (b"K\x01p5\n0g5\n.", "the number 1"),
        (b"ccollections\nOrderedDict\n)R.", "a dictionary of 0"),
        (b"ccollections\nOrderedDict\n)\x81.", "a dictionary of 0"),
        (b"ccollections\nOrderedDict\n(](]K\x01aK\x02aetR.", "a dictionary of 1"),
        (b"ccollections\ndefaultdict\nc__builtin__\nint\n\x85R.", "a dictionary of 0"),
        (b"(im\nC\n.", "an object made by `m.C`"),
        (b"(cm\nC\nK\x01o.", "an object made by `m.C`"),
        (b"\x8c\x01m\x8c\x01C\x93)}\x92.", "an object made by `m.C`"),
        (b"\x80\x04\x95\x04\0\0\0\0\0\0\0]\x94h\0.", "a list of 0"),
    ] {
        let found = node(bytes);
        // the last one leaves two objects
        if bytes.ends_with(b"]\x94h\0.") {
            assert!(found.unwrap_err().contains("left on the stack"));
        } else {
            assert_eq!(found.unwrap(), value, "{bytes:?}");
        }
    }
}

#[test]
fn broken_pickles_are_refused() {
    for (bytes, word) in [
        (&b""[..], "cut short"),
        (b".", "operand is missing"),
        (b"K\x01(.", "operand is missing"),
        (b"K\x01(K\x02.", "left on the stack"),
        (b"K\x01K\x02.", "left on the stack"),
        (b"\x86.", "operand is missing"),
        (b"t.", "without its mark"),
        (b"h\0.", "never stored"),
        (b"gx\n.", "`x` as a place"),
        (b"I1x\n.", "`1x` as a number"),
        (b"K\x01K\x02a.", "items for an object that has none"),
        (b"K\x01K\x02K\x03s.", "keys for an object that has none"),
        (b"}(K\x01u.", "a key without a value"),
        (b"K\x01K\x02b.", "state for an object that has none"),
        (b"cm\nC\nK\x01R.", "without a tuple of arguments"),
        (b"K\x01K\x02\x93.", "name is no text"),
        (b"(o.", "without its class"),
        (b"\x80\x06N.", "protocol 0 to 5, found 6"),
        (b"\x82\x01.", "byte 0: expected an opcode of a checkpoint's pickle, found 0x82"),
        (b"\x97.", "0x97"),
        (b"P1\n.", "0x50"),
        (b"X\xff\xff\xff\xffa.", "4294967295 more bytes"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "18446744073709551615 more bytes"),
        (b"\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "more bytes"),
        (b"cm\n", "its end missing"),
    ] {
        let error = node(bytes).unwrap_err();
        assert!(error.contains(word), "{bytes:?}: {error}");
    }
}

#[test]
fn a_small_file_takes_little_memory() {
    // opcodes of one byte
    let many = vec![b'('; 1 << 23];
    assert!(node(&many).unwrap_err().contains("at most 4194304 opcodes"));
    // long class names that repeat at the cost of five bytes each
    let mut names = b"X\0\0\x10\0".to_vec();
    names.extend(vec![b'a'; 1 << 20]);
    names.extend(b"q\0");
    names.extend(b"h\0h\0\x930".repeat(100));
    assert!(node(&names).unwrap_err().contains("too many class names"));
    // tuples of tuples end without recursion
    let mut deep = b")".to_vec();
    deep.extend(vec![0x85; 1 << 20]);
    deep.push(b'.');
    let pickle = pickle::read(&deep, 0, "file").unwrap();
    assert!(
        matches!(pickle.objects.get(pickle.root), PickledObject::Tuple(items) if items.len() == 1)
    );
}
