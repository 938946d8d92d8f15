//! Lines that carry a session: TCP streams, serial ports and debug probes.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use supernano_base::error::{Error, Result};

use crate::probe;
use crate::session::ByteStream;
use crate::target::Target;

/// Longest wait of one read.
const READ: Duration = Duration::from_millis(5);
/// Longest wait for room to write.
const WRITE: Duration = Duration::from_secs(2);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Bit rate of the boards' serial ports, 8N1.
const BAUD: u32 = 115_200;

/// A TCP stream. It has a name of its own because a stream that was reset no longer knows its peer.
struct Tcp {
    stream: TcpStream,
    name: String,
}

impl std::io::Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl std::io::Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

impl ByteStream for Tcp {
    fn name(&self) -> String {
        self.name.clone()
    }
}

/// A serial port.
struct Serial {
    port: Box<dyn serialport::SerialPort>,
    name: String,
}

impl std::io::Read for Serial {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.port.read(buffer)
    }
}

impl std::io::Write for Serial {
    /// Writes bytes. A full buffer empties at the rate of the line; it is an error if the buffer stays
    /// full for [`WRITE`].
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let begin = Instant::now();
        loop {
            match self.port.write(bytes) {
                Err(e) if e.kind() == ErrorKind::TimedOut && begin.elapsed() < WRITE => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.port.flush()
    }
}

impl ByteStream for Serial {
    fn name(&self) -> String {
        self.name.clone()
    }
}

/// Sets up a TCP stream for a session: short reads, no delay. Errors of the line carry `name`.
///
/// # Errors
/// [`Error::Line`].
pub(crate) fn over_tcp(stream: TcpStream, name: String) -> Result<Box<dyn ByteStream>> {
    let ready = stream.set_read_timeout(Some(READ)).and_then(|()| stream.set_nodelay(true));
    match ready {
        Ok(()) => Ok(Box::new(Tcp { stream, name })),
        Err(error) => Err(Error::Line { link: name, problem: error.to_string() }),
    }
}

/// Opens the line to a board or to an agent behind TCP.
///
/// # Errors
/// [`Error::Line`] or [`Error::Tool`] if the line does not open; [`Error::Invalid`] for the host and
/// for an emulated machine, which have no line of their own.
pub(crate) fn open(target: &Target) -> Result<Box<dyn ByteStream>> {
    match target {
        Target::Tcp(address) => tcp(address),
        Target::Serial(path) => serial(path),
        Target::Probe(id) => probe::rtt(id),
        Target::Host | Target::Qemu(_) => {
            let expected = "probe, serial:PATH or tcp:HOST:PORT";
            Err(Error::invalid("option --target", "target", expected, target))
        }
    }
}

fn tcp(address: &str) -> Result<Box<dyn ByteStream>> {
    let name = format!("tcp:{address}");
    let failed = |e: std::io::Error| Error::Line { link: name.clone(), problem: e.to_string() };
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for place in address.to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&place, CONNECT) {
            Ok(stream) => return over_tcp(stream, name),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn serial(path: &Path) -> Result<Box<dyn ByteStream>> {
    let name = format!("serial:{}", path.display());
    let opened = serialport::new(path.to_string_lossy(), BAUD).timeout(READ).open();
    match opened {
        Ok(port) => Ok(Box::new(Serial { port, name })),
        Err(error) => Err(Error::Line {
            link: name,
            problem: format!("{error}; does the port exist, and may you read it (group dialout)?"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::tcp;

    #[test]
    fn a_line_that_was_reset_keeps_its_name() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut line = tcp(&address).unwrap();
        let (peer, _) = listener.accept().unwrap();
        line.write_all(b"unread").unwrap();
        peer.peek(&mut [0]).unwrap();
        // A peer that closes with bytes unread resets the connection.
        drop(peer);
        while line.write_all(b"more").is_ok() {}
        assert_eq!(line.name(), format!("tcp:{address}"));
    }
}
