//! Arguments of the plugin: `NAME=VALUE`, one for each setting.

use crate::flash::Geometry;
use crate::timing::Core;

#[cfg(test)]
mod tests;

/// What the plugin counts, and where the sums go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// File of the sums.
    pub out: String,
    /// Address of the timer's value register.
    pub timer: u32,
    /// Cores whose cycles are estimated.
    pub cores: Vec<Core>,
    /// Buffers of the flash.
    pub flash: Vec<Geometry>,
    /// Addresses of constants: first, and first behind the end.
    pub constants: Vec<(u32, u32)>,
}

impl Settings {
    /// Parses arguments such as `out=sums`, `timer=0x40000004`, `core=cortex-m4`, `flash=16:64:8`
    /// (line, lines of code, lines of constants) and `constants=0x0:0x400000`.
    ///
    /// # Errors
    /// A message that names the argument.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let (mut out, mut timer) = (None, None);
        let (mut cores, mut flash, mut constants) = (Vec::new(), Vec::new(), Vec::new());
        for argument in arguments {
            let wrong = || format!("argument `{argument}`");
            let (name, value) = argument.split_once('=').ok_or_else(wrong)?;
            match name {
                "out" => out = Some(value.to_owned()),
                "timer" => timer = Some(number(value).ok_or_else(wrong)?),
                "core" => cores.push(Core::named(value).ok_or_else(wrong)?),
                "flash" => flash.push(geometry(value).ok_or_else(wrong)?),
                "constants" => {
                    let pair = value.split_once(':').ok_or_else(wrong)?;
                    let pair = number(pair.0).zip(number(pair.1)).ok_or_else(wrong)?;
                    constants.push(pair);
                }
                _ => return Err(wrong()),
            }
        }
        let out = out.ok_or("argument `out`: missing")?;
        let timer = timer.ok_or("argument `timer`: missing")?;
        Ok(Self { out, timer, cores, flash, constants })
    }
}

/// A number, in hexadecimal after `0x`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn geometry(text: &str) -> Option<Geometry> {
    let mut parts = text.split(':').map(number);
    let (line, code, constants) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = line.is_power_of_two() && code > 0 && constants > 0 && parts.next().is_none();
    valid.then_some(Geometry { line, code: code as usize, constants: constants as usize })
}
