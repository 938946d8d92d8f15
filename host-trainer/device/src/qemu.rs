//! An emulated board: QEMU as a child process, with its UART over TCP on the loopback interface.
//!
//! QEMU must not outlive this process, however this process ends. Dropping [`Qemu`] kills it. If
//! nothing is dropped (a signal, an abort), a guard kills it: a shell that waits for the end of a pipe
//! whose other end only this process holds.
//!
//! A session that fails on an emulated board has a cause that QEMU knows: [`Qemu::explained`] puts its
//! words in place of those of the line.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use supernano_base::error::{Error, Result};
use supernano_setup::{Need, QEMU, emulator, to_type};

use crate::agents::agent;
use crate::elf::Firmware;
use crate::link::over_tcp;
use crate::session::{ByteStream, DeviceInfo, Session};
use crate::target::{Machine, Target};

/// Longest wait for QEMU to connect.
const START: Duration = Duration::from_secs(20);
/// Name of the emulator.
const PROGRAM: &str = "qemu-system-arm";

/// What an emulator counts.
#[derive(Clone, Copy, Debug)]
pub enum Counting<'a> {
    /// Nothing: the emulator runs as fast as it can.
    Nothing,
    /// Instructions: each takes 64 ns of virtual time.
    Instructions,
    /// Instructions, and what a plugin with these arguments counts.
    Plugin(&'a str),
}

/// The guard's script. It ignores the signals that a terminal sends to a whole process group, so that
/// the guard outlives this process.
const GUARD: &str = "trap '' INT TERM HUP; read -r line; kill -9 \"$0\"";

/// Longest wait for the end of an emulator whose line is broken: both ends come at nearly the same time.
const END: Duration = Duration::from_millis(500);
/// Most characters of QEMU's words in a message.
const WORDS: usize = 200;

/// A running emulator. It is killed when this value is dropped or this process ends.
#[derive(Debug)]
pub struct Qemu {
    processes: Processes,
    stream: TcpStream,
    /// What QEMU writes to stderr.
    complaint: File,
    machine: Machine,
    firmware: PathBuf,
}

/// QEMU and its guard. The guard is stopped first: after QEMU has ended, another process may have its
/// process identifier.
#[derive(Debug)]
struct Processes {
    guard: Child,
    qemu: Child,
}

impl Processes {
    fn guarded(mut qemu: Child) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, &qemu.id().to_string()]).stdin(Stdio::piped());
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(guard) => Ok(Self { guard, qemu }),
            Err(error) => {
                stop(&mut qemu);
                Err(Error::tool("sh", error))
            }
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        stop(&mut self.guard);
        stop(&mut self.qemu);
    }
}

impl Qemu {
    /// Starts an agent on a machine. `firmware` is the ELF file of the agent; `None` selects that of
    /// [`agent`]. The contents of the file `placed` are loaded into PSRAM.
    ///
    /// # Errors
    /// [`Error::Missing`] without the firmware; [`Error::Tool`] without QEMU, or if it ends before it
    /// connects.
    pub fn start(
        machine: &Machine,
        firmware: Option<&Path>,
        placed: Option<&Path>,
        counting: Counting<'_>,
    ) -> Result<Self> {
        let firmware = firmware_of(machine, firmware)?;
        let failed = |e: std::io::Error| Error::tool(PROGRAM, e);
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let mut complaint = tempfile::tempfile().map_err(|e| Error::tool("temporary file", e))?;
        let errors = complaint.try_clone().map_err(|e| Error::tool("temporary file", e))?;
        let mut command = emulator();
        command
            .args(["-M", machine.board, "-display", "none", "-monitor", "none", "-kernel"])
            .arg(&firmware)
            .args(["-serial", &format!("tcp:127.0.0.1:{port},nodelay=on")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors);
        if let Some(file) = placed {
            let name = file.display().to_string().replace(',', ",,");
            command.args([
                "-device",
                &format!("loader,file={name},addr={:#x},force-raw=on", machine.placed),
            ]);
        }
        if !matches!(counting, Counting::Nothing) {
            command.args(["-icount", "shift=6"]);
        }
        if let Counting::Plugin(arguments) = counting {
            command.args(["-plugin", arguments]);
        }
        let child = command.spawn().map_err(no_emulator)?;
        let mut processes = Processes::guarded(child)?;
        let stream = accept(&listener, &mut processes.qemu, &mut complaint)?;
        Ok(Self { processes, stream, complaint, machine: *machine, firmware })
    }

    /// Begins a session with the agent; `timeout` is the longest time of a reply.
    ///
    /// # Errors
    /// As [`Session::new`], [`Qemu::explained`] and [`Qemu::check_agent`].
    pub fn session(&mut self, timeout: Duration) -> Result<Session> {
        let session = self.link().and_then(|link| Session::new(link, timeout));
        let session = session.map_err(|error| self.explained(error))?;
        self.check_agent(session.device())?;
        Ok(session)
    }

    /// Checks that the agent is that of the machine.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the firmware for the agent of another core.
    pub fn check_agent(&self, device: &DeviceInfo) -> Result<()> {
        if device.core == self.machine.core {
            return Ok(());
        }
        let expected = format!("an agent for {}", self.machine.core);
        let found = format!("one for {}", device.core);
        Err(no_firmware(&self.firmware, &self.machine, &expected, &found))
    }

    /// The cause of a session's error: QEMU's own words if it has ended, and the firmware if it does not
    /// answer as an agent does. Other errors are returned unchanged.
    pub fn explained(&mut self, error: Error) -> Error {
        let (broken, found) = match &error {
            Error::Line { problem, .. } => (true, problem.clone()),
            Error::Firmware { found, .. } => (false, found.clone()),
            _ => return error,
        };
        let begin = Instant::now();
        let status = loop {
            match self.processes.qemu.try_wait() {
                Ok(None) if broken && begin.elapsed() < END => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(status) => break status,
                Err(_) => break None,
            }
        };
        let readable = Firmware::read(&self.firmware).is_ok();
        let refused = |expected: &str, found: &str| {
            let expected = if readable { expected } else { "a 32-bit ELF file" };
            no_firmware(&self.firmware, &self.machine, expected, found)
        };
        match status {
            Some(status) => {
                let said = words(&mut self.complaint);
                match said.contains("fatal") {
                    true => refused("an agent that runs", &format!("\"{said}\" from {PROGRAM}")),
                    false => Error::tool(PROGRAM, format!("ended with {status}: {said}")),
                }
            }
            None => refused("an agent that answers", &found),
        }
    }

    /// The line to the UART, which errors call by the name of the target.
    ///
    /// # Errors
    /// [`Error::Tool`] if the system refuses another handle of the stream; [`Error::Line`] if the
    /// stream cannot be set up.
    pub(crate) fn link(&self) -> Result<Box<dyn ByteStream>> {
        let stream = self.stream.try_clone().map_err(|e| Error::tool(PROGRAM, e))?;
        over_tcp(stream, Target::Qemu(self.machine).to_string())
    }
}

/// Waits until QEMU connects.
fn accept(listener: &TcpListener, child: &mut Child, complaint: &mut File) -> Result<TcpStream> {
    let failed = |e: std::io::Error| Error::tool(PROGRAM, e);
    listener.set_nonblocking(true).map_err(failed)?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).map_err(failed)?;
                stream.set_nodelay(true).map_err(failed)?;
                return Ok(stream);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(failed(e)),
        }
        if let Some(status) = child.try_wait().map_err(failed)? {
            let why = format!("ended with {status} before it started: {}", words(complaint));
            return Err(Error::tool(PROGRAM, why));
        }
        if start.elapsed() > START {
            return Err(Error::tool(PROGRAM, "did not connect within 20 s"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The error for an emulator that does not start, with the command that installs a missing one.
fn no_emulator(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => {
            let typed = to_type(&[&Need::Tool(&QEMU)]);
            Error::tool(PROGRAM, format!("not found; type `{typed}`, or `supernano doctor --fix`"))
        }
        _ => Error::tool(PROGRAM, error),
    }
}

/// The version of the emulator.
///
/// # Errors
/// [`Error::Tool`] without QEMU, or if it fails.
pub fn emulator_version() -> Result<String> {
    let output = emulator().arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(no_emulator)?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.lines().next().filter(|_| output.status.success()) {
        Some(line) => Ok(line.trim().to_owned()),
        None => Err(Error::tool(PROGRAM, format!("`--version` ended with {}", output.status))),
    }
}

/// The first paragraph of what QEMU wrote; registers follow it.
fn words(complaint: &mut File) -> String {
    let mut said = Vec::new();
    let _ = complaint.rewind().and_then(|()| complaint.read_to_end(&mut said));
    let said = String::from_utf8_lossy(&said);
    let first = said.trim().lines().take_while(|line| !line.trim().is_empty());
    let said: String = first.collect::<Vec<_>>().join("; ").chars().take(WORDS).collect();
    if said.is_empty() { "it says nothing".into() } else { said }
}

/// Fails without QEMU.
///
/// # Errors
/// [`Error::Tool`].
pub(crate) fn find() -> Result<()> {
    match supernano_setup::qemu() {
        Some(_) => Ok(()),
        None => Err(no_emulator(ErrorKind::NotFound.into())),
    }
}

/// The ELF file of a machine's agent: the given one, or that of [`agent`].
///
/// # Errors
/// [`Error::Missing`] without the file, and the errors of [`agent`].
pub(crate) fn firmware_of(machine: &Machine, given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(path) if !path.exists() => {
            let needed_for = format!("the agent of {}", machine.name);
            Err(Error::Missing { path: path.to_path_buf(), needed_for })
        }
        Some(path) => Ok(path.to_path_buf()),
        None => agent(machine.agent()),
    }
}

/// The error for a file that is not the agent of a machine.
fn no_firmware(firmware: &Path, machine: &Machine, expected: &str, found: &str) -> Error {
    let field = format!("no firmware for {}", machine.name);
    Error::invalid(firmware.display(), field, expected, found)
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
