use super::*;
use crate::target::MACHINES;

const TINY: &[u8] = include_bytes!("../../../../tests/golden/tiny.snb");

fn plugin() -> CyclePlugin {
    CyclePlugin::new(&Blob::new(TINY, "tiny.snb").unwrap(), true).unwrap()
}

/// Lines of sums for all reads of the timer, with `each` instructions between two of them, and the
/// counts that an agent would report.
fn counted(plugin: &CyclePlugin, each: u64) -> (String, Counts) {
    let line = |n: u64| format!("{n} 0 0 {n} {} {} 5 2 1\n", 2 * n, 3 * n);
    let mut text = line(7); // before the first read
    text += &line(1000);
    text += &line(9);
    let mut parts = vec![0u32; plugin.operations + 1];
    for part in std::iter::once(0).chain(plugin.turns.iter().map(|op| op + 1)) {
        text += &line(each);
        parts[part] += each as u32;
    }
    let (stack_bytes, open_stack_bytes) = (0, 0);
    (text, Counts { total: 1000, parts, stack_bytes, open_stack_bytes })
}

#[test]
fn the_sums_of_every_turn_belong_to_an_operation() {
    let plugin = plugin();
    assert!(plugin.turns.len() > plugin.operations, "{:?}", plugin.turns);
    let (text, counts) = counted(&plugin, 10);
    // An earlier inference does not count.
    let sums = plugin.read(&format!("{text}{text}"), &counts).unwrap();
    assert_eq!(sums.total.cycles, Cycles { low: 1000, mid: 2000, high: 3000 });
    let found: Vec<u64> = sums.parts.iter().map(|part| part.cycles.mid).collect();
    let expected: Vec<u64> = counts.parts.iter().map(|n| 2 * u64::from(*n)).collect();
    assert_eq!(found, expected);
    let reads = sums.parts[0].flash;
    assert_eq!((reads.constant_words, reads.code_lines, reads.constant_lines), (5, 2, 1));
}

#[test]
fn other_counts_than_the_agents_are_refused() {
    let plugin = plugin();
    let (text, counts) = counted(&plugin, 10);
    let refused = |text: &str, counts: &Counts| plugin.read(text, counts).unwrap_err();
    let more = Counts { total: 1002, ..counts.clone() };
    assert!(refused(&text, &more).contains("1002"));
    let mut parts = counts.parts.clone();
    parts[1] += 1000;
    assert!(refused(&text, &Counts { parts, ..counts.clone() }).contains("part 1"));
    assert!(refused("1 0 0 1 1 1 0 0 0\n", &counts).contains("missing"));
    assert!(refused(&text.replacen("1000 0", "1000 3", 1), &counts).contains("3 instructions"));
    assert!(refused(&text.replacen("1000 0", "1000 x", 1), &counts).contains("not numbers"));
}

#[test]
fn the_arguments_name_the_timer_the_core_and_the_flash() {
    let machine = MACHINES.iter().find(|m| m.name == "qemu-m4").unwrap();
    let flash = FlashTiming { wait_states: 5, line_bytes: 16, code_lines: 64, constant_lines: 8 };
    let sought = Sought::Cycles(Estimated { core: "cortex-m4", flash });
    let arguments = plugin().arguments("a,b.so".as_ref(), machine, &sought);
    // The network lies behind a header of 16 bytes.
    let constants = format!("constants=0x21000000:{:#x}", 0x2100_0010 + TINY.len());
    for part in ["file=a,,b.so,out=", ",timer=0x40000004,core=cortex-m4,flash=16:64:8,", &constants]
    {
        assert!(arguments.contains(part), "{arguments}");
    }
    let vectors = plugin().arguments("a".as_ref(), machine, &Sought::Vectors);
    assert!(vectors.ends_with(",timer=0x40000004"), "{vectors}");
}

#[test]
fn vector_instructions_need_no_timings() {
    let plugin = CyclePlugin { timed: false, ..plugin() };
    let (text, counts) = counted(&plugin, 10);
    // Four numbers in a line, and instructions that the plugin does not know.
    let vectors: String = text
        .lines()
        .map(|line| format!("{} 3 2 0\n", line.split(' ').next().unwrap_or_default()))
        .collect();
    let sums = plugin.read(&vectors, &counts).unwrap();
    assert_eq!((sums.total.vector, sums.total.cycles), (2, Cycles::default()));
    assert_eq!(
        sums.parts.iter().map(|part| part.vector).sum::<u64>(),
        2 * (plugin.turns.len() as u64 + 1)
    );
}
