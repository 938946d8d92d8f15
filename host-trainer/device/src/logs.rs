//! Log lines of a firmware, decoded from its ELF file.

use std::io::Read;
use std::path::Path;

use defmt_decoder::{DecodeError, Table};
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// Follows a stream of defmt frames until it ends and gives every line to `line`: level, then
/// message. Reads that time out go on; bytes that are no frame are counted, and returned.
///
/// # Errors
/// [`Error::Invalid`] for a firmware that logs nothing by defmt, [`Error::Line`].
pub fn follow(
    firmware: &Path,
    stream: &mut dyn Read,
    name: &str,
    mut line: impl FnMut(&str, &str),
) -> Result<u64> {
    let place = firmware.display();
    let elf = files::read(firmware)?;
    let table = Table::parse(&elf)
        .map_err(|e| Error::invalid(&place, "defmt", "a firmware that logs by defmt", e))?
        .ok_or_else(|| Error::invalid(&place, "defmt", "a section .defmt", "none"))?;
    let mut decoder = table.new_stream_decoder();
    let (mut buffer, mut malformed) = ([0u8; 1024], 0);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(malformed),
            Ok(n) => decoder.received(&buffer[..n]),
            Err(e)
                if matches!(
                    e.kind(),
                    std::io::ErrorKind::WouldBlock
                        | std::io::ErrorKind::TimedOut
                        | std::io::ErrorKind::Interrupted
                ) =>
            {
                continue;
            }
            Err(e) => return Err(Error::Line { link: name.into(), problem: e.to_string() }),
        }
        loop {
            match decoder.decode() {
                Ok(frame) => {
                    let level = frame.level().map_or("print", |l| l.as_str());
                    line(level, &frame.display_message().to_string());
                }
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => {
                    malformed += 1;
                    if !table.encoding().can_recover() {
                        let problem = "what comes is no log of this firmware".into();
                        return Err(Error::Line { link: name.into(), problem });
                    }
                }
            }
        }
    }
}
