//! The log of a firmware, decoded from its ELF file.

use std::io::{Cursor, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::Path;

use defmt_decoder::{DecodeError, Table};
use supernano_base::error::{Error, Result};
use supernano_base::files;

use crate::target::Target;
use crate::{link, probe};

/// A source of log frames.
#[derive(Clone, Copy, Debug)]
pub enum LogSource<'a> {
    /// A file of recorded frames.
    File(&'a Path),
    /// A board or an agent behind TCP.
    Target(&'a Target),
}

/// Receives the level and the message of a line, and decides whether the next one is read.
pub type OnLine<'a> = dyn FnMut(&str, &str) -> Result<ControlFlow<()>> + 'a;

/// Follows log frames until the source ends or `line` breaks off, and passes every line to `line`.
/// Returns the number of damaged frames.
///
/// # Errors
/// Those of `line`; [`Error::Missing`]; [`Error::Invalid`] for a firmware that does not log by defmt; [`Error::Line`]
/// or [`Error::Tool`] if the line does not open or breaks.
pub fn watch(firmware: &Path, source: LogSource<'_>, line: &mut OnLine<'_>) -> Result<u64> {
    match source {
        LogSource::File(path) => {
            let mut frames = Cursor::new(files::read(path)?);
            follow(firmware, &mut frames, &path.display().to_string(), line)
        }
        LogSource::Target(target) => {
            let mut frames = match target {
                Target::Probe(id) => probe::open(id, probe::LOGS)?,
                target => link::open(target)?,
            };
            follow(firmware, &mut frames, &target.to_string(), line)
        }
    }
}

/// Decodes a stream of defmt frames until it ends. Reads that time out are repeated. Bytes that are
/// no frame are counted, and the count is returned.
fn follow(
    firmware: &Path,
    stream: &mut dyn Read,
    name: &str,
    line: &mut OnLine<'_>,
) -> Result<u64> {
    let place = firmware.display();
    let elf = files::read(firmware)?;
    let table = Table::parse(&elf)
        .map_err(|e| Error::invalid(&place, "defmt", "a firmware that logs by defmt", e))?
        .ok_or_else(|| Error::invalid(&place, "defmt", "a section .defmt", "none"))?;
    let mut decoder = table.new_stream_decoder();
    let (mut buffer, mut malformed) = ([0u8; 1024], 0);
    let again = |e: ErrorKind| {
        matches!(e, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
    };
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(malformed),
            Ok(n) => decoder.received(&buffer[..n]),
            Err(e) if again(e.kind()) => continue,
            Err(e) => return Err(Error::Line { link: name.into(), problem: e.to_string() }),
        }
        loop {
            match decoder.decode() {
                Ok(frame) => {
                    let level = frame.level().map_or("print", |l| l.as_str());
                    if line(level, &frame.display_message().to_string())?.is_break() {
                        return Ok(malformed);
                    }
                }
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => {
                    malformed += 1;
                    if !table.encoding().can_recover() {
                        let problem = "the bytes are not the log of this firmware".into();
                        return Err(Error::Line { link: name.into(), problem });
                    }
                }
            }
        }
    }
}
