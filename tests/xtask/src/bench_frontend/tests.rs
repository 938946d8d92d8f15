//! Rows from the output of `listen`.

use super::*;

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_row_has_the_last_count_and_the_largest_inference() {
    let output = lines(
        "board cortex-m4 25000000 Hz\nhop 50: class 1, logits 1 2\n3000000 instructions\n\
         hop 60: class 0, logits 2 1\n2999999 instructions\nframe:\n60000 instructions\n\
         420 bytes of stack\nend",
    );
    let row = row("m4", &output).unwrap();
    assert_eq!(row["frame_instructions"], 60_000);
    assert_eq!(row["window_instructions"], 2_940_000);
    assert_eq!(row["second_instructions"], 3_000_000);
    assert_eq!(row["network_instructions"], 3_000_000);
    assert_eq!(row["stack_bytes"], 420);
    let table = table(&[row]);
    assert!(table.ends_with("| Cortex-M4 | 60000 | 2.94 | 3.00 | 3.00 | 420 |\n"), "{table}");
}

#[test]
fn output_without_counts_is_refused() {
    for text in ["", "refused\nend", "1000 instructions\nend"] {
        assert_eq!(row("m4", &lines(text)).unwrap_err().code, 1, "{text}");
    }
}
