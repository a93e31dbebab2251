//! Connections that send little, send slowly, or never read.

use tokio::net::TcpStream;

use crate::http1::Http1;
use crate::http2::Http2;
use crate::messages::write;
use crate::scene::{Scene, Tls, many};

/// The first 32,000 bytes of a `ClientHello`, in whole records, that announces the greatest length.
fn unfinished_hello() -> Vec<u8> {
    let record = |payload: &[u8]| {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[22, 3, 1], &length[..], payload].concat()
    };
    let first = [&[1, 0, 0xff, 0xff, 3, 3][..], &[7; 16_000]].concat();
    [record(&first), record(&[7; 16_000]), record(&[7; 16_000])].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unfinished_client_hellos_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 2000, 100, |target, _| async move {
        let mut stream = target.tcp(target.https).await.ok()?;
        // The server may close the connection; then this client does not try again.
        let _ = write(&mut stream, &unfinished_hello()).await;
        Some(stream)
    });
    scene
        .withstands("2,000 hellos of which a part is missing", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn short_client_hellos_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 4000, 100, |target, _| async move {
        let mut stream = target.tcp(target.https).await.ok()?;
        let _ = write(&mut stream, &unfinished_hello()[..100]).await;
        Some(stream)
    });
    scene
        .withstands("4,000 hellos of a hundred bytes", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unread_http2_answers_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 1000, 100, |target, _| async move {
        let stream = target.narrow(target.https).await.ok()?;
        let stream = target.http2(stream).await.ok()?;
        let mut connection = Http2::open(stream).await.ok()?;
        // More requests than servers usually allow at the same time on one connection.
        connection.ask("/", 64, 0).await.ok()?;
        Some(connection)
    });
    let _: Vec<Http2<Tls>> = scene
        .withstands("1,000 times 64 answers that nobody reads", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unfinished_request_headers_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 2500, 100, |target, _| async move {
        let mut connection = Http1::open(&target).await.ok()?;
        let filler = "x".repeat(14_000);
        let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {filler}");
        write(&mut connection.stream, head.as_bytes()).await?;
        Some(connection)
    });
    scene
        .withstands("2,500 requests of which the end is missing", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn idle_admin_connections_do_no_harm() {
    let mut scene = Scene::with(&["--request-timeout", "1s"]).await;
    let attack = many(
        scene.target.clone(),
        4000,
        100,
        |target, number| async move {
            let mut stream = target.tcp(target.admin).await.ok()?;
            let filler = "x".repeat(14_000);
            let head = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {filler}");
            if number % 2 == 0 {
                write(&mut stream, head.as_bytes()).await?;
            }
            Some(stream)
        },
    );
    let held: Vec<TcpStream> = scene
        .withstands("4,000 connections to the admin listener", attack)
        .await;
    scene.hangs_up(held).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn http2_on_the_redirect_port_does_no_harm() {
    let mut scene = Scene::with(&["--request-timeout", "1s"]).await;
    let attack = many(scene.target.clone(), 3000, 100, |target, _| async move {
        let stream = target.narrow(target.http).await.ok()?;
        let mut connection = Http2::open(stream).await.ok()?;
        // This port speaks only HTTP/1, so it refuses and closes.
        let _ = connection.ask("/", 64, 200).await;
        Some(connection)
    });
    let held: Vec<Http2<TcpStream>> = scene
        .withstands("3,000 times HTTP/2 on the redirect port", attack)
        .await;
    let held = held.into_iter().map(|connection| connection.stream);
    scene.hangs_up(held.collect()).await;
}
