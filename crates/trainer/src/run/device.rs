//! Where the tensors of a run live.

use anyhow::{Result, bail};
use candle_core::Device;
use model::device::{self, Choice};

/// A device by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// A GPU where this program was built for one and finds it, else the CPU.
    #[default]
    Auto,
    /// The CPU, with our kernels.
    Cpu,
    /// The first NVIDIA GPU; needs a build with `--features cuda`.
    Cuda,
    /// The first Apple GPU; needs a build with `--features metal`.
    Metal,
}

impl DeviceChoice {
    /// Opens the device. Where `auto` finds no GPU in a build for one, a sentence on the terminal says why.
    ///
    /// # Errors
    /// Where a GPU was asked for by name and cannot be used.
    pub fn open(self) -> Result<Device> {
        let choice = match self {
            Self::Auto => Choice::Auto,
            Self::Cpu => Choice::Cpu,
            Self::Cuda => Choice::Cuda,
            Self::Metal => Choice::Metal,
        };
        match device::open(choice) {
            (device, None) => Ok(device),
            (device, Some(fault)) if self == Self::Auto => {
                eprintln!("{fault}; the CPU is used");
                Ok(device)
            }
            (_, Some(fault)) => bail!("--device {choice}: {fault}; choose --device auto or cpu"),
        }
    }
}

#[cfg(all(test, not(any(feature = "cuda", feature = "metal"))))]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_was_asked_for_by_name_is_not_replaced_in_silence() {
        assert!(DeviceChoice::Auto.open().unwrap().is_cpu());
        for choice in [DeviceChoice::Cuda, DeviceChoice::Metal] {
            let error = choice.open().unwrap_err().to_string();
            assert!(error.contains("--features") && error.contains("--device auto"), "{error}");
        }
    }
}
