//! Ports that nobody uses right now.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, Result};

/// Asks the kernel for `N` free ports on loopback, all different.
///
/// They are free until someone else takes them, which the servers' start has to
/// allow for: a server can't be handed a socket that's already bound.
///
/// # Errors
///
/// If the kernel has none.
pub fn free<const N: usize>() -> Result<[SocketAddr; N]> {
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    // All held until all are known, or the kernel may name one twice.
    let mut held = Vec::with_capacity(N);
    for address in &mut addresses {
        let listener =
            TcpListener::bind(*address).context("could not bind a free port on 127.0.0.1")?;
        *address = listener.local_addr().context("could not ask for the bound port")?;
        held.push(listener);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_different() {
        let [a, b, c] = free().unwrap();
        assert!(a != b && b != c && a != c, "{a} {b} {c}");
    }
}
