//! A program ends with its owner.

use std::time::Duration;

use control_plane::wait::{self, Look};

use crate::accepts;
use crate::owner::Owner;

pub(crate) fn orphan(name: &str) {
    let owner = Owner::start(name);
    let address = owner.address;
    assert!(accepts(address));
    owner.kill();
    wait::until("the server to end with its owner", Duration::from_secs(30), || {
        let runs = accepts(address);
        Ok(if runs { Look::NotYet("it accepts".to_owned()) } else { Look::Done(()) })
    })
    .unwrap();
}
