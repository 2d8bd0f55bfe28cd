//! The one matrix product, on one thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gemm::{Parallelism, gemm};

/// Whether somebody measures: else no product reads a clock.
static MEASURED: AtomicBool = AtomicBool::new(false);
/// What all products of the process took since.
static NANOSECONDS: AtomicU64 = AtomicU64::new(0);

/// How long all threads of the process have spent in matrix products since this was asked for the first time:
/// the heart of every convolution, its gradients included. For benchmarks.
pub fn products() -> Duration {
    MEASURED.store(true, Ordering::Relaxed);
    Duration::from_nanos(NANOSECONDS.load(Ordering::Relaxed))
}

/// How many numbers of 32 bits the vectors of a matrix product hold: 16 with AVX-512, 8 with AVX2 and FMA, 4
/// on other processors. Two widths add in another order, so their logits differ in the last digits.
pub fn width() -> u8 {
    #[cfg(target_arch = "x86_64")]
    {
        if cfg!(feature = "avx512") && std::arch::is_x86_feature_detected!("avx512f") {
            return 16;
        }
        if std::arch::is_x86_feature_detected!("fma") {
            return 8;
        }
    }
    4
}

/// A read-only view of a slice as a matrix, with any strides: rows may overlap.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major, `columns` apart.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::overlapping(data, rows, columns, columns)
    }

    /// Row-major, `row_stride` apart; closer than `columns`, the rows overlap.
    pub(crate) fn overlapping(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self { data, rows, columns, row_stride, column_stride: 1 }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether every element lies inside the slice.
    fn fits(&self) -> bool {
        let last = self.rows.saturating_sub(1) * self.row_stride
            + self.columns.saturating_sub(1) * self.column_stride;
        self.rows == 0 || self.columns == 0 || last < self.data.len()
    }
}

/// `out = a b`, or `out += a b` with `accumulate`; `out` is row-major, `[a.rows, b.columns]`.
///
/// Panics where the sizes don't fit together: a mistake in the kernel that calls, not in its input.
pub(crate) fn multiply(a: Matrix, b: Matrix, out: &mut [f32], accumulate: bool) {
    assert!(a.columns == b.rows && a.fits() && b.fits() && out.len() == a.rows * b.columns);
    let start = MEASURED.load(Ordering::Relaxed).then(Instant::now);
    // SAFETY: the assertion above keeps every read and write inside its slice; `out` is borrowed mutably and
    // so doesn't overlap the others.
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            b.columns as isize,
            accumulate,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
    if let Some(start) = start {
        NANOSECONDS.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}
