use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Direction, Fault, Proxy};
use crate::tasks;

/// Long enough for anything that happens at all.
const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for a byte on loopback that nothing holds back, mostly.
const MOMENT: Duration = Duration::from_millis(100);

/// Answers each byte with the same byte, and counts what it was given.
struct Echo {
    address: SocketAddr,
    received: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(AtomicU64::new(0));
        let (mut tasks, count) = (JoinSet::new(), Arc::clone(&received));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let count = Arc::clone(&count);
                connections.spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(came @ 1..) = stream.read(&mut bytes).await {
                        count.fetch_add(came as u64, Ordering::SeqCst);
                        if stream.write_all(&bytes[..came]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, received, _tasks: tasks }
    }

    async fn received(&self, bytes: u64) {
        until("the server got it", || self.received.load(Ordering::SeqCst) >= bytes).await;
        assert_eq!(self.received.load(Ordering::SeqCst), bytes);
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = tasks::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "not so in time: {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

async fn pair() -> (Echo, Proxy) {
    let echo = Echo::start().await;
    let proxy = Proxy::start(echo.address).await.unwrap();
    (echo, proxy)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    within(TcpStream::connect(proxy.address())).await.unwrap()
}

async fn ask(stream: &mut TcpStream, text: &str) {
    within(stream.write_all(text.as_bytes())).await.unwrap();
}

async fn expect_text(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    within(stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(bytes, text.as_bytes());
}

/// What comes until the connection ends, and how it ends.
async fn rest(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::new();
    let result = within(stream.read_to_end(&mut bytes)).await;
    (bytes, result.map(|_| ()))
}

/// Waits until new connections are refused, or are not.
async fn refused(proxy: &Proxy, wanted: bool) {
    let start = tasks::now();
    loop {
        let kind = TcpStream::connect(proxy.address()).await.map_err(|error| error.kind());
        if matches!(kind, Err(ErrorKind::ConnectionRefused)) == wanted {
            return;
        }
        assert!(start.elapsed() < LIMIT, "not in time: refused is {wanted}");
        sleep(Duration::from_millis(1)).await;
    }
}

#[track_caller]
fn is_reset(result: io::Result<()>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn it_forwards_to_another_server_when_it_is_told() {
    let (first, proxy) = pair().await;
    let second = Echo::start().await;
    let mut old = connect(&proxy).await;
    ask(&mut old, "one").await;
    expect_text(&mut old, "one").await;
    proxy.forward_to(second.address);
    let (bytes, end) = rest(&mut old).await;
    assert!(bytes.is_empty());
    is_reset(end);
    let mut new = connect(&proxy).await;
    ask(&mut new, "other").await;
    expect_text(&mut new, "other").await;
    second.received(5).await;
    first.received(3).await;
}

#[tokio::test]
async fn it_forwards_and_counts() {
    let (echo, proxy) = pair().await;
    assert!(proxy.address().ip().is_loopback() && proxy.address() != echo.address);
    let (mut first, mut second) = (connect(&proxy).await, connect(&proxy).await);
    ask(&mut first, "one").await;
    ask(&mut second, "other").await;
    expect_text(&mut first, "one").await;
    expect_text(&mut second, "other").await;
    until("counted", || proxy.counts().answer_bytes == 8).await;
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.open, counts.resets), (2, 2, 0));
    assert_eq!(counts.request_bytes, 8);
    // An orderly end passes as one, each way for itself.
    first.shutdown().await.unwrap();
    assert_eq!(rest(&mut first).await.1.map_err(|error| error.kind()), Ok(()));
    until("closed", || proxy.counts().open == 1).await;
    assert_eq!(proxy.counts().resets, 0);
    // Much more than fits into any buffer.
    let many = "x".repeat(3_000_000);
    let (mut reader, mut writer) = second.split();
    let mut came = vec![0; many.len()];
    let (sent, read) = within(async {
        tokio::join!(writer.write_all(many.as_bytes()), reader.read_exact(&mut came))
    })
    .await;
    sent.unwrap();
    read.unwrap();
    assert!(came.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn a_cut_resets_and_refuses_until_it_heals() {
    let (_echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    ask(&mut stream, "a").await;
    expect_text(&mut stream, "a").await;
    for _ in 0..3 {
        proxy.set(Fault::Cut);
        is_reset(rest(&mut stream).await.1);
        refused(&proxy, true).await;
        proxy.heal();
        refused(&proxy, false).await;
        stream = connect(&proxy).await;
        ask(&mut stream, "b").await;
        expect_text(&mut stream, "b").await;
    }
    proxy.set(Fault::Reset);
    is_reset(rest(&mut stream).await.1);
    let mut stream = connect(&proxy).await;
    ask(&mut stream, "c").await;
    expect_text(&mut stream, "c").await;
}

#[tokio::test]
async fn what_is_held_flows_on_in_order() {
    let (echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::Hold(Direction::Answers));
    ask(&mut stream, "abc").await;
    echo.received(3).await;
    timeout(MOMENT, stream.readable()).await.expect_err("the answer is held");
    proxy.set(Fault::Hold(Direction::Requests));
    ask(&mut stream, "def").await;
    // The end of the requests is held as well.
    stream.shutdown().await.unwrap();
    timeout(MOMENT, stream.readable()).await.expect_err("both are held");
    echo.received(3).await;
    assert_eq!(proxy.counts().open, 1);
    proxy.heal();
    let (bytes, result) = rest(&mut stream).await;
    result.unwrap();
    assert_eq!(bytes, b"abcdef");
}

#[tokio::test]
async fn a_delay_delays_one_direction_and_ends_at_once() {
    let (echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    let delay = Duration::from_millis(150);
    for direction in [Direction::Requests, Direction::Answers] {
        proxy.set(Fault::Delay(direction, delay));
        let start = tasks::now();
        ask(&mut stream, "a").await;
        expect_text(&mut stream, "a").await;
        assert!(start.elapsed() >= delay, "{:?}", start.elapsed());
        proxy.heal();
    }
    echo.received(2).await;
    proxy.set(Fault::Delay(Direction::Answers, 10 * LIMIT));
    ask(&mut stream, "b").await;
    echo.received(3).await;
    proxy.heal();
    expect_text(&mut stream, "b").await;
}

#[tokio::test]
async fn a_connection_is_cut_in_the_middle_of_a_message() {
    let (echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::CutAfter { direction: Direction::Answers, bytes: 4 });
    ask(&mut stream, "abc").await;
    expect_text(&mut stream, "abc").await;
    ask(&mut stream, "def").await;
    let (bytes, result) = rest(&mut stream).await;
    assert_eq!(bytes, b"d");
    is_reset(result);
    echo.received(6).await;

    let mut stream = connect(&proxy).await;
    proxy.set(Fault::CutAfter { direction: Direction::Requests, bytes: 2 });
    ask(&mut stream, "abc").await;
    is_reset(rest(&mut stream).await.1);
    echo.received(8).await;

    // It is over, and others are not touched.
    let mut stream = connect(&proxy).await;
    ask(&mut stream, "abc").await;
    expect_text(&mut stream, "abc").await;
    proxy.set(Fault::CutAfter { direction: Direction::Requests, bytes: 0 });
    ask(&mut stream, "abc").await;
    is_reset(rest(&mut stream).await.1);
    echo.received(11).await;
}

#[tokio::test]
async fn a_lost_answer_is_one_to_a_request_that_was_served() {
    let (echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::LoseAnswer);
    // Not on a connection that was never answered.
    ask(&mut stream, "hello").await;
    expect_text(&mut stream, "hello").await;
    assert_eq!(proxy.counts().lost_answers, 0);
    ask(&mut stream, "write").await;
    let (bytes, result) = rest(&mut stream).await;
    assert!(bytes.is_empty(), "{bytes:?}");
    is_reset(result);
    echo.received(10).await;
    assert_eq!(proxy.counts().lost_answers, 1);
    let mut stream = connect(&proxy).await;
    for _ in 0..2 {
        ask(&mut stream, "again").await;
        expect_text(&mut stream, "again").await;
    }
    assert_eq!(proxy.counts().lost_answers, 1);
}

#[tokio::test]
async fn it_drips() {
    let (_echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    let every = Duration::from_millis(20);
    proxy.set(Fault::Drip { direction: Direction::Requests, bytes: 2, every });
    let start = tasks::now();
    ask(&mut stream, "abcdefghi").await;
    expect_text(&mut stream, "abcdefghi").await;
    // Five drops, four pauses.
    assert!(start.elapsed() >= 4 * every, "{:?}", start.elapsed());
    proxy.set(Fault::Drip { direction: Direction::Requests, bytes: 1, every: 10 * LIMIT });
    ask(&mut stream, "abc").await;
    expect_text(&mut stream, "a").await;
    proxy.heal();
    expect_text(&mut stream, "bc").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_resets() {
    let echo = Echo::start().await;
    let address = echo.address;
    drop(echo);
    let proxy = Proxy::start(address).await.unwrap();
    let start = tasks::now();
    // Its listener goes when its task does.
    while TcpStream::connect(address).await.is_ok() {
        assert!(start.elapsed() < LIMIT);
    }
    is_reset(rest(&mut connect(&proxy).await).await.1);
}

#[tokio::test]
async fn nothing_is_left_of_it_after_the_drop() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let (echo, proxy) = pair().await;
    let mut stream = connect(&proxy).await;
    ask(&mut stream, "a").await;
    expect_text(&mut stream, "a").await;
    let address = proxy.address();
    proxy.set(Fault::Hold(Direction::Answers));
    drop(proxy);
    drop(echo);
    until("every task has ended", || metrics.num_alive_tasks() == 0).await;
    rest(&mut stream).await.1.ok();
    TcpStream::connect(address).await.expect_err("nobody listens");
}
