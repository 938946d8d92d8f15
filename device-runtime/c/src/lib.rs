//! The runtime for firmware in C: a static library, and `supernano.h`, which
//! `cargo xtask c-library --write` generates from this file.
//!
//! Every pointer and length is compared with what can be compared before anything is read or
//! written; what is refused is a [`SupernanoCode`]. No function allocates, keeps state of its own
//! or panics.
#![no_std]

use core::ffi::c_void;
use core::ops::Range;
use core::slice;

use supernano_core::error::Error;
use supernano_core::exec::{Network, argmax};
use supernano_runtime::{Kernels, kernels};

/// What a function answers: 0, or why it has done nothing.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupernanoCode {
    /// Done.
    Ok = 0,
    /// A pointer is null.
    NullPointer = 1,
    /// A pointer is no multiple of its type's alignment; 4 for a blob and an arena.
    Misaligned = 2,
    /// A length that no memory has.
    Length = 3,
    /// Memory to write lies over other memory of the same call.
    Overlap = 4,
    /// The blob is shorter than it says.
    BlobTruncated = 5,
    /// No network file.
    BlobMagic = 6,
    /// A network file of another format version.
    BlobVersion = 7,
    /// A damaged network file: its checksum differs.
    BlobChecksum = 8,
    /// A network that cannot be, or that this version cannot run.
    BlobContent = 9,
    /// The arena is smaller than SupernanoInfo says.
    ArenaTooSmall = 10,
    /// The image has another length than SupernanoInfo says.
    ImageLength = 11,
    /// Fewer logits than the network has classes.
    LogitsLength = 12,
    /// The SupernanoNetwork was not filled by supernano_open.
    NotOpened = 13,
}

/// What a network needs and gives.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SupernanoInfo {
    /// Bytes of arena, at a multiple of 4.
    pub arena_bytes: usize,
    /// Bytes of an image: height x width x channels, one unsigned byte each.
    pub image_bytes: usize,
    /// Classes; one logit each.
    pub classes: usize,
    /// Real value of a logit = logit_scale x the integer.
    pub logit_scale: f32,
}

/// Words of a SupernanoNetwork.
pub const SUPERNANO_NETWORK_WORDS: usize = 16;

/// A checked network. The caller gives the memory, of any content; supernano_open fills it. It may
/// be copied, and refers to its blob, which must stay where it is and as it is.
#[repr(C)]
pub struct SupernanoNetwork {
    /// Says that the words are filled.
    opened: usize,
    /// Not for the caller.
    words: [usize; SUPERNANO_NETWORK_WORDS],
}

/// What [`SupernanoNetwork::opened`] holds after a successful `supernano_open`.
const OPENED: usize = 0x534e_4202;

/// What [`SupernanoNetwork::words`] holds.
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

/// Addresses of `count` values, which are not null, aligned, and do not leave the address space:
/// all that a slice asks for and a number can say.
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

/// Refuses what overlaps, of non-empty spans.
fn apart(written: &Range<usize>, others: &[&Range<usize>]) -> Outcome {
    let over = |other: &&Range<usize>| written.start < other.end && other.start < written.end;
    if others.iter().any(over) { Err(SupernanoCode::Overlap) } else { Ok(()) }
}

/// Checks a blob.
///
/// # Safety
/// `blob` must be valid for reads of `blob_len` bytes, unchanged for `'a`, where it is not null.
unsafe fn checked<'a>(
    blob: *const c_void,
    blob_len: usize,
) -> Outcome<(Network<'a, Kernels>, Range<usize>)> {
    let blob: *const u8 = blob.cast();
    let addresses = span(blob, blob_len)?;
    // SAFETY: not null and of a possible length by `span`; readable and unchanged by contract.
    let bytes = unsafe { slice::from_raw_parts(blob, blob_len) };
    let network = Network::from_bytes(bytes, kernels()).map_err(refused)?;
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

/// The memory of one inference, as C gives it.
struct Buffers {
    image: *const u8,
    image_len: usize,
    arena: *mut c_void,
    arena_len: usize,
    logits: *mut i32,
    logits_len: usize,
}

impl Buffers {
    /// Runs a network, whose own memory is `kept`.
    ///
    /// # Safety
    /// Pointers that are not null must be valid for their lengths: the image for reads, arena and
    /// logits for reads and writes; nobody else uses them during the call.
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
        // SAFETY: not null and of a possible length by `span`; readable by contract; what is
        // written lies apart from it.
        let image = unsafe { slice::from_raw_parts(self.image, self.image_len) };
        // SAFETY: as before, aligned by `span`, and apart from all other memory in use.
        let arena = unsafe { slice::from_raw_parts_mut(arena, words) };
        // SAFETY: as the arena; `classes` is at most `logits_len`.
        let logits = unsafe { slice::from_raw_parts_mut(self.logits, classes) };
        network.run(image, arena, logits, &mut ()).map_err(refused)
    }
}

/// Checks every number of a network file, and says what it needs.
///
/// # Safety
/// `blob` must be null or readable for `blob_len` bytes, `info` null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_check(
    blob: *const c_void,
    blob_len: usize,
    info: *mut SupernanoInfo,
) -> SupernanoCode {
    let check = || {
        let info_at = span(info, 1)?;
        // SAFETY: the contract of this function.
        let (network, blob_at) = unsafe { checked(blob, blob_len) }?;
        apart(&info_at, &[&blob_at])?;
        // SAFETY: not null and aligned by `span`; writable by contract.
        unsafe { info.write(info_of(&network)) };
        Ok(())
    };
    code(check())
}

/// Checks a network file as supernano_check does, then classifies an image: one logit a class.
/// The check reads the whole file each time; supernano_open does it once.
///
/// `blob` and `arena` lie at multiples of 4. Lengths of blob, image and arena are in bytes;
/// `logits_len` counts logits, and may be more than there are classes. The arena may hold anything,
/// and serve other ends between two calls.
///
/// # Safety
/// Each pointer must be null or valid for its length, and nobody else may use the memory during the
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
        // SAFETY: the contract of this function.
        let (network, blob_at) = unsafe { checked(blob, blob_len) }?;
        // SAFETY: the contract of this function.
        unsafe { buffers.run(&network, &[&blob_at]) }
    };
    code(run())
}

/// Checks a network file once, for any number of supernano_run_opened. `info` may be null. A network
/// that was refused is not to be run.
///
/// # Safety
/// `blob` must be null or readable for `blob_len` bytes, and stay as it is for as long as the
/// network is used; `network` and `info` must be null or writable.
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
        // SAFETY: not null and aligned by `span`; writable by contract.
        unsafe { (&raw mut (*network).opened).write(0) };
        // SAFETY: the contract of this function.
        let (checked, blob) = unsafe { checked(blob, blob_len) }?;
        if !info.is_null() {
            // SAFETY: not null, aligned by `span`; writable by contract.
            unsafe { info.write(info_of(&checked)) };
        }
        // SAFETY: as the first; size and alignment were compared when this was compiled.
        unsafe {
            (&raw mut (*network).words).cast::<Opened>().write(Opened { network: checked, blob });
            (&raw mut (*network).opened).write(OPENED);
        }
        Ok(())
    };
    code(open())
}

/// As supernano_run, with a network that supernano_open has checked.
///
/// # Safety
/// `network` must be null, zeroed, or filled by supernano_open or copied from one that was; its
/// blob must be as it was then. The other pointers as for supernano_run.
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
        // SAFETY: not null and aligned by `span`; readable by contract.
        if unsafe { (&raw const (*network).opened).read() } != OPENED {
            return Err(SupernanoCode::NotOpened);
        }
        // SAFETY: `supernano_open` wrote an `Opened` there before it said so, and by contract its
        // blob is as it was; nothing that is written lies over it.
        let opened = unsafe { &*(&raw const (*network).words).cast::<Opened>() };
        // SAFETY: the contract of this function.
        unsafe { buffers.run(&opened.network, &[&network_at, &opened.blob]) }
    };
    code(run())
}

/// The class with the largest logit, the lowest on ties; below 0, -SupernanoCode.
///
/// # Safety
/// `logits` must be null or readable for `logits_len` logits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn supernano_argmax(logits: *const i32, logits_len: usize) -> i32 {
    if logits_len == 0 {
        return -(SupernanoCode::LogitsLength as i32);
    }
    match span(logits, logits_len) {
        // SAFETY: not null, aligned and of a possible length by `span`; readable by contract.
        Ok(_) => argmax(unsafe { slice::from_raw_parts(logits, logits_len) }) as i32,
        Err(code) => -(code as i32),
    }
}

/// No function panics; the language asks for this all the same.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
