//! The processor that trains: chosen by `--device`, asked before any work.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use supernano_base::error::{Error, Result};
use supernano_gpu::device::Device;
use supernano_train::training::Accelerator;

/// Longest wait for a GPU's first answer: its driver loads, a kernel is compiled.
const FIRST_ANSWER: Duration = Duration::from_secs(120);
/// Bytes of a driver's complaint that are shown.
const SHOWN: usize = 2000;

/// The processor, which has answered.
///
/// # Errors
/// As [`check`].
pub(in crate::commands) fn of(device: Device) -> Result<&'static dyn Accelerator> {
    check(device)?;
    device.accelerator()
}

/// Makes sure that the device answers. A driver that is missing ends threads of the process that
/// asks for it, so a process of its own asks: this executable with `probe-device`.
///
/// # Errors
/// [`Error::Tool`] if the device was not built in, has no driver, or does not answer; with what
/// the driver said.
pub(in crate::commands) fn check(device: Device) -> Result<()> {
    if !device.built_in() {
        let built = "this supernano was built without it: `cargo build --release -p supernano \
                     --features";
        return Err(Error::tool(format!("--device {device}"), format!("{built} {device}`")));
    }
    if device == Device::Cpu {
        return Ok(());
    }
    let failed = |problem: String| Error::tool(format!("--device {device}"), problem);
    let executable = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let mut child = Command::new(executable)
        .args(["probe-device", &device.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    // The pipe is read while the process runs: a driver that says much must not wait for a reader.
    let stderr = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.read_to_end(&mut said);
        }
        said
    });
    let start = Instant::now();
    loop {
        match child.try_wait().map_err(|e| failed(e.to_string()))? {
            Some(status) if status.success() => return Ok(()),
            Some(_) => {
                let said = reader.join().unwrap_or_default();
                return Err(failed(format!("no driver or no GPU that it can use{}", shown(&said))));
            }
            None if start.elapsed() > FIRST_ANSWER => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed("does not answer".into()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// What a driver said, its end if it is long.
fn shown(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[said.len().saturating_sub(SHOWN)..]);
    match text.trim() {
        "" => String::new(),
        text => format!(":\n{text}"),
    }
}

/// Adds two numbers on the device.
///
/// # Errors
/// [`Error::Tool`] if that does not work.
pub(super) fn touch(device: Device) -> Result<()> {
    match device.touch() {
        true => Ok(()),
        false => Err(Error::tool(device, "does not compute")),
    }
}
