//! Writes the CUDA source of every kernel of a training step to a folder.

use std::path::PathBuf;

use supernano_gpu_kernels::buffer::Buffer;
use supernano_gpu_kernels::convolve::{Convolve, ConvolveBuffers, ConvolveNumbers, Writing};
use supernano_gpu_kernels::cubecl::prelude::*;
use supernano_gpu_kernels::pending::Reading;
use supernano_gpu_kernels::shape::{ConvShape, Rows};
use supernano_gpu_kernels::sources::{NoDevice, SourceRuntime, take};
use supernano_gpu_kernels::tile::{Direction, Frame, VARIANTS};
use supernano_gpu_kernels::weights::{WeightBuffers, WeightGradient};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let client = SourceRuntime::client(&NoDevice);
    let f: Buffer<f32> = Buffer::empty(&client, 4);
    let table: Buffer<u32> = Buffer::empty(&client, 4);
    let mut list = String::new();
    let mut n = 0;
    for (name, rows, cin, cout, kernel, stride, shared) in [
        ("stem", 32, 3, 16, 3, 1, true),
        ("g1", 32, 16, 16, 3, 1, false),
        ("g2first", 32, 16, 32, 3, 2, false),
        ("g2", 16, 32, 32, 3, 1, false),
        ("g2short", 32, 16, 32, 1, 2, false),
        ("g3first", 16, 32, 64, 3, 2, false),
        ("g3", 8, 64, 64, 3, 1, false),
    ] {
        let shape = ConvShape {
            paths: 9,
            images: 128,
            rows,
            columns: rows,
            channels_in: cin,
            channels_out: cout,
            kernel,
            stride,
            shared_input: shared,
        };
        let buffers = ConvolveBuffers {
            x: f.clone(), norm_input: f.clone(), factors: f.clone(), weights: f.clone(), table: table.clone(),
            slopes: f.clone(), y: f.clone(), other: f.clone(), other_factors: f.clone(), partial: f.clone(),
        };
        let numbers = ConvolveNumbers { rows: Rows { input: 0, output: 1, weights: 2 }, slope: 0, other_slope: 0, paths: 9, blocks: [0, 1] };
        let mut emit = |what: String| {
            for s in take(&client) {
                std::fs::write(folder.join(format!("{n:03}.cu")), &s.source).unwrap();
                list += &format!("{n:03} {} {name} {what} {} {} {:?}\n", s.name, s.units, s.shared_bytes, s.cubes);
                n += 1;
            }
        };
        for (v, variant) in VARIANTS.into_iter().enumerate() {
            let frame = Frame::new(&shape, Direction::Forward, variant);
            Convolve { frame, reading: if shared { Reading::Plain } else { Reading::Activated }, writing: Writing::Statistics }.launch(&client, &buffers, &numbers);
            emit(format!("fwd{v}"));
            if !shared {
                for i in 0..stride * stride {
                    let frame = Frame::new(&shape, Direction::Gradient { row: i / stride, column: i % stride }, variant);
                    Convolve { frame, reading: Reading::NormGradient, writing: Writing::ActivationGradient }.launch(&client, &buffers, &numbers);
                    emit(format!("dx{v}.{i}"));
                }
            }
        }
        let g = WeightGradient::new(shape, [if shared { Reading::Plain } else { Reading::Activated }, Reading::NormGradient], 528);
        let b = WeightBuffers { x: f.clone(), factors: f.clone(), dy: f.clone(), norm_input: f.clone(), dy_factors: f.clone(), table: table.clone(), slopes: f.clone(), partial: f.clone(), gradient: f.clone() };
        g.launch(&client, &b, Rows { input: 0, output: 1, weights: 2 }, 0);
        emit(format!("dw blocks{} parts{} strip{}", g.blocks, g.parts, g.strip));
    }
    std::fs::write(folder.join("list.txt"), list).unwrap();
}
