//! The interface of QEMU's plugins, version 1 (`include/qemu/qemu-plugin.h` of QEMU 7.2).
//!
//! QEMU loads the library, reads [`qemu_plugin_version`] and calls [`qemu_plugin_install`]. All later
//! calls come from the thread of the one emulated processor.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::count::Counter;
use crate::decode::Instruction;
use crate::settings::Settings;

/// Number of a plugin.
type Id = u64;

/// A block that QEMU translates.
#[repr(C)]
struct Block {
    _opaque: [u8; 0],
}

/// An instruction of a block.
#[repr(C)]
struct Insn {
    _opaque: [u8; 0],
}

/// `QEMU_PLUGIN_CB_NO_REGS`: the callback reads no registers.
const NO_REGISTERS: c_uint = 0;
/// `QEMU_PLUGIN_MEM_RW`: all accesses to memory. QEMU 7.2 calls back for stores if reads are requested.
const ACCESSES: c_uint = 3;

type Translate = extern "C" fn(Id, *mut Block);
type Execute = extern "C" fn(c_uint, *mut c_void);
type Access = extern "C" fn(c_uint, u32, u64, *mut c_void);

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, call: Translate);
    fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Block,
        call: Execute,
        flags: c_uint,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_mem_cb(
        insn: *mut Insn,
        call: Access,
        flags: c_uint,
        accesses: c_uint,
        data: *mut c_void,
    );
    fn qemu_plugin_mem_is_store(info: u32) -> bool;
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Insn;
    fn qemu_plugin_insn_data(insn: *const Insn) -> *const c_void;
    fn qemu_plugin_insn_size(insn: *const Insn) -> usize;
    fn qemu_plugin_insn_vaddr(insn: *const Insn) -> u64;
}

/// The counter and the file of its lines.
struct State {
    counter: Counter,
    out: File,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Version of the interface.
// SAFETY: QEMU reads a symbol of this name and type
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 1;

/// Starts counting. Returns 0, or -1 after a message on stderr.
///
/// # Safety
/// `argv` holds `argc` pointers to strings that end with a zero byte. QEMU is the only caller.
// SAFETY: QEMU calls a function of this name and type
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let arguments: Vec<String> = (0..usize::try_from(argc).unwrap_or(0))
        // SAFETY: the contract of this function
        .map(|i| unsafe { CStr::from_ptr(*argv.add(i)) }.to_string_lossy().into_owned())
        .collect();
    let started = Settings::parse(arguments.iter().map(String::as_str)).and_then(|settings| {
        let out = File::create(&settings.out).map_err(|e| format!("{}: {e}", settings.out))?;
        Ok(State { counter: Counter::new(&settings), out })
    });
    match started {
        Ok(started) => {
            *state() = Some(started);
            // SAFETY: QEMU's number of this plugin; `translate` has the type of the callback
            unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translate) };
            0
        }
        Err(problem) => {
            let line = format!("supernano_cycles: {problem}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
            -1
        }
    }
}

extern "C" fn translate(_: Id, block: *mut Block) {
    let mut instructions = Vec::new();
    // SAFETY: QEMU passes a block that is valid during this call
    let count = unsafe { qemu_plugin_tb_n_insns(block) };
    for index in 0..count {
        // SAFETY: the block has more than `index` instructions
        let insn = unsafe { qemu_plugin_tb_get_insn(block, index) };
        // SAFETY: the instruction is valid as long as its block
        let (address, size) =
            unsafe { (qemu_plugin_insn_vaddr(insn) as u32, qemu_plugin_insn_size(insn)) };
        // SAFETY: as before; the data has `size` bytes
        let data = unsafe { qemu_plugin_insn_data(insn) }.cast::<u8>();
        // SAFETY: `half` is called for halves within `size` bytes
        let half = |i: usize| unsafe { u16::from_le_bytes([*data.add(i), *data.add(i + 1)]) };
        // At the end of a page QEMU gives four bytes for any instruction.
        let second = (size >= 4).then(|| half(2));
        instructions.push(Instruction::decode(address, half(0), second));
        let at = address as usize as *mut c_void;
        // SAFETY: a valid instruction; `access` has the type of the callback
        unsafe { qemu_plugin_register_vcpu_mem_cb(insn, access, NO_REGISTERS, ACCESSES, at) };
    }
    let Some(state) = &mut *state() else { return };
    let index = state.counter.translated(instructions) as *mut c_void;
    // SAFETY: a valid block; `execute` has the type of the callback
    unsafe { qemu_plugin_register_vcpu_tb_exec_cb(block, execute, NO_REGISTERS, index) };
}

extern "C" fn execute(_: c_uint, index: *mut c_void) {
    if let Some(state) = &mut *state() {
        state.counter.executed(index as usize);
    }
}

extern "C" fn access(_: c_uint, info: u32, address: u64, at: *mut c_void) {
    // SAFETY: the information that QEMU passes to this call
    if unsafe { qemu_plugin_mem_is_store(info) } {
        return;
    }
    let Some(state) = &mut *state() else { return };
    if let Some(line) = state.counter.read(at as usize as u32, address as u32) {
        // A line that is missing makes the host fail: it compares the counts.
        let _ = state.out.write_all(line.as_bytes());
    }
}
