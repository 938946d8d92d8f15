//! The processors of this build, one of which is selected at run time.

use std::fmt;

#[cfg(any(feature = "cuda", feature = "vulkan"))]
use burn::backend::Autodiff;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use supernano_base::error::Result;
use supernano_train::backend::{Cpu, CpuAutodiff};
use supernano_train::training::{self, Accelerator};

use crate::agreement::{Agreement, Comparison};
use crate::bench_device::{DeviceBench, DeviceTimings};
#[cfg(any(feature = "cuda", feature = "vulkan"))]
use crate::engine::MaskedAccelerator;
use crate::task::OnDevice;

/// The backend of NVIDIA GPUs. It loads the driver at the first use.
#[cfg(feature = "cuda")]
pub type Cuda = burn_cuda::Cuda<f32, i32>;
/// The backend of GPUs with a Vulkan driver.
#[cfg(feature = "vulkan")]
pub type Vulkan = burn_wgpu::Wgpu<f32, i32, u32>;

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

impl Device {
    /// True if this build supports the device.
    pub const fn built_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
        }
    }

    /// The device as a processor that trains. Training panics if the device does not answer
    /// ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`](supernano_base::error::Error::Tool) if this build does not support the device.
    pub fn accelerator(self) -> Result<&'static dyn Accelerator> {
        match self {
            Self::Cpu => Ok(&training::SlicedAccelerator),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(&const { MaskedAccelerator::<Autodiff<Cuda>>::new() }),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Ok(&const { MaskedAccelerator::<Autodiff<Vulkan>>::new() }),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => Err(self.not_built_in()),
        }
    }

    /// Compares the device with the CPU ([`Agreement`]). It panics if the device does not answer
    /// ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`](supernano_base::error::Error::Tool) if this build does not support the device,
    /// and the errors of training.
    pub fn compare(self, agreement: Agreement) -> Result<Vec<Comparison>> {
        self.run(agreement)
    }

    /// Times the device. It panics if the device does not answer ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`](supernano_base::error::Error::Tool) if this build does not support the device,
    /// and the errors of training.
    pub fn time(self, bench: DeviceBench<'_>) -> Result<DeviceTimings> {
        self.run(bench)
    }

    /// Runs a task on the device. It panics if the device does not answer ([`Self::touch`]).
    ///
    /// # Errors
    /// [`Error::Tool`](supernano_base::error::Error::Tool) if this build does not support the device,
    /// and the errors of the task.
    fn run<T: OnDevice>(self, task: T) -> Result<T::Output> {
        match self {
            Self::Cpu => task.on::<CpuAutodiff>(),
            #[cfg(feature = "cuda")]
            Self::Cuda => task.on::<Autodiff<Cuda>>(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => task.on::<Autodiff<Vulkan>>(),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => Err(self.not_built_in()),
        }
    }

    /// Adds two numbers on the device and returns true if the sum is right. Without a driver the
    /// call can panic, in other threads of the process as well.
    pub fn touch(self) -> bool {
        match self {
            Self::Cpu => adds::<Cpu>(),
            #[cfg(feature = "cuda")]
            Self::Cuda => adds::<Cuda>(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => adds::<Vulkan>(),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => false,
        }
    }

    #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
    fn not_built_in(self) -> supernano_base::error::Error {
        supernano_base::error::Error::tool(format!("--device {self}"), "not built in")
    }
}

fn adds<B: Backend>() -> bool {
    let x = Tensor::<B, 1>::from_floats([1.5, 2.5], &Default::default());
    x.sum().into_data().iter::<f32>().next() == Some(4.0)
}
