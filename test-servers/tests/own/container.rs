//! A container is removed by the next start after its owner was killed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use testcontainers::bollard::query_parameters::ListContainersOptionsBuilder;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use crate::accepts;
use crate::owner::Owner;

const PID: &str = "dsync-test.pid";
const START_TIME: &str = "dsync-test.start-time";
const PID_NAMESPACE: &str = "dsync-test.pid-namespace";
const BOOT_ID: &str = "dsync-test.boot-id";

type Labels = HashMap<String, String>;

/// Keeps the tests here from removing each other's containers: each starts owners, and every owner
/// removes what the killed ones left.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The killed owner's container stays, and goes when the next process starts its first one. That of an
/// owner that lives is left alone.
pub(crate) fn orphan(name: &str) {
    let _alone = one_at_a_time();
    let living = Owner::start(name);
    let killed = Owner::start(name);
    let (pid, address) = (killed.pid(), killed.address);
    killed.kill();
    assert_eq!(containers_of(pid).len(), 1);
    assert!(accepts(address), "nothing has removed its container, and {address} does not accept");

    let next = Owner::start(name);
    assert!(containers_of(pid).is_empty());
    assert!(!accepts(address), "its owner was killed, and {address} accepts");
    assert!(accepts(living.address), "its owner lives, and {} does not accept", living.address);

    let (own, pid) = (next.address, next.pid());
    next.end();
    assert!(!accepts(own), "its owner ended, and {own} accepts");
    assert!(containers_of(pid).is_empty());
    living.end();
}

/// Owners that cannot be seen from here: of another PID namespace, and of another boot. Then one that
/// is known to be gone, by nothing but its start time.
pub(crate) fn others() {
    let _alone = one_at_a_time();
    let owner = Owner::start("redis");
    let (image, labels) = containers_of(owner.pid()).pop().unwrap();
    let with = |name: &str, value: &str| {
        let mut labels = labels.clone();
        // No process has this id: it is above the kernel's limit of 2^22.
        labels.insert(PID.to_owned(), "4194305".to_owned());
        labels.insert(name.to_owned(), value.to_owned());
        labels
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let elsewhere = start(&image, with(PID_NAMESPACE, "pid:[1]")).await;
        let earlier = start(&image, with(BOOT_ID, "00000000-0000-0000-0000-000000000000")).await;
        let mut reused = labels.clone();
        reused.insert(START_TIME.to_owned(), "0".to_owned());
        let gone = start(&image, reused).await;

        Owner::start("redis").end();

        assert!(elsewhere.is_running().await.unwrap());
        assert!(earlier.is_running().await.unwrap());
        gone.is_running().await.unwrap_err();
        elsewhere.rm().await.unwrap();
        earlier.rm().await.unwrap();
    });
    assert!(accepts(owner.address));
    owner.end();
}

async fn start(image: &str, labels: Labels) -> ContainerAsync<GenericImage> {
    let (name, tag) = image.rsplit_once(':').unwrap();
    GenericImage::new(name, tag)
        .with_entrypoint("redis-server")
        .with_cmd(["--save", ""])
        .with_network("none")
        .with_labels(labels)
        .start()
        .await
        .unwrap()
}

/// The containers whose labels name this process: their images, and all labels.
fn containers_of(pid: u32) -> Vec<(String, Labels)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let label = format!("{PID}={pid}");
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let listed = runtime.block_on(async {
        docker_client_instance().await.unwrap().list_containers(Some(options)).await.unwrap()
    });
    let listed = listed.into_iter();
    listed.map(|container| (container.image.unwrap(), container.labels.unwrap())).collect()
}
