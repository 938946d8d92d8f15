extern crate std;
use std::collections::VecDeque;
use std::iter::{RepeatN, repeat_n};
use std::vec;
use std::vec::Vec;

use super::*;

/// The results of polling the two lines, in order.
type Lines = [VecDeque<Option<u8>>; 2];

fn line(polls: impl IntoIterator<Item = Option<u8>>) -> VecDeque<Option<u8>> {
    polls.into_iter().collect()
}

/// Receives until both lines are empty. Returns the runs of bytes of one line.
fn runs(mut lines: Lines) -> Vec<(bool, Vec<u8>)> {
    let mut turn = Turn::default();
    let mut runs: Vec<(bool, Vec<u8>)> = Vec::new();
    while lines.iter().any(|l| !l.is_empty()) {
        let poll = |second: bool| lines[usize::from(second)].pop_front().flatten();
        let Some(Incoming { byte, second, switched }) = turn.next(poll) else { continue };
        let before = runs.last().is_some_and(|r| r.0);
        assert_eq!(switched, second != before);
        match runs.last_mut() {
            Some((of, bytes)) if *of == second => bytes.push(byte),
            _ => runs.push((second, vec![byte])),
        }
    }
    runs
}

fn quiet(polls: u32) -> RepeatN<Option<u8>> {
    repeat_n(None, polls as usize)
}

/// A UART that pauses between bytes shares the agent with a line whose bytes are all available.
#[test]
fn frames_of_two_lines_do_not_mix() {
    let slow = [1, 2, 3, 0, 4, 0].into_iter().flat_map(|b| quiet(50).chain([Some(b)]));
    let ready = [9, 8, 0, 7, 6, 0].map(Some);
    for second in [false, true] {
        let (slow, ready) = (line(slow.clone()), line(ready));
        let found = runs(if second { [ready, slow] } else { [slow, ready] });
        let of = |line: bool| -> Vec<u8> {
            found.iter().filter(|r| r.0 == line).flat_map(|r| r.1.clone()).collect()
        };
        assert_eq!(of(second), [1, 2, 3, 0, 4, 0]);
        assert_eq!(of(!second), [9, 8, 0, 7, 6, 0]);
        assert!(found.iter().all(|(_, bytes)| bytes.ends_with(&[0])), "{found:?}");
    }
}

#[test]
fn lines_take_turns_between_frames() {
    let many = |byte: u8| line([byte, 0].repeat(3).into_iter().map(Some));
    let found = runs([many(1), many(2)]);
    let expected: Vec<_> = (0..6).map(|i| (i % 2 == 0, vec![2 - i % 2, 0])).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_frame_that_stops_waits_for_its_end_but_not_for_ever() {
    let other = || line(quiet(2).chain([5, 0].map(Some)));
    let begun =
        |pause: u32| line([Some(1)].into_iter().chain(quiet(pause)).chain([2, 0].map(Some)));
    let whole = vec![(false, vec![1, 2, 0]), (true, vec![5, 0])];
    assert_eq!(runs([begun(PATIENCE - 1), other()]), whole);
    let cut = vec![(false, vec![1]), (true, vec![5, 0]), (false, vec![2, 0])];
    assert_eq!(runs([begun(PATIENCE + 10), other()]), cut);
}

/// Endless noise on one line does not block the other line.
#[test]
fn noise_does_not_keep_the_turn() {
    let noise = line((0..3 * MAX_FRAME).map(|_| Some(1)));
    let found = runs([noise, line(quiet(1).chain([5, 0].map(Some)))]);
    assert_eq!(found[0].1.len(), MAX_FRAME + 1);
    assert_eq!(found[1], (true, vec![5, 0]));
}
