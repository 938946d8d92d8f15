//! Kernel size, stride and padding of a layer.

use crate::shape::Shape;

/// The window that a layer moves over its input.
// Laid out as in a blob and aligned, so that it is copied by words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C, align(4))]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: [u8; 2],
    /// Stride in rows and in columns.
    pub stride: [u8; 2],
    /// Padding above, below, on the left and on the right, in pixels.
    pub padding: [u8; 4],
}

impl Geometry {
    /// A window of one pixel.
    pub const POINT: Self = Self::same(1, 1);

    /// A square window with half its size, rounded down, as padding on every side.
    pub const fn same(kernel: u8, stride: u8) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [kernel / 2; 4] }
    }

    /// A window without padding.
    pub const fn valid(kernel: [u8; 2], stride: [u8; 2]) -> Self {
        Self { kernel, stride, padding: [0; 4] }
    }

    /// Kernel size and stride of a window that [`Self::same`] makes from an odd kernel size.
    pub const fn square(&self) -> Option<(u8, u8)> {
        let ([kernel, columns], [stride, across]) = (self.kernel, self.stride);
        let [above, below, left, right] = self.padding;
        let half = kernel / 2;
        let padded = above == half && below == half && left == half && right == half;
        if kernel == columns && stride == across && kernel % 2 == 1 && padded {
            Some((kernel, stride))
        } else {
            None
        }
    }

    /// True for a window that a residual network may have: one of [`Self::same`] with an odd kernel
    /// size and a stride of 1 or 2.
    pub const fn is_residual(&self) -> bool {
        matches!(self.square(), Some((_, 1 | 2)))
    }

    /// True for [`Self::POINT`].
    pub const fn is_point(&self) -> bool {
        matches!(self.square(), Some((1, 1)))
    }

    /// Number of products or values of a window.
    pub const fn taps(&self) -> usize {
        self.kernel[0] as usize * self.kernel[1] as usize
    }

    /// True if the window is the whole input.
    pub const fn is_global(&self, input: Shape) -> bool {
        let [above, below, left, right] = self.padding;
        self.kernel[0] as u16 == input.height
            && self.kernel[1] as u16 == input.width
            && above | below | left | right == 0
    }

    /// The shape that a layer with `channels` outputs writes; `None` if a side of the window exceeds
    /// the padded input or does not exceed the padding, or if a stride is 0.
    pub const fn output(&self, input: Shape, channels: u16) -> Option<Shape> {
        let [above, below, left, right] = self.padding;
        let height = side(input.height, self.kernel[0], self.stride[0], above, below);
        let width = side(input.width, self.kernel[1], self.stride[1], left, right);
        match (height, width) {
            (Some(height), Some(width)) => Some(Shape { height, width, channels }),
            _ => None,
        }
    }
}

const fn side(size: u16, kernel: u8, stride: u8, before: u8, behind: u8) -> Option<u16> {
    let padded = size as u32 + before as u32 + behind as u32;
    if before >= kernel || behind >= kernel || kernel as u32 > padded || stride == 0 {
        return None;
    }
    Some(((padded - kernel as u32) / stride as u32 + 1) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_same_padding_is_the_input_over_the_stride() {
        for size in 1..40 {
            for kernel in [1, 3, 5, 7] {
                for stride in [1, 2] {
                    let input = Shape { height: size, width: size + 1, channels: 3 };
                    let expected = input.convolved(stride, 5);
                    assert_eq!(Geometry::same(kernel, stride).output(input, 5), Some(expected));
                }
            }
        }
    }

    #[test]
    fn windows_that_do_not_fit_have_no_output() {
        let input = Shape { height: 4, width: 5, channels: 1 };
        assert_eq!(Geometry::valid([4, 5], [1, 1]).output(input, 1).map(Shape::pixels), Some(1));
        assert_eq!(Geometry::valid([5, 5], [1, 1]).output(input, 1), None);
        assert_eq!(Geometry::valid([1, 1], [0, 1]).output(input, 1), None);
        let padded = Geometry { padding: [3, 0, 0, 0], ..Geometry::valid([3, 3], [1, 1]) };
        assert_eq!(padded.output(input, 1), None);
    }
}
