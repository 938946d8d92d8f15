//! The processors of this build, one of which is selected at run time.

use std::fmt;

use supernano_base::error::{Error, Result};
#[cfg(feature = "cuda")]
use supernano_gpu_kernels::cubecl::cuda::{CudaDevice, CudaRuntime};
#[cfg(feature = "vulkan")]
use supernano_gpu_kernels::cubecl::wgpu::{WgpuDevice, WgpuRuntime};
#[cfg(feature = "kernels")]
use supernano_gpu_kernels::cubecl::{Runtime, client::ComputeClient};
#[cfg(any(feature = "cuda", feature = "vulkan"))]
use supernano_gpu_kernels::driver;
use supernano_train::supernet::Evaluation;
use supernano_train::training::{Accelerator, SlicedAccelerator};

use crate::results::{Bench, Comparison, Scoring, StepTiming};
#[cfg(feature = "kernels")]
use crate::task::OnDevice;

/// A processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Device {
    /// The CPU of this machine.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// A GPU with a Vulkan driver.
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

/// Connects to the first NVIDIA GPU. It loads the driver.
#[cfg(feature = "cuda")]
fn cuda() -> ComputeClient<CudaRuntime> {
    CudaRuntime::client(&CudaDevice::default())
}

/// Connects to the first GPU with a Vulkan driver.
#[cfg(feature = "vulkan")]
fn vulkan() -> ComputeClient<WgpuRuntime> {
    WgpuRuntime::client(&WgpuDevice::default())
}

impl Device {
    /// True if this build supports the device.
    pub const fn built_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
        }
    }

    /// The device as a processor that trains, on a GPU with a tiling of
    /// `supernano_gpu_kernels::tile::VARIANTS` by its number. Training panics if the device does not
    /// answer ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`] if this build does not support the device, [`Error::Invalid`] for a tiling that
    /// does not exist.
    pub fn accelerator(self, tiling: usize) -> Result<Box<dyn Accelerator>> {
        #[cfg(feature = "kernels")]
        if self != Self::Cpu {
            return self.run(crate::engine::Connect { tiling });
        }
        let _ = tiling;
        match self {
            Self::Cpu => Ok(Box::new(SlicedAccelerator)),
            _ => Err(self.not_built_in()),
        }
    }

    /// Compares the device with the CPU: updates of every kind, recalibration and evaluation. `report`
    /// is called after each comparison and ends the comparisons by returning false. It panics if the
    /// device does not answer ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`] if this build does not support the device, or for the CPU; the errors of
    /// training.
    pub fn compare(self, report: &mut dyn FnMut(&Comparison) -> bool) -> Result<Vec<Comparison>> {
        #[cfg(feature = "kernels")]
        {
            self.run(crate::agreement::Agreement { report })
        }
        #[cfg(not(feature = "kernels"))]
        {
            self.without(report)
        }
    }

    /// Times the device in every tiling, as [`Self::compare`] does.
    ///
    /// # Errors
    /// The errors of [`Self::compare`].
    pub fn time(
        self,
        bench: Bench<'_>,
        report: &mut dyn FnMut(&StepTiming) -> bool,
    ) -> Result<Vec<StepTiming>> {
        #[cfg(feature = "kernels")]
        {
            self.run(crate::timing::Timing { bench, report })
        }
        #[cfg(not(feature = "kernels"))]
        {
            self.without((bench, report))
        }
    }

    /// Scores sub-networks on the test images. It panics if the device does not answer
    /// ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`] if this build does not support the device, or for the CPU, or if the device
    /// fails.
    pub fn score(self, scoring: Scoring<'_>) -> Result<Vec<Evaluation>> {
        #[cfg(feature = "kernels")]
        {
            self.run(scoring)
        }
        #[cfg(not(feature = "kernels"))]
        {
            self.without(scoring)
        }
    }

    #[cfg(not(feature = "kernels"))]
    fn without<T, U>(self, _: T) -> Result<U> {
        Err(self.not_built_in())
    }

    /// Runs a task on a GPU. It panics if the device does not answer ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`] if this build does not support the device, or for the CPU; the errors of the
    /// task.
    #[cfg(feature = "kernels")]
    pub(crate) fn run<T: OnDevice>(self, task: T) -> Result<T::Output> {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda => task.on(cuda),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => task.on(vulkan),
            _ => Err(self.not_built_in()),
        }
    }

    /// Copies two numbers on the device. Without a driver the call can panic, in other threads of the
    /// process as well.
    ///
    /// # Errors
    /// [`Error::Tool`] with the message of the device, or if this build does not support it.
    pub fn touch(self) -> Result<()> {
        #[cfg(any(feature = "cuda", feature = "vulkan"))]
        self.load()?;
        match self {
            Self::Cpu => Ok(()),
            #[cfg(feature = "kernels")]
            _ => self.run(crate::task::Probe),
            #[cfg(not(feature = "kernels"))]
            _ => Err(self.not_built_in()),
        }
    }

    /// Loads the libraries of the device's driver.
    #[cfg(any(feature = "cuda", feature = "vulkan"))]
    fn load(self) -> Result<()> {
        let libraries: &[(&str, &[&str])] = match self {
            #[cfg(feature = "cuda")]
            Self::Cuda => &[("the CUDA driver", driver::CUDA), ("NVRTC", driver::NVRTC)],
            #[cfg(feature = "vulkan")]
            Self::Vulkan => &[("the Vulkan loader", driver::VULKAN)],
            _ => &[],
        };
        libraries.iter().try_for_each(|(what, names)| {
            driver::load(names).map_err(|problem| Error::tool(what, problem))
        })
    }

    fn not_built_in(self) -> Error {
        Error::tool(format!("--device {self}"), "not a GPU of this build")
    }
}
