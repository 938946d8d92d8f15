//! Pools and their gradients, with paths of different widths.

use super::*;
use supernano_gpu_kernels::pool::{Pool, PoolBuffers};

fn check(client: &Client, shape: ConvShape, maximum: bool, pooled: bool) {
    let case = Case::new(shape);
    let what = |part: &str| format!("{part}, {shape:?}, maximum {maximum}");
    // Few values, so that some windows have their largest value twice.
    let x: Vec<f32> =
        noise(1, shape.inputs()).into_iter().map(|v| (v * 4.0).round() / 4.0).collect();
    let (images, channels) = ((shape.paths * shape.images) as usize, shape.channels_out as usize);
    let pixels = (shape.rows_out() * shape.columns_out()) as usize;
    let dy = noise(2, if pooled { images * channels } else { shape.outputs() });
    let mut windows = vec![Vec::new(); shape.outputs()];
    case.products(|_, at, _, _, to| windows[to].push(at));
    let mut y = vec![f64::NAN; shape.outputs()];
    let mut dx = vec![f64::NAN; shape.inputs()];
    case.inputs(|at| dx[at] = 0.0);
    case.outputs(|_, to, channel| {
        let from = if pooled { to / channels / pixels * channels + channel } else { to };
        let dy = f64::from(dy[from]);
        let mut most = windows[to][0];
        for &at in &windows[to] {
            most = if x[at] > x[most] { at } else { most };
            if !maximum {
                dx[at] += dy / f64::from(shape.taps());
            }
        }
        let sum: f64 = windows[to].iter().map(|&at| f64::from(x[at])).sum();
        y[to] = if maximum { x[most].into() } else { sum / f64::from(shape.taps()) };
        if maximum {
            dx[most] += dy;
        }
    });
    let pool = Pool { shape, maximum, pooled };
    let buffers = PoolBuffers {
        x: floats(client, &x),
        y: Buffer::empty(client, shape.outputs()),
        places: Buffer::empty(client, if maximum { shape.outputs() } else { 1 }),
        table: Buffer::new(client, &case.table()),
    };
    pool.launch(client, &buffers, ROWS.output);
    assert_close(&buffers.y.read(client).unwrap(), &y, TOLERANCE, &what("output"));
    let found: Buffer<f32> = Buffer::empty(client, shape.inputs());
    pool.launch_gradient(client, &buffers, [&floats(client, &dy), &found], ROWS.output);
    assert_close(&found.read(client).unwrap(), &dx, TOLERANCE, &what("gradient"));
}

#[test]
fn pools_agree_with_plain_loops() {
    let client = client();
    for (size, channels, kernel, stride, padding, pooled) in [
        ([8, 7], 5, [2, 2], [2, 2], [0; 4], false),
        ([9, 3], 20, [3, 1], [2, 1], [1, 1, 0, 0], false),
        ([6, 5], 70, [6, 5], [1, 1], [0; 4], true),
        ([7, 7], 3, [3, 3], [1, 2], [1, 1, 1, 1], true),
    ] {
        let shape = ConvShape {
            paths: 3,
            images: 3,
            rows: size[0],
            columns: size[1],
            channels_in: channels,
            channels_out: channels,
            depthwise: true,
            kernel,
            stride,
            padding,
            elastic: false,
            shared_input: false,
        };
        for maximum in [false, true] {
            check(&client, shape, maximum, pooled);
        }
    }
}
