//! Which processor trains: a choice at run time among those that were built in.

use std::fmt;

#[cfg(any(feature = "cuda", feature = "vulkan"))]
use burn::backend::Autodiff;
use burn::tensor::backend::AutodiffBackend;
use supernano_base::error::{Error, Result};
use supernano_train::backend::{Cpu, CpuAutodiff};
use supernano_train::training::{self, Accelerator};

#[cfg(any(feature = "cuda", feature = "vulkan"))]
use crate::engine::Batched;

/// An NVIDIA GPU; the driver is loaded at the first use.
#[cfg(feature = "cuda")]
pub type Cuda = burn_cuda::Cuda<f32, i32>;
/// A GPU with a Vulkan driver.
#[cfg(feature = "vulkan")]
pub type Vulkan = burn_wgpu::Wgpu<f32, i32, u32>;

/// Something that is done on whichever device is asked for.
pub trait OnDevice {
    /// What comes of it.
    type Output;

    /// Does it.
    ///
    /// # Errors
    /// Its own.
    fn on<B: AutodiffBackend>(self) -> Result<Self::Output>;
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
    /// True if this build can use the device.
    pub const fn built_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
        }
    }

    /// The device as a processor that trains; it must answer.
    ///
    /// # Errors
    /// [`Error::Tool`] if it was not built in.
    pub fn accelerator(self) -> Result<&'static dyn Accelerator> {
        match self {
            Self::Cpu => Ok(&training::Cpu),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(&const { Batched::<Autodiff<Cuda>>::new() }),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Ok(&const { Batched::<Autodiff<Vulkan>>::new() }),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => Err(Error::tool(format!("--device {self}"), "not built in")),
        }
    }

    /// Does something on the device, which must answer.
    ///
    /// # Errors
    /// [`Error::Tool`] if it was not built in, and the task's own.
    pub fn run<T: OnDevice>(self, task: T) -> Result<T::Output> {
        match self {
            Self::Cpu => task.on::<CpuAutodiff>(),
            #[cfg(feature = "cuda")]
            Self::Cuda => task.on::<Autodiff<Cuda>>(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => task.on::<Autodiff<Vulkan>>(),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => Err(Error::tool(format!("--device {self}"), "not built in")),
        }
    }

    /// Adds two numbers on the device. True where that worked; without a driver it may panic, in
    /// threads of its own too.
    pub fn touch(self) -> bool {
        match self {
            Self::Cpu => sum::<Cpu>(),
            #[cfg(feature = "cuda")]
            Self::Cuda => sum::<Cuda>(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => sum::<Vulkan>(),
            #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
            _ => false,
        }
    }
}

fn sum<B: burn::tensor::backend::Backend>() -> bool {
    let x = burn::tensor::Tensor::<B, 1>::from_floats([1.5, 2.5], &Default::default());
    x.sum().into_data().iter::<f32>().next() == Some(4.0)
}
