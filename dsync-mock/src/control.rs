//! What a test does to the store, by subject.

mod inspect;
mod leader;
mod network;
mod record;
