use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Term;
use crate::env::BoxFuture;

/// What a handle asks of its keeper.
#[derive(Debug)]
pub(crate) enum Command {
    Stop,
    Resign,
    Callback(Callback),
}

/// A function of the user's that runs once in each term.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Mutex<CallbackFn>>);

type CallbackFn = Box<dyn FnMut(Term) -> BoxFuture<()> + Send>;

impl Callback {
    pub(crate) fn new<F, Fut>(mut function: F) -> Self
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(Mutex::new(Box::new(move |term| Box::pin(function(term))))))
    }

    pub(super) async fn call(self, term: Term) {
        // The function is called under the lock, and its future is polled without it: a future
        // that runs long must not keep the next term from calling the function.
        let future = {
            let mut function = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            function(term)
        };
        future.await;
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}
