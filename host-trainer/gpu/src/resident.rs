//! Training images that stay on the device and are augmented there.
//!
//! The host draws the random numbers of an augmentation, from the same streams as the CPU's
//! training does, and sends them once per epoch. Augmented images equal those of the host up to
//! rounding; a rotated pixel on the border of two source pixels can take either of them.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use supernano_base::config::Augmentation;
use supernano_base::rng::{Key, Purpose};
use supernano_core::plan::Plan;
use supernano_core::space::Shape;
use supernano_data::Dataset;
use supernano_data::augment::{Augment as _, LUMA};

use crate::plans::PlanSets;

/// Numbers in the draw of an image.
const DRAW: usize = 7;

/// The training split on the device.
pub(crate) struct Resident<B: Backend> {
    shape: Shape,
    augmentation: Augmentation,
    /// Pixel / 255, `[images, channels, pixels]`.
    pixels: Tensor<B, 3>,
    /// Classes, `[images]`.
    labels: Tensor<B, 1, Int>,
    /// One-hot rows, `[classes, classes]`.
    classes: Tensor<B, 2>,
    /// `[1, channels, 1]`.
    mean: Tensor<B, 3>,
    /// `[1, channels, 1]`.
    std: Tensor<B, 3>,
    device: B::Device,
}

/// Order, augmentation and plans of an epoch.
pub(crate) struct EpochData<B: Backend> {
    /// Indices of the images, `[images]`.
    order: Tensor<B, 1, Int>,
    /// In the order of the epoch, `[images, DRAW]`: shift in columns and in rows, factors of
    /// brightness and contrast, 1 for a flipped image, sine and cosine of the rotation.
    draws: Tensor<B, 2>,
    /// The plans of every update.
    pub sets: PlanSets<B>,
}

impl<B: Backend> Resident<B> {
    /// Moves the training split to the device.
    pub fn new(dataset: &Dataset, augmentation: Augmentation) -> Self {
        let device = B::Device::default();
        let (shape, images) = (dataset.shape, &dataset.train);
        let (channels, n) = (usize::from(shape.channels), images.len());
        let mut values = vec![0.0f32; n * shape.len()];
        for (i, planes) in values.chunks_exact_mut(shape.len()).enumerate() {
            for (c, plane) in planes.chunks_exact_mut(shape.pixels()).enumerate() {
                let bytes = images.image(i).iter().skip(c).step_by(channels);
                for (value, &byte) in plane.iter_mut().zip(bytes) {
                    *value = f32::from(byte) / 255.0;
                }
            }
        }
        let data = TensorData::new(values, [n, channels, shape.pixels()]);
        let labels: Vec<i32> = images.labels.iter().map(|&l| i32::from(l)).collect();
        let vector =
            |v: &[f32]| Tensor::from_data(TensorData::new(v.to_vec(), [1, v.len(), 1]), &device);
        Self {
            shape,
            augmentation,
            pixels: Tensor::from_data(data, &device),
            labels: Tensor::from_data(TensorData::new(labels, [n]), &device),
            classes: Tensor::eye(dataset.classes.len(), &device),
            mean: vector(&dataset.mean),
            std: vector(&dataset.std),
            device,
        }
    }

    /// Prepares an epoch over the images in `order`, with the plans of every update.
    pub fn epoch(&self, order: &[u32], key: Key, plans: Vec<Vec<Plan>>) -> EpochData<B> {
        let mut values = Vec::with_capacity(order.len() * DRAW);
        for &i in order {
            let draw = self.augmentation.draw(&mut key.rng(Purpose::Augment, u64::from(i)));
            let (dx, dy) = draw.shift;
            let (sin, cos) = draw.angle.sin_cos();
            values.extend([
                dx as f32,
                dy as f32,
                draw.brightness.unwrap_or(1.0),
                draw.contrast.unwrap_or(1.0),
                f32::from(u8::from(draw.flip)),
                sin,
                cos,
            ]);
        }
        let order: Vec<i32> = order.iter().map(|&i| i as i32).collect();
        let n = order.len();
        EpochData {
            order: Tensor::from_data(TensorData::new(order, [n]), &self.device),
            draws: Tensor::from_data(TensorData::new(values, [n, DRAW]), &self.device),
            sets: PlanSets::new(plans, &self.device),
        }
    }

    /// A batch from positions `range` of the epoch: augmented, normalised images
    /// `[n, channels, height, width]` and one-hot labels `[n, classes]`.
    pub fn batch(&self, epoch: &EpochData<B>, range: Range<usize>) -> (Tensor<B, 4>, Tensor<B, 2>) {
        let (from, n) = (range.start, range.len());
        let index = epoch.order.clone().narrow(0, from, n);
        let draws = epoch.draws.clone().narrow(0, from, n);
        let labels = self.classes.clone().select(0, self.labels.clone().select(0, index.clone()));
        let x = self.augmented(self.pixels.clone().select(0, index), &draws);
        let x = (x - self.mean.clone()) / self.std.clone();
        let [channels, h, w] =
            [self.shape.channels, self.shape.height, self.shape.width].map(usize::from);
        (x.reshape([n, channels, h, w]), labels)
    }

    /// Augments images `[n, channels, pixels]` according to their draws `[n, DRAW]`.
    fn augmented(&self, mut x: Tensor<B, 3>, draws: &Tensor<B, 2>) -> Tensor<B, 3> {
        let n = draws.dims()[0];
        let draw = |i: usize| draws.clone().narrow(1, i, 1);
        let settings = &self.augmentation;
        let (height, width) = (f32::from(self.shape.height), f32::from(self.shape.width));
        let places = Tensor::<B, 1, Int>::arange(0..self.shape.pixels() as i64, &self.device);
        let places = places.float().reshape([1, self.shape.pixels()]);
        let rows = (places.clone() / width).floor();
        let columns = places - rows.clone() * width;
        if settings.crop_padding > 0 {
            x = self.moved(x, columns.clone() + draw(0), rows.clone() + draw(1), None);
        }
        let factor = |i: usize| draw(i).reshape([n, 1, 1]);
        if settings.brightness > 0.0 {
            x = (x * factor(2)).clamp_max(1.0);
        }
        if settings.contrast > 0.0 {
            let grey = self.grey(x.clone());
            x = (grey.clone() + (x - grey) * factor(3)).clamp(0.0, 1.0);
        }
        if settings.flip || settings.rotation > 0.0 {
            let (cx, cy) = (width / 2.0, height / 2.0);
            let (dx, dy) = (columns + 0.5 - cx, rows + 0.5 - cy);
            let (sin, cos) = (draw(5), draw(6));
            let column = cos.clone() * dx.clone() - sin.clone() * dy.clone() + cx;
            let row = sin * dx + cos * dy + cy;
            x = self.moved(x, column.floor(), row.floor(), Some(draw(4)));
        }
        x
    }

    /// Takes every pixel from the given column and row, whole numbers `[n, pixels]`. Pixels from
    /// outside the image are 0. Images whose `flip` `[n, 1]` is 1 are mirrored left to right.
    fn moved(
        &self,
        x: Tensor<B, 3>,
        column: Tensor<B, 2>,
        row: Tensor<B, 2>,
        flip: Option<Tensor<B, 2>>,
    ) -> Tensor<B, 3> {
        let [n, channels, pixels] = x.dims();
        let last = |side: u16| f32::from(side) - 1.0;
        let (right, bottom) = (last(self.shape.width), last(self.shape.height));
        let [column_in, row_in] = [(&column, right), (&row, bottom)].map(|(at, most)| {
            at.clone().equal(at.clone().clamp(0.0, most)).float().reshape([n, 1, pixels])
        });
        let (mut column, row) = (column.clamp(0.0, right), row.clamp(0.0, bottom));
        if let Some(flip) = flip {
            let mirrored = column.clone() * -2.0 + right;
            column = column + mirrored * flip;
        }
        let at = (row * (right + 1.0) + column).int().reshape([n, 1, pixels]);
        x.gather(2, at.repeat_dim(1, channels)) * column_in * row_in
    }

    /// Mean luminance of each image, `[n, 1, 1]`.
    fn grey(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [_, channels, _] = x.dims();
        let weights: Vec<f32> = match channels {
            3 => LUMA.to_vec(),
            _ => vec![1.0 / channels as f32; channels],
        };
        let weights = TensorData::new(weights, [1, channels, 1]);
        (x * Tensor::from_data(weights, &self.device)).sum_dim(1).mean_dim(2)
    }
}

#[cfg(test)]
mod tests;
