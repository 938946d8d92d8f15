//! The ELF file of a firmware: its sizes, and the conditions under which the chip starts it.

use std::ops::Range;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};
use supernano_facts::{Board, Region};

/// Smallest stack of a board's firmware, bytes. It holds the frames of the agent and the area that the
/// agent paints to measure the stack of an inference.
pub const LEAST_STACK: u64 = 20 << 10;
/// The control block of RTT for two channels, and their buffers, bytes.
const CHANNELS: u64 = 24 + 2 * (24 + 1024);
/// Start of the flash that the RP2350's boot ROM searches for an image definition, bytes.
const SEARCHED: u64 = 4096;
/// Texts that a linked panic message contains.
const MESSAGES: [&[u8]; 3] = [b"panicked at", b"/src/", b"called `"];

/// A section that occupies memory.
#[derive(Clone, Debug)]
pub struct Section {
    pub name: String,
    /// Address at run time.
    pub address: u64,
    /// Length, bytes.
    pub size: u64,
    /// Contents; empty if the start-up code zeroes the section.
    pub data: Vec<u8>,
    /// The program writes it at run time.
    pub writable: bool,
}

/// The relevant contents of an ELF file.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Sections that occupy memory and are not empty.
    pub sections: Vec<Section>,
    /// The region to which `supernano flash` writes a network, from its symbols.
    pub blob: Option<Range<u64>>,
    /// The region into which an emulator loads a network, from its symbols.
    pub placed: Option<Range<u64>>,
    /// Address of the control block of RTT, from the symbol that debuggers read.
    pub rtt: Option<u64>,
}

/// CRC-32/MPEG-2, the sum of the RP2040's boot ROM.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

fn end(region: Region) -> u64 {
    u64::from(region.start) + u64::from(region.bytes)
}

impl Image {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// The reason why the file is not valid.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let elf = object::File::parse(bytes).map_err(|e| e.to_string())?;
        let mut sections = Vec::new();
        for section in elf.sections().filter(|s| s.size() > 0) {
            let writable = match section.kind() {
                SectionKind::Text | SectionKind::ReadOnlyData => false,
                SectionKind::Data | SectionKind::UninitializedData => true,
                _ => continue,
            };
            sections.push(Section {
                name: section.name().map_err(|e| e.to_string())?.to_owned(),
                address: section.address(),
                size: section.size(),
                data: section.data().map_err(|e| e.to_string())?.to_vec(),
                writable,
            });
        }
        let symbol = |name| elf.symbols().find(|s| s.name() == Ok(name)).map(|s| s.address());
        let range = |start, end| symbol(start).zip(symbol(end)).map(|(start, end)| start..end);
        Ok(Self {
            sections,
            blob: range("__supernano_blob_start", "__supernano_blob_end"),
            placed: range("__supernano_placed_start", "__supernano_placed_end"),
            rtt: symbol("_SEGGER_RTT"),
        })
    }

    /// Flash for code, constants and initial values of variables, bytes.
    pub fn flash(&self) -> u64 {
        self.sections.iter().map(|s| s.data.len() as u64).sum()
    }

    /// Static RAM, bytes.
    pub fn ram(&self) -> u64 {
        self.sections.iter().filter(|s| s.writable).map(|s| s.size).sum()
    }

    /// Stack from the initial stack pointer down to the statics below it, or to `floor`, bytes.
    pub fn stack(&self, floor: u64) -> u64 {
        let top = self.vectors().first().map_or(0, |&v| u64::from(v));
        let statics = self.sections.iter().filter(|s| s.writable).map(|s| s.address + s.size);
        let bottom = statics.filter(|&e| e <= top && e >= floor).max().unwrap_or(floor);
        top.saturating_sub(bottom)
    }

    /// True if RAM holds the control block of RTT and the buffers of two channels.
    pub fn has_channels(&self) -> bool {
        self.rtt.is_some_and(|rtt| {
            self.sections.iter().any(|s| {
                let inside = s.address <= rtt && rtt + CHANNELS <= s.address + s.size;
                s.writable && s.data.is_empty() && inside
            })
        })
    }

    fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    fn vectors(&self) -> Vec<u32> {
        let data = self.section(".vector_table").map_or(&[][..], |s| &s.data);
        words(data)
    }

    /// The ways in which the symbols of the region for a network differ from the facts, and the
    /// sections that lie in the region. Firmware reads the region on the condition that there are none.
    pub fn region_problems(&self, region: Region) -> Vec<String> {
        let range = u64::from(region.start)..end(region);
        let found = self.blob.as_ref().or(self.placed.as_ref());
        let overlap = |s: &&Section| s.address < range.end && range.start < s.address + s.size;
        let inside = self.sections.iter().filter(overlap);
        let inside = inside.map(|s| format!("{} in the region for a network", s.name));
        let other = found != Some(&range);
        let other = other.then(|| format!("blob region {found:#x?}, not {range:#x?}"));
        other.into_iter().chain(inside).collect()
    }

    /// The reasons why the board would not start the firmware, or why its memory is too small.
    pub fn problems(&self, board: &Board) -> Vec<String> {
        let mut found = self.region_problems(board.blob);
        let mut unless = |right: bool, problem: String| {
            if !right {
                found.push(problem);
            }
        };
        unless(self.blob.is_some(), "no symbols of a blob region".into());
        let (flash, ram) = (board.flash, board.ram);
        let program = u64::from(flash.start)..u64::from(board.blob.start);
        for section in &self.sections {
            let range = section.address..section.address + section.size;
            let of = |r: Region| u64::from(r.start)..end(r);
            let places = if section.writable {
                vec![of(ram), of(board.stack)]
            } else {
                vec![program.clone()]
            };
            let inside = places.iter().any(|p| p.start <= range.start && range.end <= p.end);
            unless(inside, format!("{} at {range:#x?} outside {places:#x?}", section.name));
        }
        let room = program.end - program.start;
        unless(self.flash() <= room, format!("{} bytes of flash, over {room}", self.flash()));
        let stack = self.stack(board.stack.start.into());
        unless(stack >= LEAST_STACK, format!("{stack} bytes of stack, under {LEAST_STACK}"));

        let second_stage = if board.chip.name == "RP2040" { 0x100 } else { 0 };
        let at = self.section(".vector_table").map(|s| s.address);
        let wanted = program.start + second_stage;
        unless(at == Some(wanted), format!("vector table at {at:#x?}, not {wanted:#x}"));
        let vectors = self.vectors();
        let top = vectors.first().copied().unwrap_or(0);
        unless(u64::from(top) == end(board.stack), format!("initial stack pointer {top:#x}"));
        let text = self.section(".text").map(|s| s.address..s.address + s.size).unwrap_or(0..0);
        let handler = |v: u32| v & 1 == 1 && text.contains(&u64::from(v & !1));
        let reset = vectors.get(1).copied().unwrap_or(0);
        unless(handler(reset), format!("reset handler {reset:#x} is not Thumb code in .text"));
        for (i, &vector) in vectors.iter().enumerate().skip(2) {
            unless(vector == 0 || handler(vector), format!("vector {i} is {vector:#x}"));
        }
        for message in MESSAGES {
            let has = |s: &Section| s.data.windows(message.len()).any(|w| w == message);
            let shown = String::from_utf8_lossy(message);
            unless(!self.sections.iter().any(has), format!("text of a panic: {shown:?}"));
        }
        match board.chip.name {
            "RP2040" => unless(self.second_stage(board), "no valid second boot stage".into()),
            "RP235x" => unless(self.definition(board), "no image definition".into()),
            _ => {}
        }
        found
    }

    /// The RP2040's boot ROM runs the first 256 bytes of the flash if the last four are their sum.
    fn second_stage(&self, board: &Board) -> bool {
        self.section(".boot2").is_some_and(|s| {
            let parts = s.data.split_last_chunk::<4>();
            s.address == u64::from(board.flash.start)
                && s.data.len() == 256
                && parts.is_some_and(|(code, sum)| crc(code) == u32::from_le_bytes(*sum))
        })
    }

    /// The RP2350's boot ROM requires a block with the type of the image (data sheet, 5.9).
    fn definition(&self, board: &Board) -> bool {
        self.section(".start_block").is_some_and(|s| {
            let block = [0xffff_ded3, 0x1021_0142, 0x0000_01ff, 0, 0xab12_3579];
            s.address + s.size <= u64::from(board.flash.start) + SEARCHED
                && s.address % 4 == 0
                && words(&s.data) == block
        })
    }
}

fn words(data: &[u8]) -> Vec<u32> {
    data.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[cfg(test)]
mod tests;
