//! Free ports, for programs that must be given a port number.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// A port that stays free while this exists. It is bound without listening, so the kernel gives it to no process that
/// asks for any port (port 0). A server that asks for exactly this one gets it, if it sets `SO_REUSEADDR`, as most
/// servers do.
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
