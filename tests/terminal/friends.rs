//! `wulin play` with a person on the other side: over cut connections, and from one round to the next.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::block_in_place;

use crate::support::server::TestServer;
use crate::support::websocket::Dialect;
use crate::support::{Client, hello};
use crate::window::Window;
use crate::{play, text, wulin, wulin_at};

/// No robot comes, and a round ends when all have locked their hands.
pub(crate) const FRIENDS: [&str; 6] = [
    "--robot-wait",
    "1h",
    "--rematch-wait",
    "1h",
    "--game-time",
    "1h",
];

/// A connection to a server that can be cut. It runs until the runtime ends.
struct Cable {
    address: SocketAddr,
    /// Where it leads; nowhere while it is cut.
    end: watch::Sender<Option<SocketAddr>>,
}

impl Cable {
    async fn to(server: &TestServer) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, seen) = watch::channel(Some(server.address()));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut seen = seen.clone();
                let Some(address) = *seen.borrow_and_update() else {
                    continue;
                };
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(address).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = seen.changed() => {}
                    }
                });
            }
        });
        Cable { address, end }
    }

    fn cut(&self) {
        self.end.send_replace(None);
    }

    fn mend(&self, server: &TestServer) {
        self.end.send_replace(Some(server.address()));
    }
}

/// A person who plays by hand.
struct Ben {
    client: Client,
    token: Value,
}

impl Ben {
    async fn greet(server: &TestServer, token: Value) -> Ben {
        let mut client = Client::open(server, Dialect::Native).await;
        let mut greeting = hello("ben");
        if token.is_string() {
            greeting["token"] = token;
        }
        client.send("hello", greeting).await;
        let token = client.event("hi").await["token"].clone();
        Ben { client, token }
    }

    async fn lock(&mut self, hand: u8) {
        let choice = json!({ "choice": hand, "lock": true });
        self.client.send("choice", choice).await;
    }

    /// Loses the connection and comes back when `seen` is done.
    async fn leave_and_return(self, server: &TestServer, seen: impl FnOnce()) -> Ben {
        let Ben { client, token } = self;
        drop(client);
        block_in_place(seen);
        Ben::greet(server, token).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_in_a_round_costs_nothing() {
    let server = TestServer::start(&FRIENDS);
    let cable = Cable::to(&server).await;
    let mut ben = Ben::greet(&server, Value::Null).await;
    let mut window = Window::open(wulin_at(cable.address, &["--name", "Ann"]), 80, 24);
    ben.client.join().await;
    block_in_place(|| window.wait_for("You can switch until time runs out."));
    window.press("2");
    ben.client.event("movement").await;
    cable.cut();
    ben.client.event("away").await;
    block_in_place(|| {
        window.wait_for("Reconnecting");
        window.wait_for("and your seat is kept");
        window.press("3");
        window.wait_for("You picked paper");
        window.wait_for("it will be sent if it is back in time");
    });
    cable.mend(&server);
    ben.client.event("back").await;
    assert_eq!(ben.client.event("movement").await["movement"], "choice");
    block_in_place(|| window.wait_for("You can still switch"));
    window.press("\r");
    assert_eq!(ben.client.event("movement").await["locked"], true);
    block_in_place(|| window.wait_for("Locked: no more switching."));

    // The round ends while Ann is away, with the hand that she has locked.
    cable.cut();
    ben.client.event("away").await;
    block_in_place(|| window.wait_for("Reconnecting"));
    ben.lock(2).await;
    ben.client.event("result").await;
    cable.mend(&server);
    block_in_place(|| {
        window.wait_for("1 : 0");
        window.wait_for("You win!");
        window.wait_for("It ended while you were away.");
        window.press("q");
        assert_eq!(window.end(), Some(0));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_meet_again_or_take_others() {
    let server = TestServer::start(&FRIENDS);
    let mut ben = Ben::greet(&server, Value::Null).await;
    let mut window = Window::open(wulin(&server, &["--name", "Ann"]), 80, 24);
    ben.client.join().await;
    block_in_place(|| window.wait_for("Choose!"));
    ben.lock(1).await;
    block_in_place(|| window.wait_for("has locked a hand"));
    window.press("22");
    ben.client.event("result").await;
    block_in_place(|| window.wait_for("1 : 0"));
    ben.client.say("join").await;
    block_in_place(|| {
        window.wait_for("ben wants a rematch");
        window.wait_for("accept");
        window.press("\r");
    });
    ben.client.event("start").await;
    let away = || window.wait_for("is away");
    let mut ben = ben.leave_and_return(&server, away).await;
    ben.lock(3).await;
    block_in_place(|| window.wait_for("has locked a hand"));
    window.press("22");
    ben.client.event("result").await;
    block_in_place(|| {
        window.wait_for("1 : 1");
        window.wait_for("Paper wraps rock.");
    });
    // Ann asks first, and then takes a robot. Ben is told both.
    window.press("\r");
    assert!(ben.client.event("room").await["rematch"].is_string());
    block_in_place(|| {
        window.wait_for("You want a rematch with ben");
        window.press("n");
        window.wait_for("Finding an opponent");
        window.press("r");
        window.wait_for("Robot");
        window.press("33");
        window.wait_for("play again");
        window.press("q");
        assert_eq!(window.end(), Some(0));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_lines_tell_the_same() {
    let server = TestServer::start(&FRIENDS);
    let cable = Cable::to(&server).await;
    let mut ben = Ben::greet(&server, Value::Null).await;
    let mut window = Window::open(wulin_at(cable.address, &["--plain"]), 80, 24);
    ben.client.join().await;
    block_in_place(|| window.wait_for("Against ben."));
    window.press("rock\n");
    block_in_place(|| window.wait_for("You picked rock. You can still switch"));
    window.press("rock\n");
    block_in_place(|| window.wait_for("Locked"));
    ben.lock(1).await;
    block_in_place(|| window.wait_for("You win! +1 · Score 1 · 1 : 0"));
    ben.client.say("join").await;
    block_in_place(|| window.wait_for("ben wants a rematch"));
    window.press("\n");
    ben.client.event("start").await;
    let away = || window.wait_for("ben is away");
    let mut ben = ben.leave_and_return(&server, away).await;
    block_in_place(|| window.wait_for("ben is back"));
    cable.cut();
    block_in_place(|| {
        window.wait_for("Reconnecting");
        window.press("paper\n");
        window.wait_for("it will be sent if it is back in time");
    });
    cable.mend(&server);
    ben.client.event("movement").await;
    block_in_place(|| {
        window.wait_for("The round goes on.");
        window.wait_for("You picked paper");
    });
    ben.lock(2).await;
    block_in_place(|| window.wait_for("ben has locked a hand"));
    cable.cut();
    block_in_place(|| {
        window.wait_for("Reconnecting");
        window.press("\n");
        window.wait_for("it will be sent if it is back in time");
    });
    cable.mend(&server);
    block_in_place(|| window.wait_for("2 : 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_a_server_that_died_is_lost() {
    let server = TestServer::start(&FRIENDS);
    let cable = Cable::to(&server).await;
    let mut ben = Ben::greet(&server, Value::Null).await;
    let script = play(wulin_at(cable.address, &["--hand", "rock"]), "");
    let script = tokio::spawn(script);
    ben.client.join().await;
    ben.client.event("movement").await;
    let another = TestServer::start(&FRIENDS);
    cable.mend(&another);
    let output = script.await.unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Reconnecting"), "{said}");
    assert!(said.contains("no longer knows that round"), "{said}");
}
