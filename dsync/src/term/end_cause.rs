/// Why a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndCause {
    /// `stop`, `unlock` or `shutdown` was called, the body of `lead` returned, or the last handle
    /// was dropped.
    Stopped,
    /// `resign` was called.
    Resigned,
    /// A body panicked.
    Panicked,
    /// No renewal succeeded by the renew deadline.
    Deadline,
    /// The record has another holder, or none, or was deleted.
    Lost,
}
