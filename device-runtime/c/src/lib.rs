//! The runtime for firmware in C: a static library and its header, `supernano.h`.
//!
//! Each function checks its pointers and lengths as far as numbers can be checked, converts them to
//! slices, and calls the Rust runtime. It returns a [`SupernanoCode`]; after any code but `Ok` it
//! has not run the network. No function allocates, keeps state or panics.
//! `cargo xtask c-library --write` generates the header from this file.
#![no_std]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use core::ffi::c_void;
use core::ops::Range;
use core::slice;

use supernano_core::error::Error;
use supernano_core::exec::{Network, argmax};
use supernano_runtime::KernelSet;

/// The result of a function: 0, or the reason why the function did nothing.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupernanoCode {
    /// Success.
    Ok = 0,
    /// A pointer is null.
    NullPointer = 1,
    /// An address is not a multiple of its type's alignment (4 for a blob and an arena).
    Misaligned = 2,
    /// A length exceeds the address space.
    Length = 3,
    /// An output buffer overlaps another buffer of the same call.
    Overlap = 4,
    /// The blob is shorter than its header says.
    BlobTruncated = 5,
    /// The blob is not a network file.
    BlobMagic = 6,
    /// The network file has another format version.
    BlobVersion = 7,
    /// The network file is damaged: its checksum differs.
    BlobChecksum = 8,
    /// The network is invalid, or this version cannot run it.
    BlobContent = 9,
    /// The arena is smaller than SupernanoInfo.arena_bytes.
    ArenaTooSmall = 10,
    /// The length of the image is not SupernanoInfo.image_bytes.
    ImageLength = 11,
    /// There is room for fewer logits than SupernanoInfo.classes.
    LogitsLength = 12,
    /// The SupernanoNetwork was not filled by supernano_open.
    NotOpened = 13,
}

/// The sizes and the output scale of a network.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SupernanoInfo {
    /// Bytes of arena. The arena must start at a multiple of 4.
    pub arena_bytes: usize,
    /// Bytes of an image: height x width x channels, one unsigned byte each.
    pub image_bytes: usize,
    /// Number of classes, and of logits.
    pub classes: usize,
    /// Real value of a logit = logit_scale x the integer.
    pub logit_scale: f32,
}

/// The kernels of residual networks; with the feature `all`, those of every layer.
type Kernels = supernano_runtime::Kernels<{ SET.bits() }>;

#[cfg(not(feature = "all"))]
const SET: KernelSet = KernelSet::RESIDUAL;
#[cfg(feature = "all")]
const SET: KernelSet = KernelSet::ALL;

/// Words of a SupernanoNetwork.
pub const SUPERNANO_NETWORK_WORDS: usize = 16;

/// A checked network. The caller provides the memory, with any content, and supernano_open fills
/// it. It may be copied. It refers to its blob, which must not move or change.
#[repr(C)]
pub struct SupernanoNetwork {
    /// Marks the words as filled.
    opened: usize,
    /// Private to the library.
    words: [usize; SUPERNANO_NETWORK_WORDS],
}

/// The value of [`SupernanoNetwork::opened`] after a successful `supernano_open`.
const OPENED: usize = 0x534e_4202;

/// The content of [`SupernanoNetwork::words`].
struct Opened {
    network: Network<'static, Kernels>,
    blob: Range<usize>,
}

const _: () = assert!(size_of::<Opened>() <= SUPERNANO_NETWORK_WORDS * size_of::<usize>());
const _: () = assert!(align_of::<Opened>() <= align_of::<usize>());

type Outcome<T = ()> = Result<T, SupernanoCode>;

fn code(outcome: Outcome) -> SupernanoCode {
    outcome.err().unwrap_or(SupernanoCode::Ok)
}

fn refused(error: Error) -> SupernanoCode {
    match error {
        Error::BlobMisaligned { .. } => SupernanoCode::Misaligned,
        Error::BlobTruncated { .. } => SupernanoCode::BlobTruncated,
        Error::BlobMagic { .. } => SupernanoCode::BlobMagic,
        Error::BlobVersion { .. } => SupernanoCode::BlobVersion,
        Error::BlobChecksum { .. } => SupernanoCode::BlobChecksum,
        Error::ArenaTooSmall { .. } => SupernanoCode::ArenaTooSmall,
        Error::ImageLength { .. } => SupernanoCode::ImageLength,
        Error::SliceLength { .. } => SupernanoCode::LogitsLength,
        _ => SupernanoCode::BlobContent,
    }
}

/// The addresses of `count` values at a pointer. Checks that the pointer is not null, that it is
/// aligned, that the values take no more than `isize::MAX` bytes, and that they do not wrap around
/// the address space: the conditions of a slice that depend on numbers alone.
fn span<T>(pointer: *const T, count: usize) -> Outcome<Range<usize>> {
    if pointer.is_null() {
        return Err(SupernanoCode::NullPointer);
    }
    if !pointer.is_aligned() {
        return Err(SupernanoCode::Misaligned);
    }
    let start = pointer.addr();
    let bytes = count.checked_mul(size_of::<T>()).filter(|&b| isize::try_from(b).is_ok());
    match bytes.and_then(|bytes| start.checked_add(bytes)) {
        Some(end) => Ok(start..end),
        None => Err(SupernanoCode::Length),
    }
}

/// Refuses a span that overlaps one of the others. An empty span overlaps nothing.
fn apart(written: &Range<usize>, others: &[&Range<usize>]) -> Outcome {
    let over = |other: &&Range<usize>| written.start < other.end && other.start < written.end;
    if others.iter().any(over) { Err(SupernanoCode::Overlap) } else { Ok(()) }
}

/// Checks a blob, and returns its network and its addresses.
///
/// # Safety
/// `blob` is null, or readable for `blob_len` bytes that do not change during `'a`.
unsafe fn checked<'a>(
    blob: *const c_void,
    blob_len: usize,
) -> Outcome<(Network<'a, Kernels>, Range<usize>)> {
    let blob: *const u8 = blob.cast();
    let addresses = span(blob, blob_len)?;
    // SAFETY: `span` has checked the numbers of this pointer and length; the caller guarantees
    // that a pointer that is not null is readable, and unchanged during `'a`.
    let bytes = unsafe { slice::from_raw_parts(blob, blob_len) };
    let network = Network::from_bytes(bytes, Kernels::default()).map_err(refused)?;
    Ok((network, addresses))
}

fn info_of(network: &Network<'_, Kernels>) -> SupernanoInfo {
    let view = network.view();
    SupernanoInfo {
        arena_bytes: network.arena_bytes(),
        image_bytes: view.image_len(),
        classes: view.classes(),
        logit_scale: view.logit_scale(),
    }
}

/// The buffers of one inference, as the caller passes them.
struct Buffers {
    image: *const u8,
    image_len: usize,
    arena: *mut c_void,
    arena_len: usize,
    logits: *mut i32,
    logits_len: usize,
}

impl Buffers {
    /// Runs a network. `kept` are the addresses of the network's own memory, which no output may
    /// overlap.
    ///
    /// # Safety
    /// Each pointer is null, or valid for its length: the image for reads, arena and logits for
    /// reads and writes. Nothing else accesses this memory during the call.
    unsafe fn run(&self, network: &Network<'_, Kernels>, kept: &[&Range<usize>]) -> Outcome {
        let arena: *mut u32 = self.arena.cast();
        let words = self.arena_len / size_of::<u32>();
        let classes = network.view().classes();
        let image_at = span(self.image, self.image_len)?;
        let arena_at = span(arena, words)?;
        let logits_at = span(self.logits, self.logits_len)?;
        if self.logits_len < classes {
            return Err(SupernanoCode::LogitsLength);
        }
        apart(&arena_at, &[&image_at, &logits_at])?;
        apart(&logits_at, &[&image_at])?;
        apart(&arena_at, kept)?;
        apart(&logits_at, kept)?;
        // SAFETY: `span` has checked pointer and length, and `apart` that no output overlaps the
        // image; the caller guarantees that a pointer that is not null is readable.
        let image = unsafe { slice::from_raw_parts(self.image, self.image_len) };
        // SAFETY: `span` has checked pointer and length, and `apart` that the arena overlaps
        // neither image nor logits nor `kept`; the caller guarantees reads and writes.
        let arena = unsafe { slice::from_raw_parts_mut(arena, words) };
        // SAFETY: `span` has checked pointer and `logits_len`, which is not below `classes`, and
        // `apart` that the logits overlap nothing else; the caller guarantees reads and writes.
        let logits = unsafe { slice::from_raw_parts_mut(self.logits, classes) };
        network.run(image, arena, logits, &mut ()).map_err(refused)
    }
}

/// Checks a network file and reports the sizes of its network.
///
/// # Safety
/// `blob` is null, or readable for `blob_len` bytes. `info` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_check(
    blob: *const c_void,
    blob_len: usize,
    info: *mut SupernanoInfo,
) -> SupernanoCode {
    let check = || {
        let info_at = span(info, 1)?;
        // SAFETY: the caller guarantees that `blob` is null, or readable during this call.
        let (network, blob_at) = unsafe { checked(blob, blob_len) }?;
        apart(&info_at, &[&blob_at])?;
        // SAFETY: `span` has checked that `info` is aligned and not null; the caller guarantees
        // that it is then writable.
        unsafe { info.write(info_of(&network)) };
        Ok(())
    };
    code(check())
}

/// Checks a network file as supernano_check does, then classifies an image. Writes one logit per
/// class. Each call checks the whole file; supernano_open checks it once.
///
/// `blob` and `arena` must start at multiples of 4. `blob_len`, `image_len` and `arena_len` count
/// bytes. `logits_len` counts logits, and may exceed the number of classes. The initial content of
/// the arena does not matter, and the arena is free for other uses between two calls.
///
/// # Safety
/// Each pointer is null, or valid for its length. Nothing else accesses this memory during the
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_run(
    blob: *const c_void,
    blob_len: usize,
    image: *const u8,
    image_len: usize,
    arena: *mut c_void,
    arena_len: usize,
    logits: *mut i32,
    logits_len: usize,
) -> SupernanoCode {
    let buffers = Buffers { image, image_len, arena, arena_len, logits, logits_len };
    let run = || {
        // SAFETY: the caller guarantees that `blob` is null, or readable during this call;
        // `Buffers::run` refuses outputs that overlap it.
        let (network, blob_at) = unsafe { checked(blob, blob_len) }?;
        // SAFETY: the caller guarantees that each pointer is null, or valid for its length, and
        // that nothing else accesses this memory.
        unsafe { buffers.run(&network, &[&blob_at]) }
    };
    code(run())
}

/// Checks a network file once, for any number of calls of supernano_run_opened. `info` may be null.
/// After an error, the network must not be used.
///
/// # Safety
/// `blob` is null, or readable for `blob_len` bytes that do not change while the network is in
/// use. `network` and `info` are null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_open(
    blob: *const c_void,
    blob_len: usize,
    network: *mut SupernanoNetwork,
    info: *mut SupernanoInfo,
) -> SupernanoCode {
    let open = || {
        let network_at = span(network, 1)?;
        let info_at = if info.is_null() { 0..0 } else { span(info, 1)? };
        let blob_at = span(blob.cast::<u8>(), blob_len)?;
        apart(&network_at, &[&blob_at, &info_at])?;
        apart(&info_at, &[&blob_at])?;
        // SAFETY: `span` has checked that `network` is aligned and not null; the caller guarantees
        // that it is then writable. `apart` has checked that the write does not change the blob.
        unsafe { (&raw mut (*network).opened).write(0) };
        // SAFETY: the caller guarantees that `blob` is null, or readable and unchanged while the
        // network is in use.
        let (checked, blob) = unsafe { checked(blob, blob_len) }?;
        if !info.is_null() {
            // SAFETY: `span` has checked that `info` is aligned; the caller guarantees that it is
            // writable where it is not null.
            unsafe { info.write(info_of(&checked)) };
        }
        // SAFETY: `network` is writable as above; the constant assertions compare size and
        // alignment of an `Opened` with those of the words.
        unsafe {
            (&raw mut (*network).words).cast::<Opened>().write(Opened { network: checked, blob });
            (&raw mut (*network).opened).write(OPENED);
        }
        Ok(())
    };
    code(open())
}

/// Classifies an image as supernano_run does, with a network that supernano_open has checked.
///
/// # Safety
/// `network` is null, zeroed, filled by supernano_open, or a copy of such a network. Its blob has
/// not changed since. The other pointers are as for supernano_run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_run_opened(
    network: *const SupernanoNetwork,
    image: *const u8,
    image_len: usize,
    arena: *mut c_void,
    arena_len: usize,
    logits: *mut i32,
    logits_len: usize,
) -> SupernanoCode {
    let buffers = Buffers { image, image_len, arena, arena_len, logits, logits_len };
    let run = || {
        let network_at = span(network, 1)?;
        // SAFETY: `span` has checked that `network` is aligned and not null; the caller guarantees
        // that its words are then initialised and readable.
        if unsafe { (&raw const (*network).opened).read() } != OPENED {
            return Err(SupernanoCode::NotOpened);
        }
        // SAFETY: `OPENED` is written after an `Opened` was, and the caller guarantees that the
        // words are unchanged; `network_at` is in `kept`, so no output overlaps the reference.
        let opened = unsafe { &*(&raw const (*network).words).cast::<Opened>() };
        // SAFETY: the caller guarantees that each pointer is null, or valid for its length, and
        // that nothing else accesses this memory.
        unsafe { buffers.run(&opened.network, &[&network_at, &opened.blob]) }
    };
    code(run())
}

/// Returns the class with the largest logit, the lowest such class on ties. On error, returns the
/// SupernanoCode negated.
///
/// # Safety
/// `logits` is null, or readable for `logits_len` logits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_argmax(logits: *const i32, logits_len: usize) -> i32 {
    if logits_len == 0 {
        return -(SupernanoCode::LogitsLength as i32);
    }
    match span(logits, logits_len) {
        // SAFETY: `span` has checked pointer and length; the caller guarantees that a pointer that
        // is not null is readable.
        Ok(_) => argmax(unsafe { slice::from_raw_parts(logits, logits_len) }) as i32,
        Err(code) => -(code as i32),
    }
}

/// The language requires a handler. The library contains no panic that could call it.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
