//! Memory with a blob and images, placed before the device starts.
//!
//! A set consists of four words (magic, length of the blob, number of images, length of an image),
//! the blob, and the images without gaps. Blob and images are padded to 4 bytes each. More sets may
//! follow.

/// First word of a set.
pub const MAGIC: u32 = 0x314c_504e;
/// Words before the blob.
pub const HEADER_WORDS: usize = 4;

/// Finds a set by its index. Returns the blob, the images and their number; `None` if the set does
/// not exist or is incomplete.
pub fn parts(mut memory: &[u32], set: u16) -> Option<(&[u8], &[u8], usize)> {
    for _ in 0..set {
        let (_, _, _, rest) = first(memory)?;
        memory = rest;
    }
    first(memory).map(|(blob, images, count, _)| (blob, images, count))
}

type First<'m> = (&'m [u8], &'m [u8], usize, &'m [u32]);

fn first(memory: &[u32]) -> Option<First<'_>> {
    let [MAGIC, blob, images, length] = *memory.first_chunk::<HEADER_WORDS>()? else {
        return None;
    };
    let (blob_len, count) = (blob as usize, images as usize);
    let images_len = count.checked_mul(length as usize)?;
    let rest = memory.get(HEADER_WORDS..)?;
    let (blob, rest) = rest.split_at_checked(blob_len.div_ceil(4))?;
    let (images, rest) = rest.split_at_checked(images_len.div_ceil(4))?;
    let bytes = |words, len| bytemuck::cast_slice::<u32, u8>(words).get(..len);
    Some((bytes(blob, blob_len)?, bytes(images, images_len)?, count, rest))
}
