use super::*;

/// The integer rule, straight from the document.
fn requantise(acc: i64, channel: Channel, output: QuantParams) -> i8 {
    let m = if acc < 0 { channel.negative } else { channel.multiplier };
    let scaled = (acc * i64::from(m) + (1 << 31)) >> 32;
    (i64::from(output.zero) + scaled).clamp(-128, 127) as i8
}

#[test]
fn params_hold_zero_exactly_and_its_ends_within_a_step() {
    for (min, max) in [(-1.0, 3.0), (0.0, 6.0), (-2.0, 0.0), (0.5, 0.7)] {
        let a = QuantParams::covering(min, max);
        assert_eq!(a.quantise(0.0), a.zero);
        let back = |real| a.scale * f32::from(a.quantise(real) as i16 - i16::from(a.zero));
        assert!((back(max) - max).abs() <= a.scale, "{min} {max}");
        assert!((back(min.min(0.0)) - min.min(0.0)).abs() <= a.scale, "{min} {max}");
    }
    assert_eq!(QuantParams::positive(5.0).zero, -128);
}

#[test]
fn a_pixel_through_conv_residual_and_prelu_is_within_two_steps_of_float() {
    let weight = [0.5, -0.25, 0.125, -0.75];
    let bias = [0.3, -0.6];
    let input = QuantParams::covering(-2.0, 2.0);
    let residual = QuantParams::covering(-1.0, 3.0);
    let output = QuantParams::covering(-3.0, 6.0);
    for slope in [0.25f32, -0.8, 1.0, 4.0] {
        let io = ConvIo { ci: 2, taps: 1, input, residual: Some(residual), output, slope };
        let q = conv(&weight, &bias, io);
        for (x, r) in [([1.0, -1.5], 0.5), ([-2.0, 0.7], -0.9), ([0.1, 0.2], 2.5)] {
            for o in 0..2 {
                let mut acc = i64::from(q.channels[o].bias);
                for (c, &x) in x.iter().enumerate() {
                    acc += i64::from(q.weights[o * 2 + c]) * i64::from(input.quantise(x));
                }
                acc += i64::from(q.channels[o].residual) * i64::from(residual.quantise(r));
                let sum = weight[o * 2] * x[0] + weight[o * 2 + 1] * x[1] + bias[o] + r;
                let real = (if sum < 0.0 { slope * sum } else { sum }).clamp(-3.0, 6.0);
                let found = requantise(acc, q.channels[o], output);
                let steps = i32::from(found) - i32::from(output.quantise(real));
                assert!(steps.abs() <= 2, "slope {slope}, output {o}: {steps} steps off");
            }
        }
    }
}

#[test]
fn dead_channels_and_huge_biases_stay_inside_their_integers() {
    let (input, output) = (QuantParams::positive(1.0), QuantParams::positive(1.0));
    let io = ConvIo {
        ci: 1,
        taps: 1,
        input,
        residual: Some(QuantParams::positive(4.0)),
        output,
        slope: 1.0,
    };
    for (weight, bias) in [(0.0, 0.0), (1e-20, 3.0), (1e-3, 1e4), (0.0, -1e4)] {
        let q = conv(&[weight], &[bias], io);
        assert!(q.channels[0].bias.unsigned_abs() <= 1 << 30, "{weight} {bias}");
        assert!(q.channels[0].residual <= 1 << 21, "{weight} {bias}");
    }
}

#[test]
fn the_classifier_agrees_with_float_within_its_weights_precision() {
    let weight = [0.5, -0.25, 0.01, -0.75];
    let bias = [0.1, -0.2];
    let input = QuantParams::covering(-1.0, 4.0);
    let (pixels, shift) = (64, 0);
    let q = dense(&weight, &bias, input, pixels, shift);
    let x = [1.5, 2.0];
    for o in 0..2 {
        let pooled = x.map(|v| i64::from(input.quantise(v)) * pixels as i64);
        let acc = i64::from(q.channels[o].bias)
            + (0..2).map(|c| i64::from(q.weights[o * 2 + c]) * pooled[c]).sum::<i64>();
        let logit = (acc * i64::from(q.channels[o].multiplier) + (1 << 31)) >> 32;
        let real = weight[o * 2] * x[0] + weight[o * 2 + 1] * x[1] + bias[o];
        assert!((logit as f32 * q.logit_scale - real).abs() < 0.03, "{o}");
    }
}
