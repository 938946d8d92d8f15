//! Instruction model.
