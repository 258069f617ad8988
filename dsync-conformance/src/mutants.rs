//! Broken drivers, each with the rule that must catch it: proof that the suite can fail.

mod acquiring;
mod classifying;
mod connection;
mod driver;
mod ghosts;
mod list;
mod shown;
mod state;
mod streams;
mod writing;

use std::sync::Arc;

use dsync::driver::Driver;
use dsync::{Result, async_trait};

pub use self::connection::MutantDriver;
pub use self::list::Mutant;
use crate::harness::{Operator, Via, Wire};
use crate::{Harness, MockHarness, Suite};

impl Mutant {
    /// The suite against a driver that has this mutant, in virtual time.
    #[must_use]
    pub fn suite(self) -> Suite {
        Suite::with_store_per_test(self.to_string(), move || {
            let driver = MutantDriver::new(self.store(), self);
            MutantHarness { operator: MockHarness::new(driver.store()), driver }
        })
        .in_memory()
    }

    /// The suite against the same store without the mistake.
    #[must_use]
    pub fn honest_suite(self) -> Suite {
        let name = format!("without {self}");
        Suite::with_store_per_test(name, move || MockHarness::new(self.store())).in_memory()
    }
}

#[derive(Debug)]
struct MutantHarness {
    driver: MutantDriver,
    operator: MockHarness,
}

#[async_trait]
impl Harness for MutantHarness {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        // The honest harness says what is wrong with a proxy.
        self.operator.connect(via).await?;
        Ok(Arc::new(self.driver.clone()))
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        self.operator.operator()
    }

    fn wire(&self) -> Option<Arc<dyn Wire>> {
        self.operator.wire()
    }
}
