//! Passes on what comes, in both directions, and cuts each connection after so many bytes from the server.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

/// The port in front of the server at `to`; it ends with the test's process.
pub fn cutting(to: u16, after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", to)).unwrap());
            let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, into, usize::MAX));
            thread::spawn(move || pass(server, client, after));
        }
    });
    port
}

fn pass(mut from: TcpStream, mut into: TcpStream, mut left: usize) {
    let mut buffer = [0; 4096];
    while left > 0 {
        let count = from.read(&mut buffer).unwrap_or(0).min(left);
        if count == 0 || into.write_all(&buffer[..count]).is_err() {
            break;
        }
        left -= count;
    }
    from.shutdown(Shutdown::Both).ok();
    into.shutdown(Shutdown::Both).ok();
}
