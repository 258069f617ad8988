//! A mistake: an edit of source.

/// A crate with one mistake.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// Its name, as in the corpus and in the kill matrix.
    pub(crate) name: &'static str,
    /// The rule that must find it.
    pub(crate) rule: &'static str,
    /// What the message must contain.
    pub(crate) says: &'static str,
    /// Where the field has seen it; empty: nowhere by name.
    pub(crate) seen: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// A file below the crate's `src`, a text in it, and that text with the mistake where `MUTANT` is
/// true.
#[derive(Debug)]
pub(crate) struct Edit(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);
