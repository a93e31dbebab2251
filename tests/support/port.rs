//! Ports for programs that must be told theirs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// A port that is free, and stays so until somebody listens on it: the kernel gives it to nobody who asks for any port.
/// Whoever wants this one can have it, as servers do that allow an address to be used again.
pub struct Port {
    pub number: u16,
    _held: Socket,
}

impl Port {
    pub fn free() -> Port {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Port {
            number: address.port(),
            _held: socket,
        }
    }

    /// Listens on it.
    pub fn listen(&self) -> TcpListener {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.number));
        socket.bind(&address.into()).unwrap();
        socket.listen(16).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.into()
    }
}
