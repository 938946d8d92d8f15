//! The sums that go from peer to peer.

use super::line::Line;
use super::wire::{Kind, Reader, put_tensors};
use crate::training::{Gradients, Losses};

/// Sums over the paths so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Loss of the largest network, nats.
    pub largest: f64,
    /// Mean loss of the sub-networks, nats.
    pub students: f64,
    /// Gradients.
    pub gradients: Gradients,
}

impl Sums {
    /// Sums of losses and gradients.
    pub fn new(losses: Losses, gradients: Gradients) -> Self {
        Self { largest: losses.largest, students: losses.students, gradients }
    }

    /// The losses.
    pub fn losses(&self) -> Losses {
        Losses { largest: self.largest, students: self.students }
    }

    /// Adds the loss and the gradients of a sub-network.
    pub fn add(&mut self, loss: f64, gradients: Gradients) {
        self.students += loss;
        for (sum, gradient) in self.gradients.iter_mut().zip(gradients) {
            match (sum.as_mut(), gradient) {
                (Some(sum), Some(gradient)) => {
                    sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
                }
                (None, Some(gradient)) => *sum = Some(gradient),
                (_, None) => {}
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.largest.to_le_bytes().to_vec();
        bytes.extend(self.students.to_le_bytes());
        put_tensors(&mut bytes, &self.gradients);
        bytes
    }

    fn parse(bytes: &[u8], lengths: &[usize]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let largest = reader.take().map(f64::from_le_bytes)?;
        let students = reader.take().map(f64::from_le_bytes)?;
        let gradients = reader.tensors(lengths)?;
        reader.0.is_empty().then_some(Self { largest, students, gradients })
    }

    /// Sends the sums.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub fn send(&self, line: &mut Line) -> supernano_base::error::Result<()> {
        line.send(Kind::Sums, &self.bytes())
    }

    /// Receives sums over tensors of these lengths.
    ///
    /// # Errors
    /// As [`Line::receive`], and for contents of another length.
    pub fn receive(line: &mut Line, lengths: &[usize]) -> supernano_base::error::Result<Self> {
        let most = 16 + lengths.len() + 4 * lengths.iter().sum::<usize>();
        let (kind, bytes) = line.receive(&[(Kind::Sums, most)])?;
        Self::parse(&bytes, lengths).ok_or_else(|| line.malformed(kind))
    }
}
