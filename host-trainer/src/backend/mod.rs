//! The tensor operations that training needs beyond burn's own, on a layout of their own.
//!
//! [`Map`] is what flows between layers; its layout is private to this module. [`Ops`] is
//! implemented by burn's ndarray backend and by that backend under autodiff.

pub mod cpu;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use cpu::{conv::Conv, norm::Moments, norm::Shape, pointwise};

/// A backend with operations on [`Map`]s. Shapes: maps `[ceil(n / 16), c, h, w, 16]`.
pub trait Ops: Backend {
    /// Convolution with padding `k / 2`; `w` is `[co, ci, k, k]`.
    fn map_conv(x: FloatTensor<Self>, w: FloatTensor<Self>, g: Conv) -> FloatTensor<Self>;
    /// Batch normalisation with batch statistics, `gamma` and `beta` `[c]`, `size` = `[h, w]`.
    fn map_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        s: Shape,
        size: [usize; 2],
        relu: bool,
    ) -> (FloatTensor<Self>, Moments);
    /// `act(a + b)`; the slope `[1]` of a PReLU, or none for a ReLU.
    fn map_act(
        a: FloatTensor<Self>,
        b: Option<FloatTensor<Self>>,
        slope: Option<FloatTensor<Self>>,
        shape: [usize; 5],
    ) -> FloatTensor<Self>;
    /// Global average, `[n, c]`.
    fn map_pool(x: FloatTensor<Self>, s: Shape) -> FloatTensor<Self>;
}

/// `n` feature maps of `c` channels, `h` rows and `w` columns.
#[derive(Clone, Debug)]
pub struct Map<B: Ops> {
    /// `[ceil(n / 16), c, h, w, 16]`, sixteen images innermost.
    pub data: Tensor<B, 5>,
    /// Images.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

/// Activation after a sum or a normalisation.
#[derive(Clone, Debug)]
pub enum Act<B: Ops> {
    /// The value itself.
    None,
    /// `max(v, 0)`.
    Relu,
    /// `max(v, 0) + slope * min(v, 0)` with a learned slope `[1]`.
    Prelu(Tensor<B, 1>),
}

/// Statistics of one batch, for recalibration and running averages; vectors are `[c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStats {
    /// Mean over images and pixels.
    pub mean: Vec<f32>,
    /// Variance divided by `count`, not `count - 1`.
    pub var_biased: Vec<f32>,
    /// Images times pixels.
    pub count: usize,
}

fn float<B: Backend, const D: usize>(t: Tensor<B, D>) -> FloatTensor<B> {
    t.into_primitive().tensor()
}

fn lift<B: Backend, const D: usize>(t: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(t))
}

impl<B: Ops> Map<B> {
    /// A map of images `[n, c, h, w]`; not tracked by autodiff.
    pub fn from_images(images: &[f32], n: usize, c: usize, h: usize, w: usize) -> Self {
        let data =
            TensorData::new(pointwise::block(images, n, c * h * w), [n.div_ceil(16), c, h, w, 16]);
        Self { data: Tensor::from_data(data, &Default::default()), n, c, h, w }
    }

    /// The values as `[n, c, h, w]`.
    ///
    /// # Panics
    /// If the backend cannot hand out f32.
    pub fn to_images(&self) -> Vec<f32> {
        let data = self.data.to_data();
        let v = data.as_slice::<f32>().expect("maps hold f32");
        pointwise::unblock(v, self.n, self.c * self.h * self.w)
    }

    fn shape(&self) -> Shape {
        Shape { n: self.n, c: self.c, pixels: self.h * self.w }
    }
}

/// Convolution with padding `k / 2` and stride 1 or 2; `w` is `[co, ci, k, k]`.
pub fn conv2d<B: Ops>(x: &Map<B>, w: Tensor<B, 4>, stride: usize) -> Map<B> {
    let [co, ci, k, _] = w.dims();
    assert_eq!(ci, x.c, "input channels of weights and map");
    let g = Conv { ci, co, h: x.h, w: x.w, k, stride };
    let y = B::map_conv(float(x.data.clone()), float(w), g);
    Map { data: lift(y), n: x.n, c: co, h: g.ho(), w: g.wo() }
}

/// Convolution with folded batch normalisation: `act(conv(x, w) + bias + residual)`, `bias` `[co]`.
pub fn conv2d_bias_act<B: Ops>(
    x: &Map<B>,
    w: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    stride: usize,
    residual: Option<&Map<B>>,
    act: Act<B>,
) -> Map<B> {
    let mut y = conv2d(x, w, stride);
    let c = y.c;
    y.data = y.data + bias.reshape([1, c, 1, 1, 1]);
    match (residual, act) {
        (Some(r), Act::None) => Map { data: y.data + r.data.clone(), ..y },
        (Some(r), a) => add_act(&y, r, a),
        (None, a) => self::act(&y, a),
    }
}

/// Batch normalisation over the batch's own statistics (epsilon 1e-5), with the activation fused
/// unless it is a PReLU; `gamma` and `beta` are `[c]`.
pub fn batch_norm<B: Ops>(
    x: &Map<B>,
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    act: Act<B>,
) -> (Map<B>, BatchStats) {
    let s = x.shape();
    let relu = matches!(act, Act::Relu);
    let (y, m) = B::map_norm(float(x.data.clone()), float(gamma), float(beta), s, [x.h, x.w], relu);
    let y = Map { data: lift(y), ..*x };
    let stats = BatchStats { mean: m.mean, var_biased: m.var, count: s.n * s.pixels };
    let y = if relu { y } else { self::act(&y, act) };
    (y, stats)
}

fn sum_act<B: Ops>(a: &Map<B>, b: Option<&Map<B>>, slope: Option<Tensor<B, 1>>) -> Map<B> {
    let b = b.map(|b| {
        assert_eq!(a.data.dims(), b.data.dims(), "both maps have one shape");
        float(b.data.clone())
    });
    let y = B::map_act(float(a.data.clone()), b, slope.map(float), a.data.dims());
    Map { data: lift(y), ..*a }
}

/// `act(a + b)`.
pub fn add_act<B: Ops>(a: &Map<B>, b: &Map<B>, act: Act<B>) -> Map<B> {
    match act {
        Act::None => Map { data: a.data.clone() + b.data.clone(), ..*a },
        Act::Relu => sum_act(a, Some(b), None),
        Act::Prelu(slope) => sum_act(a, Some(b), Some(slope)),
    }
}

/// `act(x)`.
pub fn act<B: Ops>(x: &Map<B>, act: Act<B>) -> Map<B> {
    match act {
        Act::None => x.clone(),
        Act::Relu => sum_act(x, None, None),
        Act::Prelu(slope) => sum_act(x, None, Some(slope)),
    }
}

/// Global average of every channel, `[n, c]`.
pub fn pool<B: Ops>(x: &Map<B>) -> Tensor<B, 2> {
    lift(B::map_pool(float(x.data.clone()), x.shape()))
}
