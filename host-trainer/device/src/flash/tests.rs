use super::*;

#[repr(C, align(4))]
struct Aligned<B: ?Sized>(B);

const WORDS: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../../tests/golden/tiny.snb"));
const BLOB: &[u8] = &WORDS.0;
const FLASH: Range<u64> = 0x0800_0000..0x0808_0000;

fn firmware(blob: Option<Range<u64>>) -> Firmware {
    let segments = vec![
        Segment { address: 0x0800_0000, bytes: vec![1; 0x400] },
        Segment { address: 0x0800_0400, bytes: vec![2; 0x5000] },
    ];
    Firmware { segments, blob, statics: 1000 }
}

fn planned(blob: Option<Range<u64>>) -> Result<FlashPlan> {
    plan(&firmware(blob), BLOB, std::slice::from_ref(&FLASH), "agent.elf")
}

#[test]
fn code_and_blob_lie_apart_and_the_agent_finds_the_blob() {
    let plan = planned(Some(0x0804_0000..0x0808_0000)).unwrap();
    assert_eq!((plan.firmware_bytes, plan.blob_bytes), (0x5400, BLOB.len()));
    assert_eq!(plan.flash_bytes, plan.firmware_bytes + plan.region_used);
    // Four classes.
    assert_eq!((plan.logits_bytes, plan.statics_bytes), (16, 1000));
    assert_eq!((plan.region_address, plan.region_bytes), (0x0804_0000, 0x4_0000));
    let last = plan.segments.last().unwrap();
    assert_eq!((last.address, last.bytes.len()), (0x0804_0000, plan.region_used));
    let words: Vec<u32> =
        last.bytes.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
    let (blob, images, count) = supernano_core::wire::placed::parts(&words, 0).unwrap();
    assert_eq!((blob, images.len(), count), (BLOB, 0, 0));
}

#[test]
fn a_blob_that_fills_the_region_fits_and_one_byte_more_does_not() {
    let used = planned(Some(0x0804_0000..0x0808_0000)).unwrap().region_used as u64;
    assert!(planned(Some(0x0804_0000..0x0804_0000 + used)).is_ok());
    let error = planned(Some(0x0804_0000..0x0804_0000 + used - 1)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.contains(&used.to_string()) && text.contains(&(used - 1).to_string()), "{text}");
}

#[test]
fn what_cannot_be_written_is_refused() {
    for (region, named) in [
        (None, "__supernano_blob_start"),
        (Some(0x0804_0002..0x0808_0000), "divisible by 4"),
        (Some(0x0800_5000..0x0808_0000), "free of code"),
        (Some(0x2000_0000..0x2001_0000), "flash"),
    ] {
        let error = planned(region).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("agent.elf"), "{error}");
    }
    let mut bad = BLOB.to_vec();
    bad[100] ^= 1;
    let agent = firmware(Some(0x0804_0000..0x0808_0000));
    assert!(matches!(
        plan(&agent, &bad, std::slice::from_ref(&FLASH), "agent.elf"),
        Err(Error::Core { .. })
    ));
    let mut twice = agent;
    twice.segments.push(Segment { address: 0x0800_0500, bytes: vec![3; 4] });
    assert!(matches!(
        plan(&twice, BLOB, std::slice::from_ref(&FLASH), "agent.elf"),
        Err(Error::Invalid { .. })
    ));
}

#[test]
fn boards_have_agents() {
    assert_eq!(agent_of("stm32f446retx"), Some("nucleo-f446re-agent.elf"));
    assert_eq!(agent_of("STM32F103C8"), None);
}

#[test]
fn damaged_elf_files_are_refused() {
    for bytes in [&b""[..], b"\x7fELF", &[0; 200]] {
        assert!(matches!(Firmware::parse(bytes, "x.elf"), Err(Error::Invalid { .. })));
    }
}
