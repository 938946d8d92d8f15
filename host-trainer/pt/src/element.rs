//! Types of numbers in storages.

use half::{bf16, f16};

/// Type of the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// PyTorch's name.
    pub name: &'static str,
    bytes: u8,
    float: Option<Float>,
}

/// Types that weights may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Float {
    F64,
    F32,
    F16,
    Bf16,
}

const fn float(name: &'static str, bytes: u8, float: Float) -> Element {
    Element { name, bytes, float: Some(float) }
}

const fn other(name: &'static str, bytes: u8) -> Element {
    Element { name, bytes, float: None }
}

/// Storage classes of PyTorch and their types.
const CLASSES: [(&str, Element); 17] = [
    ("FloatStorage", float("float32", 4, Float::F32)),
    ("DoubleStorage", float("float64", 8, Float::F64)),
    ("HalfStorage", float("float16", 2, Float::F16)),
    ("BFloat16Storage", float("bfloat16", 2, Float::Bf16)),
    ("LongStorage", other("int64", 8)),
    ("IntStorage", other("int32", 4)),
    ("ShortStorage", other("int16", 2)),
    ("CharStorage", other("int8", 1)),
    ("ByteStorage", other("uint8", 1)),
    ("BoolStorage", other("bool", 1)),
    ("ComplexFloatStorage", other("complex64", 8)),
    ("ComplexDoubleStorage", other("complex128", 16)),
    ("QInt8Storage", other("qint8", 1)),
    ("QUInt8Storage", other("quint8", 1)),
    ("QInt32Storage", other("qint32", 4)),
    ("QUInt4x2Storage", other("quint4x2", 1)),
    ("UntypedStorage", other("bytes", 1)),
];

/// What is accepted as a weight, for messages.
pub const FLOATS: &str = "float32, float64, float16 or bfloat16";

impl Element {
    /// The type of a storage class with its module.
    pub(crate) fn of_class(name: &str) -> Option<Self> {
        let class = ["torch.storage.", "torch.cuda.", "torch."]
            .into_iter()
            .find_map(|module| name.strip_prefix(module))?;
        CLASSES.iter().find(|(n, _)| *n == class).map(|(_, element)| *element)
    }

    /// The type of a `torch.dtype`.
    pub(crate) fn of_dtype(name: &str) -> Option<Self> {
        let name = name.strip_prefix("torch.")?;
        CLASSES.iter().find(|(_, e)| e.name == name).map(|(_, element)| *element)
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        usize::from(self.bytes)
    }

    /// True for float32.
    pub fn is_f32(self) -> bool {
        self.float == Some(Float::F32)
    }

    /// How a number is read, exactly; `None` for a type that is not of floating point.
    pub(crate) fn reader(self, big_endian: bool) -> Option<impl Fn(&[u8]) -> f64> {
        let kind = self.float?;
        Some(move |bytes: &[u8]| {
            let bits = bytes.iter().enumerate().fold(0_u64, |bits, (i, &byte)| {
                let place = if big_endian { bytes.len() - 1 - i } else { i };
                bits | u64::from(byte) << (8 * (place % 8))
            });
            match kind {
                Float::F64 => f64::from_bits(bits),
                Float::F32 => f64::from(f32::from_bits(bits as u32)),
                Float::F16 => f16::from_bits(bits as u16).to_f64(),
                Float::Bf16 => bf16::from_bits(bits as u16).to_f64(),
            }
        })
    }
}
