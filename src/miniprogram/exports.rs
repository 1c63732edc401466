//! The functions that the wasm32 build exports, all of numbers.
//!
//! A text comes in by way of one buffer: `cp_input` gives its place for so many bytes, the host writes, and the next call reads.
//! A text goes out by way of another, whose place `cp_output` gives; it stays until the next call. The host looks at memory
//! anew after each call, for it may have grown.

// Naming a function for the linker is all that is unsafe here: a name could stand for something else as well.
#![allow(unsafe_code)]

use std::cell::RefCell;

use zeroize::{Zeroize, Zeroizing};

use super::Players;

#[derive(Default)]
struct State {
    players: Players,
    input: Zeroizing<Vec<u8>>,
    output: Zeroizing<Vec<u8>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Where to write the text of the next call, which has so many bytes; 0: it has too many.
#[unsafe(no_mangle)]
pub extern "C" fn cp_input(length: usize) -> usize {
    STATE.with_borrow_mut(|state| {
        state.input.zeroize();
        if length > MAX_TEXT {
            return 0;
        }
        state.input.resize(length, 0);
        state.input.as_mut_ptr().expose_provenance()
    })
}

/// Where the text is that the last call made.
#[unsafe(no_mangle)]
pub extern "C" fn cp_output() -> usize {
    STATE.with_borrow(|state| state.output.as_ptr().expose_provenance())
}

/// Makes a player by the config in the buffer; the result is its handle, 0 for a text that is no config.
#[unsafe(no_mangle)]
pub extern "C" fn cp_create(now: f64) -> u32 {
    STATE.with_borrow_mut(|state| state.players.create(now, &state.input))
}

/// Hands the text in the buffer to a player; the result is the length of what is to be done. An empty buffer: as things stand.
#[unsafe(no_mangle)]
pub extern "C" fn cp_handle(handle: u32, now: f64) -> usize {
    STATE.with_borrow_mut(|state| {
        let output = state.players.handle(handle, now, &state.input);
        state.output = Zeroizing::new(output.into_bytes());
        state.output.len()
    })
}

/// Lets go of a player.
#[unsafe(no_mangle)]
pub extern "C" fn cp_destroy(handle: u32) {
    STATE.with_borrow_mut(|state| state.players.destroy(handle));
}

/// A playlist is 16 MiB at most, and a JSON text of it a little more.
const MAX_TEXT: usize = 24 << 20;
