//! One method for each request, with the reply that it expects.

use supernano_base::error::{Error, Result};
use supernano_core::graph::MAX_CLASSES;
use supernano_core::wire::{self, CHUNK, MAX_LOGITS, Refusal, Reply, Request};

use super::{Counts, Opened, Session, TRIES};

impl Session {
    /// Sends a request whose answer is `Done`.
    ///
    /// # Errors
    /// As [`Session::ask`]; [`Error::Refused`] if the device refuses, [`Error::Tool`] for any other
    /// reply.
    pub fn tell(&mut self, request: &Request<'_>) -> Result<()> {
        let name = self.link.name();
        self.ask(request, |reply| match reply {
            Reply::Done => Ok(()),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Sends a blob in parts and opens it.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn send_blob(&mut self, blob: &[u8]) -> Result<Opened> {
        for (i, data) in blob.chunks(CHUNK).enumerate() {
            let (offset, length) = ((i * CHUNK) as u32, blob.len() as u32);
            self.tell(&Request::Blob { offset, length, data })?;
        }
        self.open(&Request::Open)
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn open(&mut self, request: &Request<'_>) -> Result<Opened> {
        let name = self.link.name();
        self.ask(request, |reply| match reply {
            Reply::Opened { checksum, arena_bytes, images, .. } => {
                Ok(Opened { checksum, arena_bytes, images })
            }
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Sends an image and classifies it. Sends the image again if a part of it was lost.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn classify(&mut self, image: &[u8]) -> Result<Vec<i32>> {
        let run = Request::Run { checksum: wire::checksum(image) };
        let mut tries = 0;
        loop {
            self.send_image(image)?;
            tries += 1;
            match self.logits(&run) {
                Err(Error::Refused {
                    refusal: Refusal::ImageChecksum { .. } | Refusal::ImageLength { .. },
                    ..
                }) if tries < TRIES => {}
                found => return found,
            }
        }
    }

    /// Sends an image in parts.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn send_image(&mut self, image: &[u8]) -> Result<()> {
        for (i, data) in image.chunks(CHUNK).enumerate() {
            self.tell(&Request::Image { offset: (i * CHUNK) as u32, data })?;
        }
        Ok(())
    }

    /// Sends a request whose answer is logits. Reads on while there may be more than a reply has.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn logits(&mut self, request: &Request<'_>) -> Result<Vec<i32>> {
        let mut logits = self.page(request)?;
        let mut last = logits.len();
        while last == MAX_LOGITS {
            let next = self.page(&Request::Logits { first: logits.len() as u32 })?;
            last = next.len();
            logits.extend(next);
            if logits.len() > usize::from(MAX_CLASSES) {
                let problem = format!("more than {MAX_CLASSES} logits");
                return Err(Error::tool(self.link.name(), problem));
            }
        }
        Ok(logits)
    }

    /// The logits of one reply.
    fn page(&mut self, request: &Request<'_>) -> Result<Vec<i32>> {
        let name = self.link.name();
        self.ask(request, |reply| match reply {
            Reply::Logits(logits) => Ok(logits.to_vec()),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Asks for the digest of all values that the network computes for a placed image.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn digest(&mut self, index: u32) -> Result<u32> {
        let name = self.link.name();
        self.ask(&Request::Digest { index }, |reply| match reply {
            Reply::Digest(digest) => Ok(digest),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Has the device compare the primitives of its kernels with plain code. Returns the number of
    /// cases, or `None` if a case differs.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn self_test(&mut self) -> Result<Option<u32>> {
        let name = self.link.name();
        self.ask(&Request::SelfTest, |reply| match reply {
            Reply::Tested(cases) => Ok(Some(cases)),
            Reply::Refused(Refusal::WrongKernel) => Ok(None),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Asks for the counts of one inference.
    ///
    /// # Errors
    /// The errors of [`Session::tell`].
    pub fn counts(&mut self) -> Result<Counts> {
        let name = self.link.name();
        self.ask(&Request::Measure, |reply| match reply {
            Reply::Counts { total, parts, stack_bytes, open_stack_bytes } => {
                Ok(Counts { total, parts: parts.to_vec(), stack_bytes, open_stack_bytes })
            }
            other => Err(unexpected(&name, &other)),
        })
    }
}

fn unexpected(name: &str, reply: &Reply<'_>) -> Error {
    match *reply {
        Reply::Refused(refusal) => Error::Refused { link: name.into(), refusal },
        _ => Error::tool(name, "it answers another request than the one that was sent"),
    }
}
