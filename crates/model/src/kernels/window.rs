//! Where a kernel meets an image: what [`super::unfold`] reads and [`super::fold`] writes.

use candle_core::{Result, bail};

/// The largest kernel, stride or padding: far beyond use, far below overflow.
const MAX_SIZE: usize = 1 << 12;

/// A square kernel that steps over an image with zeros around it. The image's `H` rows have
/// `(H + before + after - kernel) / stride + 1` positions; its columns likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows, and columns, of the kernel.
    pub kernel: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Rows of zeros above the image, and columns left of it.
    pub before: usize,
    /// Rows of zeros below the image, and columns right of it. TensorFlow's "SAME" puts the odd one here.
    pub after: usize,
}

impl Window {
    /// A kernel with `pad` zeros on all sides.
    pub const fn new(kernel: usize, stride: usize, pad: usize) -> Self {
        Self { kernel, stride, before: pad, after: pad }
    }

    /// The same with `after` zeros below and right of the image.
    pub const fn with_after(self, after: usize) -> Self {
        Self { after, ..self }
    }
}

/// A window's positions on a batch of images of one size.
pub(super) struct Windows {
    pub(super) batch: usize,
    height: usize,
    width: usize,
    pub(super) channels: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    window: Window,
}

impl Windows {
    /// # Errors
    /// When the image has not four axes, or the sizes don't fit.
    pub(super) fn new(dims: &[usize], window: Window) -> Result<Self> {
        let &[batch, height, width, channels] = dims else {
            bail!("unfold: x must be [batch, height, width, channels], not {dims:?}");
        };
        let Window { kernel, stride, before, after } = window;
        if kernel == 0 || stride == 0 {
            bail!("unfold: kernel {kernel} and stride {stride} must be at least 1");
        }
        if [kernel, stride, before, after].into_iter().any(|size| size > MAX_SIZE) {
            bail!("unfold: {window:?} is too large, at most {MAX_SIZE}");
        }
        if kernel > height + before + after || kernel > width + before + after {
            bail!("unfold: a kernel of {kernel} is larger than x {dims:?} padded by {before} and {after}");
        }
        let positions = |size: usize| (size + before + after - kernel) / stride + 1;
        let (out_height, out_width) = (positions(height), positions(width));
        Ok(Self { batch, height, width, channels, out_height, out_width, window })
    }

    /// The windows that columns of shape `dims` were gathered from, in images of this size.
    ///
    /// # Errors
    /// When they cannot have been.
    pub(super) fn folding(dims: &[usize], window: Window, height: usize, width: usize) -> Result<Self> {
        let taps = window.kernel.saturating_mul(window.kernel).max(1);
        let &[batch, _, _, columns] = dims else {
            bail!("fold: the columns must be [batch, rows, columns, taps * channels], not {dims:?}");
        };
        let windows = Self::new(&[batch, height, width, columns / taps], window)?;
        if windows.columns_shape() != *dims {
            bail!("fold: {window:?} on {height} x {width} gives {:?}, not {dims:?}", windows.columns_shape());
        }
        Ok(windows)
    }

    /// Shape of the columns.
    pub(super) fn columns_shape(&self) -> [usize; 4] {
        [self.batch, self.out_height, self.out_width, self.window.kernel * self.window.kernel * self.channels]
    }

    pub(super) fn image_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    pub(super) fn columns_len(&self) -> usize {
        self.columns_shape().iter().product()
    }

    /// Calls `run(index in the image, index in the columns, length)` for each kernel row inside the image:
    /// both lie in one piece.
    #[inline(always)]
    pub(super) fn each_run(&self, mut run: impl FnMut(usize, usize, usize)) {
        let Window { kernel, stride, before, .. } = self.window;
        let channels = self.channels;
        let mut columns = 0;
        for image in 0..self.batch {
            for top in (0..self.out_height).map(|row| row * stride) {
                for left in (0..self.out_width).map(|column| column * stride) {
                    // The kernel's columns that lie inside the image.
                    let first = before.saturating_sub(left).min(kernel);
                    let last = (self.width + before).saturating_sub(left).clamp(first, kernel);
                    for ky in 0..kernel {
                        let inside = top + ky >= before && top + ky < self.height + before;
                        if inside && first < last {
                            let row = image * self.height + top + ky - before;
                            let pixel = row * self.width + left + first - before;
                            run(pixel * channels, columns + first * channels, (last - first) * channels);
                        }
                        columns += kernel * channels;
                    }
                }
            }
        }
    }
}
