//! The demo's last table.
