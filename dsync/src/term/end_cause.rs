/// Why a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndCause {
    /// `stop`, `unlock`, `shutdown`, the return of the body of `lead`, or the drop of the last
    /// handle.
    Stopped,
    /// `resign`.
    Resigned,
    /// A body panicked.
    Panicked,
    /// No renewal succeeded by the renew deadline.
    Deadline,
    /// The record is somebody else's, empty, or gone.
    Lost,
}
