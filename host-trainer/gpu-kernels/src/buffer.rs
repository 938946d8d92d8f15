//! Buffers on a device. The crate's only unsafe code is here: an argument of a kernel has the length
//! of the buffer that it names, so the bounds checks of a kernel hold.

use std::marker::PhantomData;

use cubecl::prelude::*;
use cubecl::server::Handle;

/// Values of type `E` on a device.
#[derive(Clone, Debug)]
pub struct Buffer<E> {
    handle: Handle,
    len: usize,
    element: PhantomData<E>,
}

impl<E: CubeElement> Buffer<E> {
    /// Copies values to the device.
    pub fn new<R: Runtime>(client: &ComputeClient<R>, values: &[E]) -> Self {
        let handle = client.create_from_slice(E::as_bytes(values));
        Self { handle, len: values.len(), element: PhantomData }
    }

    /// Allocates `len` values, which are undefined.
    pub fn empty<R: Runtime>(client: &ComputeClient<R>, len: usize) -> Self {
        let handle = client.empty(len * size_of::<E>());
        Self { handle, len, element: PhantomData }
    }

    /// Number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True without values.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads the values back. It waits for the device.
    ///
    /// # Errors
    /// The message of the device if a launch has failed.
    pub fn read<R: Runtime>(&self, client: &ComputeClient<R>) -> Result<Vec<E>, String> {
        let bytes = client.read_one(self.handle.clone()).map_err(|e| format!("{e:?}"))?;
        Ok(E::from_bytes(&bytes)[..self.len].to_vec())
    }

    /// The buffer as an argument of a kernel. The parameter must be an `Array<E>`.
    pub(crate) fn arg<R: Runtime>(&self) -> ArrayArg<R> {
        // SAFETY: the handle was allocated with `len` values of type E, and both never change.
        unsafe { ArrayArg::from_raw_parts(self.handle.clone(), self.len) }
    }
}
