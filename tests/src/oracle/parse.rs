//! The header of a blob.

use super::read::{Reader, crc32};
use super::{Classifier, Layer, Op, Oracle, Tensor};

impl Oracle {
    /// Parses a blob of version 3.
    ///
    /// # Errors
    /// A description of the first violation of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes);
        if reader.take(4)? != [0x53, 0x4e, 0x42, 0x00] {
            return Err("wrong magic".into());
        }
        let (version, reserved) = (reader.u16()?, reader.u16()?);
        if (version, reserved) != (3, 0) {
            return Err(format!("version {version}, reserved bytes {reserved}"));
        }
        let length = reader.u32()? as usize;
        let expected = reader.u32()?;
        let blob = bytes.get(..length).ok_or("shorter than its length")?;
        let found = crc32(blob.get(16..).ok_or("shorter than its fixed part")?);
        if found != expected {
            return Err(format!("CRC {found:08x} instead of {expected:08x}"));
        }
        let _arena = reader.u32()?;
        let _logit_scale = reader.u32()?;
        let data_start = reader.u32()? as usize;
        let table = reader.u32()? as usize;
        let labels_length = reader.u32()? as usize;
        let classes = usize::from(reader.u16()?);
        let space_length = usize::from(reader.u16()?);
        let code_length = usize::from(reader.u16()?);
        let tensor_count = reader.u8()?;
        let op_count = reader.u8()?;
        let mut tensors = Vec::new();
        for _ in 0..tensor_count {
            tensors.push(tensor(&mut reader)?);
        }
        let mut ops = Vec::new();
        for _ in 0..op_count {
            ops.push(op(&mut reader)?);
        }
        let space = reader.text(space_length)?;
        let code = reader.text(code_length)?;
        let labels = reader.text(labels_length)?;
        let labels = labels.split_terminator('\n').map(str::to_owned).collect();
        let data = blob.get(data_start..).ok_or("data section starts behind the end")?.to_vec();
        Ok(Self { space, code, labels, classes, tensors, table, ops, data })
    }
}

fn tensor(reader: &mut Reader<'_>) -> Result<Tensor, String> {
    let _place = reader.u32()?;
    let _scale = reader.u32()?;
    let shape = [reader.u16()?.into(), reader.u16()?.into(), reader.u16()?.into()];
    let zero = reader.i8()?;
    if reader.u8()? != 0 {
        return Err("last byte of a tensor is not 0".into());
    }
    Ok(Tensor { shape, zero })
}

fn op(reader: &mut Reader<'_>) -> Result<Op, String> {
    let operation = reader.u8()?;
    let input = reader.u8()?.into();
    let output = reader.u8()?.into();
    let residual = Some(reader.u8()?).filter(|&r| r != 255).map(usize::from);
    let mut sizes = || -> Result<usize, String> { Ok(reader.u8()?.into()) };
    let kernel = [sizes()?, sizes()?];
    let stride = [sizes()?, sizes()?];
    let padding = [sizes()?, sizes()?, sizes()?, sizes()?];
    let kind = reader.u8()?;
    let activation = reader.u8()?;
    let rolls = reader.u8()?;
    if reader.u8()? != 0 || rolls > 1 {
        return Err("the last two bytes of an operation's properties are undefined".into());
    }
    let weights = reader.u32()? as usize;
    let params = reader.u32()? as usize;
    let _scratch = reader.u32()?;
    match (operation, kind) {
        (1, _) => Ok(Op::Classifier(Classifier { input, weights, params })),
        (0, 0..=6) | (2..=6, 0) => Ok(Op::Layer(Layer {
            operation,
            input,
            output,
            residual,
            kernel,
            stride,
            padding,
            kind,
            activation,
            weights,
            params,
        })),
        (0 | 2..=6, _) => Err(format!("kernel kind {kind} of operation {operation}")),
        _ => Err(format!("operation {operation}")),
    }
}
