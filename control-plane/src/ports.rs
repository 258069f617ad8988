//! Free ports on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, Result};

/// Asks the kernel for `N` free ports on loopback, all different.
///
/// Another process can take a port before the server binds it, because a server cannot be handed a bound
/// socket. The caller must therefore be prepared to start the server again on other ports.
///
/// # Errors
///
/// If the kernel has none.
pub fn free<const N: usize>() -> Result<[SocketAddr; N]> {
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    // Each is held until all are known: otherwise the kernel could return one twice.
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
