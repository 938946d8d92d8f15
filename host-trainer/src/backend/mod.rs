//! Feature maps and the operations on them: plain burn operations.
#![allow(missing_docs)]

use burn::tensor::backend::Backend;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

pub type Cpu = burn_ndarray::NdArray<f32>;
pub type CpuAutodiff = burn::backend::Autodiff<Cpu>;

#[derive(Clone, Debug)]
pub enum Act<B: Backend> {
    None,
    Relu,
    Prelu(Tensor<B, 1>),
}

#[derive(Clone, Debug)]
pub struct BatchStats {
    pub mean: Vec<f32>,
    pub var_biased: Vec<f32>,
    pub count: usize,
}

#[derive(Clone, Debug)]
pub struct Map<B: Ops> {
    pub data: Tensor<B, 5>,
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
}

impl<B: Ops> Map<B> {
    pub fn from_images(images: &[f32], n: usize, c: usize, h: usize, w: usize) -> Self {
        let data = TensorData::new(images.to_vec(), [n, c, h, w, 1]);
        Self { data: Tensor::from_data(data, &Default::default()), n, c, h, w }
    }
    pub fn to_images(&self) -> Vec<f32> {
        self.data.to_data().iter::<f32>().collect()
    }
    fn nchw(&self) -> Tensor<B, 4> {
        self.data.clone().reshape([self.n, self.c, self.h, self.w])
    }
    fn of(t: Tensor<B, 4>) -> Self {
        let [n, c, h, w] = t.dims();
        Self { data: t.reshape([n, c, h, w, 1]), n, c, h, w }
    }
}

fn acted<B: Backend>(x: Tensor<B, 4>, a: Act<B>) -> Tensor<B, 4> {
    match a {
        Act::None => x,
        Act::Relu => burn::tensor::activation::relu(x),
        Act::Prelu(s) => {
            let pos = x.clone().clamp_min(0.0);
            let neg = x.clamp_max(0.0);
            pos + neg * s.reshape([1, 1, 1, 1])
        }
    }
}

pub trait Ops: Backend {
    fn conv2d(x: &Map<Self>, w: Tensor<Self, 4>, stride: usize) -> Map<Self>
    where
        Self: Sized,
    {
        let [_, _, k, _] = w.dims();
        let p = k / 2;
        Map::of(conv2d(x.nchw(), w, None, ConvOptions::new([stride; 2], [p; 2], [1; 2], 1)))
    }
    fn conv2d_bias_act(
        x: &Map<Self>,
        w: Tensor<Self, 4>,
        b: Tensor<Self, 1>,
        stride: usize,
        a: Act<Self>,
        r: Option<&Map<Self>>,
    ) -> Map<Self> {
        let [_, _, k, _] = w.dims();
        let p = k / 2;
        let y = conv2d(x.nchw(), w, Some(b), ConvOptions::new([stride; 2], [p; 2], [1; 2], 1));
        let y = match r {
            Some(r) => y + r.nchw(),
            None => y,
        };
        Map::of(acted(y, a))
    }
    fn batch_norm(
        x: &Map<Self>,
        g: Tensor<Self, 1>,
        b: Tensor<Self, 1>,
        a: Act<Self>,
    ) -> (Map<Self>, BatchStats) {
        let t = x.nchw();
        let [n, c, h, w] = t.dims();
        let flat = t.clone().swap_dims(0, 1).reshape([c, n * h * w]);
        let mean = flat.clone().mean_dim(1);
        let var = (flat - mean.clone()).powi_scalar(2).mean_dim(1);
        let s = |t: &Tensor<Self, 2>| t.to_data().iter::<f32>().collect();
        let stats = BatchStats { mean: s(&mean), var_biased: s(&var), count: n * h * w };
        let four = |t: Tensor<Self, 2>| t.reshape([1, c, 1, 1]);
        let y = (t - four(mean)) / (four(var) + 1e-5).sqrt() * g.reshape([1, c, 1, 1])
            + b.reshape([1, c, 1, 1]);
        (Map::of(acted(y, a)), stats)
    }
    fn add_act(x: &Map<Self>, y: &Map<Self>, a: Act<Self>) -> Map<Self> {
        Map::of(acted(x.nchw() + y.nchw(), a))
    }
    fn act(x: &Map<Self>, a: Act<Self>) -> Map<Self> {
        Map::of(acted(x.nchw(), a))
    }
    fn pool(x: &Map<Self>) -> Tensor<Self, 2> {
        x.data.clone().reshape([x.n, x.c, x.h * x.w]).mean_dim(2).reshape([x.n, x.c])
    }
}
impl Ops for Cpu {}
impl Ops for CpuAutodiff {}
