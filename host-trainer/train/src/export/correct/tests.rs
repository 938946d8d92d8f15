use super::*;
use crate::export::build::tests::{glyphs, network, small};
use crate::export::post_training::relative_error;
use crate::export::{CalibrationSet, RangeRule, observe};

#[test]
fn correction_takes_a_systematic_error_out() {
    let shape = small();
    let dataset = glyphs(shape, 128, 16);
    let net = network(shape, 0.25);
    let CalibrationSet { normalisation, images } = CalibrationSet::new(&dataset, 128).unwrap();
    let all = images.part(0..128);
    // ranges of a third: everything is clipped, so every mean is too low
    let params = observe(&net, &images).params(RangeRule::Full);
    let clipped = (0..net.convs().count())
        .map(|conv| params.get(conv, false))
        .map(|p| QuantParams { scale: p.scale / 3.0, ..p });
    let params = ActivationParams::fixed(clipped);
    let expected = net.forward(&all.values, all.n);
    let error = |net: &FoldedNet| {
        let q = QuantisedNet::with(net, &params, &normalisation);
        let logits = q.forward(integer_input(&q, &all), &mut |_, _| {});
        relative_error(&expected, &logits, q.classifier.logit_scale)
    };
    let (before, after) = (error(&net), error(&correct(&net, &params, &normalisation, &all)));
    assert!(after < 0.9 * before, "{before} -> {after}");
}
