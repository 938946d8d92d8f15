//! Has a device open a network: the one in its memory if it is the same, else one that is sent.

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_core::wire::{Refusal, Request};

use crate::session::{Opened, Session};

/// Origin of the network that a device uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkOrigin {
    /// It lay in memory before the start: in flash, or placed by the emulator.
    Placed,
    /// An earlier session sent it, and the device still had it.
    Kept,
    /// This session sent it.
    Sent,
}

/// The network that lay in the device's memory before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlacedNetwork {
    /// There was none.
    None,
    /// The network that the host asks for.
    This,
    /// Another network.
    Other,
    /// A network whose check failed, so that the device refuses it.
    Damaged,
}

/// A network that a device has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LoadedNetwork {
    /// Its origin.
    #[serde(rename = "source")]
    pub origin: NetworkOrigin,
    /// The network in the device's memory before the start.
    pub placed: PlacedNetwork,
    /// The device's answer to the request that opened it.
    #[serde(skip)]
    pub opened: Opened,
}

/// Has a device open a blob: the one in its memory if the checksum is the same, else the blob is
/// sent.
///
/// # Errors
/// [`Error::Line`] if the line is lost, [`Error::Refused`] if the blob is too large or arrives
/// damaged, [`Error::Tool`] if the device opens another network.
pub(super) fn load(session: &mut Session, blob: &Blob) -> Result<LoadedNetwork> {
    let expected = blob.view()?.checksum();
    let known = session.device().blob_checksum == expected;
    let loaded = |origin, placed, opened| LoadedNetwork { origin, placed, opened };
    let placed = match session.open(&Request::OpenPlaced { set: 0 }) {
        Ok(opened) if opened.checksum == expected => {
            return Ok(loaded(NetworkOrigin::Placed, PlacedNetwork::This, opened));
        }
        Ok(_) => PlacedNetwork::Other,
        Err(Error::Refused { refusal: Refusal::NoBlob, .. }) => PlacedNetwork::None,
        Err(Error::Refused { refusal: Refusal::BadBlob, .. }) => PlacedNetwork::Damaged,
        Err(Error::Refused { .. }) if !known => PlacedNetwork::Other,
        Err(error) => return Err(error),
    };
    if known {
        match session.open(&Request::Open) {
            Ok(opened) if opened.checksum == expected => {
                return Ok(loaded(NetworkOrigin::Kept, placed, opened));
            }
            Ok(_) | Err(Error::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let opened = session.send_blob(blob.bytes())?;
    same_network(session, expected, opened.checksum)?;
    Ok(loaded(NetworkOrigin::Sent, placed, opened))
}

/// Compares the checksum of the network that a device has opened with the expected one.
///
/// # Errors
/// [`Error::Tool`] if they differ.
pub(crate) fn same_network(session: &Session, expected: u32, found: u32) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::tool(session.name(), format!("runs network {found:08x}, not {expected:08x}")))
}
