//! RTT through a debug probe. The up and down channels 0, both named `supernano`, carry the protocol.
//! The up channel `defmt` carries logs.

use rtt_target::{ChannelMode, DownChannel, UpChannel, rtt_init};

/// Attempts to place a byte before the agent discards an answer. They take a few tenths of a second,
/// or a second on a slow core. A connected host reads within milliseconds, and a host that has
/// disconnected must not stop the agent.
const ATTEMPTS: u32 = 1_000_000;

/// The two channels.
pub struct Rtt {
    up: UpChannel,
    down: DownChannel,
}

impl Rtt {
    /// Sets up the two channels.
    ///
    /// # Panics
    /// On the second call.
    #[cfg(not(feature = "log-rtt"))]
    pub fn start() -> Self {
        let channels = rtt_init! {
            up: {
                0: {
                    size: 1024,
                    mode: ChannelMode::NoBlockTrim,
                    name: "supernano",
                    section: ".uninit.rtt"
                }
            }
            down: {
                0: { size: 1024, name: "supernano", section: ".uninit.rtt" }
            }
            section_cb: ".uninit.rtt"
        };
        Self { up: channels.up.0, down: channels.down.0 }
    }

    /// Sets up the two channels and that of the logs.
    ///
    /// # Panics
    /// On the second call.
    #[cfg(feature = "log-rtt")]
    pub fn start() -> Self {
        let channels = rtt_init! {
            up: {
                0: {
                    size: 1024,
                    mode: ChannelMode::NoBlockTrim,
                    name: "supernano",
                    section: ".uninit.rtt"
                }
                1: {
                    size: 1024,
                    mode: ChannelMode::NoBlockSkip,
                    name: "defmt",
                    section: ".uninit.rtt"
                }
            }
            down: {
                0: { size: 1024, name: "supernano", section: ".uninit.rtt" }
            }
            section_cb: ".uninit.rtt"
        };
        rtt_target::set_defmt_channel(channels.up.1);
        Self { up: channels.up.0, down: channels.down.0 }
    }

    /// Returns the next byte, if there is one.
    pub fn receive(&mut self) -> Option<u8> {
        let mut byte = [0];
        (self.down.read(&mut byte) == 1).then_some(byte[0])
    }

    /// Sends bytes as fast as the host reads them. Discards the rest if the host stops reading.
    pub fn send(&mut self, mut bytes: &[u8]) {
        // A debugger may have set the blocking mode, in which a write never returns once the debugger
        // has disconnected.
        self.up.set_mode(ChannelMode::NoBlockTrim);
        let mut attempts = ATTEMPTS;
        while !bytes.is_empty() && attempts > 0 {
            let sent = self.up.write(bytes);
            bytes = bytes.get(sent..).unwrap_or(&[]);
            attempts = if sent > 0 { ATTEMPTS } else { attempts - 1 };
        }
    }
}
