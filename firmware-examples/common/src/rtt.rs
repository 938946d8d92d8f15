//! What passes through a debug probe: the protocol on RTT's channels 0, up and down, both named
//! `supernano`, and logs on the upward channel `defmt`.

use rtt_target::{ChannelMode, DownChannel, UpChannel, rtt_init};

/// Tries to place a byte before an answer is given up: some tenths of a second, or a second on a slow
/// core. A host that asked reads within milliseconds; one that has gone must not stop the agent.
const PATIENCE: u32 = 1_000_000;

/// The two channels.
pub struct Rtt {
    up: UpChannel,
    down: DownChannel,
}

impl Rtt {
    /// Sets the channels up. To be called once: a second call panics.
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

    /// Sets the channels up, that of the logs included. To be called once: a second call panics.
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

    /// The next byte received, if any.
    pub fn receive(&mut self) -> Option<u8> {
        let mut byte = [0];
        (self.down.read(&mut byte) == 1).then_some(byte[0])
    }

    /// Sends bytes as fast as the host takes them, and gives up where it takes none.
    pub fn send(&mut self, mut bytes: &[u8]) {
        // A debugger may have chosen to block, which would wait for ever once it has gone.
        self.up.set_mode(ChannelMode::NoBlockTrim);
        let mut patience = PATIENCE;
        while !bytes.is_empty() && patience > 0 {
            let sent = self.up.write(bytes);
            bytes = bytes.get(sent..).unwrap_or(&[]);
            patience = if sent > 0 { PATIENCE } else { patience - 1 };
        }
    }
}
