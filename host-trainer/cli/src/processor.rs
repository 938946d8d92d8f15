//! The processor that trains. It is asked for an answer before any work begins.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use supernano_base::error::{Error, Result};
use supernano_gpu::device::Device;

/// Longest wait for the first answer of a GPU, which loads its driver and compiles a kernel.
const FIRST_ANSWER: Duration = Duration::from_secs(120);
/// Bytes of a driver's message that are shown.
const SHOWN: usize = 2000;

/// Makes sure that the device answers. A missing driver ends threads of the process that asks for
/// it, so a separate process asks: this executable with `probe-device`.
///
/// # Errors
/// [`Error::Tool`] if the device was not built in, has no driver, or does not answer; with the
/// message of the driver.
pub fn check(device: Device) -> Result<()> {
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
        // The message tells the cause; the place in a backend does not.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    // The pipe is read while the process runs: a driver with a long message must not wait for a reader.
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

/// The message of a driver; only its end if it is long.
fn shown(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[said.len().saturating_sub(SHOWN)..]);
    match text.trim() {
        "" => String::new(),
        text => format!(":\n{text}"),
    }
}
