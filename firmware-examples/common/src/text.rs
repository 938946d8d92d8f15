//! Text on a serial port.

use crate::Port;

/// Sends a text.
pub fn text(port: &impl Port, text: &str) {
    text.bytes().for_each(|byte| port.send(byte));
}

/// Sends a number in decimal.
pub fn number(port: &impl Port, value: i32) {
    if value < 0 {
        port.send(b'-');
    }
    let (value, mut unit) = (value.unsigned_abs(), 1u32);
    while value / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        port.send(b'0' + (value / unit % 10) as u8);
        unit /= 10;
    }
}

/// Sends a number as `0x` and eight hexadecimal digits.
pub fn hexadecimal(port: &impl Port, value: u32) {
    text(port, "0x");
    for shift in (0..32).step_by(4).rev() {
        let digit = (value >> shift & 15) as u8;
        port.send(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }
}
