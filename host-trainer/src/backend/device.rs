//! Which processor trains: a choice at run time among those that were built in.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use burn::tensor::backend::AutodiffBackend;

use super::Ops;
use crate::error::{Error, Result};

/// Longest wait for a GPU's first answer: its driver loads, a kernel is compiled.
const FIRST_ANSWER: Duration = Duration::from_secs(120);

/// Something that is done on whichever device is asked for.
pub trait OnDevice {
    /// What comes of it.
    type Output;

    /// Does it.
    ///
    /// # Errors
    /// Its own.
    fn on<B: AutodiffBackend + Ops>(self) -> Result<Self::Output>
    where
        B::InnerBackend: Ops;
}

/// A processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Device {
    /// This machine's processor, with kernels of our own.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// Any GPU with a Vulkan driver.
    Vulkan,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
        })
    }
}

impl Device {
    const fn built_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
        }
    }

    /// Makes sure that the device answers. A driver that is missing ends threads of the process
    /// that asks for it, so a process of its own asks: this executable with `probe-device`.
    ///
    /// # Errors
    /// [`Error::Tool`] where it was not built in, has no driver, or does not answer.
    pub fn check(self) -> Result<()> {
        if !self.built_in() {
            let built = "this supernano was built without it: `cargo build --release -p supernano \
                         --features";
            return Err(Error::tool(format!("--device {self}"), format!("{built} {self}`")));
        }
        if self == Self::Cpu {
            return Ok(());
        }
        let failed = |problem: String| Error::tool(format!("--device {self}"), problem);
        let executable = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
        let mut child = Command::new(executable)
            .args(["probe-device", &self.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        let start = Instant::now();
        loop {
            match child.try_wait().map_err(|e| failed(e.to_string()))? {
                Some(status) if status.success() => return Ok(()),
                Some(_) => return Err(failed("no driver or no GPU that it can use".into())),
                None if start.elapsed() > FIRST_ANSWER => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(failed("does not answer".into()));
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Does something here.
    ///
    /// # Errors
    /// As [`Device::check`], and the task's own.
    pub fn run<T: OnDevice>(self, task: T) -> Result<T::Output> {
        self.check()?;
        match self {
            Self::Cpu => task.on::<super::CpuAutodiff>(),
            #[cfg(feature = "cuda")]
            Self::Cuda => task.on::<burn::backend::Autodiff<super::Cuda>>(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => task.on::<burn::backend::Autodiff<super::Vulkan>>(),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => Err(Error::tool(format!("--device {self}"), "not built in")),
        }
    }

    /// Adds two numbers on the device. True where that worked; without a driver it may panic, in
    /// threads of its own too.
    pub fn touch(self) -> bool {
        match self {
            Self::Cpu => sum::<super::Cpu>(),
            #[cfg(feature = "cuda")]
            Self::Cuda => sum::<super::Cuda>(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => sum::<super::Vulkan>(),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => false,
        }
    }
}

fn sum<B: burn::tensor::backend::Backend>() -> bool {
    let x = burn::tensor::Tensor::<B, 1>::from_floats([1.5, 2.5], &Default::default());
    x.sum().into_data().iter::<f32>().next() == Some(4.0)
}
