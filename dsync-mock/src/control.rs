//! The controls of the store, by subject.

mod inspect;
mod leader;
mod network;
mod record;
