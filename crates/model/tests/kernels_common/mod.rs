//! What the kernels' tests share: random arguments, gradients by candle, comparison.
#![allow(dead_code, reason = "each test binary uses its part")]

use candle_core::{Device, Result, Tensor, Var};

/// An operation of several arguments.
pub type Case<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

/// Seeded random numbers (splitmix64), the same on every machine.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in -1..1.
    pub fn value(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn tensor(&mut self, shape: &[usize]) -> Result<Tensor> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.value()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu)
    }

    pub fn var(&mut self, shape: &[usize]) -> Result<Var> {
        Var::from_tensor(&self.tensor(shape)?)
    }
}

/// The operation's result, and the gradients of a random projection of it (drawn from `seed`).
pub fn gradients(arguments: &[Var], seed: u64, operation: Case) -> Result<(Tensor, Vec<Tensor>)> {
    let tensors: Vec<Tensor> = arguments.iter().map(|var| var.as_tensor().clone()).collect();
    let out = operation(&tensors)?;
    let projection = Noise::new(!seed).tensor(out.dims())?;
    let grads = (&out * projection)?.sum_all()?.backward()?;
    let found = arguments.iter().map(|var| grads.get(var).expect("every argument has a gradient").clone());
    Ok((out, found.collect()))
}

/// Fails unless the tensors have one shape and differ by no more than rounding, relative to the larger
/// values.
pub fn close(what: &str, found: &Tensor, expected: &Tensor) -> Result<()> {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let size = expected.abs()?.max_all()?.to_scalar::<f32>()?;
    let difference = (found - expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
    assert!(difference <= 2e-5 * size.max(1.0), "{what}: off by {difference} at values up to {size}");
    Ok(())
}

/// Decisions, 0 or 1, `[n, k, p]`: about a third of them 1.
#[allow(dead_code)]
pub fn bits(n: usize, k: usize, p: usize) -> Result<Tensor> {
    let bit = |i: usize| f32::from(u8::from(i * 7919 % 13 < 4));
    Tensor::from_iter((0..n * k * p).map(bit), &Device::Cpu)?.reshape((n, k, p))
}
