//! What the bytes of a line say about a device that does not answer as an agent does.

use supernano_core::wire;

/// Least number of bytes that is judged as text.
const LEAST_TEXT: usize = 8;
/// Most characters of a text in a message.
const SHOWN: usize = 40;

/// True if the line returns a sent frame: as it is, or as a terminal shows control characters (`^@`).
pub(super) fn is_echo(sent: &[u8], heard: &[u8]) -> bool {
    let body: Vec<u8> = sent.iter().copied().filter(|&b| b != 0).collect();
    let shown: Vec<u8> = body
        .iter()
        .flat_map(|&b| match b {
            0..32 => vec![b'^', b + 64],
            127 => b"^?".to_vec(),
            _ => vec![b],
        })
        .collect();
    let contains = |part: &[u8]| !part.is_empty() && heard.windows(part.len()).any(|w| w == part);
    contains(&body) || contains(&shown)
}

/// True for printable text of at least 8 bytes.
pub(super) fn is_text(heard: &[u8]) -> bool {
    let printable = |b: &u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 27);
    heard.len() >= LEAST_TEXT && heard.iter().all(printable)
}

/// True if a damaged frame becomes whole when a translation of line ends is undone.
fn is_translated(heard: &[u8]) -> bool {
    let undone: [(&[u8], &[u8]); 3] = [(b"\r\n", b"\n"), (b"\r", b"\n"), (b"\n", b"\r")];
    undone.iter().any(|(arrived, sent)| {
        let bytes = replaced(heard, arrived, sent);
        let whole = |frame: &[u8]| {
            let mut frame = frame.to_vec();
            frame.len() > 2 && wire::unframe(&mut frame).is_ok()
        };
        bytes != heard && bytes.split(|&b| b == 0).any(whole)
    })
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        match bytes[at..].starts_with(from) {
            true => {
                out.extend(to);
                at += from.len();
            }
            false => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// Describes what arrived in place of frames: `bytes` in all, the first of which were `heard`, with
/// `damaged` frames among them.
pub(super) fn stranger(heard: &[u8], bytes: u64, damaged: u64) -> String {
    if is_text(heard) {
        let text: String = String::from_utf8_lossy(heard).trim().chars().take(SHOWN).collect();
        return format!("text: {text:?}");
    }
    if is_translated(heard) {
        return "frames whose line ends are translated (the line is no raw one: `stty raw`)".into();
    }
    match damaged {
        0 => format!(
            "{bytes} bytes without one whole frame (a slow line, another bit rate, or another \
             program)"
        ),
        _ => format!(
            "{damaged} damaged frames in {bytes} bytes (another bit rate, or a line that changes \
             bytes)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use supernano_core::wire::{MAX_FRAME, Reply, Request, VERSION};

    use super::*;

    fn frame<T: serde::Serialize>(message: &T) -> Vec<u8> {
        let mut frame = [0; MAX_FRAME];
        let length = wire::encode(2570, message, &mut frame).unwrap();
        frame[..length].to_vec()
    }

    #[test]
    fn an_echo_is_told_from_an_answer() {
        let sent = frame(&Request::Hello { version: VERSION });
        assert!(is_echo(&sent, &[&b"\0\0"[..], &sent, &sent].concat()));
        let shown: Vec<u8> =
            sent.iter().flat_map(|&b| if b < 32 { vec![b'^', b + 64] } else { vec![b] }).collect();
        assert!(is_echo(&sent, &shown));
        assert!(!is_echo(&sent, &frame(&Reply::Done)));
        assert!(!is_echo(&sent, b""));
    }

    #[test]
    fn what_arrived_is_described() {
        assert!(stranger(b"Welcome to minicom\r\n", 20, 0).contains("\"Welcome to minicom\""));
        let translated = replaced(&frame(&Reply::Digest(0x0a0a_0a0a)), b"\n", b"\r\n");
        assert!(stranger(&translated, 99, 1).contains("line ends"), "{translated:?}");
        assert!(stranger(&[0x80, 3, 0xff], 3, 0).contains("3 bytes without one whole frame"));
        assert!(stranger(&[0x80, 0, 0xff, 0], 4, 2).contains("2 damaged frames in 4 bytes"));
    }
}
