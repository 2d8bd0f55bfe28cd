//! Which device computes.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A GPU where this build can use one and there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU, with our kernels.
    Cpu,
    /// The first NVIDIA GPU (cargo feature `cuda`).
    Cuda,
    /// The first Apple GPU (cargo feature `metal`).
    Metal,
}

impl Choice {
    /// All choices, in the order of a help text.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Cpu, Self::Cuda, Self::Metal];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|choice| choice.name() == name);
        found.ok_or_else(|| format!("there is no device {name}; choose auto, cpu, cuda or metal"))
    }
}

/// Opens the device of choice. Where that GPU cannot be used it is the CPU, and a clause says why.
pub fn open(choice: Choice) -> (Device, Option<String>) {
    let opened = match choice {
        Choice::Cpu => return (Device::Cpu, None),
        Choice::Cuda => cuda(),
        Choice::Metal => metal(),
        Choice::Auto if cfg!(feature = "cuda") => cuda(),
        Choice::Auto if cfg!(feature = "metal") => metal(),
        Choice::Auto => return (Device::Cpu, None),
    };
    match opened {
        Ok(device) => (device, None),
        Err(fault) => (Device::Cpu, Some(fault)),
    }
}

fn cuda() -> Result<Device, String> {
    if !cfg!(feature = "cuda") {
        return Err("this build has no CUDA (build it with --features cuda, see docs/gpu.md)".to_string());
    }
    // Not `cuda_if_available`, which fails where a driver is there and no device.
    Device::new_cuda(0).map_err(|error| format!("no NVIDIA GPU could be opened ({error})"))
}

fn metal() -> Result<Device, String> {
    if !cfg!(feature = "metal") {
        return Err(
            "this build has no Metal (build it with --features metal on a Mac, see docs/gpu.md)".into()
        );
    }
    Device::new_metal(0).map_err(|error| format!("no Apple GPU could be opened ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        for choice in Choice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert!("tpu".parse::<Choice>().unwrap_err().contains("tpu"));
    }

    #[test]
    fn the_cpu_is_never_excused() {
        let (device, fault) = open(Choice::Cpu);
        assert!(device.is_cpu() && fault.is_none());
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn a_missing_gpu_is_explained_in_one_sentence() {
        assert!(open(Choice::Auto).1.is_none());
        for choice in [Choice::Cuda, Choice::Metal] {
            let (device, fault) = open(choice);
            assert!(device.is_cpu());
            assert!(fault.unwrap().contains(&format!("--features {choice}")));
        }
    }
}
