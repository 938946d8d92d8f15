//! The network file as source text of a C or C++ program.
//!
//! Every name has the name of the network in it, so that several networks fit in one program. The
//! header also defines short names, which stand for the network whose header was included last.

use std::fmt::Write as _;

use super::Facts;
use super::source::{LINE, words};

/// A C header, and the source of the arrays that it declares.
pub(super) fn c(f: &Facts<'_>) -> [String; 2] {
    let (upper, lower) = (f.name.to_uppercase(), &f.name);
    let title = format!("/* Network {} of space {}, written by supernano. */\n", f.code, f.space);
    let mut header = format!(
        "{title}/* Several networks fit in one program: every name has that of its network in it. */\n\
         #ifndef SUPERNANO_{upper}_H\n#define SUPERNANO_{upper}_H\n\n#include <stdint.h>\n\n"
    );
    let constants = constants(f);
    for (doc, name, value) in &constants {
        let _ = writeln!(header, "/* {doc} */\n#define SUPERNANO_{upper}_{name} {value}");
    }
    let arrays = [
        (
            true,
            "const uint8_t",
            "network",
            "NETWORK_BYTES",
            "The network file, aligned to 4 bytes.",
        ),
        (has_labels(f), "const char *const", "labels", "CLASSES", "Names of the classes, UTF-8."),
    ];
    let arrays = arrays.iter().filter(|a| a.0);
    header.push_str("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (_, of, name, length, doc) in arrays.clone() {
        let declared = format!("{of} supernano_{lower}_{name}[SUPERNANO_{upper}_{length}]");
        let _ = writeln!(header, "/* {doc} */\nextern {declared};");
    }
    header.push_str("#ifdef __cplusplus\n}\n#endif\n\n#endif\n\n");
    header.push_str("/* Short names, of the network whose header was included last. */\n");
    let short = constants
        .iter()
        .map(|(_, name, _)| (format!("SUPERNANO_{name}"), format!("SUPERNANO_{upper}_{name}")));
    let arrays = arrays
        .map(|(_, _, name, ..)| (format!("supernano_{name}"), format!("supernano_{lower}_{name}")));
    for (short, long) in short.chain(arrays) {
        let _ = writeln!(header, "#undef {short}\n#define {short} {long}");
    }

    let mut array = format!(
        "{title}#include \"{}.h\"\n\n\
         #if defined(__GNUC__)\n#define SUPERNANO_ALIGN __attribute__((aligned(4)))\n\
         #elif defined(__cplusplus)\n#define SUPERNANO_ALIGN alignas(4)\n\
         #else\n#define SUPERNANO_ALIGN _Alignas(4)\n#endif\n\n\
         SUPERNANO_ALIGN const uint8_t supernano_{lower}_network[SUPERNANO_{upper}_NETWORK_BYTES] \
         = {{\n",
        f.code
    );
    for line in f.bytes.chunks(LINE) {
        let cells: Vec<String> = line.iter().map(u8::to_string).collect();
        let _ = writeln!(array, "{},", cells.join(","));
    }
    array.push_str("};\n");
    if has_labels(f) {
        let _ = writeln!(
            array,
            "\nconst char *const supernano_{lower}_labels[SUPERNANO_{upper}_CLASSES] = {{"
        );
        for label in &f.labels {
            let _ = writeln!(array, "{},", literal(label));
        }
        array.push_str("};\n");
    }
    [header, array]
}

fn has_labels(f: &Facts<'_>) -> bool {
    f.labels.len() == f.classes
}

/// Comment, name and value of each constant.
fn constants(f: &Facts<'_>) -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("The sub-network.", "CODE", literal(f.code)),
        ("Length of the network file.", "NETWORK_BYTES", f.bytes.len().to_string()),
        ("Arena, aligned to 4 bytes.", "ARENA_BYTES", (words(f) * 4).to_string()),
        ("Logits of type int32_t.", "LOGITS_BYTES", (f.classes * 4).to_string()),
        ("Rows of an image.", "IMAGE_HEIGHT", f.image.height.to_string()),
        ("Columns of an image.", "IMAGE_WIDTH", f.image.width.to_string()),
        ("Channels of an image.", "IMAGE_CHANNELS", f.image.channels.to_string()),
        ("Logits.", "CLASSES", f.classes.to_string()),
    ]
}

/// A string literal. Bytes outside of ASCII and characters that C interprets, those of trigraphs among
/// them, become octal escapes, which end after three digits.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b'?' | 0..=31 | 127.. => {
                let _ = write!(literal, "\\{byte:03o}");
            }
            _ => literal.push(char::from(byte)),
        }
    }
    literal + "\""
}
