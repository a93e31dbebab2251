//! The rules of the Engine.IO protocol, revisions 3 and 4, and of the Socket.IO protocol, revisions 4 and 5, as far as
//! they concern this server: one namespace, no binary, no JSONP. Where the documents leave a choice, the authors' own
//! server decides, since clients were written against it. `reference` compares with another implementation.

mod browsers;
mod closing;
mod handshake;
mod heartbeat;
mod packets;
mod payloads;
mod peer;
mod reference;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod upgrade;
mod wire;
