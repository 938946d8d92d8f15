//! Files that PyTorch 2.15 wrote of one object: state dict, optimiser, arguments, random state.

use super::*;
use crate::StoredTensor;

pub const FILES: [(&str, &[u8]); 4] = [
    ("zip, protocol 2", include_bytes!("torch-zip-2.pt")),
    ("zip, protocol 5", include_bytes!("torch-zip-5.pt")),
    ("legacy, protocol 1", include_bytes!("torch-legacy-1.pt")),
    ("legacy, protocol 4", include_bytes!("torch-legacy-4.pt")),
];

/// Shape, and values row by row.
type Values = (Vec<usize>, Vec<f32>);

/// Shapes and values of the network's tensors of floating point.
pub fn network(bytes: &[u8]) -> Result<BTreeMap<String, Values>, Error> {
    let checkpoint = open(bytes)?;
    let mut network = checkpoint.state_dict("whole")?;
    network.tensors.remove("number");
    let values = |name: &str, t: &StoredTensor| Ok((t.shape.clone(), checkpoint.floats(name, t)?));
    network.tensors.iter().map(|(name, t)| Ok((name.clone(), values(name, t)?))).collect()
}

/// `[2, 3, 4]`, row by row.
fn t(i: usize, j: usize, k: usize) -> f32 {
    (12 * i + 4 * j + k) as f32 - 7.5
}

/// A tensor of this shape, row by row.
fn of(shape: [usize; 3], f: impl Fn(usize, usize, usize) -> f32) -> Values {
    let mut values = Vec::new();
    for i in 0..shape[0] {
        for j in 0..shape[1] {
            values.extend((0..shape[2]).map(|k| f(i, j, k)));
        }
    }
    (shape.to_vec(), values)
}

#[test]
fn tensors_are_those_that_pytorch_saved() {
    for (file, bytes) in FILES {
        let checkpoint = open(bytes).unwrap();
        let network = checkpoint.state_dict("whole").unwrap();
        assert_eq!((network.place.as_str(), network.tensors.len()), ("state_dict.", 14), "{file}");
        let is = |name: &str, (shape, values): Values| {
            let tensor = &network.tensors[name];
            assert_eq!(tensor.shape, shape, "{file}: {name}");
            assert_eq!(checkpoint.floats(name, tensor).unwrap(), values, "{file}: {name}");
        };
        let part = |(shape, values): Values| (shape[1..].to_vec(), values);
        for name in ["whole", "parameter", "attribute", "parameter_attribute"] {
            is(name, of([2, 3, 4], t));
        }
        is("permuted", of([4, 2, 3], |i, j, k| t(j, k, i)));
        is("sliced", part(of([1, 3, 2], |_, j, k| t(1, j, 2 * k))));
        is("expanded", of([2, 3, 4], |i, _, k| t(i, 0, k)));
        is("scalar", (vec![], vec![2.5]));
        is("empty", (vec![0, 3], vec![]));
        is("half", part(of([1, 3, 4], t)));
        is("bfloat16", part(of([1, 3, 4], t)));
        is("double", part(of([1, 4, 3], |_, j, k| t(0, k, j))));
        is("channels_last", (vec![1, 2, 3, 4], (0..24).map(|i| i as f32).collect()));
        let number = &network.tensors["number"];
        assert_eq!((number.element.name, number.shape.len()), ("int64", 0));
        let error = checkpoint.floats("number", number).unwrap_err().to_string();
        assert!(error.contains("tensor `number`: expected float32") && error.contains("int64"));
    }
}
