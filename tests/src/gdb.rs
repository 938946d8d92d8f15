//! An emulated agent as a debug probe sees it: its memory, through the debugger port of QEMU, and the
//! RTT channels in that memory.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use object::{Object as _, ObjectSymbol as _};

/// First bytes of the RTT control block.
const MAGIC: &[u8] = b"SEGGER RTT\0\0\0\0\0\0";

/// An emulated machine with its debugger port.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    debugger: TcpStream,
    /// Address of the RTT control block.
    block: u32,
    /// UART of the machine.
    pub uart: TcpStream,
}

/// An RTT channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Name of the channel.
    pub name: String,
    /// Behaviour when the channel is full: 0 skips, 1 trims, 2 blocks.
    pub mode: u32,
    at: u32,
    buffer: u32,
    size: u32,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Address of the RTT control block in an ELF file.
fn rtt_block(elf: &Path) -> u32 {
    let bytes = std::fs::read(elf).expect("an ELF file");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    let block = file.symbols().find(|s| s.name() == Ok("_SEGGER_RTT")).expect("RTT");
    u32::try_from(block.address()).expect("32 bits")
}

fn accept(listener: &TcpListener) -> TcpStream {
    let stream = listener.accept().expect("QEMU connects").0;
    stream.set_nodelay(true).expect("a socket");
    stream
}

impl Probe {
    /// Starts an agent for Cortex-M4. The core runs only in [`Self::go`].
    pub fn start(elf: &Path) -> Self {
        let listen = || {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            let port = listener.local_addr().expect("an address").port();
            (listener, port)
        };
        let ((uart, uart_port), (debugger, port)) = (listen(), listen());
        let child = supernano_setup::emulator()
            .args(["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-S", "-kernel"])
            .arg(elf)
            .args(["-serial", &format!("tcp:127.0.0.1:{uart_port},nodelay=on")])
            .args(["-chardev", &format!("socket,id=g,host=127.0.0.1,port={port},nodelay=on")])
            .args(["-gdb", "chardev:g"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("qemu-system-arm");
        let (uart, debugger) = (accept(&uart), accept(&debugger));
        Self { child, debugger, block: rtt_block(elf), uart }
    }

    fn send(&mut self, packet: &str) {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        self.debugger.write_all(format!("${packet}#{sum:02x}").as_bytes()).expect("QEMU runs");
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.debugger.read_exact(&mut byte).expect("QEMU answers");
        byte[0]
    }

    fn answer(&mut self) -> String {
        while self.byte() != b'$' {}
        let mut text = String::new();
        loop {
            match self.byte() {
                b'#' => break,
                byte => text.push(byte.into()),
            }
        }
        let _sum = [self.byte(), self.byte()];
        self.debugger.write_all(b"+").expect("QEMU runs");
        text
    }

    /// Lets the core run for some time.
    pub fn go(&mut self, time: Duration) {
        self.send("c");
        std::thread::sleep(time);
        self.debugger.write_all(&[3]).expect("QEMU runs");
        let stopped = self.answer();
        assert!(stopped.starts_with('T') || stopped.starts_with('S'), "{stopped}");
    }

    /// Reads memory.
    pub fn read(&mut self, address: u32, length: u32) -> Vec<u8> {
        self.send(&format!("m{address:x},{length:x}"));
        let text = self.answer();
        let bytes = (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16));
        let bytes = bytes.collect::<Result<Vec<u8>, _>>().expect("hexadecimal");
        assert_eq!(bytes.len(), length as usize, "{address:#x}");
        bytes
    }

    fn words<const N: usize>(&mut self, address: u32) -> [u32; N] {
        let bytes = self.read(address, 4 * N as u32);
        std::array::from_fn(|i| u32::from_le_bytes([0, 1, 2, 3].map(|j| bytes[4 * i + j])))
    }

    /// Writes memory.
    pub fn write(&mut self, address: u32, bytes: &[u8]) {
        self.send(&format!("M{address:x},{:x}:{}", bytes.len(), hexadecimal(bytes)));
        assert_eq!(self.answer(), "OK", "{address:#x}");
    }

    fn channel(&mut self, at: u32) -> Channel {
        let [name, buffer, size, _, _, mode] = self.words(at);
        let text = self.read(name, 32);
        let name = text.split(|&b| b == 0).next().unwrap_or_default();
        Channel { name: String::from_utf8_lossy(name).into(), mode, at, buffer, size }
    }

    /// Lets the device run until it has set up the control block. Returns the up channels and the down
    /// channels.
    pub fn channels(&mut self) -> (Vec<Channel>, Vec<Channel>) {
        let start = Instant::now();
        while self.read(self.block, MAGIC.len() as u32) != MAGIC {
            assert!(start.elapsed() < Duration::from_secs(60), "no control block of RTT");
            self.go(Duration::from_millis(50));
        }
        let [up, down] = self.words(self.block + 16);
        let first = self.block + 24;
        let all: Vec<Channel> = (0..up + down).map(|i| self.channel(first + 24 * i)).collect();
        let (up, down) = all.split_at(up as usize);
        (up.to_vec(), down.to_vec())
    }

    /// Sets the behaviour of a channel when it is full.
    pub fn set_mode(&mut self, channel: &Channel, mode: u32) {
        self.write(channel.at + 20, &mode.to_le_bytes());
    }

    /// Writes bytes to a down channel, and lets the device run until it has read them.
    pub fn down(&mut self, channel: &Channel, mut bytes: &[u8]) {
        let start = Instant::now();
        loop {
            let [write, read] = self.words(channel.at + 12);
            if bytes.is_empty() && write == read {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "the device takes nothing");
            let room = (read + channel.size - write - 1) % channel.size;
            let part = room.min(channel.size - write).min(bytes.len() as u32);
            if part > 0 {
                self.write(channel.buffer + write, &bytes[..part as usize]);
                let next = (write + part) % channel.size;
                self.write(channel.at + 12, &next.to_le_bytes());
                bytes = &bytes[part as usize..];
            }
            self.go(Duration::from_millis(1));
        }
    }

    /// Reads the bytes that the device has written to an up channel.
    pub fn up(&mut self, channel: &Channel) -> Vec<u8> {
        self.go(Duration::from_millis(1));
        let [write, read] = self.words(channel.at + 12);
        let end = if write < read { channel.size } else { write };
        if end == read {
            return Vec::new();
        }
        let bytes = self.read(channel.buffer + read, end - read);
        self.write(channel.at + 16, &(end % channel.size).to_le_bytes());
        bytes
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
