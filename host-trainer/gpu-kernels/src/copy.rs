//! Copies between buffers of a device.

use cubecl::prelude::*;

use crate::buffer::Buffer;

const UNITS: u32 = 256;

#[cube(launch)]
fn copy_values<N: Numeric>(from: &Array<N>, to: &mut Array<N>, count: u32) {
    if (ABSOLUTE_POS as u32) < count {
        to[ABSOLUTE_POS] = from[ABSOLUTE_POS];
    }
}

/// Copies the values of a buffer to the start of another, as far as both reach.
pub fn copy<N: Numeric + CubeElement, R: Runtime>(
    client: &ComputeClient<R>,
    from: &Buffer<N>,
    to: &Buffer<N>,
) {
    let count = from.len().min(to.len()) as u32;
    copy_values::launch::<N, R>(
        client,
        CubeCount::Static(count.div_ceil(UNITS), 1, 1),
        CubeDim::new_1d(UNITS),
        from.arg(),
        to.arg(),
        count,
    );
}

/// Overwrites all values of a buffer.
pub fn fill<N: Numeric + CubeElement, R: Runtime>(
    client: &ComputeClient<R>,
    buffer: &Buffer<N>,
    value: N,
) {
    copy(client, &Buffer::new(client, &vec![value; buffer.len()]), buffer);
}

/// Copies two numbers on the device and reads them back.
///
/// # Errors
/// The message of the device, or the numbers that came back if they differ.
pub fn probe<R: Runtime>(client: &ComputeClient<R>) -> Result<(), String> {
    let (from, to) = (Buffer::new(client, &[1.5f32, 2.5]), Buffer::new(client, &[0.0, 0.0]));
    copy(client, &from, &to);
    let found = to.read(client)?;
    if found == [1.5, 2.5] { Ok(()) } else { Err(format!("a copy of [1.5, 2.5] is {found:?}")) }
}
