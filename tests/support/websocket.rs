//! A client on the native WebSocket, or on Socket.IO over a WebSocket, frame by frame.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as RawFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::PATIENCE;
use super::server::{TestServer, Tls};

/// The protocol of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Native,
    /// As the 2016 client opens it, with two slashes in the path.
    EngineIo3,
    EngineIo4,
}

pub const DIALECTS: [Dialect; 3] = [Dialect::Native, Dialect::EngineIo3, Dialect::EngineIo4];

impl Dialect {
    pub fn path(self) -> &'static str {
        match self {
            Dialect::Native => "/applet/websocket",
            Dialect::EngineIo3 => "/applet/websocket/socket.io//?EIO=3&transport=websocket",
            Dialect::EngineIo4 => "/applet/websocket/socket.io/?EIO=4&transport=websocket",
        }
    }

    pub fn write(self, event: &str, payload: Option<&Value>) -> String {
        match (self, payload) {
            (Dialect::Native, Some(payload)) => {
                json!({"event": event, "data": payload}).to_string()
            }
            (Dialect::Native, None) => json!({"event": event}).to_string(),
            (_, Some(payload)) => format!("42{}", json!([event, payload])),
            (_, None) => format!("42{}", json!([event])),
        }
    }
}

/// What a client receives.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    Event(String, Value),
    Acknowledge(u64, Value),
    /// Any other frame of the dialect, such as `3` or `40`.
    Frame(String),
    /// The close code; `None` when the connection just ended.
    Closed(Option<u16>),
}

pub struct Client {
    pub dialect: Dialect,
    pub socket: WebSocketStream<Tls>,
}

impl Client {
    /// Opens the WebSocket and sends nothing.
    pub async fn open(server: &TestServer, dialect: Dialect) -> Client {
        let stream = server.connect().await;
        Client::over(stream, dialect).await
    }

    pub async fn over(stream: Tls, dialect: Dialect) -> Client {
        let request = format!("wss://localhost{}", dialect.path())
            .into_client_request()
            .unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .unwrap();
        let mut client = Client { dialect, socket };
        if dialect == Dialect::EngineIo4 {
            client.text("40").await;
        }
        client
    }

    /// Opens the WebSocket, sends `hello` and waits for `hi`.
    pub async fn greet(server: &TestServer, dialect: Dialect, uid: &str) -> Client {
        let mut client = Client::open(server, dialect).await;
        client.send("hello", super::hello(uid)).await;
        client.event("hi").await;
        client
    }

    pub async fn send(&mut self, event: &str, payload: Value) {
        let text = self.dialect.write(event, Some(&payload));
        self.text(&text).await;
    }

    pub async fn say(&mut self, event: &str) {
        let text = self.dialect.write(event, None);
        self.text(&text).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn socket_send(&mut self, message: Message) {
        self.socket_try(message).await.unwrap();
    }

    /// Sends a message. `Err` if the server has closed the connection.
    pub async fn socket_try(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    /// Sends any frame, even an invalid one.
    pub async fn raw(&mut self, frame: RawFrame) -> Result<(), Error> {
        self.socket.send(Message::Frame(frame)).await
    }

    /// The next thing received. WebSocket pings are answered and skipped.
    pub async fn next(&mut self) -> Incoming {
        time::timeout(PATIENCE, self.hear()).await.expect("silence")
    }

    async fn hear(&mut self) -> Incoming {
        loop {
            return match self.socket.next().await {
                Some(Ok(Message::Text(text))) => self.read(&text),
                Some(Ok(Message::Close(close))) => {
                    Incoming::Closed(close.map(|close| close.code.into()))
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Incoming::Closed(None),
            };
        }
    }

    fn read(&self, text: &str) -> Incoming {
        if self.dialect == Dialect::Native {
            let frame: Value = serde_json::from_str(text).unwrap();
            return Incoming::Event(
                frame["event"].as_str().unwrap().to_owned(),
                frame["data"].clone(),
            );
        }
        if let Some(rest) = text.strip_prefix("42") {
            let frame: Value = serde_json::from_str(rest).unwrap();
            return Incoming::Event(frame[0].as_str().unwrap().to_owned(), frame[1].clone());
        }
        if let Some(rest) = text.strip_prefix("43") {
            let (id, rest) = rest.split_at(rest.find('[').unwrap());
            let frame: Value = serde_json::from_str(rest).unwrap();
            return Incoming::Acknowledge(id.parse().unwrap(), frame[0].clone());
        }
        Incoming::Frame(text.to_owned())
    }

    /// The payload of the next event of this name; others before it are skipped.
    pub async fn event(&mut self, name: &str) -> Value {
        self.try_event(name)
            .await
            .unwrap_or_else(|heard| panic!("waited for {name} in vain; heard {heard:?}"))
    }

    async fn try_event(&mut self, name: &str) -> Result<Value, Vec<Incoming>> {
        let mut heard = Vec::new();
        let search = async {
            loop {
                match self.hear().await {
                    Incoming::Event(event, payload) if event == name => return Some(payload),
                    Incoming::Closed(code) => {
                        heard.push(Incoming::Closed(code));
                        return None;
                    }
                    other => heard.push(other),
                }
            }
        };
        time::timeout(PATIENCE, search)
            .await
            .ok()
            .flatten()
            .ok_or(heard)
    }

    /// The code of the next fault.
    pub async fn fault(&mut self) -> String {
        self.event("fault").await["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits for the close and returns its code; events before it are skipped.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Incoming::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    /// Answers a ping of Engine.IO 4, which is a text frame that the WebSocket library does not answer.
    pub async fn stay_alive(&mut self, incoming: &Incoming) {
        if *incoming == Incoming::Frame("2".to_owned()) {
            self.text("3").await;
        }
    }

    /// Joins and waits for `start`.
    pub async fn join(&mut self) -> Value {
        self.say("join").await;
        self.event("start").await
    }
}
