//! Where the tensors of a run live.

use anyhow::{Result, bail};
use candle_core::Device;

/// A device by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// A GPU where this program was built for one and finds it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU; needs the cargo feature `cuda`.
    Cuda,
    /// Apple's GPU; needs the cargo feature `metal`.
    Metal,
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// Where a GPU was asked for by name and is not there.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Auto | Self::Cpu => Ok(Device::Cpu),
            Self::Cuda | Self::Metal => bail!("this program was built without GPU support"),
        }
    }
}
