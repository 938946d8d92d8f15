//! What a set-up wrote, as a chip's peripheral access crate reads it. These crates come from the vendors'
//! descriptions; two of them cannot be linked into one program, hence a test file for each.

use std::mem::MaybeUninit;

use supernano_chips::Board;
use supernano_chips::model::Model;

/// A board after its set-up.
pub fn started(board: Board) -> Model {
    let mut model = Model::new(board);
    assert_eq!(board.start(&mut model), Ok(()));
    model
}

/// A peripheral at an address, with what was written; the rest is 0.
#[expect(unsafe_code, reason = "the crates describe memory")]
pub fn block<T>(model: &Model, peripheral: *const T) -> Box<T> {
    let mut block = Box::new(MaybeUninit::<T>::zeroed());
    let words = block.as_mut_ptr().cast::<u32>();
    for i in 0..size_of::<T>() / 4 {
        let value = model.written(peripheral as usize as u32 + 4 * i as u32);
        // SAFETY: inside the block, which is made of 32-bit registers
        unsafe { words.add(i).write(value) };
    }
    // SAFETY: registers are plain numbers, and every word was written
    unsafe { block.assume_init() }
}
